/* SPDX-License-Identifier: MIT */
/* surroundings - the environment variables that lead a command to the emulator. */
#ifndef EMULATOR_SURROUNDINGS_H
#define EMULATOR_SURROUNDINGS_H

/* Of programs that look for a file of certification authorities: NULL-terminated. */
extern const char *const surroundings_ca_names[];

/*
 * Sets them in this process, which should have no other thread. `proxy` is a URL; NULL: the command
 * has a network of its own, from which no proxy can be reached.
 */
void surroundings_set(const char *dir, const char *proxy);

#endif
