/* SPDX-License-Identifier: MIT */
/* token.c - the public thred_token_*: a token for code that does not use libcurl. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/bearer.h"
#include "lib/clock.h"
#include "lib/config-current.h"
#include "lib/message.h"
#include "lib/process.h"
#include "lib/route.h"
#include "lib/secret-memory.h"
#include "lib/secure.h"

#define RETRY_AFTER_MS 25

static int check_request(const ThredTokenRequest *request, const ThredToken *token, Error *error)
{
  if (!request || request->size != sizeof *request)
    return error_set(error, THRED_E_INVALID, "the request is NULL or its size is not set");
  if (!token || token->size != sizeof *token)
    return error_set(error, THRED_E_INVALID, "the token is NULL or its size is not set");
  if (request->kind != THRED_TOKEN_BUSINESS && request->kind != THRED_TOKEN_PARTNER)
    return error_set(error, THRED_E_INVALID, "%d is no kind of token", (int)request->kind);
  if (request->timeout_ms < 0)
    return error_set(error, THRED_E_INVALID, "the time-out is negative");
  if (process_disabled())
    return error_set(error, THRED_E_DISABLED, "switched off by THRED_DISABLE=1");
  return THRED_OK;
}

static int find_environment(const Snapshot *snapshot, const char *name, uint32_t *index,
                            Error *error)
{
  *index = name ? snapshot_find_environment(snapshot, name) : snapshot->default_environment;
  if (*index == SNAPSHOT_NONE)
    return name ? error_set(error, THRED_E_CONFIG, "no environment is called %.64s", name)
                : error_set(error, THRED_E_CONFIG,
                            "no default environment: set [thred] environment, or credentials in "
                            "exactly one [environment ...]");
  const SnapshotEnvironment *env = snapshot_environment(snapshot, *index);
  if (!env->active)
    return error_set(error, THRED_E_CONFIG, "environment %s has no usable credentials",
                     snapshot_string(snapshot, env->name));
  return THRED_OK;
}

static int find_host(const Snapshot *snapshot, uint32_t environment, const char *name,
                     uint32_t *index, Error *error)
{
  const SnapshotEnvironment *env = snapshot_environment(snapshot, environment);
  *index = env->first_host;
  if (!name)
    return THRED_OK;
  for (uint32_t i = 0; i < env->host_count; i++) {
    *index = env->first_host + i;
    if (strcmp(snapshot_text(snapshot, snapshot_host(snapshot, *index)->name), name) == 0)
      return THRED_OK;
  }
  return error_set(error, THRED_E_CONFIG, "environment %s has no host %.128s",
                   snapshot_string(snapshot, env->name), name);
}

static int judge(const Snapshot *snapshot, const ThredTokenRequest *request,
                 RouteDecision *decision, Error *error)
{
  const char *business = request->business_id;
  if (business && !route_parse_uuid(business, strlen(business), NULL))
    return error_set(error, THRED_E_INVALID, "the business id is not a UUID: %.64s", business);
  if (request->kind == THRED_TOKEN_PARTNER)
    decision->token = SNAPSHOT_TOKEN_PARTNER;
  else
    decision->token = SNAPSHOT_TOKEN_BUSINESS;
  route_apply_policy(snapshot, decision, business ? business : process_env("THRED_BUSINESS_ID"));
  const char *env =
      snapshot_string(snapshot, snapshot_environment(snapshot, decision->environment)->name);
  if (decision->reason == ROUTE_NO_BUSINESS)
    return error_set(error, THRED_E_NO_BUSINESS,
                     "no business: name one, set THRED_BUSINESS_ID (a UUID) or `business` of "
                     "environment %s",
                     env);
  if (decision->reason != ROUTE_TOKEN) {
    RoutePlace place = route_reason_place(snapshot, decision);
    return error_set(error, THRED_E_NOT_ALLOWED, "environment %s: %s (%s:%u)", env,
                     route_reason_text(decision->reason), place.file ? place.file : "?",
                     (unsigned)place.line);
  }
  return THRED_OK;
}

/* How long a token may still be used, rounded down, but never 0: it was valid a moment ago. */
static int seconds_left(const CacheToken *token)
{
  int64_t left = cache_remaining_ms(token) / 1000;
  return left < 1 ? 1 : left > INT32_MAX ? INT32_MAX : (int)left;
}

typedef int (*GetFunc)(const BearerRequest *request, CacheToken *token, Error *error);

static int get(const Snapshot *snapshot, const ThredTokenRequest *request,
               const RouteDecision *decision, GetFunc get_token, ThredToken *out, Error *error)
{
  CacheToken token = {.value = secret_room()};
  if (!token.value)
    return error_set(error, THRED_E_NO_MEMORY, "out of memory for a token");
  BearerRequest ask = {
      .snapshot = snapshot,
      .environment = decision->environment,
      .host = snapshot_string(snapshot, snapshot_host(snapshot, decision->host)->name),
      .token = decision->token,
      .business = decision->business,
      .refused = request->refused_generation,
      .deadline_ms = request->timeout_ms ? clock_monotonic_ms() + request->timeout_ms : INT64_MAX};
  int code = get_token(&ask, &token, error);
  if (code == THRED_OK) {
    out->value = strdup(token.value);
    out->length = token.length;
    out->generation = token.generation;
    out->expires_in = seconds_left(&token);
    secure_wipe(token.value, token.length);
    if (!out->value)
      code = error_set(error, THRED_E_NO_MEMORY, "out of memory for a token");
  }
  secret_room_free(token.value);
  return code;
}

static int run(const ThredTokenRequest *request, ThredToken *token, GetFunc get_token)
{
  Error error = ERROR_INIT;
  RouteDecision decision = {.route = SNAPSHOT_NONE};
  int code = check_request(request, token, &error);
  if (code)
    return message_return(code, &error);
  token->value = NULL;
  token->length = 0;
  token->expires_in = 0;
  token->retry_after_ms = 0;
  const Snapshot *snapshot = config_acquire(&error);
  if (!snapshot)
    return message_return(error.code, &error);
  if (!(code = find_environment(snapshot, request->environment, &decision.environment, &error)) &&
      !(code = find_host(snapshot, decision.environment, request->host, &decision.host, &error)) &&
      !(code = judge(snapshot, request, &decision, &error)))
    code = get(snapshot, request, &decision, get_token, token, &error);
  if (code == THRED_E_AGAIN)
    token->retry_after_ms = RETRY_AFTER_MS;
  config_release(snapshot);
  return message_return(code, &error);
}

int thred_token_get(const ThredTokenRequest *request, ThredToken *token)
{
  return run(request, token, bearer_get);
}

int thred_token_try_get(const ThredTokenRequest *request, ThredToken *token)
{
  return run(request, token, bearer_try);
}

void thred_token_clear(ThredToken *token)
{
  if (!token)
    return;
  secure_wipe(token->value, token->value ? token->length : 0);
  free(token->value);
  token->value = NULL;
  token->length = 0;
}
