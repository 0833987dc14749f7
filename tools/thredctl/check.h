/* SPDX-License-Identifier: MIT */
/*
 * check.h - what `thredctl check` finds out: the sources of credentials, the way to each host, the
 * files; and what of it is wrong. Asking, judging and printing are files of their own.
 */
#ifndef THREDCTL_CHECK_H
#define THREDCTL_CHECK_H

#include <glib.h>
#include <stdbool.h>

#include "lib/fetch-abi.h"
#include "lib/process.h"
#include "lib/snapshot.h"

/* ---- what is wrong ---- */

typedef struct {
  bool warning;     /* it works, and is unwise */
  char *where;      /* in a few words, for the verdict */
  char *what;       /* a sentence */
  char *change;     /* what to do */
  const char *file; /* of the configuration; NULL: it is about something else */
  unsigned line;
} Finding;

/* `what` and `change` are taken over. */
void check_add(GPtrArray *findings, bool warning, const char *where, char *what, char *change);

/* Elements are Finding, in the order in which they were found. */
GPtrArray *check_findings(void);

/* ---- one environment ---- */

/* What a source answered. */
typedef struct {
  bool next;
  char *name, *module, *status, *said;
  bool returns, used;
} Answer;

#define TIME_UNKNOWN (-1)

typedef enum { STEP_GOOD, STEP_FAILED, STEP_SKIPPED } StepState;

typedef struct {
  const char *name; /* name, connection, tls, partner, business */
  StepState state;
  int64_t us; /* or TIME_UNKNOWN */
  char *said;
} Step;

typedef struct {
  const char *name; /* the snapshot's */
  GArray *steps;    /* Step */
} CheckedHost;

typedef struct {
  const SnapshotEnvironment *environment;
  GArray *answers; /* Answer */
  bool usable;     /* the stack delivers */
  bool has_age;
  int age;       /* days */
  GArray *hosts; /* CheckedHost */
  GPtrArray *findings;
} CheckedEnvironment;

/* ---- all of it ---- */

typedef struct {
  const Snapshot *snapshot;
  const FetchApi *fetch;
  const ProcessPaths *paths;
  GArray *environments; /* CheckedEnvironment, the active ones */
  GPtrArray *findings;  /* of no environment */
  char *verdict;
  bool good; /* nothing is wrong; warnings are not */
} Checkup;

/* The request of a question about this environment, with its time-out from now on. */
FetchRequest check_request(const Checkup *checkup, uint32_t environment);
const char *check_text(const Checkup *checkup, uint32_t string); /* of the snapshot; never NULL */

/* Asks each source of both stacks (check-sources.c). */
void check_sources(const Checkup *checkup, uint32_t index, CheckedEnvironment *checked);

/* Goes the way of a token request to each host, step by step (check-hosts.c). */
void check_hosts(const Checkup *checkup, uint32_t index, CheckedEnvironment *checked);

/* Mistakes of the configuration, and files that are not safe (check-files.c). */
void check_configuration(Checkup *checkup);
void check_files(Checkup *checkup);

/* To be freed. */
char *check_as_text(const Checkup *checkup);
char *check_as_json(const Checkup *checkup);

#endif
