/* SPDX-License-Identifier: MIT */
/*
 * fake-fetch.h - a miss part that asks nobody, for tests that drive the real lib/bearer.
 *
 * The program is linked with --wrap=fetch_load. A fetch takes a given time, enters itself in a list
 * that all processes share, and returns a token whose bytes say whose it is. What it does is set by
 * the test, for all processes at once.
 */
#ifndef THRED_TESTS_CRASH_FAKE_FETCH_H
#define THRED_TESTS_CRASH_FAKE_FETCH_H

#include <stdatomic.h>
#include <sys/types.h>

#include "lib/bearer.h"

#define FAKE_HOST     "sandbox.thredfi.com"
#define FAKE_FETCH_MS 200
#define FAKE_RUNS     4096 /* fetches that one list has room for */

typedef enum {
  FAKE_EMPTY,       /* or its process was killed before it could enter itself */
  FAKE_RUNNING,     /* or left by longjmp */
  FAKE_TOKEN,       /* came to an end with a token */
  FAKE_FAILED,      /* came to an end without one */
  FAKE_KILLED,      /* its process was killed in the middle (fake_killed()) */
  FAKE_TOKEN_KILLED /* its process was killed between the token and the end of its call */
} FakeState;

/* One fetch. Written by its process before `state`. */
typedef struct {
  atomic_int state;
  pid_t pid;
  int64_t since_ms; /* CLOCK_MONOTONIC */
  uint64_t credential;
  uint64_t number;   /* of the token */
  char business[40]; /* "": the partner token */
} FakeRun;

/* In memory that all processes share. All of the upper part may be set at any time. */
typedef struct {
  _Atomic int64_t takes_ms;   /* FAKE_FETCH_MS */
  _Atomic int64_t lifetime_s; /* 3600 */
  atomic_int failure;         /* ThredError that a fetch ends with after its time; 0: none */
  atomic_int shared_failure;  /* with it: the server said so */
  atomic_int http_status;     /* likewise */
  _Atomic int64_t retry_after_s;
  atomic_uint
      wrong_partner; /* business tokens asked for with something else than a partner token */
  _Atomic uint64_t numbers;
  atomic_uint count;
  FakeRun runs[FAKE_RUNS];
} FakeFetch;

extern FakeFetch *fake_fetch;

/* Makes *fake_fetch anew, for this process and those that it will fork. */
void fake_start(void);

/* Empties the list. Only while nobody fetches. */
void fake_forget(void);

/* In this process and its children from now on: called in the middle of each fetch, in whose list
 * it stands already. NULL: nothing. What it does may take as long as it likes, or not come back. */
void fake_in_the_middle(void (*middle)(void *data), void *data);

typedef struct {
  unsigned started; /* all of them */
  unsigned running, tokens, failed, killed, tokens_killed;
} FakeTally;

/* Of the fetches with this credential, of this business (NULL: partner). */
FakeTally fake_tally(uint64_t credential, const char *business);

/* The newest fetch that is running with this credential, of either kind; NULL: none. */
FakeRun *fake_running(uint64_t credential);

/* The newest one, in whatever state; NULL: none. */
FakeRun *fake_newest(uint64_t credential);

/* A process that is gone: notes that in its last fetch, if it was in the middle of its call. */
void fake_killed(pid_t pid);

/* ---- configuration ---- */

typedef struct {
  uint32_t timeout, refresh_before; /* seconds */
  uint32_t entries;
  uint64_t credential; /* each number is another key of the cache */
} FakeSettings;

/* A block with one active environment, `sandbox`, of FAKE_HOST alone. */
typedef struct {
  SnapshotHeader header;
  SnapshotEnvironment environment;
  SnapshotStackEntry stack;
  SnapshotIdentity identity;
  SnapshotHost host;
  char text[96];
} FakeSnapshot;

/* Fills `block` in; it passes snapshot_check(). */
const Snapshot *fake_snapshot(FakeSnapshot *block, const FakeSettings *settings);

/* A request for its token, or that of a business, within its time-out. */
BearerRequest fake_request(const Snapshot *snapshot, const char *business);

/* ---- tokens ---- */

/* Each byte is right. Its number goes to *number. */
bool fake_token_is_whole(const CacheToken *token, uint64_t credential, const char *business,
                         uint64_t *number);

#endif
