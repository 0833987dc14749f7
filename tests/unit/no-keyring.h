/* SPDX-License-Identifier: MIT */
/* no-keyring.h - a process that may not call add_key(2) and keyctl(2), by seccomp(2). */
#ifndef THRED_TESTS_UNIT_NO_KEYRING_H
#define THRED_TESTS_UNIT_NO_KEYRING_H

#include <stdbool.h>

typedef enum {
  NO_KEYRING_EPERM, /* as Docker's default filter refuses them */
  NO_KEYRING_KILL   /* as a sandbox that does not know them: shows that nobody called them */
} NoKeyring;

/* For the rest of this process. False: there is no seccomp here. */
bool no_keyring(NoKeyring how);

#endif
