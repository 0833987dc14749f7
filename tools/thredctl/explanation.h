/* SPDX-License-Identifier: MIT */
/* explanation.h - a decision of lib/route in words: what, from where, why, and what would change
 * it.
 */
#ifndef THREDCTL_EXPLANATION_H
#define THREDCTL_EXPLANATION_H

#include <stdbool.h>

#include "lib/route.h"
#include "lib/snapshot.h"

/* Where the business of a decision came from. */
typedef enum {
  BUSINESS_UNKNOWN,
  BUSINESS_FROM_PATH,
  BUSINESS_FROM_PROCESS, /* THRED_BUSINESS_ID */
  BUSINESS_FROM_ENVIRONMENT
} BusinessSource;

typedef struct {
  const Snapshot *snapshot; /* the caller's */
  RouteDecision decision;
  BusinessSource business_source;
  bool disabled;                          /* THRED_DISABLE=1: nothing else counts */
  const SnapshotEnvironment *environment; /* NULL: the decision did not get so far */
  const SnapshotRoute *route;             /* likewise */
} Explanation;

/* Decides as the library would in this process. `snapshot` must outlive the result. */
Explanation explanation_make(const Snapshot *snapshot, const char *method, const char *url);

/* "partner", "business" or "none": what would be attached. */
const char *explanation_token(const Explanation *explanation);

/* The first condition that failed, or that a token goes there: as a word for programs, which never
 * changes, and as a sentence. */
const char *explanation_reason(const Explanation *explanation);
const char *explanation_because(const Explanation *explanation);

/* What would get the request a token, for the administrator; NULL where the sentence above says it
 * all. To be freed. */
char *explanation_change(const Explanation *explanation);

#endif
