/* SPDX-License-Identifier: MIT */
/*
 * config-fixture.h - three conf.d directories in a temporary one, and what config_load() makes of
 * them. Modules are not loaded: the fixture stands in for lib/fetch/credentials.h.
 */
#ifndef THRED_TESTS_UNIT_CONFIG_FIXTURE_H
#define THRED_TESTS_UNIT_CONFIG_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/fetch/config.h"
#include "lib/fetch/credentials.h"

/* "$S/x.conf" in a path or an expected text is a file of the shipped directory, and so on. */
typedef struct {
  char root[64];    /* $R */
  char shipped[80]; /* $S */
  char admin[80];   /* $A */
  char user[80];    /* $U */
  char modules[80]; /* $M */
  SnapshotOrigin origin;
  Snapshot *snapshot; /* of the last fixture_load() */
  size_t size;
  int identity_calls; /* of the last fixture_load() */
} Fixture;

int fixture_setup(void **state);
int fixture_teardown(void **state);

/* `text` with $S and the others replaced; to be freed. */
char *fixture_expand(const Fixture *f, const char *text);

/* Writes a file, mode 0644. */
void fixture_write(const Fixture *f, const char *path, const char *text);
void fixture_write_bytes(const Fixture *f, const char *path, const void *bytes, size_t size);
void fixture_remove(const Fixture *f, const char *path);
void fixture_chmod(const Fixture *f, const char *path, unsigned mode);

/* Loads, and checks the block with snapshot_check(). */
void fixture_load(Fixture *f);

/* The block lists exactly these problems, in this order; the last argument is NULL. */
void fixture_problems(const Fixture *f, ...);
#define assert_no_problems(f) fixture_problems(f, (const char *)NULL)
/* Some problem of the block holds `text`. */
bool fixture_has_problem(const Fixture *f, const char *text);

const SnapshotEnvironment *fixture_environment(const Fixture *f, const char *name);
const char *fixture_string(const Fixture *f, uint32_t offset);
/* "sandbox.thredfi.com sandbox-backend.thredfi.com " */
char *fixture_hosts(const Fixture *f, const char *environment);
/* "env:module:RCCC file:file:RCCC " for a run of the stack: R return, C continue. */
char *fixture_stack(const Fixture *f, SnapshotTable run);
/* The route called `name`, or NULL. */
const SnapshotRoute *fixture_route(const Fixture *f, const char *name);
bool fixture_has_source(const Fixture *f, const char *path, bool present);

#endif
