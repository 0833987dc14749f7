/* SPDX-License-Identifier: MIT */
/*
 * cache.h - tokens and failures in the shared segment: keys, bytes and expiry; no HTTP, no JSON.
 *
 * Threads: every function may be called from any thread of any attached process. Reading and asking
 * never wait. cache_claim() and cache_refuse() wait for the lock for 50 ms at most, the end of a
 * lease three times as long (only a stopped or broken process makes them); cache_wait() says how
 * long. None may be left by thread cancellation: the caller sees to that.
 */
#ifndef THRED_LIB_CACHE_H
#define THRED_LIB_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/cache-layout.h"
#include "lib/cache-liveness.h"
#include "lib/fetch-abi.h"

typedef struct Cache Cache;

typedef struct {
  uint8_t bytes[32];
} CacheKey;

/* What an entry is about: for `thredctl status`, never compared. */
typedef struct {
  SnapshotToken kind;
  const char *environment, *host, *business; /* business may be NULL */
} CacheLabel;

/* A token, out of the cache or on its way in. `value` has room for TOKEN_MAX and a NUL. */
typedef struct {
  uint64_t generation; /* 0: not from the cache */
  int64_t boot_ms, real_ms, lifetime_ms;
  int64_t remaining_ms; /* set by a hit: cache_remaining_ms() then */
  uint32_t jitter;      /* set by a hit: 0 .. 65535, the same for all processes of the segment */
  size_t length;
  char *value; /* the caller's memory: TOKEN_MAX + 1 bytes */
} CacheToken;

typedef enum {
  CACHE_HIT, /* *token is whole, not expired, not refused */
  CACHE_MISS /* token->generation is what was seen (0: nothing), for cache_claim() */
} CacheRead;

/*
 * Copies the token of `key` out. Takes no lock of the segment. The first read of a generation in a
 * process checks tag and expiry in full and keeps a private copy; later ones compare the generation
 * and two coarse clocks (cache-copies.h).
 */
CacheRead cache_read(Cache *cache, const CacheKey *key, CacheToken *token);

/* Milliseconds until the token may no longer be used; <= 0: expired. The rule: both clocks went
 * forward (2 s tolerated), and by less than the lifetime less a margin of a tenth, at most 5 s. */
int64_t cache_remaining_ms(const CacheToken *token);

/* Why a token is asked for. */
typedef enum {
  CACHE_FOR_MISS,    /* there is none, or none that may be used */
  CACHE_FOR_RENEWAL, /* the one that is there still serves */
  CACHE_FOR_REFETCH  /* a server answered 401: counts against the limit of 10 a minute */
} CachePurpose;

typedef enum {
  CACHE_CLAIM_OWNED,   /* the caller fetches, then publishes, fails, postpones or releases */
  CACHE_CLAIM_NEWER,   /* a token newer than the one seen is there: read again */
  CACHE_CLAIM_BUSY,    /* somebody is fetching: cache_wait() */
  CACHE_CLAIM_FAILED,  /* the server refused lately; see failure, failure_status, retry_ms */
  CACHE_CLAIM_LATER,   /* a renewal failed lately; see retry_ms */
  CACHE_CLAIM_LIMITED, /* too many refetches after 401s; see retry_ms */
  CACHE_CLAIM_LOCKED,  /* another process stalls with the lock: ask again in a moment */
  CACHE_CLAIM_NONE     /* no room: fetch for oneself, publish nothing */
} CacheClaimResult;

/* The right to publish, until the lease ends. Losing it costs nothing but the lease's time. An
 * owned one must be ended by exactly one of the four functions below; nothing of the others needs
 * to be. */
typedef struct {
  uint32_t entry;
  uint32_t changes; /* what cache_wait() compares */
  uint32_t owner;   /* this process, for people */
  uint64_t epoch;
  uint64_t generation; /* of the entry at the claim */
  Liveness liveness;   /* tells the others that this process lives */
  int failure;         /* ThredError */
  int failure_status;
  int64_t retry_ms; /* from now */
} CacheClaim;

