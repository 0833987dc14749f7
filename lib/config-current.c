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
#include "lib/hash.h"
#include "lib/log-state.h"
#include "lib/message.h"
#include "lib/process.h"
#include "lib/symbols.h"

#define CHECK_EVERY_MS 1000
#define PROVISIONAL_MS 60000

/* A snapshot with the number of its users in front. The block is 8-byte aligned, as it must be. */
typedef struct {
  atomic_uint references;
  uint32_t reserved;
  uint8_t origin[DIGEST_SIZE];
  int64_t made_ms;            /* CLOCK_MONOTONIC_COARSE */
  _Atomic int64_t checked_ms; /* the same */
  _Alignas(8) unsigned char block[];
} Holder;

static ProcessLock lock = PROCESS_LOCK_INIT;
/* Each holds one reference. Changed, and a reference to it taken, under `lock`. */
static _Atomic(Holder *) current;
static _Atomic(Holder *) rejected; /* what the files say, where that is not good enough; or NULL */

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

/* One reference, the caller's. */
static Holder *new_holder(const void *block, size_t size, const uint8_t origin[DIGEST_SIZE])
{
  Holder *holder = malloc(sizeof *holder + size);
  if (!holder)
    return NULL;
  atomic_init(&holder->references, 1);
  memcpy(holder->origin, origin, DIGEST_SIZE);
  memcpy(holder->block, block, size);
  holder->made_ms = clock_coarse_ms();
  atomic_init(&holder->checked_ms, holder->made_ms);
  return holder;
}

/* Puts `holder`, with the caller's reference, where `place` is. True: what was there had problems.
 */
static bool put(_Atomic(Holder *) *place, Holder *holder)
{
  process_lock(&lock);
  Holder *old = atomic_exchange(place, holder);
  process_unlock(&lock);
  const bool had_problems = old && snapshot_of(old)->problems.count > 0;
  if (old)
    config_release(snapshot_of(old));
  return had_problems;
}

/* The files are as they were, and there is no other reason to read them again. */
static bool still_holds(const Snapshot *snapshot)
{
  return snapshot_is_current(snapshot) &&
         (!snapshot_is_provisional(snapshot) ||
          clock_coarse_ms() - holder_of(snapshot)->made_ms < PROVISIONAL_MS);
}

/* The files have not changed since they were found to be no good. */
static bool is_rejected(const uint8_t origin[DIGEST_SIZE])
{
  process_lock(&lock);
  Holder *holder = atomic_load(&rejected);
  if (holder && memcmp(holder->origin, origin, DIGEST_SIZE) == 0)
    config_again(snapshot_of(holder));
  else
    holder = NULL;
  process_unlock(&lock);
  const bool still = holder && still_holds(snapshot_of(holder));
  if (holder)
    config_release(snapshot_of(holder));
  return still;
}

/* A number for its problems; 0: it has none. */
static uint64_t mark_of_problems(const Snapshot *snapshot)
{
  uint64_t mark = HASH_INIT;
  for (uint32_t i = 0; i < snapshot->problems.count; i++)
    mark = hash_text(mark, snapshot_string(snapshot, snapshot_problem(snapshot, i)->text));
  return snapshot->problems.count ? mark | 1 : 0;
}

/* What was told last. A provisional block is read again each minute, and most often the same. */
static _Atomic uint64_t told, told_rejected;

/* The first problem of a block stands for all of them here; from_files() has told each. */
static void log_rejected(const Snapshot *snapshot)
{
  const uint64_t mark = mark_of_problems(snapshot);
  if (atomic_exchange(&told_rejected, mark) == mark)
    return;
  const SnapshotProblem *first = snapshot_problem(snapshot, 0);
  const LogFields fields = {.event = EVENT_CONFIGURATION_KEPT,
                            .reason = "problem",
                            .file = snapshot_string(snapshot, first->file),
                            .line = first->line};
  log_event(&fields,
            "the changed configuration has %u error%s, and the one before it stays in use: %s",
            snapshot->problems.count, snapshot->problems.count == 1 ? "" : "s",
            snapshot_string(snapshot, first->text));
}

static void log_problems(const Snapshot *snapshot)
{
  for (uint32_t i = 0; i < snapshot->problems.count; i++) {
    const SnapshotProblem *problem = snapshot_problem(snapshot, i);
    const LogFields fields = {.event = EVENT_CONFIGURATION_PROBLEM,
                              .file = snapshot_string(snapshot, problem->file),
                              .line = problem->line};
    log_event(&fields, "%s", snapshot_string(snapshot, problem->text));
  }
}

/* `was_wrong`: what was in use, or was not good enough for that, had problems. */
static void log_restored(bool was_wrong, const Snapshot *snapshot)
{
  const LogFields fields = {.event = EVENT_CONFIGURATION_RESTORED};
  const LogState unread = {.event = EVENT_CONFIGURATION_KEPT},
                 missing = {.event = EVENT_CONFIGURATION_MISSING};
  const int64_t now = clock_boot_ms();
  int64_t lasted_ms;
  was_wrong |= log_state_end(&unread, now, now, &lasted_ms);
  was_wrong |= log_state_end(&missing, now, now, &lasted_ms);
  if (was_wrong && snapshot->problems.count == 0)
    log_event(&fields, "the changed configuration is in use, and has no errors any more");
}

