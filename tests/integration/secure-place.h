/* SPDX-License-Identifier: MIT */
/*
 * secure-place.h - a machine in small for programs with AT_SECURE: a system configuration of
 * root's where the installation looks for one, a credential that a group may read, an ordinary
 * user, and copies of a program that have the setgid bit, or a file capability, or neither.
 *
 * All of it lies in file systems that only this test and its children see.
 */
#ifndef TESTS_INTEGRATION_SECURE_PLACE_H
#define TESTS_INTEGRATION_SECURE_PLACE_H

#include "process.h"

/* How a copy is executed. */
typedef enum Manner { PLAIN, SETGID, CAPABLE, MANNERS } Manner;

#define PLACE_USER  "51234"
#define PLACE_GROUP "51235" /* may read the credential */

/* The directory, open to all; static. */
extern char place_dir[64];

/* After harness_start(). NULL, or why there can be none here. */
const char *place_make(void);
void place_remove(void);

/* Why there are no programs of this manner here, or NULL. */
const char *place_lacks(Manner manner);

/* A file DIR/NAME of root's, or of the user's; folders above it are made. */
void place_write(const char *name, const char *text, bool of_user, unsigned mode);
/* One more file of the system configuration; NULL takes it away. */
void place_configure(const char *text);

/* Copies another program beside the probe. */
void place_copy(const char *program, Manner manner, char path[128]);

/* Runs the probe as the user; with an empty /dev/shm if `cold`. Lists end with NULL. */
void place_run(Manner manner, bool cold, const char *const *arguments,
               const char *const *environment, Outcome *outcome);
/* How many files there are in /dev/shm. */
unsigned place_segments(void);

/* The emulator's own. */
void place_credentials(char uuid[128], char key[512]);

#endif
