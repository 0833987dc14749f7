/* SPDX-License-Identifier: MIT */
#include "audience-certificates.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "harness.h"

#define DAY       86400L
#define GOOD_NAME "DNS:" HOST

const Certificate certificates[CERTIFICATES] = {
    {.name = "good", .hosts = GOOD_NAME, .verdict = GOOD},
    {.name = "for *.thredfi.com", .hosts = "DNS:*.thredfi.com", .verdict = GOOD},
    {.name = "expired", .hosts = GOOD_NAME, .from = -2 * DAY, .until = -DAY},
    {.name = "expired a minute ago", .hosts = GOOD_NAME, .from = -DAY, .until = -60},
    {.name = "not yet valid", .hosts = GOOD_NAME, .from = DAY, .until = 2 * DAY},
    {.name = "self-signed", .hosts = GOOD_NAME, .issuer = ITSELF},
    {.name = "self-signed, for another host", .hosts = "DNS:evil.example", .issuer = ITSELF},
    {.name = "of an untrusted authority", .hosts = GOOD_NAME, .issuer = UNTRUSTED},
    {.name = "of another certificate that is no authority", .hosts = GOOD_NAME, .issuer = A_LEAF},
    {.name = "of an authority that expired", .hosts = GOOD_NAME, .issuer = OUTDATED},
    {.name = "for another host", .hosts = "DNS:evil.example"},
    {.name = "for a host that begins like it", .hosts = "DNS:" HOST ".evil.example"},
    {.name = "for a host that ends like it", .hosts = "DNS:evil" HOST},
    {.name = "for its sibling", .hosts = "DNS:" SIBLING},
    {.name = "for the domain", .hosts = "DNS:thredfi.com"},
    {.name = "for *.com", .hosts = "DNS:*.com"},
    {.name = "for *.*.com", .hosts = "DNS:*.*.com"},
    {.name = "for *", .hosts = "DNS:*"},
    {.name = "for *.sandbox.thredfi.com", .hosts = "DNS:*." HOST},
    {.name = "for s*.thredfi.com", .hosts = "DNS:s*.thredfi.com", .verdict = AS_LIBCURL_SAYS},
    {.name = "for an address", .hosts = "IP:127.0.0.1"},
    {.name = "for a URI", .hosts = "URI:https://" HOST},
    {.name = "for a mail address", .hosts = "email:root@" HOST},
    {.name = "without a name", .subject = "nobody"},
    {.name = "named by its subject", .subject = HOST, .verdict = AS_LIBCURL_SAYS},
    {.name = "named by its subject, its names are others",
     .hosts = "DNS:evil.example",
     .subject = HOST},
    {.name = "for clients", .hosts = GOOD_NAME, .usage = "clientAuth"},
    {.name = "for code", .hosts = GOOD_NAME, .usage = "codeSigning"},
    {.name = "with a demand that nobody knows", .hosts = GOOD_NAME, .unknown_demand = true},
};

const Certificate *certificate_named(const char *name)
{
  size_t i = 0;
  while (i < CERTIFICATES && strcmp(certificates[i].name, name) != 0)
    i++;
  assert_true(i < CERTIFICATES);
  return &certificates[i];
}

typedef struct Pair {
  X509 *certificate;
  EVP_PKEY *key;
} Pair;

/* By enum Issuer; ITSELF has none. */
static Pair issuers[OUTDATED + 1];
static EVP_PKEY *server_key;

/* ---- making one ---- */

static void add(X509 *certificate, int nid, const char *value)
{
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
  X509V3_set_ctx_nodb(&context);
  X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
  assert_non_null(extension);
  assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
  X509_EXTENSION_free(extension);
}

static void add_unknown_demand(X509 *certificate)
{
  ASN1_OBJECT *object = OBJ_txt2obj("1.3.6.1.4.1.99999.1", 1);
  ASN1_OCTET_STRING *text = ASN1_OCTET_STRING_new();
  ASN1_OCTET_STRING_set(text, (const unsigned char *)"\x05", 2);
  X509_EXTENSION *extension = X509_EXTENSION_create_by_OBJ(NULL, object, 1, text);
  assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
  X509_EXTENSION_free(extension);
  ASN1_OCTET_STRING_free(text);
  ASN1_OBJECT_free(object);
}

