/* SPDX-License-Identifier: MIT */
/*
 * cache-current.c - which cache this process uses now.
 *
 * The segment may be taken from us at any time: retired by whoever found it stuck, removed by
 * systemd-logind at the user's last logout (RemoveIPC), replaced, cut short. A fork may land in
 * another PID namespace (unshare(2) before it), where a robust mutex means something else; a child
 * of raw clone(2) has no robust list at all. And where there was no room for a segment there may be
 * some later. A program may change its user from one request to the next. Each of these is noticed
 * here, at a price that can be paid per request: one clock and geteuid(2).
 *
 * Nothing here takes a lock, so that a fork at any moment leaves it whole. Several threads may
 * decide the same thing at once; one of them wins, and what the others made is unused and goes.
 *
 * There are two segments, by name: a process that cannot have the key of the sealed one, or is told
 * to do without, must neither read tokens from it nor put any there that others then take for
 * sealed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/cache-internal.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/process.h"

#define LOOK_EVERY_MS  1000
#define RETRY_EVERY_MS 60000 /* from a fallback to a segment, */
#define RETRY_RACE_MS  5000  /* or while other processes make or remove one */
#define SEGMENTS_MAX   16    /* that were left stay mapped for ever: a bound on what that costs, */
#define ONE_MORE_EVERY (3600 * 1000) /* but for a process that lives for months */

/* All caches of this process, the newest first, linked by `older`. Nothing is ever taken out. */
static _Atomic(Cache *) all;
static _Atomic(Cache *) current[CACHE_KINDS]; /* where to look first */
static atomic_int segments;                   /* mapped so far */
static _Atomic int64_t one_more_at;           /* CLOCK_MONOTONIC_COARSE ms, as are the next two */
static _Atomic int64_t look_at;
static _Atomic int64_t retry_at;
static atomic_bool said_private; /* the log has it */

static bool is_segment(CacheKind kind)
{
  return kind != CACHE_PRIVATE;
}

/* ---- a new process ---- */

/* A word that is 0 in a child, whether it came by fork(2), _Fork(3) or raw clone(2), until it has
 * looked at what it inherited; NULL if the kernel has no MADV_WIPEONFORK (before 4.14). Made by the
 * first thread that asks. */
static CacheHalf *child_mark(void)
{
  static _Atomic(CacheHalf *) shared;
  CacheHalf *mark = atomic_load_explicit(&shared, memory_order_acquire);
  if (mark)
    return mark;
  long size = sysconf(_SC_PAGESIZE);
  void *page = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED)
    return NULL;
  if (madvise(page, (size_t)size, MADV_WIPEONFORK) == 0 &&
      atomic_compare_exchange_strong(&shared, &mark, page))
    return page;
  munmap(page, (size_t)size);
  return mark;
}

/* The kernel releases a robust mutex of a dead thread by the list that libc registered for it. A
 * child of raw clone(2) has none, and libc believes that it is its parent. */
static bool has_robust_list(void)
{
#ifdef __GLIBC__
  void *head = NULL;
  size_t size = 0;
  return syscall(SYS_get_robust_list, 0, &head, &size) == 0 && head;
#else
  return true; /* musl registers at the first lock */
#endif
}

typedef struct {
  char name[CACHE_PATH_SIZE];
} Name;

/* It is not the one that this process would choose itself. The names are worked out when they are
 * asked for, which a process that has inherited nothing does not do. */
static void leave_unless_named(Cache *cache, Name names[CACHE_KINDS])
{
  if (!cache || !is_segment(cache->kind))
    return;
  Name *name = &names[cache->kind];
  if (!name->name[0] && has_robust_list())
    cache_segment_path(cache->kind, name->name, sizeof name->name);
  if (strcmp(name->name, cache->path) != 0)
    atomic_store(&cache->left, true);
}

/* What was inherited is left unless it is what this process would choose itself: a fork into
 * another PID namespace would not. The mark comes last, so that no thread goes on before it is
 * decided. */
