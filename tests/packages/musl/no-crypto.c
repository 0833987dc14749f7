/* SPDX-License-Identifier: MIT */
/*
 * no-crypto.c - stands in for lib/digest.c and lib/aead.c, since Debian has no OpenSSL for musl: by
 * FNV-1a, so that the tests of the cache notice what has been changed, and nothing is secret.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lib/aead.h"
#include "lib/digest.h"
#include "lib/hash.h"

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t size)
{
  for (size_t i = 0; i < size; i++)
    hash = hash_byte(hash, ((const unsigned char *)bytes)[i]);
  return hash;
}

/* ---- the digest ---- */

struct Digest {
  uint64_t hash;
};

Digest *digest_new(void)
{
  Digest *digest = malloc(sizeof *digest);
  if (digest)
    digest->hash = HASH_INIT;
  return digest;
}

void digest_add(Digest *digest, const void *bytes, size_t size)
{
  if (digest)
    digest->hash = hash_bytes(digest->hash, bytes, size);
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
  for (size_t i = 0; i < DIGEST_SIZE; i++) {
    digest->hash = hash_byte(digest->hash, (unsigned char)i);
    out[i] = (uint8_t)(digest->hash >> 56);
  }
  free(digest);
  return true;
}

/* ---- the cipher ---- */

void aead_prepare(void) {}

static uint64_t start(const AeadKey *key, const AeadSeal *seal, const void *bound,
                      size_t bound_size)
{
  uint64_t hash = hash_bytes(HASH_INIT, key->bytes, sizeof key->bytes);
  hash = hash_bytes(hash, seal->nonce, sizeof seal->nonce);
  return hash_bytes(hash, bound, bound_size);
}

/* The text is masked by what comes of key and nonce. */
static void mask(uint64_t hash, const void *from, void *to, size_t size)
{
  for (size_t i = 0; i < size; i++) {
    hash = hash_byte(hash, (unsigned char)i);
    ((uint8_t *)to)[i] = ((const uint8_t *)from)[i] ^ (uint8_t)(hash >> 56);
  }
}

static void make_tag(uint64_t hash, const void *sealed, size_t size, uint8_t tag[AEAD_TAG_SIZE])
{
  hash = hash_bytes(hash, sealed, size);
  memset(tag, 0, AEAD_TAG_SIZE);
  memcpy(tag, &hash, sizeof hash);
}

bool aead_seal(const AeadKey *key, const void *bound, size_t bound_size, const void *text,
               size_t size, void *sealed, AeadSeal *seal)
{
  if (getrandom(seal->nonce, sizeof seal->nonce, 0) != sizeof seal->nonce)
    return false;
  uint64_t hash = start(key, seal, bound, bound_size);
  mask(hash, text, sealed, size);
  make_tag(hash, sealed, size, seal->tag);
  return true;
}

bool aead_open(const AeadKey *key, const void *bound, size_t bound_size, void *text, size_t size,
               const AeadSeal *seal)
{
  uint8_t tag[AEAD_TAG_SIZE];
  uint64_t hash = start(key, seal, bound, bound_size);
  make_tag(hash, text, size, tag);
  mask(hash, text, text, size);
  return memcmp(tag, seal->tag, sizeof tag) == 0;
}
