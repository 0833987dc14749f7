/* SPDX-License-Identifier: MIT */
/*
 * credentials.h - the stack of credential modules (miss part).
 *
 * Modules are loaded from the module directory only, RTLD_NOW|RTLD_LOCAL, and never unloaded.
 */
#ifndef THRED_LIB_FETCH_CREDENTIALS_H
#define THRED_LIB_FETCH_CREDENTIALS_H

#include <thred/credential-module.h>

#include "lib/error.h"
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

/*
 * Runs a stack (a run of snapshot->stack) with its NSS actions until one source delivers.
 * Returns THRED_OK, else THRED_E_CREDENTIALS or THRED_E_TIMEOUT with a sentence that names every
 * source tried and what it said.
 */
int credentials_get(const Snapshot *snapshot, SnapshotTable stack, const char *module_dir,
                    int at_secure, int64_t deadline_ms, Credential *credential, Error *error);

#endif
