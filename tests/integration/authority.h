/* SPDX-License-Identifier: MIT */
/* authority.h - a certificate authority of the test's own, that also signs what no real one would.
 */
#ifndef TESTS_INTEGRATION_AUTHORITY_H
#define TESTS_INTEGRATION_AUTHORITY_H

#include <openssl/ssl.h>
#include <stdbool.h>

typedef struct Authority {
  X509 *cert;
  EVP_PKEY *key;
} Authority;

typedef struct Leaf {
  const char *names;       /* of the subject, as x509v3_config(5): "DNS:a.example,IP:127.0.0.1" */
  const char *common_name; /* any bytes of UTF-8 */
  long from, until;        /* seconds from now */
  bool self_signed;
} Leaf;

void authority_make(Authority *authority, const char *name);
void authority_free(Authority *authority);
void authority_write(const Authority *authority, const char *path); /* its certificate */
/* The certificate and its key, as one file. */
void authority_issue(const Authority *authority, const Leaf *leaf, const char *path);

#endif
