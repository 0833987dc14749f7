/* SPDX-License-Identifier: MIT */
/*
 * segment-fixture.h - tests of the shared segment, which has a name.
 *
 * Each of them runs in a child with a /dev/shm of its own (a mount namespace), so it meets no
 * segment of this user and may fill, spoil and remove. Where that is not permitted, it is skipped.
 */
#ifndef THRED_TESTS_UNIT_SEGMENT_FIXTURE_H
#define THRED_TESTS_UNIT_SEGMENT_FIXTURE_H

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cache-internal.h"
#include "lib/clock.h"
#include "tests/unit/child.h"

#define SHM "/dev/shm"

/* For the group: finds out whether private /dev/shm are permitted here. */
int segment_group_setup(void **state);
void segment_run(void (*body)(void));
bool mount_shm(const char *options);

/* SEGMENT_TEST(name) { ... } defines the cmocka test `name`, whose body runs in such a child. */
#define SEGMENT_TEST(name)                                                                         \
  static void name##_body(void);                                                                   \
  static void name(void **state)                                                                   \
  {                                                                                                \
    (void)state;                                                                                   \
    segment_run(name##_body);                                                                      \
  }                                                                                                \
  static void name##_body(void)

/* The path of the segment that SNAPSHOT_SEAL_AUTO leads to, and of each. */
const char *segment(void);
const char *segment_of(CacheKind kind);
/* Whether this process may use the kernel's keyring. */
bool have_keyring(void);
unsigned count_entries(const char *path);
/* How many this process has open. */
unsigned descriptors(void);

/* Keys of segments that this user has in the kernel; 0 if it does not tell. */
unsigned count_keys(void);

/* A cache that takes a token and gives it back. On a machine under load the lock may be late. */
void require_works(Cache *cache);

/* The same token for all processes, so that one finds what another has put there. */
#define SOME_TOKEN "a token that nobody but its user may read"
void put_some_token(Cache *cache);
bool has_some_token(Cache *cache);

/* A segment that was left stays mapped for good, since other threads may be in it. What the library
 * no longer points at would look lost. */
Cache *keep(Cache *cache);

/* For a child: makes a segment of *(uint32_t *)data entries. */
void make_body(void *data);
/* Leaves a good segment behind, from another process. */
void make_segment(void);

struct stat stat_of(const char *path);
void edit(off_t at, const void *bytes, size_t size);
void edit_word(off_t at, uint32_t value);

#endif
