/* SPDX-License-Identifier: MIT */
/* hostile-cases.h - what test-hostile-server.c's servers do, and what is to come of it. */
#ifndef TESTS_INTEGRATION_HOSTILE_CASES_H
#define TESTS_INTEGRATION_HOSTILE_CASES_H

#include <thred/thred.h>

#include "hostile-server.h"

typedef enum {
  GOOD,
  EXPIRED,
  NOT_YET,
  OTHER_NAME,
  SELF_SIGNED,
  FOREIGN,
  FORGED,
  ESCAPES,
  PEMS
} Pem;

/* Who asks: thred_token_get(), also where SIGPIPE ends the program; a transfer; a module. */
typedef enum { BY_TOKEN, BY_DEFAULT, BY_ATTACHED, BY_SHIM, BY_VAULT, BY_AWS, BY_MAX } By;

typedef struct Case {
  const char *name;
  Hostile how;
  Pem pem;              /* of the hostile rounds */
  int code;             /* a ThredError */
  const char *says;     /* what the sentence has in it, besides whom it is about */
  unsigned by;          /* 1 << By: who asks so besides BY_TOKEN */
  unsigned connections; /* at most; 0: one */
} Case;

#define OTHERS ((1u << BY_ATTACHED) | (1u << BY_SHIM))
#define ALL    (OTHERS | (1u << BY_DEFAULT) | (1u << BY_VAULT) | (1u << BY_AWS))

extern const Case hostile_cases[];
extern const size_t hostile_cases_count;

/* Puts in what is too large to stand in a table. */
void hostile_cases_complete(Case *one);

#endif
