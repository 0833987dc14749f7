/* SPDX-License-Identifier: MIT */
/* cache-internal.h - what the files of the cache (cache-*.c) share. */
#ifndef THRED_LIB_CACHE_INTERNAL_H
#define THRED_LIB_CACHE_INTERNAL_H

#include <sys/stat.h>
#include <sys/types.h>

#include "lib/aead.h"
#include "lib/cache-robust.h"
#include "lib/cache.h"
#include "lib/seal-key.h"

#define CACHE_NONE           UINT32_MAX
#define CACHE_CLOCK_SLACK_MS 2000 /* how far CLOCK_REALTIME may seem to run backwards */
#define CACHE_LEASE_MAX_MS                                                                         \
  (10 * 60 * 1000)            /* a lease further ahead is another clock's or garbage */
#define CACHE_REFETCH_MAX  10 /* a minute, of one entry, after 401s */
#define CACHE_DIRECTORY    "/dev/shm"
#define CACHE_PATH_SIZE    96
#define CACHE_RENEW_KEY_MS (10 * 60 * 1000) /* of the two hours that a key lives (seal-key.h) */

typedef enum {
  CACHE_PRIVATE,  /* in memory of this process alone, where there can be no segment */
  CACHE_SEALED,   /* the segment whose key is in the kernel's keyring */
  CACHE_UNSEALED, /* the one that needs none: where there is no keyring, or by `seal = off` */
  CACHE_KINDS
} CacheKind;

/* A mapped segment. Made once, never unmapped: a robust mutex must stay mapped for as long as any
 * thread may have been in it (an unmapped list entry corrupts what is mapped there next). The shape
 * is this process's copy, so that nobody can move the parts under us. */
struct Cache {
  CacheHeader *header;
  uint64_t id; /* in this process; never used again, as an address might be */
  CacheShape shape;
  uint32_t buckets, chunks;
  uint8_t salt[SEAL_SALT_SIZE]; /* this process's copy, too */
  _Atomic(AeadKey *) key;       /* of the seals, in memory of its own; NULL: not taken yet */
  atomic_int no_key;            /* the errno that it was refused with; 0: it was not */
  CacheKind kind;
  uid_t owner;  /* whose tokens lie here: after setuid(2) they are no longer ours */
  dev_t device; /* of the file, if shared */
  ino_t inode;
  char path[CACHE_PATH_SIZE];
  _Atomic int64_t renew_key_at; /* CLOCK_MONOTONIC_COARSE ms, of a sealed one */
  atomic_bool left;             /* its name leads elsewhere by now; who is in it may finish */
  RobustOwned owned;            /* how we have the mutex; guarded by it */
  Cache *older;                 /* of this process's caches (cache-current.c) */
};

static inline CacheBucket *cache_bucket(const Cache *cache, uint32_t index)
{
  return (CacheBucket *)(void *)((char *)cache->header + cache->shape.buckets) + index;
}

static inline CacheEntry *cache_entry(const Cache *cache, uint32_t index)
{
  return (CacheEntry *)(void *)((char *)cache->header + cache->shape.entries) + index;
}

static inline CacheLink *cache_link(const Cache *cache, uint32_t index)
{
  return (CacheLink *)(void *)((char *)cache->header + cache->shape.links) + index;
}

static inline CacheChunk *cache_chunk(const Cache *cache, uint32_t index)
{
  return (CacheChunk *)(void *)((char *)cache->header + cache->shape.chunks) + index;
}

static inline CacheConfig *cache_config(const Cache *cache, uint32_t index)
{
  return (CacheConfig *)(void *)((char *)cache->header + cache->shape.configs) + index;
}

static inline uint32_t cache_entries(const Cache *cache)
{
  return cache->buckets * CACHE_WAYS;
}

static inline CacheWord *cache_fingerprint(const Cache *cache, uint32_t index)
{
  return &cache_bucket(cache, index / CACHE_WAYS)->fingerprint[index % CACHE_WAYS];
}

static inline void cache_count(Cache *cache, CacheCounter counter)
{
  atomic_fetch_add_explicit(&cache->header->counters[counter], 1, memory_order_relaxed);
}

/* ---- the lock (cache-lock.c) ---- */

/*
 * Contract: held for microseconds; inside it no allocation, no call into libcrypto or anything else
 * that is not the cache's, no system call but the liveness lock's, which never waits; no return
 * without cache_unlock(). False: not to be had (stopped or broken owner, or a process in which a
 * robust mutex is not right); the caller does without the cache this time.
 */
bool cache_lock(Cache *cache);
void cache_unlock(Cache *cache);

/* The same for what must not be lost for a moment's stall of another process: a publish that is
 * given up is one more request to the token endpoint. */
bool cache_lock_patiently(Cache *cache);

/* False: not created. */
bool cache_lock_init(CacheHeader *header);

/* It can be used, and by this process: not retired, and of this user. */
bool cache_is_usable(const Cache *cache);

/* Every process leaves it; whoever attaches next makes a new one. The mapping stays. */
void cache_retire(Cache *cache, const char *why);

/* The same for a sealed one without its key: an everyday end, after two hours without use. */
void cache_expire(Cache *cache);

/* ---- the segment (cache-name.c, cache-make.c, cache-segment.c) ---- */

/* Why there is no segment: an errno (ENOENT: there is none, and none was to be made), of the
 * kernel's keyring or of the file. */
typedef struct {
  int error;
  bool keyring;
} CacheWhy;

/* "/dev/shm/thred-auth-..." of this process; "" if there can be none (no /proc). */
void cache_segment_path(CacheKind kind, char *path, size_t size);

