/* SPDX-License-Identifier: MIT */
/*
 * decision-log.h - one line for each decision (debug), in the words of `thredctl route`: what goes
 * with the request, or why nothing does, and the rule, file and line that say so. Of the URL what
 * decided: no user, no password, no query.
 */
#ifndef THRED_LIB_DECISION_LOG_H
#define THRED_LIB_DECISION_LOG_H

#include "lib/route.h"
#include "lib/snapshot.h"

/* Why a request gets no token, though its route may say that it gets one. */
typedef struct {
  const char *reason;  /* one word for programs; NULL: there is no objection */
  const char *because; /* a sentence; completes "no token: " */
} Objection;

#define OBJECTION_NONE ((Objection){NULL, NULL})

/* The route's own reason, for a decision that is none for a token. */
Objection objection_of_route(RouteReason reason);
/* What an option of the program's rules out. */
Objection objection_of_program(const char *because);
/* NULL: none. */
Objection objection_of_connection(const char *because);

void decision_log_sent(const Snapshot *snapshot, const RouteDecision *decision, const char *method,
                       const char *url, uint64_t generation);
void decision_log_none(const Snapshot *snapshot, const RouteDecision *decision, const char *method,
                       const char *url, const Objection *objection);

/* No configuration, hence no decision. */
void decision_log_failed(int code, const char *message);

#endif
