/* SPDX-License-Identifier: MIT */
/*
 * tls-proof.h - was this connection's peer verified, and is it the host that the token is for?
 *
 * Asked of the connection itself (CURLINFO_TLS_SSL_PTR, curl 7.48), through the TLS library that
 * the handle's own libcurl is bound to, because no option can be read back from a CURL handle.
 */
#ifndef THRED_LIB_TLS_PROOF_H
#define THRED_LIB_TLS_PROOF_H

#include <stdbool.h>
#include <thred/thred.h>

#define TLS_RANDOM_SIZE 32 /* of a ClientHello (RFC 8446, 4.1.2) */

/* What was proved last: the costly half (names, the chain) is not repeated on the same session of
 * the same handshake. The address alone, or with the port, could be a later one's, that another
 * handle has made. Zero it when a socket is opened. */
typedef struct {
  void *session;
  unsigned char random[TLS_RANDOM_SIZE];
  char host[64];
} TlsProof;

/*
 * True: the peer's certificate was verified by the connection and is valid for `host`. Only inside
 * a PREREQ callback of `curl`. Else false, with *why completing "no token: ".
 */
bool tls_is_proved(const ThredCurlApi *api, CURL *curl, const char *host, TlsProof *proof,
                   const char **why);

#endif
