/* SPDX-License-Identifier: MIT */
/*
 * vault-fixture.h - the module `vault` as the library loads it, asked by a host of the test's own:
 * so its status, its sentence and its waits are seen as they are. The server is a stand-in.
 */
#ifndef THRED_TESTS_UNIT_VAULT_FIXTURE_H
#define THRED_TESTS_UNIT_VAULT_FIXTURE_H

#include "tests/unit/credentials-fixture.h"

#include "tests/stand-ins/vault.h"

/* What the last ask() came to. */
typedef struct {
  ThredCredentialStatus status;
  char said[512], note[512]; /* the last ones */
  char uuid[THRED_PARTNER_UUID_MAX + 1], key[THRED_API_KEY_MAX + 1];
  int delivered;
  int waits, waiting; /* how often, and whether now */
} Asked;

extern Asked asked;
extern VaultStandIn *server;
extern char vault_module_dir[PATH_SIZE];

/* How the next ask() is made; vault_fresh() sets all of it back. */
extern int ask_at_secure;
extern int64_t ask_ms;       /* until the deadline */
extern size_t ask_host_size; /* of the ThredModuleHost */

/* Group and test fixtures. */
int vault_set_up(void **state);
int vault_tear_down(void **state);
int vault_fresh(void **state);

/* address, ca-file and path = thred/api; and more, as "key=value|key=value" (printf). */
const char *with(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Opens the module with the options, gets, closes. No sentence has a secret in it. */
ThredCredentialStatus ask(const char *options);

/* The same, and what came of it is this. */
#define expect(options, status, says) expect_at(options, status, says, __FILE__, __LINE__)
void expect_at(const char *options, ThredCredentialStatus status, const char *says,
               const char *file, int line);
/* The stand-in's secret. */
#define expect_good(options) expect_at(options, THRED_CREDENTIAL_SUCCESS, "", __FILE__, __LINE__)
#define expect_log(text)     expect_log_at(text, __FILE__, __LINE__)
void expect_log_at(const char *text, const char *file, int line);

/* Paths in the fixture's directory, which only vault-fixture.c knows; and a file there. */
const char *vault_at(const char *name);
const char *file_with(const char *name, const char *text, mode_t mode);

#define OK       THRED_CREDENTIAL_SUCCESS
#define NOTFOUND THRED_CREDENTIAL_NOTFOUND
#define UNAVAIL  THRED_CREDENTIAL_UNAVAIL
#define TRYAGAIN THRED_CREDENTIAL_TRYAGAIN

#endif
