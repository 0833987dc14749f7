/* SPDX-License-Identifier: MIT */
/*
 * cache-current.c - which cache this process uses now.
 *
 * The segment may be taken from us at any time: retired by whoever found it stuck, removed by
 * systemd-logind at the user's last logout (RemoveIPC), replaced, cut short. A fork may land in
 * another PID namespace (unshare(2) before it), where a robust mutex means something else; a child
 * of raw clone(2) has no robust list at all. And where there was no room for a segment there may be
 * some later. Each of these is noticed here, at a price that can be paid per request: one clock.
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
#define RETRY_EVERY_MS 60000 /* from a private cache back to a shared one */
#define REATTACH_MAX                                                                               \
  16 /* those that were left stay mapped for ever: a bound on what that costs                      \
      */

static _Atomic(Cache *) current;
static _Atomic(Cache *) current_private; /* where the configuration wants no other */
static atomic_int attached;              /* caches so far */
static _Atomic int64_t look_at;          /* CLOCK_MONOTONIC_COARSE ms */

/* ---- a new process ---- */

/* A word that is 0 in a child, whether it came by fork(2), _Fork(3) or raw clone(2); NULL if the
 * kernel has no MADV_WIPEONFORK (before 4.14). Made by the first thread that asks. */
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

/* Since the last time it was asked. */
static bool is_new_process(void)
{
  CacheHalf *mark = child_mark();
  return mark && !atomic_load_explicit(mark, memory_order_relaxed) && !atomic_exchange(mark, 1);
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

/* ---- is it still the right one? ---- */

/* The name still leads to this file, in its whole size. */
static bool is_in_place(const Cache *cache)
{
  struct stat st;
  return !lstat(cache->path, &st) && st.st_dev == cache->device && st.st_ino == cache->inode &&
         (size_t)st.st_size == cache->shape.size;
}

/* Only a fork leads to another name. */
static bool is_ours_by_name(const Cache *cache)
{
  char path[CACHE_PATH_SIZE];
  cache_segment_path(path, sizeof path);
  return strcmp(path, cache->path) == 0;
}

static bool is_due(int64_t every_ms)
{
  int64_t now = clock_coarse_ms(), at = atomic_load_explicit(&look_at, memory_order_relaxed);
  /* One thread looks, the others go on. */
  return now >= at && atomic_compare_exchange_strong(&look_at, &at, now + every_ms);
}

/* For good: a mapping that was cut short must not even be looked at. */
static void leave_if_gone(Cache *cache)
{
  bool new_process = is_new_process();
  if (cache->shared && ((new_process && (!has_robust_list() || !is_ours_by_name(cache))) ||
                        (is_due(LOOK_EVERY_MS) && !is_in_place(cache))))
    atomic_store(&cache->left, true);
}

static bool is_right(Cache *cache)
{
  if (!cache)
    return false;
  if (!atomic_load_explicit(&cache->left, memory_order_relaxed))
    leave_if_gone(cache);
  return !atomic_load_explicit(&cache->left, memory_order_relaxed) && cache_is_usable(cache) &&
         (cache->shared || !is_due(RETRY_EVERY_MS));
}

/* ---- attaching ---- */

static const char *why_not_shared(void)
{
  /* A setgid program must not leave its tokens in its caller's segment. */
  if (process_at_secure())
    return "AT_SECURE";
  if (!has_robust_list())
    return "a child of clone(2) has no robust mutexes";
  if (atomic_load(&attached) > REATTACH_MAX)
    return "its segment was taken away too often";
  return NULL;
}

/* No lock: two threads may attach at once; one mapping wins, and the other goes, which nobody has
 * used. */
static Cache *install(_Atomic(Cache *) *place, Cache *seen, Cache *cache)
{
  if (!cache)
    return NULL;
  cache->older = seen;
  if (atomic_compare_exchange_strong(place, &seen, cache)) {
    atomic_fetch_add(&attached, 1);
    return cache;
  }
  cache_discard(cache);
  return seen;
}

/* `seen` is not right any more, or NULL. A private one is kept if there still can be no other. */
static Cache *attach(Cache *seen, bool create, uint32_t entries)
{
  int why = EACCES;
  const char *reason = why_not_shared();
  Cache *cache = reason ? NULL : cache_attach_shared(create, entries, &why);
  bool was_private = seen && !seen->shared && cache_is_usable(seen);
  if (cache && was_private)
    log_info("the shared cache is used again");
  if (cache || !create)
    return cache ? cache : was_private ? seen : NULL;
  atomic_store(&look_at, clock_coarse_ms() + RETRY_EVERY_MS);
  if (was_private)
    return seen;
  log_warning("no shared cache (%s): tokens are cached in this process alone",
              reason ? reason : strerror(why));
  return cache_attach_private();
}

static Cache *open_or_create(bool create, uint32_t entries)
{
  Cache *seen = atomic_load_explicit(&current, memory_order_acquire);
  if (is_right(seen))
    return seen;
  Cache *cache = attach(seen, create, entries);
  return cache == seen ? seen : install(&current, seen, cache);
}

Cache *cache_open(void)
{
  return open_or_create(false, 0);
}

Cache *cache_create(uint32_t entries)
{
  return open_or_create(true, entries);
}

Cache *cache_create_private(void)
{
  Cache *seen = atomic_load_explicit(&current_private, memory_order_acquire);
  return cache_is_usable(seen) ? seen : install(&current_private, seen, cache_attach_private());
}

bool cache_is_shared(const Cache *cache)
{
  return cache->shared;
}
