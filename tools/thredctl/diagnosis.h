/* SPDX-License-Identifier: MIT */
/* diagnosis.h - can the shim reach a program, and what does it need for that? */
#ifndef THREDCTL_DIAGNOSIS_H
#define THREDCTL_DIAGNOSIS_H

#include <glib.h>
#include <stdbool.h>

#include "tools/thredctl/elf-file.h"
#include "tools/thredctl/program.h"

typedef struct {
  Program *program;
  const char *reason;  /* "reachable", or a word for why not */
  char *verdict;       /* the same as a sentence */
  GPtrArray *notes;    /* sentences */
  GPtrArray *libcurls; /* Libcurl; empty: it is linked with none */
  char *first;         /* what must stand before the shim in LD_PRELOAD, or NULL */
  char *folders;       /* what must stand in front of LD_LIBRARY_PATH, or NULL */
} Diagnosis;

/* All that can be known of what `command` would execute. */
Diagnosis *diagnose(const char *command);

/* `first` and `folders` alone, for who is about to execute it. */
Diagnosis *diagnose_needs(const char *command);

/* What would get the program its bearers, by the word for why the shim does not reach it; NULL:
 * nothing need be done. */
const char *diagnosis_change(const char *reason);

bool diagnosis_is_reachable(const Diagnosis *diagnosis);
void diagnosis_free(Diagnosis *diagnosis);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Diagnosis, diagnosis_free)

#endif
