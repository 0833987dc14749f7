/* SPDX-License-Identifier: MIT */
/* cache-seal.c - the seal of a token in the segment, and what it binds the token to. */
#include <string.h>

#include "lib/cache-internal.h"

_Static_assert(sizeof(((CacheVersion *)0)->nonce) == AEAD_NONCE_SIZE, "nonce");
_Static_assert(sizeof(((CacheVersion *)0)->tag) == AEAD_TAG_SIZE, "tag");

/* A token of one segment, entry or generation is none in another; nor does it live longer. */
typedef struct {
  uint64_t layout;
  uint8_t salt[SEAL_SALT_SIZE];
  CacheKey key;
  uint8_t version[offsetof(CacheVersion, nonce)]; /* generation, times, length */
} Bound;
_Static_assert(sizeof(Bound) == 8 + SEAL_SALT_SIZE + 32 + 40,
               "no padding, which would be any bytes");

static Bound bound_to(const Cache *cache, const CacheKey *key, const CacheVersion *version)
{
  Bound bound = {.layout = CACHE_LAYOUT, .key = *key};
  memcpy(bound.salt, cache->salt, sizeof bound.salt);
  memcpy(bound.version, version, sizeof bound.version);
  return bound;
}

bool cache_seal(Cache *cache, const CacheKey *key, CacheVersion *version, const char *token,
                char *sealed)
{
  AeadSeal seal;
  const Bound bound = bound_to(cache, key, version);
  if (cache_take_key(cache) ||
      !aead_seal(cache->key, &bound, sizeof bound, token, version->length, sealed, &seal))
    return false;
  memcpy(version->nonce, seal.nonce, sizeof version->nonce);
  memcpy(version->tag, seal.tag, sizeof version->tag);
  return true;
}

bool cache_unseal(Cache *cache, const CacheKey *key, const CacheVersion *version, char *token)
{
  AeadSeal seal;
  const Bound bound = bound_to(cache, key, version);
  memcpy(seal.nonce, version->nonce, sizeof seal.nonce);
  memcpy(seal.tag, version->tag, sizeof seal.tag);
  return cache_take_key(cache) == 0 &&
         aead_open(cache->key, &bound, sizeof bound, token, version->length, &seal);
}
