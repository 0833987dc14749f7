/* SPDX-License-Identifier: MIT */
/* test-tls-proof.c - what was proved of one handshake is not believed of another one, whose session
 * happens to lie at the same address: that of a connection which another handle has made. */
#include "lib/tls-proof.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define HOST "sandbox.thredfi.com"

/* ---- certificates ---- */

typedef struct {
  X509 *certificate;
  EVP_PKEY *key;
} Pair;

static Pair make_pair(const char *name, const Pair *issuer, long until)
{
  Pair pair = {X509_new(), EVP_EC_gen("P-256")};
  X509_NAME *subject = X509_get_subject_name(pair.certificate);
  char names[64] = "DNS:";
  X509_set_version(pair.certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(pair.certificate), issuer ? 2 : 1);
  X509_gmtime_adj(X509_getm_notBefore(pair.certificate), -7200);
  X509_gmtime_adj(X509_getm_notAfter(pair.certificate), until);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
  X509_set_issuer_name(pair.certificate,
                       issuer ? X509_get_subject_name(issuer->certificate) : subject);
  X509_set_pubkey(pair.certificate, pair.key);
  X509_EXTENSION *extension =
      issuer ? X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, strcat(names, name))
             : X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:TRUE");
  X509_add_ext(pair.certificate, extension, -1);
  X509_EXTENSION_free(extension);
  assert_true(X509_sign(pair.certificate, issuer ? issuer->key : pair.key, EVP_sha256()) > 0);
  return pair;
}

static void free_pair(Pair *pair)
{
  X509_free(pair->certificate);
  EVP_PKEY_free(pair->key);
}

/* ---- a connection ---- */

static struct curl_tlssessioninfo session = {CURLSSLBACKEND_OPENSSL, NULL};

static CURLcode getinfo(CURL *curl, CURLINFO info, ...)
{
  va_list list;
  (void)curl;
  assert_int_equal(info, CURLINFO_TLS_SSL_PTR);
  va_start(list, info);
  *va_arg(list, struct curl_tlssessioninfo **) = &session;
  va_end(list);
  return CURLE_OK;
}

static const ThredCurlApi api = {.easy_getinfo = getinfo, .version_info = curl_version_info};

static int say_yes(int good, X509_STORE_CTX *context)
{
  (void)good;
  X509_STORE_CTX_set_error(context, X509_V_OK);
  return 1;
}

/* All in this thread, through memory. */
static void shake_hands(SSL *client, const Pair *server)
{
  SSL_CTX *context = SSL_CTX_new(TLS_server_method());
  assert_int_equal(SSL_CTX_use_certificate(context, server->certificate), 1);
  assert_int_equal(SSL_CTX_use_PrivateKey(context, server->key), 1);
  SSL *other = SSL_new(context);
  BIO *near, *far;
  assert_int_equal(BIO_new_bio_pair(&near, 0, &far, 0), 1);
  SSL_set_bio(client, near, near);
  SSL_set_bio(other, far, far);
  SSL_set_connect_state(client);
  SSL_set_accept_state(other);
  SSL_set_tlsext_host_name(client, HOST);
  for (int i = 0; i < 10 && !(SSL_is_init_finished(client) && SSL_is_init_finished(other)); i++) {
    SSL_do_handshake(client);
    SSL_do_handshake(other);
  }
  assert_true(SSL_is_init_finished(client));
  SSL_free(other);
  SSL_CTX_free(context);
}

static bool is_proved(TlsProof *proof, const char **why)
{
  *why = NULL;
  return tls_is_proved(&api, NULL, HOST, proof, why);
}

static void another_handshake_at_the_same_address(void **state)
{
  (void)state;
  Pair authority = make_pair("authority", NULL, 3600), good = make_pair(HOST, &authority, 3600),
       expired = make_pair(HOST, &authority, -60);
  SSL_CTX *context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
  X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority.certificate);
  SSL *client = SSL_new(context);
  TlsProof proof = {0};
  const char *why;
  session.internals = client;

  shake_hands(client, &good);
  assert_true(is_proved(&proof, &why));
  assert_true(is_proved(&proof, &why)); /* known by now */

  SSL_clear(client);
  SSL_set_session(client, NULL);
  SSL_set_verify(client, SSL_VERIFY_PEER, say_yes);
  shake_hands(client, &expired);
  assert_false(is_proved(&proof, &why));
  assert_non_null(why);

  SSL_free(client);
  SSL_CTX_free(context);
  free_pair(&expired);
  free_pair(&good);
  free_pair(&authority);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(another_handshake_at_the_same_address)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
