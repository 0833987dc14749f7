/* SPDX-License-Identifier: MIT */
/* audience-verification.c - false certificates, and programs that do not look at them. */
#include "audience.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "false-trust.h"

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

/* ---- how a program may look at a certificate ---- */

static CURLcode verify_none(CURL *curl, void *context, void *data)
{
  (void)curl, (void)data;
  SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
  return CURLE_OK;
}

static int say_yes_to_a_chain(X509_STORE_CTX *context)
{
  (void)context;
  return 1;
}

static int say_yes_to_an_issuer(X509_STORE_CTX *context, X509 *certificate, X509 *issuer)
{
  (void)context, (void)certificate, (void)issuer;
  return 1;
}

/* Whoever is asked for is there: the certificate itself. */
static int find_itself(X509 **issuer, X509_STORE_CTX *context, X509 *certificate)
{
  (void)context;
  *issuer = certificate;
  return X509_up_ref(certificate);
}

static CURLcode store_verifies(CURL *curl, void *context, void *data)
{
  (void)curl, (void)data;
  X509_STORE_set_verify(SSL_CTX_get_cert_store(context), say_yes_to_a_chain);
  return CURLE_OK;
}

static CURLcode store_knows_issuers(CURL *curl, void *context, void *data)
{
  (void)curl, (void)data;
  X509_STORE_set_check_issued(SSL_CTX_get_cert_store(context), say_yes_to_an_issuer);
  X509_STORE_set_get_issuer(SSL_CTX_get_cert_store(context), find_itself);
  return CURLE_OK;
}

static CURLcode at_any_time(CURL *curl, void *context, void *data)
{
  (void)curl, (void)data;
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_NO_CHECK_TIME);
  return CURLE_OK;
}

static CURLcode store_at_any_time(CURL *curl, void *context, void *data)
{
  (void)curl, (void)data;
  X509_STORE_set_flags(SSL_CTX_get_cert_store(context), X509_V_FLAG_NO_CHECK_TIME);
  return CURLE_OK;
}

static CURLcode yesterday(CURL *curl, void *context, void *data)
{
  (void)curl, (void)data;
  X509_VERIFY_PARAM_set_time(SSL_CTX_get0_param(context), time(NULL) - 36 * 3600);
  return CURLE_OK;
}

static CURLcode tomorrow(CURL *curl, void *context, void *data)
{
  (void)curl, (void)data;
  X509_VERIFY_PARAM_set_time(SSL_CTX_get0_param(context), time(NULL) + 36 * 3600);
  return CURLE_OK;
}

static CURLcode for_any_purpose(CURL *curl, void *context, void *data)
{
  (void)curl, (void)data;
  SSL_CTX_set_purpose(context, X509_PURPOSE_ANY);
  return CURLE_OK;
}

static CURLcode whatever_it_demands(CURL *curl, void *context, void *data)
{
  (void)curl, (void)data;
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_IGNORE_CRITICAL);
  return CURLE_OK;
}

typedef struct Look {
  const char *name;
  long peer, host;
  curl_ssl_ctx_callback callback;
  bool without_authorities;
} Look;

static const Look looks[] = {
    {"as it should", 1, 2, NULL, false},
    {"VERIFYPEER off", 0, 2, NULL, false},
    {"VERIFYHOST off", 1, 0, NULL, false},
    {"both off", 0, 0, NULL, false},
    {"VERIFYPEER off, no authorities", 0, 2, NULL, true},
    {"both off, no authorities", 0, 0, NULL, true},
    {"SSL_VERIFY_NONE", 1, 2, verify_none, false},
    {"SSL_VERIFY_NONE, VERIFYHOST off", 1, 0, verify_none, false},
    {"a verify callback", 1, 2, false_trust_verify, false},
    {"a verify callback, VERIFYHOST off", 1, 0, false_trust_verify, false},
    {"the store's callback", 1, 2, false_trust_store, false},
    {"the store's own verification", 1, 2, store_verifies, false},
    {"the store's own issuers", 1, 2, store_knows_issuers, false},
    {"a callback for the certificate", 1, 2, false_trust_at_once, false},
    {"a callback for the certificate, VERIFYHOST off", 1, 0, false_trust_at_once, false},
    {"a callback that looks first", 1, 2, false_trust_after_a_look, false},
    {"at any time", 1, 2, at_any_time, false},
    {"the store at any time", 1, 2, store_at_any_time, false},
    {"as if it were yesterday", 1, 2, yesterday, false},
    {"as if it were tomorrow", 1, 2, tomorrow, false},
    {"for any purpose", 1, 2, for_any_purpose, false},
    {"whatever it demands", 1, 2, whatever_it_demands, false},
};
#define LOOKS COUNT(looks)

