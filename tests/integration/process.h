/* SPDX-License-Identifier: MIT */
/* process.h - child processes that cannot outlive the test. */
#ifndef TESTS_INTEGRATION_PROCESS_H
#define TESTS_INTEGRATION_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

/* Starts argv[0] (a path, or a name for PATH) with `out` and `err` as stdout and stderr (-1: the
 * test's own). The child gets SIGKILL when the test dies. */
pid_t process_start(const char *const *argv, int out, int err);

/* Ends it with SIGTERM and reaps it. */
void process_stop(pid_t pid);

/* The exit status; 128 + signal if it was killed, as it is after two minutes. */
int process_wait(pid_t pid);

/* What a finished child left. */
typedef struct Outcome {
  int status;
  char out[4096], err[65536];
} Outcome;

/* Runs argv to its end. `environment` is NULL or a NULL-terminated list of "NAME=value" (set) and
 * "NAME" (unset). */
void process_run(const char *const *argv, const char *const *environment, Outcome *outcome);

/* In PATH. */
bool process_has(const char *program);

#endif