/* The segment at its name, with its key if it may be made. NULL, with the reason in *why. */
Cache *cache_attach_shared(CacheKind kind, bool create, uint32_t entries, CacheWhy *why);

/* The file that was opened is ours, is what its name says and nothing else. 0, or an errno;
 * ECONNREFUSED: a segment that was removed. */
int cache_judge_file(int fd, struct stat *st);

/* 0: it is whole, EINVAL: it is not, ECONNREFUSED: it was given up. */
int cache_judge_header(const CacheHeader *header, size_t size, uint32_t buckets, uint32_t chunks);

/* The same layout in memory of this process alone; NULL: no memory. */
Cache *cache_attach_private(void);

uint32_t cache_bucket_count(uint32_t entries);

/* Makes the file, and its key if it is sealed, and gives it its name. EEXIST: somebody was faster.
 */
CacheWhy cache_make_file(CacheKind kind, const char *path, uint32_t entries);

/* Fills in a new segment, whose memory is zeroed and as large as the shape says. */
bool cache_init(CacheHeader *header, const CacheShape *shape, uint32_t buckets, uint32_t chunks);

/* A mapping that cache_init() filled in, or that was judged: an unsealed one, unless the caller
 * says otherwise before it is used. NULL: no memory. */
Cache *cache_wrap(void *memory, uint32_t buckets, uint32_t chunks);

/* For one that nobody has used yet. */
void cache_discard(Cache *cache);

/* ---- entries (cache-entry.c) ---- */

uint64_t cache_fingerprint_of(const CacheKey *key);
void cache_buckets_of(const Cache *cache, const CacheKey *key, uint32_t bucket[2]);

/* Entry index, or CACHE_NONE. Without the lock the answer is a hint that the tag confirms. */
uint32_t cache_find(const Cache *cache, const CacheKey *key);
bool cache_has_key(const CacheEntry *entry, const CacheKey *key);

/* ---- the key (cache-key.c) ---- */

/* Sees to it that `cache->key` is there. 0, or an errno; ENOKEY: it is gone, and the segment is
 * retired. Any thread. */
int cache_take_key(Cache *cache);

/* In a child of fork(2): a key that it inherited is not locked any more. */
void cache_keep_key(const Cache *cache);

/* For a mapping that nobody uses. */
void cache_drop_key(Cache *cache);

/* Makes one for a new segment and puts it into the keyring. */
CacheWhy cache_store_key(const CacheHeader *header);

/* Puts the end of a sealed one's key off, if it is time for that. */
void cache_renew_key(Cache *cache);

CacheWhy cache_why_no_key(int error);

/* ---- seals (cache-seal.c) ---- */

/* Seals a token for a version that is complete but for nonce and tag; `sealed` has room for as many
 * bytes as the token. False: the key, AES-256-GCM, or random bytes are not to be had. */
bool cache_seal(Cache *cache, const CacheKey *key, CacheVersion *version, const char *token,
                char *sealed);

/* Opens it in place. False: not everything that a reader relies on is as it was when it was sealed;
 * what is in `token` is nothing then, and the caller's to wipe. */
bool cache_unseal(Cache *cache, const CacheKey *key, const CacheVersion *version, char *token);

/* ---- versions (cache-entry.c) ---- */

CacheVersion cache_load_version(const CacheVersion *from);
void cache_store_version(CacheVersion *to, const CacheVersion *from);

/* Somebody's, and not over. */
bool cache_lease_held(uint64_t lease, int64_t now);

/* Milliseconds until a point in time of the segment's, 0: it is past, or nobody's. */
int64_t cache_pause_left(uint64_t until, int64_t now);

/* How long no other token is fetched after a 401: the entry had its share of this minute. Any time.
 */
int64_t cache_refetch_pause(int64_t window, uint32_t refetches, int64_t now);

/* Moves the futex word: whoever waits looks again. Under the lock; waking is a system call and
 * happens outside. */
void cache_touch(CacheEntry *entry);
void cache_wake(CacheEntry *entry);

/* Under the lock: no token is left in the entry, its chunks are free, and no private copy of it is
 * used any more. */
void cache_clear_versions(Cache *cache, uint32_t index);

/* Under the lock: what the generation selected is no token any more, for copies of it neither. */
void cache_move_on(CacheEntry *entry);

/* Under the lock: nobody has to wait because of an earlier fetch. */
void cache_forget_failures(CacheEntry *entry);

/* There is another token than the one seen, which a reader would take, as far as can be told
 * without its tag. Any time. */
bool cache_is_newer(const CacheEntry *entry, uint64_t seen);

/* ---- chunks (cache-chunks.c), under the lock but for the last one ---- */

/* The number that a token of `length` bytes takes. */
uint32_t cache_chunks_of(size_t length);

/* A chain of `count` chunks for an entry: index + 1 of its first, 0 if there are too few. */
uint32_t cache_take_chunks(Cache *cache, uint32_t count, uint32_t entry);

/* Wipes a chain and makes it free. What is not this entry's stays as it is. */
void cache_give_chunks(Cache *cache, uint32_t first, uint32_t count, uint32_t entry);

/* Takes chunks away from entries that nobody has read for long, in a step of bounded length; never
 * from `except`. False: it found nothing. */
bool cache_evict_chunks(Cache *cache, uint32_t except, int64_t now);

/* Works out anew which chunks are whose, from the entries. */
void cache_rebuild_chunks(Cache *cache);

/* The next one of a chain, index + 1; 0: none, or garbage. No lock. */
uint32_t cache_next_chunk(const Cache *cache, uint32_t chunk);

/* ---- the whole segment (cache-whole.c) ---- */

/* Makes a segment whole whose last owner died inside the lock. Called with the lock held. */
void cache_repair(Cache *cache);

#endif
