/* SPDX-License-Identifier: MIT */
/* probe-privilege.h - what the two files of that program share. */
#ifndef TESTS_INTEGRATION_PROBE_PRIVILEGE_H
#define TESTS_INTEGRATION_PROBE_PRIVILEGE_H

#include <stdbool.h>
#include <thred/thred.h>

/* All options of a handle but the URL: with callbacks that write down what they are given. */
void probe_set_options(CURL *curl, bool attached);

/* A mode that writes nothing down; the exit status. `more` may be NULL. */
int probe_other(const char *mode, const char *argument, const char *more);

#endif
