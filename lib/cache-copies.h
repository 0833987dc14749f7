/* SPDX-License-Identifier: MIT */
/*
 * cache-copies.h - this process's own copies of tokens that it has read and found whole.
 *
 * A copy is used as long as the entry it was read from still has the same generation (not refused)
 * and two coarse clocks lie within the bounds that the full expiry rule gave when it was made, less
 * 10 ms for their steps. MONOTONIC stands still while the machine is suspended, so no copy is used
 * for longer than a minute before it is read anew. One that may not be used any more is wiped by
 * the next who asks for it.
 *
 * A bounded number of places (2,048), in memory that fork(2) and raw clone(2) wipe, core dumps
 * leave out, and no other process sees. A new copy takes an old one's place.
 *
 * Threads: any. A place is locked by one word for the few ns of a copy; nobody waits for it: a
 * place that is busy is a miss. If it is left locked by a thread that died or jumped away, it is
 * not used again.
 */
#ifndef THRED_LIB_CACHE_COPIES_H
#define THRED_LIB_CACHE_COPIES_H

#include "lib/cache-internal.h"

/* True: *token is filled in as by a hit of cache_read(). */
bool copies_get(const Cache *cache, const CacheKey *key, CacheToken *token);

/* `entry`: where the token, a hit, was read. One that is too large is not kept. */
void copies_put(const Cache *cache, const CacheKey *key, uint32_t entry, const CacheToken *token);

/* Wipes the copy of a token that may not be used any more. */
void copies_drop(const CacheKey *key);

#endif
