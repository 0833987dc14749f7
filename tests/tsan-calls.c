/* SPDX-License-Identifier: MIT */
/*
 * tsan-calls.c - linked into all that `scripts/lanes tsan` builds: calls that the ThreadSanitizer
 * of gcc 12 does not understand, by what it does.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <time.h>

#define NS_IN_S 1000000000L

int pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock, const struct timespec *until);
int sem_clockwait(sem_t *semaphore, clockid_t clock, const struct timespec *until);

/* ---- pthread_mutex_clocklock(3), sem_clockwait(3) ----
 * It has no interceptors for these two, so it would not see that the mutex was taken, nor what a
 * semaphore orders. */

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

/* ---- dlopen(3) ----
 * Its own lock, which orders what ld.so makes and what others read of it (dl_iterate_phdr(3), a
 * second dlopen(3) of the same object), is not seen. So what is allocated there counts as written
 * by nobody. A report that is suppressed would not do: to make it, the runtime waits for ld.so's
 * lock, whose owner may be waiting for the runtime's. */

void *__interceptor_dlopen(const char *file, int mode) __attribute__((weak));
void __tsan_ignore_thread_begin(void) __attribute__((weak));
void __tsan_ignore_thread_end(void) __attribute__((weak));

__attribute__((weak)) void *dlopen(const char *file, int mode)
{
  __tsan_ignore_thread_begin();
  void *object = __interceptor_dlopen(file, mode);
  __tsan_ignore_thread_end();
  return object;
}
