/* SPDX-License-Identifier: MIT */
/*
 * clock-wait.h - waiting until a time of CLOCK_MONOTONIC, which nobody sets. musl waits by
 * CLOCK_REALTIME alone, where a clock that is set back would make it an hour: there the other side
 * is asked again each millisecond. Our callers do not let a thread be cancelled meanwhile.
 */
#ifndef THRED_LIB_CLOCK_WAIT_H
#define THRED_LIB_CLOCK_WAIT_H

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <time.h>

#include "config.h"

#if defined(THRED_HAS_PTHREAD_MUTEX_CLOCKLOCK) && defined(THRED_HAS_SEM_CLOCKWAIT)

static inline int clock_wait_mutex(pthread_mutex_t *mutex, const struct timespec *until)
{
  return pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, until);
}

static inline int clock_wait_semaphore(sem_t *semaphore, const struct timespec *until)
{
  return sem_clockwait(semaphore, CLOCK_MONOTONIC, until);
}

#else

/* False: it is over. */
static inline bool clock_wait_a_moment(const struct timespec *until)
{
  const struct timespec moment = {.tv_nsec = 1000000};
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  if (now.tv_sec > until->tv_sec || (now.tv_sec == until->tv_sec && now.tv_nsec >= until->tv_nsec))
    return false;
  nanosleep(&moment, NULL);
  return true;
}

static inline int clock_wait_mutex(pthread_mutex_t *mutex, const struct timespec *until)
{
  int result;
  while ((result = pthread_mutex_trylock(mutex)) == EBUSY && clock_wait_a_moment(until))
    continue;
  return result == EBUSY ? ETIMEDOUT : result;
}

static inline int clock_wait_semaphore(sem_t *semaphore, const struct timespec *until)
{
  while (sem_trywait(semaphore)) {
    if (errno != EAGAIN)
      return -1;
    if (!clock_wait_a_moment(until)) {
      errno = ETIMEDOUT;
      return -1;
    }
  }
  return 0;
}

#endif

#endif
