/* SPDX-License-Identifier: MIT */
/* signals - those that the emulator waits for, and what they were before. */
#ifndef EMULATOR_SIGNALS_H
#define EMULATOR_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

typedef struct Signals {
  sigset_t awaited;
  sigset_t mask_before;
  struct sigaction pipe_before, child_before;
} Signals;

/*
 * Before any thread is made, so that every thread has them blocked and sigwait gets them: SIGTERM
 * and SIGINT; for a command, also the end of a child and all that is handed on to a command.
 */
void signals_take(Signals *signals, bool for_command);

/* In a child that becomes another program: everything as it was. */
void signals_give_back(const Signals *signals);

#endif
