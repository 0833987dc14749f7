/* SPDX-License-Identifier: MIT */
/* inside - what a command finds in its mount namespace in place of the system's files. */
#ifndef EMULATOR_INSIDE_H
#define EMULATOR_INSIDE_H

#include "isolate.h"

/*
 * `names` lead to this machine, those of `dir` and no others are served. `families`: 2 if there is
 * IPv6. `foreign_root`: root's files do not look like root's, for root is not in the user
 * namespace.
 */
typedef struct Inside {
  const char *dir;
  char *const *names;
  unsigned families;
  bool foreign_root;
} Inside;

/* False, with `trouble`, when something is not there; then nobody should stay in the namespace. */
bool inside_furnish(const Inside *inside, Trouble *trouble);

#endif
