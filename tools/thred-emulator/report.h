/* SPDX-License-Identifier: MIT */
/* report - what happened, as one JSON object in a file, for a CI job to assert on. */
#ifndef EMULATOR_REPORT_H
#define EMULATOR_REPORT_H

#include "emulator.h"

/* What became of the command. */
typedef struct Outcome {
  bool run;      /* false: there was none, or it was not started */
  bool isolated; /* it had namespaces of its own */
  int status;    /* what the emulator exits with */
  int signal;    /* that ended the command; 0: none */
} Outcome;

/* Opened before anything runs, so that a wrong path shows at once. -1 and `error`. */
int report_open(const char *path, GError **error);

/* Writes it, and closes the descriptor. Without the command line: there may be secrets in it. */
bool report_write(int fd, Emulator *emulator, const Outcome *outcome, GError **error);

#endif
