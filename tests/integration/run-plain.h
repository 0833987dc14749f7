/* SPDX-License-Identifier: MIT */
/* run-plain.h - probe-plain.c in a process of its own, under the shim or not. */
#ifndef TESTS_INTEGRATION_RUN_PLAIN_H
#define TESTS_INTEGRATION_RUN_PLAIN_H

#include <stdbool.h>

#include "harness.h"
#include "process.h"

typedef struct Plain {
  const char *program; /* another one with probe-plain.c in it, or NULL */
  const char *scenario;
  bool multi, shim;
  unsigned port; /* where it connects to .. */
  const Emulator
      *authority; /* .. whose certificate is this one's, and whose directory it may use */
  const char *environment[4]; /* "NAME=value"; NULL ends it */
  const char *wrapper[8];     /* a command that runs it */
} Plain;

void plain_run(const Plain *plain, Outcome *outcome);

#endif