static void look_after_fork(void)
{
  CacheHalf *mark = child_mark();
  if (!mark || atomic_load_explicit(mark, memory_order_acquire))
    return;
  Name names[CACHE_KINDS] = {{""}};
  /* A thread was just making it, and it is not in the list yet. */
  for (int kind = 0; kind < CACHE_KINDS; kind++)
    leave_unless_named(atomic_load(&current[kind]), names);
  for (Cache *cache = atomic_load(&all); cache; cache = cache->older) {
    leave_unless_named(cache, names);
    cache_keep_key(cache);
  }
  atomic_store_explicit(mark, 1, memory_order_release);
}

/* ---- is it still the right one? ---- */

/* One thread looks, the others go on. */
static bool is_due(_Atomic int64_t *at, int64_t every_ms)
{
  int64_t now = clock_coarse_ms(), seen = atomic_load_explicit(at, memory_order_relaxed);
  return now >= seen && atomic_compare_exchange_strong(at, &seen, now + every_ms);
}

/* The name still leads to this file, in its whole size. */
static bool is_in_place(const Cache *cache)
{
  struct stat st;
  return !lstat(cache->path, &st) && st.st_dev == cache->device && st.st_ino == cache->inode &&
         (size_t)st.st_size == cache->shape.size;
}

/* In this order: a mapping that was cut short must not even be looked at. */
static bool is_right(Cache *cache)
{
  if (!cache)
    return false;
  if (is_segment(cache->kind) && is_due(&look_at, LOOK_EVERY_MS)) {
    if (is_in_place(cache))
      cache_renew_key(cache);
    else
      atomic_store(&cache->left, true);
  }
  return !atomic_load_explicit(&cache->left, memory_order_relaxed) && cache_is_usable(cache);
}

/* What needs no key does not ask for it. */
static bool is_good_for(Cache *cache, bool keyed)
{
  return !keyed || cache->kind != CACHE_SEALED || cache_take_key(cache) == 0;
}

/* One that this process has had before: a program that changes its user comes back. */
static Cache *find(CacheKind kind, bool keyed)
{
  uid_t user = geteuid();
  for (Cache *cache = atomic_load(&all); cache; cache = cache->older) {
    if (cache->kind != kind || cache->owner != user || atomic_load(&cache->left))
      continue;
    if ((is_segment(kind) && !is_in_place(cache)) || !cache_is_usable(cache))
      atomic_store(&cache->left, true); /* and not looked at again */
    else if (is_good_for(cache, keyed))
      return cache;
  }
  return NULL;
}

static Cache *known(CacheKind kind, bool keyed)
{
  Cache *cache = atomic_load_explicit(&current[kind], memory_order_acquire);
  if (is_right(cache) && is_good_for(cache, keyed))
    return cache;
  cache = find(kind, keyed);
  if (cache)
    atomic_store(&current[kind], cache);
  return cache;
}

/* ---- making one ---- */

/* Another thread that made one since `seen` has won: ours, which nobody has used, goes. */
static Cache *install(Cache *cache, CacheKind kind, Cache *seen)
{
  if (!cache)
    return NULL;
  if (!atomic_compare_exchange_strong(&current[kind], &seen, cache)) {
    cache_discard(cache);
    return seen;
  }
  if (is_segment(kind)) {
    atomic_fetch_add(&segments, 1);
    atomic_store(&one_more_at, clock_coarse_ms() + ONE_MORE_EVERY);
  }
  cache->older = atomic_load(&all);
  while (!atomic_compare_exchange_weak(&all, &cache->older, cache))
    ;
  return cache;
}

/* NULL, or why this process can have no segment. */
static const char *why_none(void)
{
  /* A setgid program must not leave its tokens in its caller's segment. */
  if (process_at_secure())
    return "AT_SECURE";
  if (!has_robust_list())
    return "a child of clone(2) has no robust mutexes";
  if (atomic_load(&segments) >= SEGMENTS_MAX && clock_coarse_ms() < atomic_load(&one_more_at))
    return "its segment was taken away too often";
  return NULL;
}

/* When to look again, after no segment could be had. */
static void retry_after(int error)
{
  bool race = error == EBUSY || error == EEXIST;
  atomic_store(&retry_at, clock_coarse_ms() + (race ? RETRY_RACE_MS : RETRY_EVERY_MS));
}

