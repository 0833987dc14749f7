/* SPDX-License-Identifier: MIT */
/*
 * logs-fixture.h - what programs say at `debug`, kept to be looked through for secrets (secrets.h).
 *
 * An emulator is started, and all that is a secret of the test is known from the start of each one;
 * what is sent to the emulator as an Authorization becomes one.
 */
#ifndef TESTS_INTEGRATION_LOGS_FIXTURE_H
#define TESTS_INTEGRATION_LOGS_FIXTURE_H

#include "harness.h"
#include "process.h"
#include "run-probe.h"
#include "secrets.h"

#define WRONG_KEY  "Qm9ndXNLZXlGb3JUaGVMb2dUZXN0c1h5WjE5ODQ"
#define URL_USER   "someone"
#define URL_SECRET "s8Xq2LmT5vRw9KzB4nYc7"

extern char logs_uuid[64], logs_key[128], logs_basic[256]; /* of the emulator's credentials file */
extern bool logs_alone; /* in a mount namespace of its own, with its own /dev/shm and /run */

/* Group and test fixtures. */
int logs_start(void **state);
int logs_fresh(void **state);

/* ---- what was said ---- */

extern char logs_said[1u << 20];
extern size_t logs_length;

void logs_note(const char *text);
void logs_forget(void);
/* What was sent to the emulator so far is looked for, too. */
void logs_add_seen(void);
/* No secret in it, and no control character. */
void logs_expect_clean(void);
void logs_expect(const char *words);

/* ---- who says it ---- */

int logs_run(const char *const *argv, const char *const *environment);
int logs_probe(const char *a, const char *b, const char *c);
#define thredctl(...)                                                                              \
  logs_run((const char *const[]){harness_installed("bin/thredctl"), __VA_ARGS__, NULL}, NULL)
/* For a token of each kind, a transfer, and what thredctl says of the sources. */
void logs_ask(void);

/* ---- what they find ---- */

void logs_configure(const char *text);
/* A file of this name beside the emulator's, and its path. */
void logs_write_file(const char *name, const char *text, mode_t mode, char path[128]);

#endif
