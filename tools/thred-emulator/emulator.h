/* SPDX-License-Identifier: MIT */
/* emulator - the parts of one running emulator, handed to whoever answers a request. */
#ifndef EMULATOR_EMULATOR_H
#define EMULATOR_EMULATOR_H

#include "businesses.h"
#include "counters.h"
#include "faults.h"
#include "journal.h"
#include "settings.h"
#include "tally.h"
#include "tokens.h"

/*
 * Each part has its own lock; none is held while another part is called. POSIX's, not GLib's, so
 * that ThreadSanitizer can see them.
 */
typedef struct Emulator {
  BusinessList *businesses;
  Counters *counters;
  FaultList *faults;
  Journal *journal;
  Settings *settings;
  Tally *tally;
  TokenTable *tokens;

  char *git_root; /* what --git serves, absolute; NULL without it. Set before anything serves */
  int stop_event; /* an eventfd: readable from emulator_stop() on, whoever waits watches it too */
} Emulator;

/* NULL when there is not enough randomness, or no descriptor. */
Emulator *emulator_new(const char *api_key);
void emulator_free(Emulator *emulator);

/* Sleeps in the calling thread, or until emulator_stop(). */
void emulator_pause(Emulator *emulator, guint64 milliseconds);

/* Ends every wait, and all later ones at once. */
void emulator_stop(Emulator *emulator);

#endif