/*
 * A process that runs with a configuration without errors keeps it until there is one again: it
 * would else lose a group that somebody is just mending. `old` may be NULL. Returns a reference to
 * what is in force, for one to each.
 */
static const Snapshot *choose(const Snapshot *old, Holder *holder)
{
  const Snapshot *snapshot = snapshot_of(holder);
  if (old && old->problems.count == 0 && snapshot->problems.count > 0) {
    if (is_rejected(holder->origin)) { /* another thread was first */
      config_release(snapshot);
    } else {
      put(&rejected, holder);
      log_rejected(snapshot);
    }
    mark_checked(old);
    return old;
  }
  config_again(snapshot);
  bool was_wrong = put(&current, holder);
  was_wrong |= put(&rejected, NULL);
  atomic_store(&told, mark_of_problems(snapshot));
  atomic_store(&told_rejected, 0);
  config_release(old);
  log_set_level((SnapshotLog)snapshot->log);
  log_restored(was_wrong, snapshot);
  return snapshot;
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

static Holder *from_segment(SnapshotSeal seal, const uint8_t origin[DIGEST_SIZE])
{
  size_t size;
  Holder *holder = NULL;
  Cache *cache = cache_open(seal);
  Snapshot *block = cache ? cache_load_config(cache, origin, &size) : NULL;
  if (block && snapshot_is_current(block))
    holder = new_holder(block, size, origin);
  free(block);
  return holder;
}

/* Which segment it lies in is a matter of the configuration itself (`seal`). */
static Holder *from_segments(const uint8_t origin[DIGEST_SIZE])
{
  Holder *holder = from_segment(SNAPSHOT_SEAL_REQUIRED, origin);
  return holder ? holder : from_segment(SNAPSHOT_SEAL_OFF, origin);
}

/* *paths is empty after it. */
static Holder *from_files(ProcessPaths *paths, const uint8_t origin[DIGEST_SIZE], Error *error)
{
  void *block = NULL;
  size_t size = 0;
  if (config_parse(paths, &block, &size, error))
    return NULL;
  Holder *holder = new_holder(block, size, origin);
  free(block);
  if (!holder) {
    error_set(error, THRED_E_NO_MEMORY, "out of memory for the configuration");
    return NULL;
  }
  const Snapshot *snapshot = snapshot_of(holder);
  const uint64_t mark = mark_of_problems(snapshot);
  if (atomic_exchange(&told, mark) != mark)
    log_problems(snapshot);
  Cache *cache = snapshot_is_provisional(snapshot)
                     ? NULL
                     : cache_create(snapshot->entries, (SnapshotSeal)snapshot->seal);
  if (cache)
    cache_store_config(cache, origin, snapshot, snapshot->size);
  return holder;
}

typedef enum { IN_MEMORY, IN_FILES } Depth;

/* It is tried again in a second, and so on. */
static void log_unread(const Error *error)
{
  const LogFields fields = {.event = EVENT_CONFIGURATION_KEPT, .reason = message_word(error->code)};
  log_wrong(&fields, NULL, NULL,
            "the changed configuration cannot be read, and the one before it stays in use: %s",
            error->message);
}

/* With each request. A clash of symbols is told where it is found. */
static void log_missing(const Error *error)
{
  const LogFields fields = {.event = EVENT_CONFIGURATION_MISSING,
                            .reason = message_word(error->code)};
  if (error->code != THRED_E_AGAIN && error->code != THRED_E_CLASH)
    log_wrong(&fields, NULL, NULL, "no token: %s", error->message);
}

/* `old`, a reference or NULL, is this process's; it goes, or is what is returned. */
static const Snapshot *renew(const Snapshot *old, ProcessPaths *paths,
                             const uint8_t origin[DIGEST_SIZE], Depth depth, Error *error)
{
  if (old && (still_holds(old) || is_rejected(origin))) {
    mark_checked(old);
    return old;
  }
  Holder *holder = from_segments(origin);
  if (!holder && depth == IN_FILES)
    holder = from_files(paths, origin, error);
  else if (!holder)
    error_set(error, THRED_E_AGAIN, "the configuration is being read");
  if (holder)
    return choose(old, holder);
  if (old && error->code != THRED_E_AGAIN) {
    log_unread(error);
    mark_checked(old);
    return old;
  }
  config_release(old);
  return NULL;
}

static const Snapshot *look(Depth depth, Error *error)
{
  ProcessPaths paths;
  uint8_t origin[DIGEST_SIZE];
  const Snapshot *snapshot = NULL;
  if (symbols_check_own(error)) /* before OpenSSL is called for the first time */
    return NULL;
  if (!process_paths(&paths))
    error_set(error, THRED_E_NO_MEMORY, "out of memory for the configuration's paths");
  else if (!origin_digest(&paths.origin, origin))
    error_set(error, THRED_E_INTERNAL, "out of memory for a digest");
  else
    snapshot = renew(take_fresh(origin, false), &paths, origin, depth, error);
  process_paths_clear(&paths);
  if (!snapshot)
    log_missing(error);
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
