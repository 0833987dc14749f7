/* SPDX-License-Identifier: MIT */
/*
 * tsan-clock.c - linked into all that `scripts/lanes tsan` builds: pthread_mutex_clocklock(3) and
 * sem_clockwait(3), by functions that the ThreadSanitizer of gcc 12 knows. It has no interceptors
 * for these two, so it would not see that the mutex was taken, nor what a semaphore orders.
 */
#include <pthread.h>
#include <semaphore.h>
#include <time.h>

#define NS_IN_S 1000000000L

int pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock, const struct timespec *until);
int sem_clockwait(sem_t *semaphore, clockid_t clock, const struct timespec *until);

/* The same moment on CLOCK_REALTIME, as well as it can be told. */
static struct timespec in_real_time(clockid_t clock, const struct timespec *until)
{
  struct timespec now, real;
  clock_gettime(clock, &now);
  clock_gettime(CLOCK_REALTIME, &real);
  real.tv_sec += until->tv_sec - now.tv_sec;
  real.tv_nsec += until->tv_nsec - now.tv_nsec;
  if (real.tv_nsec >= NS_IN_S) {
    real.tv_sec++;
    real.tv_nsec -= NS_IN_S;
  } else if (real.tv_nsec < 0) {
    real.tv_sec--;
    real.tv_nsec += NS_IN_S;
  }
  return real;
}

int pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock, const struct timespec *until)
{
  const struct timespec real = in_real_time(clock, until);
  return pthread_mutex_timedlock(mutex, &real);
}

int sem_clockwait(sem_t *semaphore, clockid_t clock, const struct timespec *until)
{
  const struct timespec real = in_real_time(clock, until);
  return sem_timedwait(semaphore, &real);
}
