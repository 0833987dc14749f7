/* SPDX-License-Identifier: MIT */
/*
 * log-state.h - what is wrong is told when it begins and when it is over, not with each request.
 *
 * A state is an event with an environment and a reason. This process keeps some of them, in a table
 * of fixed size: one line when a state begins, then one an hour while it goes on (log.h's events
 * are told apart by their fields). One that comes and goes is told after 1, 2, 4 .. 60 minutes at
 * the earliest. One without an end that nobody notices for an hour begins anew. More than 30
 * businesses that are wrong at once, and more than 30 other states, share a line.
 *
 * Any thread; the lock is held for less than a microsecond. A child of fork(2) goes on with what
 * its parent has told.
 */
#ifndef THRED_LIB_LOG_STATE_H
#define THRED_LIB_LOG_STATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/log.h"

typedef struct {
  LogEvent event;
  const char *environment, *reason; /* or NULL */
  const char *scope;   /* NULL, or what else makes it another state: a business that is unknown */
  const char *subject; /* who has noticed, for log_state_end(); or NULL */
  int64_t again_ms;    /* how long after a line there is another; 0: an hour */
} LogState;

/* A state is wrong, still or again. True: it is to be told; *ongoing_ms is how long it was so. */
bool log_state_begin(const LogState *state, bool tellable, int64_t now_ms, int64_t *ongoing_ms);

/* It is well again: `state`'s event, environment and scope, for whatever reason it was wrong. That
 * counts if it was `subject` who had noticed; another one's word if it is newer than the state, and
 * nobody has noticed anything for a minute. True: it is to be told. Times: CLOCK_BOOTTIME. */
bool log_state_end(const LogState *state, int64_t proof_ms, int64_t now_ms, int64_t *lasted_ms);

/* Some state may have to be ended. For each request: one load, of a bit for each token's state. */
extern _Atomic uint64_t log_states_wrong;
static inline bool log_state_any(void)
{
  return atomic_load_explicit(&log_states_wrong, memory_order_relaxed) != 0;
}

/* False: that one has not. Without the lock: what is wrong with one business, perhaps for good, is
 * no cost to the others' requests. */
bool log_state_may_end(const LogState *state);

/* log_event() of what is wrong, as often as is told above: its event, environment and reason are
 * the state, with `scope` and `subject`, which may be NULL. */
__attribute__((format(printf, 4, 5))) void log_wrong(const LogFields *fields, const char *scope,
                                                     const char *subject, const char *format, ...);

/* The same, at most once a day. */
__attribute__((format(printf, 2, 3))) void log_daily(const LogFields *fields, const char *format,
                                                     ...);

#endif