/*
 * Asks for the lease of `key`. `seen` is the generation that the caller holds to be stale, missing
 * or refused. `lease_ms`: how long the fetch may take at most (cut to ten minutes). A lease whose
 * owner has died is taken over at once if it was had with the liveness lock, else when it ends.
 */
CacheClaimResult cache_claim(Cache *cache, const CacheKey *key, const CacheLabel *label,
                             uint64_t seen, int64_t lease_ms, CachePurpose purpose,
                             CacheClaim *claim);

/* Puts a token in, ends the lease, wakes the waiters; sets token->generation. False: the lease was
 * no longer the caller's (somebody took it over) or the cache cannot take it (no room, no lock):
 * the token is good for the caller alone. The lease is ended in either case. */
bool cache_publish(Cache *cache, const CacheKey *key, CacheClaim *claim, CacheToken *token);

/* What the server answered is told to everyone for `retry_ms` (0: a back-off of 1, 2, 4 .. 60 s
 * with jitter). Ends the lease. */
void cache_fail(Cache *cache, const CacheKey *key, CacheClaim *claim, int failure, int status,
                int64_t retry_ms);

/* A renewal came to nothing, and not by a word of the server's: nobody renews this token ahead of
 * its expiry for a back-off as above. Nobody who has no token is held up. Ends the lease. */
void cache_postpone(Cache *cache, const CacheKey *key, CacheClaim *claim);

/* Ends the lease without a word: a local failure is nobody else's. */
void cache_release(Cache *cache, const CacheKey *key, CacheClaim *claim);

/* Sleeps until the entry changes, at most `milliseconds` (a slice: look again after it). */
void cache_wait(Cache *cache, const CacheClaim *claim, int64_t milliseconds);

/*
 * The look of one who waits: takes no lock, as a thousand may wait for one fetch. True: somebody
 * who lives, as far as can be told, is fetching, and no other token than `seen` is there;
 * cache_wait() with *claim, which is no lease. False: time to claim.
 */
bool cache_must_wait(Cache *cache, const CacheKey *key, uint64_t seen, CacheClaim *claim);

/* Somebody holds the lease of `key` now, and lives as far as can be told. No lock. */
bool cache_is_busy(Cache *cache, const CacheKey *key);

/* A server answered 401 to this generation: from now on it is a miss for everyone. True: nobody has
 * said so before. */
bool cache_refuse(Cache *cache, const CacheKey *key, uint64_t generation);

/* Forgets every token, failure and configuration block. Returns the number of tokens, or -1 if the
 * lock was not to be had. Generations and leases stay. */
int cache_flush(Cache *cache);

/* The configuration block of `origin`: malloc'ed, passes snapshot_check(); NULL if there is none.
 */
void *cache_load_config(Cache *cache, const uint8_t origin[32], size_t *size);
void cache_store_config(Cache *cache, const uint8_t origin[32], const void *block, size_t size);

/* ---- this process's cache (cache-current.c) ---- */

/*
 * The process's cache if it has one or a segment exists already that `seal` lets it use; NULL if
 * one would have to be made. AUTO: the sealed segment, else the unsealed one. Does not ask the
 * keyring, which may later turn out to refuse the key: tokens are then a miss. Never unmapped. The
 * answer may change from one call to the next (once a second it is looked whether the segment is
 * still there, after a fork whether it is still the right one): a caller that waits asks again.
 */
Cache *cache_open(SnapshotSeal seal);

/*
 * The same, and makes the segment with room for `entries`. Where the kernel's keyring is not to be
 * had, AUTO gets the unsealed segment; where there can be no segment that `seal` allows, it is an
 * in-process cache. What was not to be had is tried again once a minute at least. NULL: no memory.
 */
Cache *cache_create(uint32_t entries, SnapshotSeal seal);

/* True: other processes see it too. */
bool cache_is_shared(const Cache *cache);

/* .. and the tokens in it are sealed with a key that only the kernel has. */
bool cache_is_sealed(const Cache *cache);

#endif
