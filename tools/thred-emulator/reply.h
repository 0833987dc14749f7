/* SPDX-License-Identifier: MIT */
/* reply - an answer before it is handed to the HTTP server. */
#ifndef EMULATOR_REPLY_H
#define EMULATOR_REPLY_H

#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>

/* What a fault may say about WWW-Authenticate; else the setting of the same name decides. */
typedef enum ChallengeRule {
  CHALLENGE_DEFAULT = 0,
  CHALLENGE_ALWAYS,
  CHALLENGE_NEVER
} ChallengeRule;

typedef struct Reply {
  unsigned status;
  bool drop;                /* close the connection without an answer: nothing else counts */
  bool huge;                /* the body goes on for HUGE_BODY bytes, and its length is not told */
  char *body;               /* owned */
  size_t length;            /* of body */
  const char *content_type; /* NULL for none */
  char **headers;           /* others: name, value, name, value...; NULL for none. Owned */
  const char *challenge;    /* for WWW-Authenticate; NULL for none */
  ChallengeRule challenge_rule;
  const char *allow; /* of a 405 */
  char *location;    /* owned */
  char *retry_after; /* owned */
  bool no_store;     /* RFC 6749, 5.1: the answer holds a token */
} Reply;

#define HUGE_BODY (64ULL * 1024 * 1024)

#define BEARER_CHALLENGE        "Bearer"
#define INVALID_TOKEN_CHALLENGE "Bearer error=\"invalid_token\""
#define BASIC_CHALLENGE         "Basic realm=\"thred-emulator\""

/* Each of these replaces what the reply held. `json` is taken over. */
void reply_json(Reply *reply, unsigned status, struct json_object *json);
void reply_text(Reply *reply, unsigned status, const char *content_type, const char *text);
void reply_bytes(Reply *reply, unsigned status, const char *content_type, const void *data,
                 size_t length);

/* The API's error body: {"error": message, "error_code": code, "details": {}}. */
void reply_error(Reply *reply, unsigned status, const char *code, const char *message);
void reply_not_allowed(Reply *reply, const char *allow);

void reply_clear(Reply *reply);

#endif
