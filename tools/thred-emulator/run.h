/* SPDX-License-Identifier: MIT */
/* run - a command, and an emulator for as long as it runs. */
#ifndef EMULATOR_RUN_H
#define EMULATOR_RUN_H

#include "options.h"

/* What the emulator exits with when it, not the command, has failed; as env(1) and timeout(1). */
#define RUN_FAILED 125

/* The command's exit status, 128 and the number of the signal that ended it, or RUN_FAILED. */
int run_command(const Options *options);

#endif
