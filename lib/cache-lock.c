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
#include "lib/clock.h"
#include "lib/descriptor.h"
#include "lib/log.h"

#define WAIT_MS       50
#define FAILURES_MAX  3
#define STUCK_MS      2000  /* its owner is stopped, or gone in a way that the kernel did not see */
#define STUCK_LONG_MS 30000 /* whatever it does */
#define PATIENCE      3

static bool init_robust(pthread_mutex_t *mutex)
{
  pthread_mutexattr_t attributes;
  if (pthread_mutexattr_init(&attributes))
    return false;
  bool good = !pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) &&
              !pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST) &&
              !pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_NORMAL) &&
              !pthread_mutex_init(mutex, &attributes);
  pthread_mutexattr_destroy(&attributes);
  return good;
}

bool cache_lock_init(CacheHeader *header)
{
  return init_robust(&header->lock);
}

bool cache_is_usable(const Cache *cache)
{
  return cache && cache->owner == geteuid() &&
         atomic_load_explicit(&cache->header->state, memory_order_relaxed) == CACHE_LIVE;
}

void cache_retire(Cache *cache, const char *why)
{
  if (atomic_exchange(&cache->header->state, CACHE_RETIRED) != CACHE_RETIRED)
    log_error("the shared cache is given up and made anew: %s", why);
}

/* ---- a mutex that a broken peer has written over ---- */

/*
 * Of the mutex only the lock word, its first 4 bytes, may be changed by somebody else than its
 * owner. glibc aborts on some kinds that it does not know and follows the list's pointers: so the
 * kind is compared before each attempt, and what the owner knows is put back before it unlocks.
 */
#ifdef __GLIBC__
static bool is_intact(const pthread_mutex_t *mutex)
{
  static atomic_int kind = -1; /* of such a mutex, as this libc writes it */
  int good = atomic_load_explicit(&kind, memory_order_relaxed);
  if (good < 0) {
    pthread_mutex_t model;
    if (!init_robust(&model))
      return false;
    good = model.__data.__kind;
    atomic_store_explicit(&kind, good, memory_order_relaxed);
  }
  return mutex->__data.__kind == good;
}

static void put_back(pthread_mutex_t *mutex, const pthread_mutex_t *known)
{
  memcpy((char *)mutex + 4, (const char *)known + 4, sizeof *mutex - 4);
}
#else
static bool is_intact(const pthread_mutex_t *mutex)
{
  (void)mutex;
  return true;
}

static void put_back(pthread_mutex_t *mutex, const pthread_mutex_t *known)
{
  (void)mutex;
  (void)known;
}
#endif

/* ---- locking ---- */

static bool locked(Cache *cache, int result)
{
  CacheHeader *header = cache->header;
  if (result != 0 && result != EOWNERDEAD)
    return false;
  if (result == EOWNERDEAD) {
    cache_repair(cache);
    pthread_mutex_consistent(&header->lock);
    cache_count(cache, CACHE_COUNT_REPAIRED);
  }
  memcpy(&cache->held, &header->lock, sizeof cache->held);
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
  return stalled >= STUCK_LONG_MS || (stalled >= STUCK_MS && !owner_is_running(&header->lock));
}

static int timed_lock(pthread_mutex_t *mutex)
{
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_nsec += WAIT_MS * 1000000L;
  if (until.tv_nsec >= 1000000000L) {
    until.tv_sec++;
    until.tv_nsec -= 1000000000L;
  }
  int result = pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &until);
  /* glibc (2.36 and master) leaves the mutex in the thread's list_op_pending after ETIMEDOUT; only
   * another attempt clears it. It also picks up a wake-up that a stopped waiter swallowed. */
  return result == ETIMEDOUT ? pthread_mutex_trylock(mutex) : result;
}

bool cache_lock(Cache *cache)
{
  pthread_mutex_t *mutex = &cache->header->lock;
  if (!cache_is_usable(cache))
    return false;
  if (!is_intact(mutex)) {
    cache_retire(cache, "its mutex was overwritten");
    return false;
  }
  int result = pthread_mutex_trylock(mutex);
  if (result == EBUSY)
    result = timed_lock(mutex);
  if (locked(cache, result))
    return true;
  if (result == ENOTRECOVERABLE || result == EINVAL)
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
  pthread_mutex_t *mutex = &cache->header->lock;
  put_back(mutex, &cache->held);
  /* EPERM: the lock word is no longer ours. It stays in this thread's list, so nobody may come back
   * to it. */
  if (pthread_mutex_unlock(mutex))
    cache_retire(cache, "its mutex was overwritten while it was held");
}
