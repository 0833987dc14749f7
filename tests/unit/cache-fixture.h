/* SPDX-License-Identifier: MIT */
/*
 * cache-fixture.h - a segment of the real layout in memory that a test shares with its children.
 *
 * It has no name in /dev/shm: a test disturbs no cache of this user, and may spoil any byte.
 */
#ifndef THRED_TESTS_UNIT_CACHE_FIXTURE_H
#define THRED_TESTS_UNIT_CACHE_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cache-internal.h"
#include "lib/clock.h"
#include "tests/unit/child.h"

#define LEASE 60000 /* ms: longer than any test */
#define HOUR  3600000

/* The smallest one there can be, with 16 entries and 256 chunks. *state is the Cache. */
int cache_fixture_setup(void **state);
int cache_fixture_teardown(void **state);
Cache *cache_fixture_new(uint32_t buckets, uint32_t chunks);
void cache_fixture_free(Cache *cache);

/* Different for each `number`, spread as a digest is. */
CacheKey key_of(uint64_t number);

extern const CacheLabel some_label;

/* A token in a buffer of its own, fresh for an hour. */
CacheToken token_new(void);
void token_free(CacheToken *token);

/* Bytes that belong to this key and generation and to no other; sets token->length. */
void token_fill(CacheToken *token, uint64_t key, uint64_t generation, size_t length);
bool token_is(const CacheToken *token, uint64_t key, uint64_t generation, size_t length);

/* On both sides of every limit. */
#define LENGTHS 10u
extern const size_t lengths[LENGTHS];

/* ---- one step of a cache.h function, by number ---- */

CacheRead read_key(Cache *cache, uint64_t key, uint64_t *generation);
CacheClaimResult claim_seen(Cache *cache, uint64_t key, uint64_t seen_generation, int64_t lease_ms,
                            CacheClaim *claim);
/* Claims again until it is no longer `while_result`, for 10 s at most. */
CacheClaimResult claim_until(Cache *cache, uint64_t key, uint64_t seen_generation,
                             CacheClaimResult while_result, CacheClaim *claim);
bool publish(Cache *cache, uint64_t key, CacheClaim *claim, size_t length);
void release(Cache *cache, uint64_t key, CacheClaim *claim);
void refuse(Cache *cache, uint64_t key, uint64_t generation);

/* ---- several ---- */

/* Claims with what is seen there now. */
CacheClaimResult claim(Cache *cache, uint64_t key, CacheClaim *claim);

/* Claims and publishes token_fill(key, next generation, length); the generation, 0: refused. */
uint64_t put(Cache *cache, uint64_t key, size_t length);

/* What a read finds: the generation if it is a hit with the bytes that put() wrote, 0 for a miss.
 * A hit with any other bytes ends the program. */
uint64_t seen(Cache *cache, uint64_t key, size_t length);

/* The entry of a key that has one. */
CacheEntry *entry_of(Cache *cache, uint64_t key);

uint64_t counter(const Cache *cache, CacheCounter which);

/* Reads of this key go to the segment again, as in a process that has not seen it. */
void forget_copy(uint64_t key);

/* How many chunks belong to an entry. */
uint32_t used_chunks(const Cache *cache);
/* Every chunk is free or in the one chain of an entry's token, and the header counts them right. */
void require_chunks_whole(Cache *cache);

/* ---- configuration blocks, without a table and filled up with `fill` ---- */

void store(Cache *cache, uint64_t origin, size_t size, char fill);
/* `size` 0: there is none. */
void assert_stored(Cache *cache, uint64_t origin, size_t size, char fill);

#endif
