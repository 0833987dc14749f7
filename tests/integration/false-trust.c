/* SPDX-License-Identifier: MIT */
#include "false-trust.h"

#include <openssl/ssl.h>

static int say_yes(int good, X509_STORE_CTX *context)
{
  (void)good;
  X509_STORE_CTX_set_error(context, X509_V_OK);
  return 1;
}

static int say_yes_at_once(X509_STORE_CTX *context, void *data)
{
  (void)context, (void)data;
  return 1;
}

static int look_and_say_yes(X509_STORE_CTX *context, void *data)
{
  (void)data;
  X509_verify_cert(context);
  X509_STORE_CTX_set_error(context, X509_V_OK);
  return 1;
}

CURLcode false_trust_verify(CURL *curl, void *context, void *data)
{
  (void)curl, (void)data;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, say_yes);
  return CURLE_OK;
}

CURLcode false_trust_store(CURL *curl, void *context, void *data)
{
  (void)curl, (void)data;
  X509_STORE_set_verify_cb(SSL_CTX_get_cert_store(context), say_yes);
  return CURLE_OK;
}

CURLcode false_trust_at_once(CURL *curl, void *context, void *data)
{
  (void)curl, (void)data;
  SSL_CTX_set_cert_verify_callback(context, say_yes_at_once, NULL);
  return CURLE_OK;
}

CURLcode false_trust_after_a_look(CURL *curl, void *context, void *data)
{
  (void)curl, (void)data;
  SSL_CTX_set_cert_verify_callback(context, look_and_say_yes, NULL);
  return CURLE_OK;
}
