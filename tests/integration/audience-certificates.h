/* SPDX-License-Identifier: MIT */
/* audience-certificates.h - certificates for every host that is asked for, and false ones. */
#ifndef TESTS_INTEGRATION_AUDIENCE_CERTIFICATES_H
#define TESTS_INTEGRATION_AUDIENCE_CERTIFICATES_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

/* Makes the authorities. `bundle` is a file: what it has, and those that the clients shall trust,
 * are what CAINFO will name. */
void certificates_start(const char *bundle);
void certificates_stop(void);

/* A server of this context has a good certificate for whatever name it is asked for. */
void certificates_for_all(SSL_CTX *context);

typedef struct Certificate {
  const char *name;  /* what is said of it */
  const char *hosts; /* subjectAltName, as in x509v3_config(5); NULL: none */
  const char *subject;
  long from, until; /* seconds from now; 0, 0: today */
  enum Issuer { TRUSTED, UNTRUSTED, ITSELF, A_LEAF, OUTDATED } issuer;
  const char *usage;   /* extendedKeyUsage; NULL: none */
  bool unknown_demand; /* a critical extension that nobody knows */
  enum Verdict { FALSE_ONE, GOOD, AS_LIBCURL_SAYS } verdict;
} Certificate;

#define CERTIFICATES 29
extern const Certificate certificates[CERTIFICATES];
const Certificate *certificate_named(const char *name);

/* From now on a server of this context has that certificate. */
void certificates_use(SSL_CTX *context, const Certificate *certificate);

#endif
