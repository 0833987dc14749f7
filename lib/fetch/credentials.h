/* SPDX-License-Identifier: MIT */
/*
 * credentials.h - the stack of credential modules (miss part).
 *
 * Modules are loaded from the module directory only, RTLD_NOW|RTLD_LOCAL, and never unloaded.
 */
#ifndef THRED_LIB_FETCH_CREDENTIALS_H
#define THRED_LIB_FETCH_CREDENTIALS_H

#include <stdbool.h>
#include <thred/credential-module.h>

#include "lib/error.h"
#include "lib/fetch/guard.h"
#include "lib/snapshot.h"

/* One partner credential. Lives in memory that credential_clear() wipes. */
typedef struct {
  char partner_uuid[THRED_PARTNER_UUID_MAX + 1];
  char api_key[THRED_API_KEY_MAX + 1];
  size_t partner_uuid_length, api_key_length;
} Credential;

void credential_clear(Credential *credential);

/* "DIR/NAME.so", to be freed with free(); NULL if `module` is not a plain name ([a-z0-9_-]+). */
char *credentials_module_path(const char *module_dir, const char *module);

typedef void (*CredentialsIdentityFunc)(ThredIdentityKind kind, const char *text, void *data);

/*
 * Opens `module` with `options` and hands each thing its answer depends on to `each`. For the
 * configuration parser. Anything but SUCCESS leaves one sentence in `error` (a module that is not
 * installed, has another ABI, refuses an option with file and line, ...); the stack then has
 * a source that is UNAVAIL.
 */
ThredCredentialStatus credentials_identity(const char *module_dir, const char *module,
                                           const ThredModuleOption *options, size_t n_options,
                                           int at_secure, CredentialsIdentityFunc each, void *data,
                                           Error *error);

/* What one source of a stack answered; the texts live as long as the call. */
typedef struct {
  const char *name, *module; /* the stack's word, and the module behind it */
  ThredCredentialStatus status;
  const char *said; /* "" on SUCCESS */
  bool returns;     /* the stack ends with it */
} CredentialsAnswer;

typedef struct {
  const Snapshot *snapshot;
  SnapshotTable stack; /* a run of snapshot->stack */
  const char *module_dir;
  int at_secure;
  int refused; /* as in ThredModuleHost */
  int64_t deadline_ms;
  GuardThreads threads;
  void (*note)(const char *text); /* a line for the log; or NULL */
  /* Told of each source that was asked; or NULL. */
  void (*each)(const CredentialsAnswer *answer, void *data);
  void *each_data;
} CredentialsQuestion;

/*
 * Runs a stack with its NSS actions until one source delivers. No source but the last may use up
 * the time of all: each gets an equal share of what is left, the token request one too.
 * Returns THRED_OK, else THRED_E_CREDENTIALS or THRED_E_TIMEOUT with a sentence that names every
 * source tried and what it said.
 */
int credentials_get(const CredentialsQuestion *question, Credential *credential, Error *error);

/* Asks every source, also those that the stack would not come to; for `thredctl check`. */
void credentials_ask_all(const CredentialsQuestion *question);

#endif
