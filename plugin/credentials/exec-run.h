/* SPDX-License-Identifier: MIT */
/*
 * exec-run.h - runs a command so that the program around us does not notice.
 *
 * A child that has called execve(2) raises SIGCHLD in its parent when it ends and is there for its
 * waitpid(-1), however it was made (clone(2)). So the command is not our child: between it and us
 * stands a process that never calls execve, was made without a signal at its end, and is waited for
 * with __WCLONE alone. A host's handler, its SIG_IGN and its waitpid(-1) do not see it.
 *
 * The command begins with a clean environment, no open descriptors but 0 (/dev/null), 1 and 2, all
 * signals at their defaults, a umask of 077, in "/" and in a session of its own. When it has ended,
 * or must at the deadline, or when this thread ends, all that it has started and not waited for is
 * killed: it would else become a child of the program's where that is the first process of a
 * container.
 */
#ifndef THRED_CREDENTIALS_EXEC_RUN_H
#define THRED_CREDENTIALS_EXEC_RUN_H

#include <stddef.h>
#include <stdint.h>
#include <thred/credential-module.h>

#define EXEC_OUT_MAX (16u * 1024u) /* bytes of its answer */
#define EXEC_ERR_MAX (4u * 1024u)  /* .. of what it says; the rest is read and dropped */

typedef struct {
  char out[EXEC_OUT_MAX + 1]; /* NUL-terminated; the caller wipes the whole struct */
  char err[EXEC_ERR_MAX + 1];
  size_t out_length, err_length;
  int out_too_long;
  int wait_status; /* as of waitpid(2), if it ran */
} ExecResult;

typedef enum {
  EXEC_ENDED,   /* see wait_status */
  EXEC_LATE,    /* killed at the deadline */
  EXEC_REFUSED, /* execve(2) said no: errno_value */
  EXEC_NO_ROOM, /* no process, pipe or descriptor was to be had: errno_value */
} ExecOutcome;

/* argv[0] is a path. `environment` as for execve(2). Around waiting it calls host->wait. */
ExecOutcome exec_run(const ThredModuleHost *host, char *const argv[], char *const environment[],
                     int64_t deadline_ms, ExecResult *result, int *errno_value);

#endif
