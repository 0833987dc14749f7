/* SPDX-License-Identifier: MIT */
/*
 * sigpipe.h - writing where nobody may read any more, or to a file that may not grow (setrlimit(2),
 * RLIMIT_FSIZE), without SIGPIPE or SIGXFSZ for the program.
 *
 * The disposition is the host's, and by default the signal ends it. write(2)'s goes to the thread
 * that writes (POSIX.1-2017, XSH 2.4.1), so it is enough to block it in this one, and to take back
 * with sigtimedwait(2) what became pending meanwhile. One that was pending before is the host's.
 */
#ifndef THRED_LIB_SIGPIPE_H
#define THRED_LIB_SIGPIPE_H

#include <pthread.h>
#include <signal.h>
#include <time.h>

typedef struct {
  sigset_t before, pending;
} SigpipeGuard;

static inline sigset_t sigpipe_pending(void)
{
  sigset_t pending;
  sigemptyset(&pending);
  sigpending(&pending);
  return pending;
}

static inline void sigpipe_block(SigpipeGuard *guard)
{
  sigset_t ours;
  guard->pending = sigpipe_pending();
  sigemptyset(&ours);
  sigaddset(&ours, SIGPIPE);
  sigaddset(&ours, SIGXFSZ);
  pthread_sigmask(SIG_BLOCK, &ours, &guard->before);
}

static inline void sigpipe_take_back(const SigpipeGuard *guard, const sigset_t *pending, int number)
{
  sigset_t only;
  sigemptyset(&only);
  sigaddset(&only, number);
  if (sigismember(&guard->pending, number) != 1 && sigismember(pending, number) == 1)
    sigtimedwait(&only, NULL, &(struct timespec){0, 0});
}

static inline void sigpipe_restore(const SigpipeGuard *guard)
{
  const sigset_t pending = sigpipe_pending();
  sigpipe_take_back(guard, &pending, SIGPIPE);
  sigpipe_take_back(guard, &pending, SIGXFSZ);
  pthread_sigmask(SIG_SETMASK, &guard->before, NULL);
}

#endif
