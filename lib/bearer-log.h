/* SPDX-License-Identifier: MIT */
/* bearer-log.h - what the log says of tokens: by kind, business, environment and generation, never
 * by a part of them. */
#ifndef THRED_LIB_BEARER_LOG_H
#define THRED_LIB_BEARER_LOG_H

#include "lib/cache.h"
#include "lib/error.h"
#include "lib/log-state.h"
#include "lib/snapshot.h"

/* `refused` not 0: another one, after that generation. */
void bearer_log_asking(const CacheLabel *label, uint64_t refused);
void bearer_log_fetched(const CacheLabel *label, uint64_t generation, int64_t lifetime_s);
/* A server answered 401 to it. */
void bearer_log_refused(const CacheLabel *label, uint64_t generation);

/* No token. */
void bearer_log_failure(const CacheLabel *label, int code, const Error *error);
/* No other token: the one that is there still serves. */
void bearer_log_kept(const CacheLabel *label, int code, const Error *error);

/* There is a token that was asked for at `boot_ms`. */
void bearer_log_restored(const CacheLabel *label, int64_t boot_ms);
static inline void bearer_log_token(const CacheLabel *label, const CacheToken *token)
{
  if (log_state_any())
    bearer_log_restored(label, token->boot_ms);
}

/* What is to be done about the API key before it stops being one. */
void bearer_log_age(const Snapshot *snapshot, const SnapshotEnvironment *environment);
void bearer_log_next(const CacheLabel *label);

/* What a module wants to have told, a command's standard error, say. */
void bearer_log_note(const char *text);

#endif
