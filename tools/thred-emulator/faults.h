/* SPDX-License-Identifier: MIT */
/* faults - what the emulator was told to do wrong, and to whom. Any thread. */
#ifndef EMULATOR_FAULTS_H
#define EMULATOR_FAULTS_H

#include "params.h"
#include "reply.h"
#include "tokens.h"

typedef enum FaultAction {
  FAULT_STATUS = 0,
  FAULT_DELAY,
  FAULT_DROP,
  FAULT_GARBAGE,
  FAULT_REDIRECT,
  FAULT_RAW,
  FAULT_EMPTY,
  FAULT_HTML,
  FAULT_HUGE,
  FAULT_REVOKE
} FaultAction;

typedef struct Fault {
  guint64 id; /* grows in the order of definition */

  /* Which requests; NULL: any. */
  char *path;
  char *host;
  char *method;
  char *scheme;

  /* Of these: the first `after` pass, the next `times` (0: all) suffer. */
  guint64 after;
  guint64 times;
  bool each;             /* of each method and target by itself */
  guint64 matched;       /* how many there were so far .. */
  GHashTable *by_target; /* .. or, with `each`, of each: "METHOD HOST TARGET" -> guint64 * */

  /* What happens to them. */
  FaultAction action;
  guint64 status;
  guint64 delay_ms;
  char *retry_after;
  char *to;
  char *body;
  ChallengeRule challenge_rule;
  TokenKind revoked_kind;           /* TOKEN_NONE: both */
  char revoked_business[UUID_SIZE]; /* "": all */
} Fault;

typedef struct FaultList FaultList;

FaultList *faults_new(void);
void faults_free(FaultList *list);

/* A new fault as the parameters say; NULL and `error`. */
extern const char *const fault_parameters[];
Fault *fault_read(const Params *params, GError **error);

/* The caller owns the object. */
struct json_object *fault_json(const Fault *fault);

/* POST /_emulator/fault; returns its id, or 0 and `error`. */
guint64 faults_define(FaultList *list, const Params *params, GError **error);

/*
 * The first fault after the id `after` that is meant for this request; it counts as applied once
 * more. The caller frees the copy with fault_free(). NULL: none.
 */
Fault *faults_take(FaultList *list, const Request *request, guint64 after);
void fault_free(Fault *fault);

/* Whether the request goes on to the next fault, and to its answer. */
bool fault_passes(const Fault *fault);

/* The answer of any action that does not pass. */
void fault_reply(const Fault *fault, Reply *reply);

void faults_clear(FaultList *list);

/* An array; the caller owns it. */
struct json_object *faults_json(FaultList *list);

#endif