/* Of a short run, which is to meet every look. */
#define EVERY 5
_Static_assert(LOOKS % EVERY != 0, "a short run would only meet every fifth look");

static const Look *current;

static void set_look(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, current->peer);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, current->host);
  if (current->callback)
    assert_int_equal(curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, current->callback), CURLE_OK);
  if (current->without_authorities)
    curl_easy_setopt(curl, CURLOPT_CAINFO, NULL);
}

/* ---- every certificate, with every look at it ---- */

static const char *due_for(const Certificate *certificate, const Look *look)
{
  bool strict = look == &looks[0];
  if (certificate->verdict == AS_LIBCURL_SAYS)
    return strict ? "b" : look->peer && (world.linked || look->host) ? "b" : "";
  if (certificate->verdict != GOOD || !look->peer)
    return "";
  if (!look->host && !world.linked)
    return ""; /* the shim sees the option; the hook only the connection, which is good */
  return strict ? "B" : "b";
}

static void try_certificate(Attack *attack, size_t i)
{
  const Certificate *certificate = &certificates[i / LOOKS];
  current = &looks[i % LOOKS];
  attack_named(attack, "certificate %s, looked at: %s", certificate->name, current->name);
  attack->impostor_due = due_for(certificate, current);
  certificates_use(world.impostor.tls, certificate);
  attack_open(attack, GOOD_URL, i % 3 ? set_look : NULL);
  if (i % 3 == 0) /* or later */
    set_look(attack->client.curl);
  attack_lead_to_impostor(attack, &attack->client, false);
  attack_run(attack);
}

/* ---- a certificate of another server, by every way there ---- */

static const char *const false_ones[] = {"for another host", "self-signed", "expired",
                                         "of an untrusted authority"};

typedef enum Way { BY_CONNECT_TO, BY_RESOLVE, BY_PORT_AND_NAME, BY_EMPTY_HOST, WAYS } Way;

static void lead(Attack *attack, Way way)
{
  CURL *curl = attack->client.curl;
  char line[128];
  attack->uses_impostor = true;
  if (way == BY_RESOLVE) {
    snprintf(line, sizeof line, "::" HOST ":%u", world.impostor.port);
    curl_easy_setopt(curl, CURLOPT_CONNECT_TO, attack_list(attack, line));
    snprintf(line, sizeof line, HOST ":%u:127.0.0.1", world.impostor.port);
    curl_easy_setopt(curl, CURLOPT_RESOLVE, attack_list(attack, line));
    return;
  }
  snprintf(line, sizeof line, "%s127.0.0.1:%u",
           way == BY_CONNECT_TO      ? HOST ":443:"
           : way == BY_PORT_AND_NAME ? ":443:"
                                     : HOST "::",
           world.impostor.port);
  curl_easy_setopt(curl, CURLOPT_CONNECT_TO, attack_list(attack, line));
}

/* After a good transfer over a connection that is as it should be, which stays open. */
static void try_way(Attack *attack, size_t i)
{
  const char *name = false_ones[i % COUNT(false_ones)];
  Way way = (Way)(i / COUNT(false_ones) % WAYS);
  bool off = i / COUNT(false_ones) / WAYS;
  attack_named(attack, "way %d, certificate %s%s", (int)way, name, off ? ", not looked at" : "");
  attack->due = "Bb"; /* the good connection may be used again */
  certificates_use(world.impostor.tls, certificate_named(name));
  attack_open(attack, GOOD_URL, NULL);
  attack_run(attack);
  lead(attack, way);
  if (off) {
    curl_easy_setopt(attack->client.curl, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(attack->client.curl, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  attack_run(attack);
  curl_easy_setopt(attack->client.curl, CURLOPT_FRESH_CONNECT, 1L);
  attack_run(attack);
}

const Family families_verification[] = {
    {"certificates, and ways to look at them", CERTIFICATES *LOOKS, 35, true, EVERY,
     try_certificate},
    {"another server's certificate", 2 * WAYS *COUNT(false_ones), 100, false, 1, try_way},
    {NULL, 0, 0, false, 0, NULL},
};
