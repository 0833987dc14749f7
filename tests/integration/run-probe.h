/* SPDX-License-Identifier: MIT */
/* run-probe.h - probe.c in a process of its own, against the program's emulator. */
#ifndef TESTS_INTEGRATION_RUN_PROBE_H
#define TESTS_INTEGRATION_RUN_PROBE_H

#include "process.h"

/* What the probe is given; NULL members end the lists. */
typedef struct Probe {
  const char *arguments[6];   /* the probe's own */
  const char *environment[4]; /* "NAME=value" or, to unset, "NAME" */
  const char *wrapper[8];     /* a command that runs it */
} Probe;

void probe_run(const Probe *probe, Outcome *outcome);
/* Starts it with its stdout discarded. */
pid_t probe_start(const Probe *probe);

#endif
