/* SPDX-License-Identifier: MIT */
/*
 * cache-key.c - the key that the tokens of a segment are sealed with, in this process.
 *
 * It is taken when the process first has to do with tokens, and not when it comes into the segment:
 * the configuration lies there too, and if it says `seal = off` the keyring is not to be asked at
 * all, by whoever has just come to read that.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "lib/cache-internal.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/secret-memory.h"
#include "lib/secure.h"

static int make_random(AeadKey *key)
{
  return getrandom(key->bytes, sizeof key->bytes, GRND_NONBLOCK) == sizeof key->bytes ? 0 : EAGAIN;
}

/* What nothing but the salt protects. */
static int make_public(const uint8_t salt[SEAL_SALT_SIZE], AeadKey *key)
{
  Digest *digest = digest_new();
  digest_add_string(digest, "thred-auth: an integrity tag and no secret");
  digest_add(digest, salt, SEAL_SALT_SIZE);
  return digest_finish(digest, key->bytes) ? 0 : ENOMEM;
}

static int make_key(const Cache *cache, AeadKey *key)
{
  if (cache->kind == CACHE_PRIVATE)
    return make_random(key);
  if (cache->kind == CACHE_UNSEALED)
    return make_public(cache->salt, key);
  return seal_key_load(cache->salt, key);
}

static void give_back(AeadKey *key)
{
  if (!key)
    return;
  secure_wipe(key, sizeof *key);
  munmap(key, sizeof *key);
}

/* No memory, or no random bytes yet, is nothing that the keyring said. */
static bool is_passing(int error)
{
  return error == ENOMEM || error == EAGAIN;
}

CacheWhy cache_why_no_key(int error)
{
  return (CacheWhy){.error = error, .keyring = !is_passing(error)};
}

/* Several threads may come at once: one puts its key there, and the others' is the same. */
static int fetch_key(Cache *cache)
{
  AeadKey *key = secret_pages(sizeof *key), *none = NULL;
  if (!key)
    return ENOMEM;
  atomic_store(&cache->renew_key_at, clock_coarse_ms() + CACHE_RENEW_KEY_MS);
  const int error = make_key(cache, key);
  if (!error && atomic_compare_exchange_strong(&cache->key, &none, key))
    secret_keep_from_swap(key, sizeof *key);
  else
    give_back(key);
  return error;
}

int cache_take_key(Cache *cache)
{
  if (atomic_load_explicit(&cache->key, memory_order_acquire))
    return 0;
  int error = atomic_load_explicit(&cache->no_key, memory_order_relaxed);
  if (error)
    return error;
  error = fetch_key(cache);
  if (error == ENOKEY) /* of no use to anyone */
    cache_expire(cache);
  if (!is_passing(error))
    atomic_store_explicit(&cache->no_key, error, memory_order_relaxed);
  return error;
}

void cache_keep_key(const Cache *cache)
{
  AeadKey *key = atomic_load_explicit(&cache->key, memory_order_acquire);
  if (key)
    secret_keep_from_swap(key, sizeof *key);
}

void cache_drop_key(Cache *cache)
{
  give_back(atomic_exchange(&cache->key, NULL));
}

/* Who dies before it is needed leaves one that expires. */
CacheWhy cache_store_key(const CacheHeader *header)
{
  AeadKey *key = secret_pages(sizeof *key);
  int error = key ? make_random(key) : ENOMEM;
  if (!error)
    error = seal_key_store(header->salt, key);
  give_back(key);
  return cache_why_no_key(error);
}

/* Another user namespace, into which unshare(2) and setns(2) lead, has other keyrings. */
static bool is_still_named(const Cache *cache)
{
  char path[CACHE_PATH_SIZE];
  cache_segment_path(cache->kind, path, sizeof path);
  return strcmp(path, cache->path) == 0;
}

/* While the segment is used its key stays. If it is gone all the same (the machine slept too long,
 * an administrator took it away), nobody else can come in, and all go on in a new one. */
void cache_renew_key(Cache *cache)
{
  if (cache->kind != CACHE_SEALED || cache->owner != geteuid() || !atomic_load(&cache->key) ||
      clock_coarse_ms() < atomic_load(&cache->renew_key_at))
    return;
  atomic_store(&cache->renew_key_at, clock_coarse_ms() + CACHE_RENEW_KEY_MS);
  if (seal_key_renew(cache->salt) != ENOKEY)
    return;
  if (is_still_named(cache))
    cache_expire(cache);
  else
    atomic_store(&cache->left, true);
}