/* To be named, extended and signed. */
static X509 *begin(const char *subject, EVP_PKEY *key, long from, long until)
{
  static atomic_long serial;
  X509 *made = X509_new();
  assert_non_null(made);
  X509_set_version(made, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(made), ++serial);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_UTF8,
                             (const unsigned char *)subject, -1, -1, 0);
  X509_gmtime_adj(X509_getm_notBefore(made), from);
  X509_gmtime_adj(X509_getm_notAfter(made), until);
  X509_set_pubkey(made, key);
  return made;
}

static void sign(X509 *made, const Pair *issuer)
{
  X509_set_issuer_name(made, X509_get_subject_name(issuer->certificate));
  assert_true(X509_sign(made, issuer->key, EVP_sha256()) > 0);
}

static Pair make_issuer(const char *subject, const char *constraints, long until)
{
  Pair pair = {.key = EVP_EC_gen("P-256")};
  assert_non_null(pair.key);
  pair.certificate = begin(subject, pair.key, -3 * DAY, until);
  add(pair.certificate, NID_basic_constraints, constraints);
  sign(pair.certificate, &pair);
  return pair;
}

static X509 *make(const Certificate *spec)
{
  bool today = !spec->from && !spec->until;
  X509 *made = begin(spec->subject ? spec->subject : "server", server_key,
                     today ? -DAY : spec->from, today ? DAY : spec->until);
  Pair own = {made, server_key};
  if (spec->hosts)
    add(made, NID_subject_alt_name, spec->hosts);
  if (spec->usage)
    add(made, NID_ext_key_usage, spec->usage);
  if (spec->unknown_demand)
    add_unknown_demand(made);
  sign(made, spec->issuer == ITSELF ? &own : &issuers[spec->issuer]);
  return made;
}

/* ---- the authorities ---- */

static void append(FILE *bundle, const Pair *pair)
{
  assert_int_equal(PEM_write_X509(bundle, pair->certificate), 1);
}

void certificates_start(const char *bundle)
{
  FILE *file = fopen(bundle, "ae");
  assert_non_null(file);
  server_key = EVP_EC_gen("P-256");
  issuers[TRUSTED] = make_issuer("trusted", "critical,CA:TRUE", DAY);
  issuers[UNTRUSTED] = make_issuer("untrusted", "critical,CA:TRUE", DAY);
  issuers[OUTDATED] = make_issuer("outdated", "critical,CA:TRUE", -DAY);
  issuers[A_LEAF] = make_issuer("leaf", "critical,CA:FALSE", DAY);
  sign(issuers[A_LEAF].certificate, &issuers[TRUSTED]);
  append(file, &issuers[TRUSTED]);
  append(file, &issuers[OUTDATED]);
  assert_int_equal(fclose(file), 0);
}

void certificates_stop(void)
{
  for (size_t i = 0; i < sizeof issuers / sizeof issuers[0]; i++) {
    X509_free(issuers[i].certificate);
    EVP_PKEY_free(issuers[i].key);
    issuers[i] = (Pair){0};
  }
  EVP_PKEY_free(server_key);
}

/* ---- servers ---- */

void certificates_use(SSL_CTX *context, const Certificate *spec)
{
  X509 *made = make(spec);
  SSL_CTX_clear_chain_certs(context);
  assert_int_equal(SSL_CTX_use_certificate(context, made), 1);
  assert_int_equal(SSL_CTX_use_PrivateKey(context, server_key), 1);
  if (spec->issuer != ITSELF)
    assert_int_equal(SSL_CTX_add1_chain_cert(context, issuers[spec->issuer].certificate), 1);
  X509_free(made);
}

/* In a server's thread. An address has no server name, and stands in every certificate. */
static int answer_to(SSL *ssl, int *alert, void *data)
{
  char hosts[512];
  const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  (void)alert, (void)data;
  snprintf(hosts, sizeof hosts, "IP:127.0.0.1,IP:::1,DNS:%s",
           name && !strpbrk(name, ",;\\:") ? name : "localhost");
  X509 *made = make(&(Certificate){.hosts = hosts});
  int good = SSL_use_certificate(ssl, made) && SSL_use_PrivateKey(ssl, server_key);
  X509_free(made);
  return good ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

void certificates_for_all(SSL_CTX *context)
{
  SSL_CTX_set_tlsext_servername_callback(context, answer_to);
  certificates_use(context, &(Certificate){.hosts = "IP:127.0.0.1,IP:::1,DNS:localhost"});
}
