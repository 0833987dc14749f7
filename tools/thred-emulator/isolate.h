/* SPDX-License-Identifier: MIT */
/* isolate - namespaces of its own for a process, with a network of nothing but this machine. */
#ifndef EMULATOR_ISOLATE_H
#define EMULATOR_ISOLATE_H

#include <glib.h>
#include <stdbool.h>

/* What failed, for a process that is about to end to tell another. */
typedef struct Trouble {
  int error; /* errno; 0: `what` says all of it */
  char what[256];
} Trouble;

/* Always false. */
__attribute__((format(printf, 3, 4))) bool trouble_set(Trouble *trouble, int error,
                                                       const char *format, ...);

/*
 * A network and a mount namespace, in a user namespace (with this user and group, and no other)
 * unless the process may do without. Of this thread: the process should have no other.
 */
bool isolate_enter(bool *user_namespace, Trouble *trouble);

/* Listens on ports 443 and 80 of 127.0.0.1, and of ::1 where there is IPv6: sets how many. */
bool isolate_listen(int *https, int *http, unsigned *families, Trouble *trouble);

/* What on this machine stands behind the errno; the caller frees it. NULL: unknown. */
char *isolate_reason(int error);

#endif
