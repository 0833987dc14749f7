/* SPDX-License-Identifier: MIT */
/*
 * journal.h - the sockets that logs go to, the test's own: journald's and /dev/log, in a mount
 * namespace of its own, which the test has already (isolation.h).
 */
#ifndef TESTS_INTEGRATION_JOURNAL_H
#define TESTS_INTEGRATION_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

#define JOURNAL_FIELDS 24

/* One entry as journald would have it. */
typedef struct JournalEntry {
  char text[8192]; /* as it came, and then with NULs in it */
  size_t length;
  struct {
    const char *name, *value;
  } fields[JOURNAL_FIELDS];
  size_t count;
} JournalEntry;

/* An empty /run with journald's directory in it. False: one may not mount here. */
bool journal_mount(void);
void journal_unmount(void);

/* A socket bound to journald's path; -1: it cannot be. */
int journal_bind(void);
/* A socket of this type at `path`. What was there is gone. */
int journal_bind_at(const char *path, int type);

/* Takes what has come, without waiting. False: nothing. NULL in *mistake, or what is no entry. */
bool journal_next(int socket, JournalEntry *entry, const char **mistake);

/* A thread that takes what comes at once, for the kernel keeps ten entries (unix(7),
 * max_dgram_qlen) and who logs does not wait; and what it has taken. */
bool journal_start(int socket);
bool journal_take(JournalEntry *entry, const char **mistake);

/* NULL: it has no such field. */
const char *journal_field(const JournalEntry *entry, const char *name);

#endif
