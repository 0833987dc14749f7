/* SPDX-License-Identifier: MIT */
/*
 * tls-chain.h - the server's certificates, verified once more.
 *
 * Of a connection that is up, OpenSSL tells the result of its verification and not who came to it:
 * a program may have put a callback of its own in place (CURLOPT_SSL_CTX_FUNCTION) that says yes to
 * everything, and OpenSSL has no function to ask for it. So the chain is built again, from what the
 * connection trusts and with its rules, and nobody is asked; but a rule that lets pass what has
 * expired, or is for another purpose, counts for nothing. A store of trusted certificates with
 * functions of the program's in place of OpenSSL's would decide here, too: it proves nothing.
 */
#ifndef THRED_LIB_TLS_CHAIN_H
#define THRED_LIB_TLS_CHAIN_H

#include <stdbool.h>
#include <stddef.h>

/* Functions of the OpenSSL behind one libcurl. */
typedef struct {
  void *(*ssl_get_ssl_ctx)(const void *ssl);
  void *(*ssl_ctx_get_cert_store)(const void *ctx);
  void *(*store_get_verify)(const void *store);
  void *(*store_get_get_issuer)(const void *store);
  void *(*store_get_check_issued)(const void *store);
  void *(*ssl_get_peer_cert_chain)(const void *ssl);
  void *(*ssl_get0_param)(void *ssl);
  void *(*store_ctx_new)(void);
  void (*store_ctx_free)(void *context);
  int (*store_ctx_init)(void *context, void *store, void *certificate, void *untrusted);
  int (*store_ctx_set_default)(void *context, const char *name);
  void *(*store_ctx_get0_param)(const void *context);
  void (*store_ctx_set_verify_cb)(void *context, int (*callback)(int good, void *context));
  int (*param_set1)(void *to, const void *from);
  int (*param_clear_flags)(void *param, unsigned long flags);
  int (*param_set_purpose)(void *param, int purpose);
  int (*verify_cert)(void *context);
  int (*err_set_mark)(void);
  int (*err_pop_to_mark)(void);
} TlsChain;

/* `find` looks a function up. False: one is missing. */
bool tls_chain_bind(TlsChain *chain, void *(*find)(void *handle, const char *name), void *handle);

/* `certificate` is the server's own. */
bool tls_chain_is_good(const TlsChain *chain, void *ssl, void *certificate);

#endif
