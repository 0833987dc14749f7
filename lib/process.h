/* SPDX-License-Identifier: MIT */
/*
 * process.h - what this process lets in from outside, and the one lock type that survives fork.
 */
#ifndef THRED_LIB_PROCESS_H
#define THRED_LIB_PROCESS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/snapshot.h"

/* getauxval(AT_SECURE): setuid, setgid or file capabilities. Nothing of the caller's counts then.
 */
bool process_at_secure(void);

/* getenv(3), or NULL under AT_SECURE. Points into the environment: read it at once, as every reader
 * of the environment must. An empty value counts as unset. */
const char *process_env(const char *name);

/* The variables that matter to each request. Zeroed: nobody has looked yet. */
typedef struct {
  uint64_t mark;                  /* of the pointers that the environment consists of */
  int64_t looked_ms;              /* CLOCK_MONOTONIC_COARSE */
  const char *disable, *business; /* values, in the environment; or NULL */
} ProcessVariables;

/* Looks, if the environment is another than the last time. That is told by its pointers: a variable
 * that is new in the very place of another one, which was freed, is seen within a second. */
void process_look(ProcessVariables *variables);

/* The same as process_disabled() and process_env("THRED_BUSINESS_ID"). Right after a look: then the
 * strings are there. */
bool process_says_disabled(const ProcessVariables *variables);
const char *process_says_business(const ProcessVariables *variables);

/* How many forks lie between this process and the program's start; a child of raw clone(2) that was
 * not made by fork(3) does not count as one. */
unsigned process_forks(void);

/* THRED_DISABLE=1: do nothing at all. Read at each call, so that a program can set it itself. */
bool process_disabled(void);

/* Which directories of configuration and modules this process reads. Strings are malloc'ed. */
typedef struct {
  SnapshotOrigin origin;
  char *admin, *user, *modules, *fetch_object;
} ProcessPaths;

/* False: memory is out. Free with process_paths_clear(), also after false. */
bool process_paths(ProcessPaths *paths);
void process_paths_clear(ProcessPaths *paths);

/*
 * A mutex for short sections of one process, without calls into foreign code. A child of fork()
 * gets every ProcessLock free, whatever the other threads of its parent held: what such a lock
 * guards must be whole after any single store.
 */
typedef struct ProcessLock {
  pthread_mutex_t mutex;
  struct ProcessLock *next; /* list of all that were ever taken, for the child of a fork */
  atomic_int registered;
} ProcessLock;

#define PROCESS_LOCK_INIT                                                                          \
  {                                                                                                \
    PTHREAD_MUTEX_INITIALIZER, NULL, 0                                                             \
  }

void process_lock(ProcessLock *lock);
void process_unlock(ProcessLock *lock);

#endif
