/* SPDX-License-Identifier: MIT */
/* events-fixture.h - the events of docs/logging.md, and which of them have come to the journal
 * (journal.h): each with the id, the level and the words that stand there. */
#ifndef TESTS_INTEGRATION_EVENTS_FIXTURE_H
#define TESTS_INTEGRATION_EVENTS_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>

#define EVENTS_MAX 40

typedef struct Event {
  char name[64], id[64], level[16], words[256];
  unsigned seen;   /* since events_forget() */
  bool ever;       /* .. or not here: `why_not` */
  char reason[64]; /* THRED_REASON of the last one */
  const char *why_not;
} Event;

extern Event events[EVENTS_MAX + 1];
extern size_t events_count;

/* The rows of the document, under THRED_TEST_SOURCE. */
void events_read(void);
Event *events_find(const char *name);

/* Takes what has come, and asserts that it is as the document says. */
void events_note(void);
void events_forget(void);

/* Waits for it. `reason` NULL, or the THRED_REASON of the last one. */
void events_expect(const char *name, const char *reason);
/* Since events_forget(). */
void events_expect_count(const char *name, unsigned count);
/* For wait_until(). */
bool events_is_ever_seen(void *event);

/* It cannot be brought about here. */
void events_cannot(const char *name, const char *why);

#endif
