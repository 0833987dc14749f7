/* SPDX-License-Identifier: MIT */
#include "lib/config-current.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "lib/cache.h"
#include "lib/clock.h"
#include "lib/config-parse.h"
#include "lib/digest.h"
#include "lib/log.h"
#include "lib/process.h"
#include "lib/symbols.h"

#define CHECK_EVERY_MS 1000

/* A snapshot with the number of its users in front. The block is 8-byte aligned, as it must be. */
typedef struct {
  atomic_uint references;
  uint32_t reserved;
  uint8_t origin[DIGEST_SIZE];
  _Atomic int64_t checked_ms; /* CLOCK_MONOTONIC_COARSE */
  _Alignas(8) unsigned char block[];
} Holder;

static ProcessLock lock = PROCESS_LOCK_INIT;
/* Holds one reference. Changed, and a reference to it taken, under `lock`. */
static _Atomic(Holder *) current;

static Holder *holder_of(const Snapshot *snapshot)
{
  return (Holder *)(void *)((char *)(uintptr_t)snapshot - offsetof(Holder, block));
}

static Snapshot *snapshot_of(Holder *holder)
{
  return (Snapshot *)(void *)holder->block;
}

const Snapshot *config_again(const Snapshot *snapshot)
{
  atomic_fetch_add(&holder_of(snapshot)->references, 1);
  return snapshot;
}

void config_release(const Snapshot *snapshot)
{
  if (snapshot && atomic_fetch_sub(&holder_of(snapshot)->references, 1) == 1)
    free(holder_of(snapshot));
}

static bool is_fresh(const Holder *holder)
{
  return clock_coarse_ms() - atomic_load_explicit(&holder->checked_ms, memory_order_relaxed) <
         CHECK_EVERY_MS;
}

bool config_is_current(const Snapshot *snapshot)
{
  return snapshot && holder_of(snapshot) == atomic_load_explicit(&current, memory_order_relaxed) &&
         is_fresh(holder_of(snapshot));
}

/* The current snapshot if it was looked at within the second, and has this origin if one is given.
 */
static const Snapshot *take_fresh(const uint8_t *origin, bool check)
{
  const Snapshot *snapshot = NULL;
  process_lock(&lock);
  Holder *holder = atomic_load(&current);
  if (holder && (!origin || memcmp(holder->origin, origin, DIGEST_SIZE) == 0) &&
      (!check || is_fresh(holder)))
    snapshot = config_again(snapshot_of(holder));
  process_unlock(&lock);
  return snapshot;
}

static void mark_checked(const Snapshot *snapshot)
{
  atomic_store_explicit(&holder_of(snapshot)->checked_ms, clock_coarse_ms(), memory_order_relaxed);
}

/* Makes a copy of `block` the current snapshot and returns a reference to it. */
static const Snapshot *adopt(const void *block, size_t size, const uint8_t origin[DIGEST_SIZE])
{
  Holder *holder = malloc(sizeof *holder + size);
  if (!holder)
    return NULL;
  atomic_init(&holder->references, 2);
  memcpy(holder->origin, origin, DIGEST_SIZE);
  memcpy(holder->block, block, size);
  atomic_init(&holder->checked_ms, clock_coarse_ms());
  process_lock(&lock);
  Holder *old = atomic_exchange(&current, holder);
  process_unlock(&lock);
  if (old)
    config_release(snapshot_of(old));
  log_set_level((SnapshotLog)snapshot_of(holder)->log);
  return snapshot_of(holder);
}

static bool origin_digest(const SnapshotOrigin *origin, uint8_t out[DIGEST_SIZE])
{
  Digest *digest = digest_new();
  digest_add_string(digest, THRED_VERSION);
  digest_add_string(digest, origin->shipped);
  digest_add_string(digest, origin->admin);
  digest_add_string(digest, origin->user);
  digest_add_string(digest, origin->modules);
  digest_add_u64(digest, origin->uid);
  digest_add_u64(digest, origin->at_secure);
  return digest_finish(digest, out);
}

static const Snapshot *from_segment(const uint8_t origin[DIGEST_SIZE])
{
  size_t size;
  const Snapshot *snapshot = NULL;
  Cache *cache = cache_open();
  Snapshot *block = cache ? cache_load_config(cache, origin, &size) : NULL;
  if (block && snapshot_is_current(block))
    snapshot = adopt(block, size, origin);
  free(block);
  return snapshot;
}

/* *paths is empty after it. */
static const Snapshot *from_files(ProcessPaths *paths, const uint8_t origin[DIGEST_SIZE],
                                  Error *error)
{
  void *block = NULL;
  size_t size = 0;
  if (config_parse(paths, &block, &size, error))
    return NULL;
  const Snapshot *snapshot = adopt(block, size, origin);
  free(block);
  if (!snapshot) {
    error_set(error, THRED_E_NO_MEMORY, "out of memory for the configuration");
    return NULL;
  }
  for (uint32_t i = 0; i < snapshot->problems.count; i++)
    log_warning("%s", snapshot_string(snapshot, snapshot_problem(snapshot, i)->text));
  Cache *cache = cache_create(snapshot->entries);
  if (cache)
    cache_store_config(cache, origin, snapshot, snapshot->size);
  return snapshot;
}

typedef enum { IN_MEMORY, IN_FILES } Depth;

static const Snapshot *look(Depth depth, Error *error)
{
  ProcessPaths paths;
  uint8_t origin[DIGEST_SIZE];
  const Snapshot *snapshot = NULL;
  if (symbols_check_own(error)) /* before OpenSSL is called for the first time */
    return NULL;
  if (!process_paths(&paths)) {
    error_set(error, THRED_E_NO_MEMORY, "out of memory for the configuration's paths");
  } else if (!origin_digest(&paths.origin, origin)) {
    error_set(error, THRED_E_INTERNAL, "OpenSSL has no SHA-256");
  } else {
    snapshot = take_fresh(origin, false);
    if (snapshot && snapshot_is_current(snapshot)) {
      mark_checked(snapshot);
    } else {
      config_release(snapshot);
      snapshot = from_segment(origin);
      if (!snapshot && depth == IN_FILES)
        snapshot = from_files(&paths, origin, error);
      else if (!snapshot)
        error_set(error, THRED_E_AGAIN, "the configuration is being read");
    }
  }
  process_paths_clear(&paths);
  return snapshot;
}

static const Snapshot *acquire(Depth depth, Error *error)
{
  const Snapshot *snapshot = take_fresh(NULL, true);
  if (snapshot)
    return snapshot;
  /* A thread cancelled in the middle of OpenSSL's or GLib's first use would leave them half made.
   */
  int old_state;
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old_state);
  snapshot = look(depth, error);
  pthread_setcancelstate(old_state, &old_state);
  return snapshot;
}

const Snapshot *config_acquire(Error *error)
{
  return acquire(IN_FILES, error);
}

const Snapshot *config_at_hand(Error *error)
{
  return acquire(IN_MEMORY, error);
}
