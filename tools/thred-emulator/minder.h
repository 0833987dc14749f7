/* SPDX-License-Identifier: MIT */
/*
 * minder - the process between the emulator and its command. It is alone in it that the namespaces
 * are entered, and it is the one that every process of the command's falls to whose parent is gone:
 * so nothing is left when the command has ended, or the emulator was killed.
 */
#ifndef EMULATOR_MINDER_H
#define EMULATOR_MINDER_H

#include "signals.h"

#include <glib.h>
#include <stdbool.h>

typedef struct Errand {
  char *const *command;
  const char *dir;
  bool temporary; /* `dir` is removed if the emulator cannot do it any more */
  bool isolate;
  char *const *names;     /* of the certificate; with `isolate` they lead here */
  const char *proxy;      /* without: its URL, or NULL */
  const Signals *signals; /* taken, for a command */
  int channel;
} Errand;

/* In a child of its own, which has one thread. Says WORD_READY or WORD_TROUBLE, and waits. */
G_GNUC_NORETURN
void minder_run(const Errand *errand);

#endif
