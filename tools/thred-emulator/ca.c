/* SPDX-License-Identifier: MIT */
#include "ca.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <string.h>

#define HOUR        3600L
#define DAY         (24 * HOUR)
#define VALID_DAYS  30
/* RFC 5280, 4.1.2.2: at most 20 octets and positive. */
#define SERIAL_BITS 159

/* Who signs, and when the certificate is valid, in seconds from now. */
typedef struct Plan {
  const char *common_name;
  X509 *issuer; /* NULL: self-signed */
  EVP_PKEY *issuer_key;
  long from;
  long until;
} Plan;

static bool set_random_serial(X509 *cert)
{
  BIGNUM *number = BN_new();
  bool ok = number && BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
            BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
  BN_free(number);
  return ok;
}

static bool set_subject(X509 *cert, const char *common_name)
{
  X509_NAME *name = X509_get_subject_name(cert);
  return X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC,
                                    (const unsigned char *)"thred-emulator", -1, -1, 0) == 1 &&
         X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name,
                                    -1, -1, 0) == 1;
}

static bool add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer ? issuer : cert, cert, NULL, NULL, 0);
  X509V3_set_ctx_nodb(&context);
  X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
  bool ok = extension && X509_add_ext(cert, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return ok;
}

/* Built from objects, not from a "DNS:a,DNS:b" text: a name must not be able to add another. */
static GENERAL_NAME *general_name(const char *name)
{
  GENERAL_NAME *general = GENERAL_NAME_new();
  ASN1_OCTET_STRING *address = a2i_IPADDRESS(name);
  ASN1_IA5STRING *host = address ? NULL : ASN1_IA5STRING_new();
  if (!general || (!address && (!host || ASN1_STRING_set(host, name, -1) != 1))) {
    GENERAL_NAME_free(general);
    ASN1_OCTET_STRING_free(address);
    ASN1_IA5STRING_free(host);
    return NULL;
  }
  GENERAL_NAME_set0_value(general, address ? GEN_IPADD : GEN_DNS,
                          address ? (void *)address : (void *)host);
  return general;
}

static bool add_names(X509 *cert, char *const *names)
{
  GENERAL_NAMES *list = sk_GENERAL_NAME_new_null();
  bool ok = list != NULL;
  for (size_t i = 0; ok && names[i]; i++) {
    GENERAL_NAME *general = general_name(names[i]);
    ok = general && sk_GENERAL_NAME_push(list, general) > 0;
    if (!ok)
      GENERAL_NAME_free(general);
  }
  ok = ok && X509_add1_ext_i2d(cert, NID_subject_alt_name, list, 0, X509V3_ADD_DEFAULT) == 1;
  sk_GENERAL_NAME_pop_free(list, GENERAL_NAME_free);
  return ok;
}

/* The certificate with everything but its extensions and signature; NULL on failure. */
static X509 *certificate_begin(const Plan *plan, EVP_PKEY *key)
{
  X509 *cert = X509_new();
  if (!cert)
    return NULL;
  X509 *issuer = plan->issuer ? plan->issuer : cert;
  if (X509_set_version(cert, X509_VERSION_3) == 1 && set_random_serial(cert) &&
      set_subject(cert, plan->common_name) &&
      X509_set_issuer_name(cert, X509_get_subject_name(issuer)) == 1 &&
      X509_gmtime_adj(X509_getm_notBefore(cert), plan->from) &&
      X509_gmtime_adj(X509_getm_notAfter(cert), plan->until) && X509_set_pubkey(cert, key) == 1)
    return cert;
  X509_free(cert);
  return NULL;
}

