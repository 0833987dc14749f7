/* SPDX-License-Identifier: MIT */
/*
 * cache-lock.c - the segment's robust mutex.
 *
 * It is never waited for without an end: a stopped owner, or a stopped waiter that swallowed the
 * only wake-up, would hold everyone up. Its death leaves EOWNERDEAD to the next one, which repairs.
 * What cannot be repaired, or what nobody got for seconds because its owner is stopped, is retired:
 * the processes leave it, mapped as it is, and make a new one.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/cache-internal.h"
#include "lib/clock-wait.h"
#include "lib/clock.h"
#include "lib/descriptor.h"
#include "lib/log.h"

#define WAIT_MS       50
#define FAILURES_MAX  3
#define STUCK_MS      2000  /* its owner is stopped, or gone in a way that the kernel did not see */
#define STUCK_LONG_MS 30000 /* whatever it does */
#define PATIENCE      3

bool cache_lock_init(CacheHeader *header)
{
  return robust_init(&header->lock);
}

bool cache_is_usable(const Cache *cache)
{
  return cache && cache->owner == geteuid() &&
         atomic_load_explicit(&cache->header->state, memory_order_relaxed) == CACHE_LIVE;
}

void cache_retire(Cache *cache, const char *why)
{
  const LogFields fields = {.event = EVENT_CACHE_REPLACED};
  if (atomic_exchange(&cache->header->state, CACHE_RETIRED) != CACHE_RETIRED)
    log_event(&fields, "the shared cache is given up and made anew: %s", why);
}

void cache_expire(Cache *cache)
{
  const LogFields fields = {.event = EVENT_CACHE_KEY_EXPIRED};
  if (atomic_exchange(&cache->header->state, CACHE_RETIRED) != CACHE_RETIRED)
    log_event(&fields, "the key of the shared cache has expired: a new one is made");
}

/* ---- locking ---- */

static bool locked(Cache *cache, int result, const RobustOwned *owned)
{
  CacheHeader *header = cache->header;
  if (result != 0 && result != EOWNERDEAD)
    return false;
  if (result == EOWNERDEAD) {
    cache_repair(cache);
    pthread_mutex_consistent(&header->lock);
    cache_count(cache, CACHE_COUNT_REPAIRED);
  }
  cache->owned = *owned;
  if (atomic_load_explicit(&header->lock_failing_since, memory_order_relaxed)) {
    atomic_store(&header->lock_failures, 0);
    atomic_store(&header->lock_failing_since, 0);
  }
  return true;
}

/*
 * Whether the owner only waits for a CPU: with a thousand processes that takes seconds, and is no
 * reason to give everybody's tokens up. The name of its thread is the lock word's, here as in the
 * kernel (FUTEX_TID_MASK), and stands for the same thread in all who share a segment. Only a
 * stopped one, or one that is not there, is not running; 0: nobody has it now.
 */
static bool owner_is_running(const pthread_mutex_t *mutex)
{
  char path[48], text[512];
  unsigned word;
  memcpy(&word, mutex, sizeof word);
  if (!(word & FUTEX_TID_MASK))
    return true;
  snprintf(path, sizeof path, "/proc/%u/stat", word & FUTEX_TID_MASK);
  int fd = descriptor_above_standard(open(path, O_RDONLY | O_CLOEXEC));
  ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (fd >= 0)
    close(fd);
  if (length <= 0)
    return false;
  text[length] = 0;
  const char *name_end = strrchr(text, ')'); /* proc_pid_stat(5): PID (NAME) STATE */
  return name_end && name_end[1] == ' ' && name_end[2] && !strchr("TtZXx", name_end[2]);
}

/* Nobody got the lock for a while, so this is no passing stall of its owner. The time comes before
 * the count, or waiters that time out together would take an older one for it; it may be later than
 * ours, when we lost the CPU in between. */
static bool is_stuck(Cache *cache)
{
  CacheHeader *header = cache->header;
  uint32_t since = 0, now = (uint32_t)clock_boot_ms() | 1;
  if (atomic_compare_exchange_strong(&header->lock_failing_since, &since, now))
    since = now;
  if (atomic_fetch_add(&header->lock_failures, 1) + 1 < FAILURES_MAX)
    return false;
  int32_t stalled = (int32_t)(now - since);
  if (stalled < -STUCK_LONG_MS) { /* garbage, which would keep us here for weeks */
    atomic_compare_exchange_strong(&header->lock_failing_since, &since, now);
    return false;
  }
  return stalled >= STUCK_LONG_MS || (stalled >= STUCK_MS && !owner_is_running(&header->lock));
}

static int try_lock(pthread_mutex_t *mutex, const RobustOwned *owned)
{
  return robust_is_intact(mutex, owned) ? pthread_mutex_trylock(mutex) : EINVAL;
}

static int timed_lock(pthread_mutex_t *mutex, const RobustOwned *owned)
{
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_nsec += WAIT_MS * 1000000L;
  if (until.tv_nsec >= 1000000000L) {
    until.tv_sec++;
    until.tv_nsec -= 1000000000L;
  }
  int result = robust_is_intact(mutex, owned) ? clock_wait_mutex(mutex, &until) : EINVAL;
  /* glibc (2.36 and master) leaves the mutex in the thread's list_op_pending after ETIMEDOUT; only
   * another attempt clears it. It also picks up a wake-up that a stopped waiter swallowed. */
  return result == ETIMEDOUT ? try_lock(mutex, owned) : result;
}

bool cache_lock(Cache *cache)
{
  pthread_mutex_t *mutex = &cache->header->lock;
  RobustOwned owned;
  if (!cache_is_usable(cache) || !robust_expect(&owned))
    return false;
  int result = try_lock(mutex, &owned);
  if (result == EBUSY)
    result = timed_lock(mutex, &owned);
  if (locked(cache, result, &owned))
    return true;
  if (result == EINVAL)
    cache_retire(cache, "its mutex was overwritten");
  else if (result == ENOTRECOVERABLE)
    cache_retire(cache, "its mutex is broken");
  else if (is_stuck(cache))
    cache_retire(cache, "its mutex is held by a stopped process");
  return false;
}

bool cache_lock_patiently(Cache *cache)
{
  for (int i = 0; i < PATIENCE; i++)
    if (cache_lock(cache))
      return true;
  return false;
}

void cache_unlock(Cache *cache)
{
  const RobustOwned owned = cache->owned;
  if (!robust_unlock(&cache->header->lock, &owned))
    cache_retire(cache, "its mutex was overwritten while it was held");
}
