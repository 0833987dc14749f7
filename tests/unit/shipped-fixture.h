/* SPDX-License-Identifier: MIT */
/* shipped-fixture.h - the configuration that is shipped, in a fixture of config-fixture.h, with two
 * of its environments active. */
#ifndef THRED_TESTS_UNIT_SHIPPED_FIXTURE_H
#define THRED_TESTS_UNIT_SHIPPED_FIXTURE_H

#include "tests/unit/config-fixture.h"

/* A fixture whose snapshot is the shipped conf.d with sandbox and production active. */
int shipped_setup(void **state);

/* Loads again with `text` in an administrator's file that is read last. */
void shipped_load_with(Fixture *f, const char *text);

#endif
