/* SPDX-License-Identifier: MIT */
/*
 * source.h - one source of a stack: a module, asked once (miss part).
 *
 * Each question opens an instance of its own, so that the module's "one thread at a time" holds
 * without a lock, and nothing is left behind at a fork. A module that may wait runs in a thread of
 * its own, and is left behind if it does not come back.
 */
#ifndef THRED_LIB_FETCH_SOURCE_H
#define THRED_LIB_FETCH_SOURCE_H

#include "lib/fetch/credentials.h"

typedef struct {
  const char *module_dir, *module;
  const ThredModuleOption *options;
  size_t n_options;
  int at_secure, refused; /* as in ThredModuleHost */
  int64_t deadline_ms;
  GuardThreads threads;
  void (*note)(const char *text); /* a line for the log; or NULL */
} SourceQuestion;

/* `get`; anything but SUCCESS leaves one sentence in `said`, and the credential clear. */
ThredCredentialStatus source_get(const SourceQuestion *question, Credential *credential,
                                 char said[ERROR_MESSAGE_SIZE]);

/* `identity`; the same. `each` is called before this returns. */
ThredCredentialStatus source_identity(const SourceQuestion *question, CredentialsIdentityFunc each,
                                      void *data, char said[ERROR_MESSAGE_SIZE]);

#endif
