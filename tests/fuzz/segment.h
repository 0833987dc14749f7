/* SPDX-License-Identifier: MIT */
/*
 * segment.h - a segment with tokens in it, and a peer that writes over any part of it.
 *
 * It lies in memory of its exact size, so that an access beyond it is caught. The layout is touched
 * through its names alone.
 */
#ifndef THRED_TESTS_FUZZ_SEGMENT_H
#define THRED_TESTS_FUZZ_SEGMENT_H

#include "tests/fuzz/fuzz.h"
#include "tests/unit/cache-fixture.h"

/* Keys 1 .. SEGMENT_TOKENS have a token each; the next one failed, the one after it is being
 * fetched, and the last was never seen. */
#define SEGMENT_TOKENS 4u
#define SEGMENT_KEYS   (SEGMENT_TOKENS + 3u)
#define SEGMENT_ORIGIN 100u /* of the one configuration block */

/* Makes it, once. */
void segment_make(void);

/* As it was made; no private copy of a token is left. */
Cache *segment_reset(void);

/* One change of the peer's, as the input says. */
void segment_edit(FuzzInput *input);

/* The bytes that are published for a key; `serial` tells its tokens apart. */
void segment_fill(CacheToken *token, uint64_t key, uint64_t serial, size_t length);

/* Reads a key. A hit is, to the byte, a token that was published for it. */
bool segment_read(uint64_t key, uint64_t *generation);

/* Each chunk is free, or in the chain of one entry's token. */
void segment_check_room(void);

/* The block of SEGMENT_ORIGIN is the one that was stored, or none. */
void segment_check_config(void);

#endif
