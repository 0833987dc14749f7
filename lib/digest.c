/* SPDX-License-Identifier: MIT */
#include "lib/digest.h"

#include <openssl/evp.h>
#include <stdatomic.h>
#include <string.h>

struct Digest {
  EVP_MD_CTX *context;
  bool failed;
};

/* Made by the first thread that needs it, kept for the life of the process: no lock that a fork
 * could leave held, and losing the race costs one free. */
static EVP_MD *sha256(void)
{
  static _Atomic(EVP_MD *) shared;
  EVP_MD *md = atomic_load_explicit(&shared, memory_order_acquire);
  if (md)
    return md;
  OSSL_LIB_CTX *context = OSSL_LIB_CTX_new();
  EVP_MD *mine = context ? EVP_MD_fetch(context, "SHA256", NULL) : NULL;
  if (mine && atomic_compare_exchange_strong(&shared, &md, mine))
    return mine;
  EVP_MD_free(mine);
  OSSL_LIB_CTX_free(context);
  return md;
}

Digest *digest_new(void)
{
  EVP_MD *md = sha256();
  Digest *digest = md ? OPENSSL_malloc(sizeof *digest) : NULL;
  if (!digest)
    return NULL;
  digest->context = EVP_MD_CTX_new();
  digest->failed = !digest->context || EVP_DigestInit_ex2(digest->context, md, NULL) != 1;
  return digest;
}

void digest_add(Digest *digest, const void *bytes, size_t size)
{
  if (digest && !digest->failed)
    digest->failed = EVP_DigestUpdate(digest->context, bytes, size) != 1;
}

void digest_add_string(Digest *digest, const char *text)
{
  digest_add(digest, text ? "\1" : "\0", 1);
  if (text)
    digest_add(digest, text, strlen(text) + 1);
}

void digest_add_u64(Digest *digest, uint64_t value)
{
  digest_add(digest, &value, sizeof value);
}

bool digest_finish(Digest *digest, uint8_t out[DIGEST_SIZE])
{
  if (!digest)
    return false;
  bool good = !digest->failed && EVP_DigestFinal_ex(digest->context, out, NULL) == 1;
  EVP_MD_CTX_free(digest->context);
  OPENSSL_free(digest);
  return good;
}
