/* SPDX-License-Identifier: MIT */
/*
 * modules.h - the credential modules that are shipped, linked in, as lib/fetch/source.c finds them:
 * this is what stands in for credentials-load.c.
 *
 * All of them are asked in the caller's thread, for a thread each would take most of the time.
 */
#ifndef THRED_TESTS_FUZZ_MODULES_H
#define THRED_TESTS_FUZZ_MODULES_H

#include "lib/fetch/source.h"

#define MODULES 7
extern const char *const module_names[MODULES];

/* What a source answered: `said` is one tame sentence, empty only on SUCCESS. */
typedef struct {
  ThredCredentialStatus status;
  Credential credential; /* of a get */
  unsigned identities;   /* of an identity */
  char said[ERROR_MESSAGE_SIZE];
  char notes[4096]; /* for the log, one a line */
} ModuleAnswer;

/* `get`, or `identity`, with what source.c promises of any answer asserted. */
void module_get(const char *module, const ThredModuleOption *options, size_t n_options,
                ModuleAnswer *answer);
void module_identity(const char *module, const ThredModuleOption *options, size_t n_options,
                     bool at_secure, ModuleAnswer *answer);

#endif
