/* SPDX-License-Identifier: MIT */
/* status-report.h - what `thredctl status` has found out, and the three forms in which it says so.
 */
#ifndef THREDCTL_STATUS_REPORT_H
#define THREDCTL_STATUS_REPORT_H

#include <glib.h>

#include "lib/cache-status.h"

#define REPORT_SEGMENTS 2

typedef struct {
  CacheStatus segment[REPORT_SEGMENTS]; /* the sealed one, the unsealed one */
  GPtrArray *others;                    /* paths of this user's, for other namespaces or versions */
} Report;

void report_take(Report *report);
void report_clear(Report *report);

/* There is a file at its name, be it what it may. */
bool report_is_there(const CacheStatus *segment);

/* .. and what lies in it is known. */
bool report_is_read(const CacheStatus *segment);

/* Why there is no segment at all; NULL: there is one. */
const char *report_why_none(const Report *report);

/* What is wrong with a segment that is there, as a sentence, and what to do about it or NULL. NULL:
 * nothing. To be freed. */
char *report_problem(const CacheStatus *segment, const char **change);

/* What the server's answer meant: a word that stays, and a sentence. */
const char *report_failure_word(const CacheStatusEntry *entry);
const char *report_failure_sentence(const CacheStatusEntry *entry);

/* The program that is fetching, as far as /proc tells; NULL. To be freed. */
char *report_lease_program(const CacheStatusEntry *entry);

/* Each is to be freed. */
char *report_as_text(const Report *report);
char *report_as_json(const Report *report);
char *report_as_metrics(const Report *report);

#endif
