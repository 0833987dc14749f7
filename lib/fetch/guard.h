/* SPDX-License-Identifier: MIT */
/*
 * guard.h - a call into foreign code that nobody waits for longer than until its deadline (miss
 * part).
 *
 * It runs in a thread of its own, which is left behind if it does not come back. Where there is no
 * thread to be had, it runs in the caller's.
 */
#ifndef THRED_LIB_FETCH_GUARD_H
#define THRED_LIB_FETCH_GUARD_H

#include <stdbool.h>
#include <stdint.h>

/* The hot part's ways with threads (worker.h). `start` NULL: a plain thread, which a fork or exit
 * does not wait for; the others NULL: nothing to tell. */
typedef struct {
  bool (*start)(void (*function)(void *data), void *data);
  void (*wait_begin)(void);
  void (*wait_end)(void);
  void (*note_lost)(bool is_lost); /* one that was started is left behind; or has come back */
} GuardThreads;

/*
 * Runs function(data). True: it has returned. False: it has not by `deadline_ms` (CLOCK_MONOTONIC);
 * `data` is no longer the caller's then, and release(data) follows when it does, if ever.
 */
bool guard_run(const GuardThreads *threads, void (*function)(void *data),
               void (*release)(void *data), void *data, int64_t deadline_ms);

#endif
