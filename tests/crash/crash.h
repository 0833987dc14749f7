/* SPDX-License-Identifier: MIT */
/*
 * crash.h - what the attacks on the cache share.
 *
 * Each test runs in a child with a /dev/shm of its own (segment-fixture.h), forks real processes
 * and kills or stops them for real. It says how often it did so, and fails on the first torn read,
 * the first process that is stuck and the first fetch too many.
 */
#ifndef THRED_TESTS_CRASH_CRASH_H
#define THRED_TESTS_CRASH_CRASH_H

#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "tests/unit/segment-fixture.h"

/* How often to do it: `longer` with THRED_TEST_LONG=1 in the environment; in a build with
 * sanitizers, where a fork takes ten times as long, a twentieth of `normal`, and `normal`. */
unsigned crash_rounds(unsigned normal, unsigned longer);

/* A random number for deciding when and whom to kill; seeded differently in each process. The seed
 * is printed by the first call of a process that has none, and THRED_TEST_SEED repeats it. */
uint64_t crash_random(void);

void sleep_us(int64_t microseconds);

/* ---- tokens whose bytes say whose they are ---- */

CacheKey crash_key(uint64_t number);

/* Bytes that belong to this key and number, of a length that follows from them (1 byte to 32 KiB,
 * mostly under 1 KiB). `number` travels in the lifetime. */
void crash_token(CacheToken *token, uint64_t key, uint64_t number);

/* Every byte is right. */
bool crash_token_is_whole(const CacheToken *token, uint64_t key);

extern const CacheLabel crash_label;

/* The segment's free chunks and chains add up: nothing is lost, nothing belongs to two. With the
 * lock; repairs first if its last owner died. */
void crash_require_whole(Cache *cache);

#endif