static X509 *make_authority(EVP_PKEY *key)
{
  /* A name of its own for each run: clients must never take one run's authority for another's. */
  unsigned char random[4];
  if (RAND_bytes(random, sizeof random) != 1)
    return NULL;
  g_autofree char *name = g_strdup_printf("thred-emulator CA %02x%02x%02x%02x", random[0],
                                          random[1], random[2], random[3]);
  Plan plan = {.common_name = name, .from = -HOUR, .until = VALID_DAYS * DAY - HOUR};
  X509 *cert = certificate_begin(&plan, key);
  if (cert && add_extension(cert, NULL, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
      add_extension(cert, NULL, NID_key_usage, "critical,keyCertSign,cRLSign") &&
      add_extension(cert, NULL, NID_subject_key_identifier, "hash") &&
      add_extension(cert, NULL, NID_authority_key_identifier, "keyid:always") &&
      X509_sign(cert, key, EVP_sha256()) > 0)
    return cert;
  X509_free(cert);
  return NULL;
}

static X509 *make_server(EVP_PKEY *key, const Plan *plan, char *const *names)
{
  X509 *cert = certificate_begin(plan, key);
  if (cert && add_extension(cert, plan->issuer, NID_basic_constraints, "critical,CA:FALSE") &&
      add_extension(cert, plan->issuer, NID_key_usage, "critical,digitalSignature") &&
      add_extension(cert, plan->issuer, NID_ext_key_usage, "serverAuth") &&
      add_extension(cert, plan->issuer, NID_subject_key_identifier, "hash") &&
      add_extension(cert, plan->issuer, NID_authority_key_identifier, "keyid:always") &&
      add_names(cert, names) && X509_sign(cert, plan->issuer_key, EVP_sha256()) > 0)
    return cert;
  X509_free(cert);
  return NULL;
}

/* The text of a memory BIO, which is freed; NULL when `written` says that writing failed. */
static char *take_text(BIO *bio, bool written)
{
  char *data = NULL;
  long length = written ? BIO_get_mem_data(bio, &data) : 0;
  char *text = length > 0 ? g_strndup(data, (gsize)length) : NULL;
  BIO_free(bio);
  return text;
}

static char *certificate_text(X509 *cert)
{
  BIO *bio = BIO_new(BIO_s_mem());
  return take_text(bio, bio && PEM_write_bio_X509(bio, cert) == 1);
}

static char *key_text(EVP_PKEY *key)
{
  BIO *bio = BIO_new(BIO_s_mem());
  return take_text(bio, bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1);
}

bool certificates_make(Certificates *made, char *const *names, bool expired, GError **error)
{
  *made = (Certificates){0};
  X509 *ca = NULL, *server = NULL;
  EVP_PKEY *server_key = EVP_EC_gen("P-256");
  EVP_PKEY *ca_key = EVP_EC_gen("P-256");
  if (ca_key)
    ca = make_authority(ca_key);
  if (ca && server_key) {
    /* RFC 5280, A.1: a common name has at most 64 characters; clients read subjectAltName. */
    const char *name = strlen(names[0]) <= 64 ? names[0] : "thred-emulator";
    Plan plan = {.common_name = name,
                 .issuer = ca,
                 .issuer_key = ca_key,
                 .from = expired ? -2 * DAY : -HOUR,
                 .until = expired ? -HOUR : VALID_DAYS * DAY - HOUR};
    server = make_server(server_key, &plan, names);
  }
  if (server) {
    made->ca = certificate_text(ca);
    made->server = certificate_text(server);
    made->key = key_text(server_key);
  }
  X509_free(server);
  X509_free(ca);
  EVP_PKEY_free(server_key);
  EVP_PKEY_free(ca_key);
  if (made->ca && made->server && made->key)
    return true;
  char reason[256];
  ERR_error_string_n(ERR_peek_last_error(), reason, sizeof reason);
  g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "cannot make certificates: %s", reason);
  certificates_clear(made);
  return false;
}

void certificates_clear(Certificates *made)
{
  g_clear_pointer(&made->ca, g_free);
  g_clear_pointer(&made->server, g_free);
  if (made->key)
    OPENSSL_cleanse(made->key, strlen(made->key));
  g_clear_pointer(&made->key, g_free);
}

bool certificate_name_is_valid(const char *name)
{
  ASN1_OCTET_STRING *address = a2i_IPADDRESS(name);
  bool is_address = address != NULL;
  ASN1_OCTET_STRING_free(address);
  ERR_clear_error();
  if (is_address)
    return true;
  const char *host = g_str_has_prefix(name, "*.") ? name + 2 : name;
  size_t length = strlen(host);
  return length > 0 && length <= 253 && host[0] != '.' && !strstr(host, "..") &&
         strspn(host, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS ".-_") == length;
}
