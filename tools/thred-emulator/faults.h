/* SPDX-License-Identifier: MIT */
/* faults - what the emulator was told to do wrong, and to whom. Any thread. */
#ifndef EMULATOR_FAULTS_H
#define EMULATOR_FAULTS_H

#include "params.h"
#include "reply.h"

typedef enum FaultAction {
  FAULT_STATUS = 0,
  FAULT_DELAY,
  FAULT_DROP,
  FAULT_GARBAGE,
  FAULT_REDIRECT,
  FAULT_RAW,
  FAULT_EMPTY,
  FAULT_HTML,
  FAULT_HUGE
} FaultAction;

typedef struct Fault {
  guint64 id; /* grows in the order of definition */

  /* Which requests; NULL: any. */
  char *path;
  char *host;
  char *method;
  char *scheme;
  guint64 times; /* how often it still applies */
  bool forever;

  /* What happens to them. */
  FaultAction action;
  guint64 status;
  guint64 delay_ms;
  char *retry_after;
  char *to;
  char *body;
  ChallengeRule challenge_rule;
} Fault;

typedef struct FaultList FaultList;

FaultList *faults_new(void);
void faults_free(FaultList *list);

/* POST /_emulator/fault; returns its id, or 0 and `error`. */
extern const char *const fault_parameters[];
guint64 faults_define(FaultList *list, const Params *params, GError **error);

/*
 * The first fault after the id `after` that is meant for this request; it counts as applied once
 * more. The caller frees the copy with fault_free(). NULL: none.
 */
Fault *faults_take(FaultList *list, const Request *request, guint64 after);
void fault_free(Fault *fault);

/* The answer of any action but FAULT_DELAY. */
void fault_reply(const Fault *fault, Reply *reply);

void faults_clear(FaultList *list);

/* An array; the caller owns it. */
struct json_object *faults_json(FaultList *list);

#endif
