/* SPDX-License-Identifier: MIT */
#include "authority.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "harness.h"

#define DAY 86400L

static void extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
  X509V3_set_ctx_nodb(&context);
  X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
  assert_non_null(extension);
  assert_int_equal(X509_add_ext(cert, extension, -1), 1);
  X509_EXTENSION_free(extension);
}

static X509 *begin(EVP_PKEY *key, const char *common_name, long from, long until)
{
  static long serial = 1000;
  X509 *cert = X509_new();
  assert_non_null(cert);
  X509_NAME *name = X509_get_subject_name(cert);
  assert_int_equal(X509_set_version(cert, X509_VERSION_3), 1);
  assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial), 1);
  assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                              (const unsigned char *)common_name, -1, -1, 0),
                   1);
  assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), from));
  assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), until));
  assert_int_equal(X509_set_pubkey(cert, key), 1);
  return cert;
}

static void sign(X509 *cert, X509 *issuer, EVP_PKEY *key)
{
  assert_int_equal(X509_set_issuer_name(cert, X509_get_subject_name(issuer)), 1);
  assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
}

void authority_make(Authority *authority, const char *name)
{
  authority->key = EVP_EC_gen("P-256");
  assert_non_null(authority->key);
  authority->cert = begin(authority->key, name, -30 * DAY, 30 * DAY);
  extend(authority->cert, authority->cert, NID_basic_constraints, "critical,CA:TRUE");
  extend(authority->cert, authority->cert, NID_key_usage, "critical,keyCertSign,cRLSign");
  extend(authority->cert, authority->cert, NID_subject_key_identifier, "hash");
  sign(authority->cert, authority->cert, authority->key);
}

void authority_free(Authority *authority)
{
  X509_free(authority->cert);
  EVP_PKEY_free(authority->key);
  *authority = (Authority){0};
}

void authority_write(const Authority *authority, const char *path)
{
  FILE *file = fopen(path, "we");
  assert_non_null(file);
  assert_int_equal(PEM_write_X509(file, authority->cert), 1);
  assert_int_equal(fclose(file), 0);
}

void authority_issue(const Authority *authority, const Leaf *leaf, const char *path)
{
  EVP_PKEY *key = EVP_EC_gen("P-256");
  assert_non_null(key);
  X509 *cert = begin(key, leaf->common_name ? leaf->common_name : "test server", leaf->from,
                     leaf->until ? leaf->until : DAY);
  X509 *issuer = leaf->self_signed ? cert : authority->cert;
  extend(cert, issuer, NID_subject_alt_name, leaf->names);
  extend(cert, issuer, NID_ext_key_usage, "serverAuth");
  sign(cert, issuer, leaf->self_signed ? key : authority->key);
  FILE *file = fopen(path, "we");
  assert_non_null(file);
  assert_int_equal(PEM_write_X509(file, cert), 1);
  assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
  assert_int_equal(fclose(file), 0);
  X509_free(cert);
  EVP_PKEY_free(key);
}
