/* SPDX-License-Identifier: MIT */
/*
 * digest.c - SHA256_Init(3) and its like, which OpenSSL 3 calls deprecated and goes on shipping:
 * the EVP functions do the same, but the first fetch of a digest in a library context of our own
 * makes all methods of the provider, 0.5 to 1 ms in each process, and a process that finds out that
 * it has no use for a token needs nothing else of OpenSSL.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "lib/digest.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

struct Digest {
  SHA256_CTX state;
  bool failed;
};

Digest *digest_new(void)
{
  Digest *digest = malloc(sizeof *digest);
  if (digest)
    digest->failed = SHA256_Init(&digest->state) != 1;
  return digest;
}

void digest_add(Digest *digest, const void *bytes, size_t size)
{
  if (digest && !digest->failed)
    digest->failed = SHA256_Update(&digest->state, bytes, size) != 1;
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
  bool good = !digest->failed && SHA256_Final(out, &digest->state) == 1;
  free(digest);
  return good;
}
