/* SPDX-License-Identifier: MIT */
#include "lib/bearer-log.h"

#include <stdatomic.h>

#include "lib/clock.h"
#include "lib/hash.h"
#include "lib/key-age.h"
#include "lib/message.h"

#define SAME_NOTE_MS 60000

static const char *kind(const CacheLabel *label)
{
  return label->business ? "business" : "partner";
}

static LogFields fields_of(LogEvent event, const CacheLabel *label)
{
  return (LogFields){.event = event,
                     .environment = label->environment,
                     .host = label->host,
                     .kind = kind(label),
                     .business = label->business};
}

#define TOKEN_NAME "%s token%s%s [environment %s]"
#define TOKEN_NAMED(label)                                                                         \
  kind(label), (label)->business ? " of " : "", (label)->business ? (label)->business : "",        \
      (label)->environment

void bearer_log_asking(const CacheLabel *label, uint64_t refused)
{
  if (refused)
    log_debug("asking %s for another " TOKEN_NAME ": generation %llu was refused", label->host,
              TOKEN_NAMED(label), (unsigned long long)refused);
  else
    log_debug("asking %s for a " TOKEN_NAME, label->host, TOKEN_NAMED(label));
}

/* What bearer_log_kept() began; the line about the token says so. */
static void end_renewal_failure(const CacheLabel *label)
{
  const LogState state = {
      .event = EVENT_RENEWAL_FAILURE, .environment = label->environment, .scope = label->business};
  const int64_t now = clock_boot_ms();
  int64_t lasted_ms;
  log_state_end(&state, now, now, &lasted_ms);
}

void bearer_log_fetched(const CacheLabel *label, uint64_t generation, int64_t lifetime_s)
{
  LogFields fields = fields_of(EVENT_TOKEN_FETCHED, label);
  end_renewal_failure(label);
  fields.generation = generation;
  log_event(&fields, "%s gave a " TOKEN_NAME ", generation %llu, for %lld s", label->host,
            TOKEN_NAMED(label), (unsigned long long)generation, (long long)lifetime_s);
}

void bearer_log_refused(const CacheLabel *label, uint64_t generation)
{
  LogFields fields = fields_of(EVENT_TOKEN_REFUSED, label);
  fields.generation = generation;
  log_event(&fields, "%s answered 401 to a " TOKEN_NAME ", generation %llu", label->host,
            TOKEN_NAMED(label), (unsigned long long)generation);
}

/* ---- failures ---- */

/* What is wrong with one business is no word about the others, nor about the endpoint. */
static bool is_of_business(int code)
{
  return code == THRED_E_BUSINESS_NOT_FOUND || code == THRED_E_TOO_LARGE;
}

static const char *words(int code, const Error *error)
{
  return error->message[0] ? error->message : thred_strerror(code);
}

/* A clash of symbols is told where it is found. */
void bearer_log_failure(const CacheLabel *label, int code, const Error *error)
{
  LogFields fields = fields_of(EVENT_TOKEN_FAILURE, label);
  if (code == THRED_E_CLASH)
    return;
  fields.reason = message_word(code);
  log_wrong(&fields, is_of_business(code) ? label->business : NULL,
            label->business ? label->business : "", "no token [environment %s]: %s",
            label->environment, words(code, error));
}

void bearer_log_kept(const CacheLabel *label, int code, const Error *error)
{
  LogFields fields = fields_of(EVENT_RENEWAL_FAILURE, label);
  if (code == THRED_E_CLASH)
    return;
  fields.reason = message_word(code);
  log_wrong(&fields, label->business, NULL,
            "no newer " TOKEN_NAME ", the one before it goes on being used: %s", TOKEN_NAMED(label),
            words(code, error));
}

static bool is_over(const CacheLabel *label, const char *scope, int64_t boot_ms, int64_t *lasted_ms)
{
  const LogState state = {.event = EVENT_TOKEN_FAILURE,
                          .environment = label->environment,
                          .scope = scope,
                          .subject = label->business ? label->business : ""};
  return log_state_end(&state, boot_ms, clock_boot_ms(), lasted_ms);
}

void bearer_log_restored(const CacheLabel *label, int64_t boot_ms)
{
  const LogFields fields = fields_of(EVENT_TOKEN_RESTORED, label);
  int64_t lasted_ms = 0;
  if (is_over(label, NULL, boot_ms, &lasted_ms))
    log_event(&fields, "there are tokens again [environment %s], after %lld s without",
              label->environment, (long long)lasted_ms / 1000);
  if (label->business && is_over(label, label->business, boot_ms, &lasted_ms))
    log_event(&fields, "there is a " TOKEN_NAME " again, after %lld s without", TOKEN_NAMED(label),
              (long long)lasted_ms / 1000);
}

/* ---- the key ---- */

/* Whoever fetches says it: on a busy machine one process an hour, and each once a day. */
void bearer_log_age(const Snapshot *snapshot, const SnapshotEnvironment *environment)
{
  int days = 0;
  if (!key_age_days(snapshot_string(snapshot, environment->key_created), clock_real_ms() / 1000,
                    &days) ||
      days < KEY_AGE_WARN)
    return;
  const LogFields fields = {.event = EVENT_KEY_AGE,
                            .environment = snapshot_string(snapshot, environment->name)};
  log_daily(&fields,
            "the API key of [environment %s] is %d days old (key-created); Thred asks for a new "
            "one every %d days",
            fields.environment, days, KEY_AGE_LIMIT);
}

void bearer_log_next(const CacheLabel *label)
{
  const LogFields fields = fields_of(EVENT_KEY_REPLACED, label);
  log_daily(&fields,
            "%s refused the API key of `credentials` [environment %s], and took that of `next`",
            label->host, label->environment);
}

/* ---- modules ---- */

/* Each fetch may bring the same words, and where the fault is local, each request is one. */
void bearer_log_note(const char *text)
{
  static _Atomic uint64_t last_hash;
  static _Atomic int64_t last_ms;
  const uint64_t hash = hash_text(HASH_INIT, text);
  const int64_t now = clock_coarse_ms();
  if (atomic_exchange(&last_hash, hash) == hash && now - atomic_load(&last_ms) < SAME_NOTE_MS)
    return;
  atomic_store(&last_ms, now);
  log_info("credentials: %s", text);
}