/* Once: the state of this machine, not of each process. */
static void say_unsealed(const Cache *cache, const CacheWhy *why)
{
  const LogFields fields = {.event = EVENT_CACHE_UNSEALED};
  if (cache && why->keyring)
    log_event(&fields,
              "no key for sealed tokens from the kernel's keyring (%s): those in %s can be read by "
              "whoever can read that; seal = required would keep them out of it",
              strerror(why->error), cache->path);
}

static Cache *attach_segment(CacheKind kind, bool create, uint32_t entries, CacheWhy *why)
{
  Cache *seen = atomic_load(&current[kind]);
  Cache *cache = known(kind, create); /* another thread has just made it */
  if (cache)
    return cache;
  cache = cache_attach_shared(kind, create, entries, why);
  if (!cache) {
    if (create)
      retry_after(why->error);
    return NULL;
  }
  const LogFields fields = {.event = EVENT_CACHE_SHARED};
  if (atomic_exchange(&said_private, false))
    log_event(&fields, "the shared cache is used again");
  return install(cache, kind, seen);
}

/* The segment that `seal` wants, else the unsealed one if it allows that and the keyring is why (or
 * nothing is to be made, and whatever is there is asked for). */
static Cache *attach_any(bool create, uint32_t entries, SnapshotSeal seal, CacheWhy *why)
{
  const CacheKind kind = seal == SNAPSHOT_SEAL_OFF ? CACHE_UNSEALED : CACHE_SEALED;
  Cache *cache = attach_segment(kind, create, entries, why);
  if (cache || seal != SNAPSHOT_SEAL_AUTO || (create && !why->keyring))
    return cache;
  CacheWhy sealed = *why, there;
  cache = attach_segment(CACHE_UNSEALED, false, 0, &there);
  if (!cache && create) {
    cache = attach_segment(CACHE_UNSEALED, true, entries, why);
    say_unsealed(cache, &sealed);
  }
  return cache;
}

/* What this process has that serves in place of what `seal` wants. */
static Cache *second_best(SnapshotSeal seal, bool keyed)
{
  Cache *cache = seal == SNAPSHOT_SEAL_AUTO ? known(CACHE_UNSEALED, keyed) : NULL;
  return cache ? cache : known(CACHE_PRIVATE, keyed);
}

/* Once, until there is a shared one again. */
static void say_private(const char *none, const CacheWhy *why)
{
  const LogFields fields = {.event = EVENT_CACHE_PRIVATE};
  if (!atomic_exchange(&said_private, true))
    log_event(&fields, "no shared cache (%s%s): tokens are cached in this process alone",
              none           ? none
              : why->keyring ? "seal = required, and the kernel's keyring gives no key: "
                             : "",
              none ? "" : strerror(why->error));
}

static Cache *attach_private(void)
{
  Cache *seen = atomic_load(&current[CACHE_PRIVATE]);
  Cache *cache = known(CACHE_PRIVATE, true);
  return cache ? cache : install(cache_attach_private(), CACHE_PRIVATE, seen);
}

/* A segment, else the second best, from which it is looked again once a minute. */
static Cache *open_or_create(bool create, uint32_t entries, SnapshotSeal seal)
{
  look_after_fork();
  Cache *cache = known(seal == SNAPSHOT_SEAL_OFF ? CACHE_UNSEALED : CACHE_SEALED, create);
  if (cache)
    return cache;
  Cache *second = second_best(seal, create);
  if (second && !(create && is_due(&retry_at, RETRY_EVERY_MS)))
    return second;
  CacheWhy why = {0};
  const char *none = why_none();
  if (!none)
    cache = attach_any(create, entries, seal, &why);
  else if (create)
    retry_after(0);
  if (cache || !create)
    return cache ? cache : second;
  if (!second || !is_segment(second->kind))
    say_private(none, &why);
  return second ? second : attach_private();
}

Cache *cache_open(SnapshotSeal seal)
{
  return open_or_create(false, 0, seal);
}

Cache *cache_create(uint32_t entries, SnapshotSeal seal)
{
  return open_or_create(true, entries, seal);
}

bool cache_is_shared(const Cache *cache)
{
  return is_segment(cache->kind);
}

bool cache_is_sealed(const Cache *cache)
{
  return cache->kind == CACHE_SEALED;
}
