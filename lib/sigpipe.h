/* SPDX-License-Identifier: MIT */
/*
 * sigpipe.h - writing where nobody may read any more, without SIGPIPE for the program.
 *
 * The disposition is the host's, and by default the signal ends it. write(2)'s SIGPIPE goes to the
 * thread that writes (POSIX.1-2017, XSH 2.4.1), so it is enough to block it in this one, and to
 * take back with sigtimedwait(2) what became pending meanwhile. One that was pending before is the
 * host's.
 */
#ifndef THRED_LIB_SIGPIPE_H
#define THRED_LIB_SIGPIPE_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>

typedef struct {
  sigset_t before;
  bool was_pending;
} SigpipeGuard;

static inline void sigpipe_block(SigpipeGuard *guard)
{
  sigset_t pending, only;
  sigemptyset(&pending);
  sigpending(&pending);
  guard->was_pending = sigismember(&pending, SIGPIPE) == 1;
  sigemptyset(&only);
  sigaddset(&only, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &only, &guard->before);
}

static inline void sigpipe_restore(const SigpipeGuard *guard)
{
  sigset_t pending, only;
  sigemptyset(&pending);
  sigpending(&pending);
  sigemptyset(&only);
  sigaddset(&only, SIGPIPE);
  if (!guard->was_pending && sigismember(&pending, SIGPIPE) == 1)
    sigtimedwait(&only, NULL, &(struct timespec){0, 0});
  pthread_sigmask(SIG_SETMASK, &guard->before, NULL);
}

#endif
