/* SPDX-License-Identifier: MIT */
#include "lib/tls-chain.h"

#include <string.h>

bool tls_chain_bind(TlsChain *chain, void *(*find)(void *handle, const char *name), void *handle)
{
  const struct {
    const char *name;
    void *member;
  } functions[] = {
      {"SSL_get_SSL_CTX", &chain->ssl_get_ssl_ctx},
      {"SSL_CTX_get_cert_store", &chain->ssl_ctx_get_cert_store},
      {"X509_STORE_get_verify", &chain->store_get_verify},
      {"X509_STORE_get_get_issuer", &chain->store_get_get_issuer},
      {"X509_STORE_get_check_issued", &chain->store_get_check_issued},
      {"SSL_get_peer_cert_chain", &chain->ssl_get_peer_cert_chain},
      {"SSL_get0_param", &chain->ssl_get0_param},
      {"X509_STORE_CTX_new", &chain->store_ctx_new},
      {"X509_STORE_CTX_free", &chain->store_ctx_free},
      {"X509_STORE_CTX_init", &chain->store_ctx_init},
      {"X509_STORE_CTX_set_default", &chain->store_ctx_set_default},
      {"X509_STORE_CTX_get0_param", &chain->store_ctx_get0_param},
      {"X509_STORE_CTX_set_verify_cb", &chain->store_ctx_set_verify_cb},
      {"X509_VERIFY_PARAM_set1", &chain->param_set1},
      {"X509_VERIFY_PARAM_clear_flags", &chain->param_clear_flags},
      {"X509_VERIFY_PARAM_set_purpose", &chain->param_set_purpose},
      {"X509_verify_cert", &chain->verify_cert},
      {"ERR_set_mark", &chain->err_set_mark},
      {"ERR_pop_to_mark", &chain->err_pop_to_mark},
  };
  bool complete = true;
  for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
    void *symbol = find(handle, functions[i].name);
    memcpy(functions[i].member, &symbol, sizeof symbol);
    complete &= symbol != NULL;
  }
  return complete;
}

/* In place of one that the program may have given the store. */
static int as_it_is(int good, void *context)
{
  (void)context;
  return good;
}

/* What a callback may have let pass: a time that is not now, a certificate for something else than
 * a server, demands that nobody knows, proxy certificates. Of openssl/x509_vfy.h and x509v3.h. */
#define USE_CHECK_TIME     0x2
#define IGNORE_CRITICAL    0x10
#define ALLOW_PROXY_CERTS  0x40
#define NO_CHECK_TIME      0x200000
#define PURPOSE_SSL_SERVER 2

static bool be_strict(const TlsChain *chain, void *param)
{
  return chain->param_clear_flags(param, USE_CHECK_TIME | IGNORE_CRITICAL | ALLOW_PROXY_CERTS |
                                             NO_CHECK_TIME) &&
         chain->param_set_purpose(param, PURPOSE_SSL_SERVER);
}

/* X509_STORE_new(3) leaves them NULL, which X509_STORE_CTX_init takes for OpenSSL's own: who
 * verifies the signatures and times, who finds an issuer, and what is one. */
static bool has_functions_of_its_own(const TlsChain *chain, const void *store)
{
  return chain->store_get_verify(store) || chain->store_get_get_issuer(store) ||
         chain->store_get_check_issued(store);
}

/* As ssl_verify_cert_chain in ssl/ssl_cert.c of OpenSSL 3.0 does for a client. */
static bool verify(const TlsChain *chain, void *context, void *ssl, void *certificate)
{
  void *store = chain->ssl_ctx_get_cert_store(chain->ssl_get_ssl_ctx(ssl)), *param;
  if (!store || has_functions_of_its_own(chain, store) ||
      !chain->store_ctx_init(context, store, certificate, chain->ssl_get_peer_cert_chain(ssl)) ||
      !chain->store_ctx_set_default(context, "ssl_server") ||
      !(param = chain->store_ctx_get0_param(context)) ||
      !chain->param_set1(param, chain->ssl_get0_param(ssl)) || !be_strict(chain, param))
    return false;
  chain->store_ctx_set_verify_cb(context, as_it_is);
  return chain->verify_cert(context) == 1;
}

/* libcurl takes what is left in the thread's list of errors for its own. */
bool tls_chain_is_good(const TlsChain *chain, void *ssl, void *certificate)
{
  chain->err_set_mark();
  void *context = chain->store_ctx_new();
  bool good = context && verify(chain, context, ssl, certificate);
  chain->store_ctx_free(context);
  chain->err_pop_to_mark();
  return good;
}
