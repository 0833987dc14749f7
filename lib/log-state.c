/* SPDX-License-Identifier: MIT */
#include "lib/log-state.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/hash.h"
#include "lib/process.h"

#define SLOTS     64
#define MINUTE_MS 60000
#define HOUR_MS   (60 * (int64_t)MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)
#define FLAPS_MAX 6 /* 2^6 minutes: more than an hour */

/* Guarded by `lock`. A fork may come in the middle of a change: `key` is written last, and whatever
 * the rest is then, the worst is a line too many or too few. */
typedef struct {
  uint64_t key;     /* of event, environment, scope and reason; 0: free */
  uint64_t group;   /* the same without the reason */
  uint64_t subject; /* of who has noticed first */
  LogEvent event;
  int64_t began_ms, last_ms, told_ms; /* CLOCK_BOOTTIME; the last one 0: never */
  unsigned flaps;                     /* how often it has come again lately */
  bool is_wrong, is_told;             /* .. is_told: since it began */
} Slot;

static ProcessLock lock = PROCESS_LOCK_INIT;
/* The first half is for states whose scope is a business, of which a program can make any number.
 * The last one of each half is for all that find no other. */
static Slot slots[SLOTS];
_Atomic uint64_t log_states_wrong;

/* ---- the table ---- */

/* With an end, so that ("ab", "c") is not ("a", "bc"). */
static uint64_t mix(uint64_t hash, const char *text)
{
  return hash_byte(hash_text(hash, text), 0xff);
}

static uint64_t group_of(const LogState *state)
{
  uint64_t hash = hash_byte(HASH_INIT, (unsigned char)state->event);
  return mix(mix(hash, state->environment), state->scope);
}

static uint64_t key_of(const LogState *state)
{
  return mix(group_of(state), state->reason) | 1;
}

static bool is_idle(const Slot *slot, int64_t now_ms)
{
  return now_ms - slot->last_ms > DAY_MS || (!slot->is_wrong && now_ms - slot->told_ms > HOUR_MS);
}

static Slot *find(const LogState *state, int64_t now_ms)
{
  const uint64_t key = key_of(state);
  /* What a connection lacks is one of a few sentences. */
  const bool countless = state->scope && state->event != EVENT_UNVERIFIED;
  Slot *const first = countless ? slots : slots + SLOTS / 2, *const last = first + SLOTS / 2 - 1;
  Slot *unused = NULL;
  for (Slot *slot = first; slot < last; slot++) {
    if (slot->key == key)
      return slot;
    if (!unused && (!slot->key || is_idle(slot, now_ms)))
      unused = slot;
  }
  if (!unused)
    return last;
  *unused = (Slot){.group = group_of(state), .event = state->event};
  unused->key = key;
  return unused;
}

static uint64_t bit_of(uint64_t group)
{
  return (uint64_t)1 << (group * 0x9e3779b97f4a7c15u >> 58);
}

/* What somebody waits for the end of. */
static void note_wrong(void)
{
  uint64_t groups = 0;
  for (const Slot *slot = slots; slot < slots + SLOTS; slot++)
    if (slot->key && slot->is_wrong && slot->event == EVENT_TOKEN_FAILURE)
      groups |= bit_of(slot->group);
  atomic_store_explicit(&log_states_wrong, groups, memory_order_relaxed);
}

static bool may_end(LogEvent event, uint64_t group)
{
  return event != EVENT_TOKEN_FAILURE ||
         (atomic_load_explicit(&log_states_wrong, memory_order_relaxed) & bit_of(group));
}

bool log_state_may_end(const LogState *state)
{
  return may_end(state->event, group_of(state));
}

/* ---- a state ---- */

static bool is_to_be_told(Slot *slot, int64_t again_ms, int64_t now_ms)
{
  const int64_t silent_ms = now_ms - slot->told_ms;
  if (!slot->told_ms || silent_ms >= again_ms)
    return true;
  if (slot->is_told || silent_ms < (int64_t)MINUTE_MS << slot->flaps)
    return false;
  slot->flaps += slot->flaps < FLAPS_MAX;
  return true;
}

/* Most states have nobody who says that they are over, nor has a place that many share: when no one
 * has noticed them for so long, what comes then is another trouble. */
static bool begins_now(const Slot *slot, int64_t again_ms, int64_t now_ms)
{
  return !slot->is_wrong ||
         (slot->event != EVENT_TOKEN_FAILURE && now_ms - slot->last_ms >= again_ms);
}

bool log_state_begin(const LogState *state, bool tellable, int64_t now_ms, int64_t *ongoing_ms)
{
  const int64_t again_ms = state->again_ms ? state->again_ms : HOUR_MS;
  process_lock(&lock);
  Slot *slot = find(state, now_ms);
  if (begins_now(slot, again_ms, now_ms)) {
    slot->is_wrong = true;
    slot->is_told = false;
    slot->began_ms = now_ms;
    slot->subject = mix(0, state->subject);
    if (now_ms - slot->last_ms >= HOUR_MS)
      slot->flaps = 0;
    note_wrong();
  }
  slot->last_ms = now_ms;
  const bool tell = tellable && is_to_be_told(slot, again_ms, now_ms);
  if (tell) {
    slot->told_ms = now_ms;
    slot->is_told = true;
  }
  *ongoing_ms = now_ms - slot->began_ms;
  process_unlock(&lock);
  return tell;
}

static bool is_over(const Slot *slot, uint64_t subject, int64_t proof_ms, int64_t now_ms)
{
  return slot->subject == subject ||
         (proof_ms >= slot->began_ms && now_ms - slot->last_ms >= MINUTE_MS);
}

bool log_state_end(const LogState *state, int64_t proof_ms, int64_t now_ms, int64_t *lasted_ms)
{
  const uint64_t group = group_of(state);
  bool was_told = false, all = true;
  *lasted_ms = 0;
  if (!may_end(state->event, group))
    return false;
  const uint64_t subject = mix(0, state->subject);
  process_lock(&lock);
  for (Slot *slot = slots; slot < slots + SLOTS; slot++) {
    if (!slot->key || !slot->is_wrong || slot->group != group)
      continue;
    if (!is_over(slot, subject, proof_ms, now_ms)) {
      all = false;
      continue;
    }
    slot->is_wrong = false;
    was_told |= slot->is_told;
    if (now_ms - slot->began_ms > *lasted_ms)
      *lasted_ms = now_ms - slot->began_ms;
  }
  note_wrong();
  process_unlock(&lock);
  return was_told && all;
}

/* ---- lines ---- */

__attribute__((format(printf, 3, 0))) static void
tell(const LogFields *fields, const LogState *state, const char *format, va_list args)
{
  char end[48] = "";
  int64_t ongoing_ms = 0;
  if (!log_state_begin(state, log_event_enabled(fields->event) != 0, clock_boot_ms(), &ongoing_ms))
    return;
  if (ongoing_ms >= MINUTE_MS && !state->again_ms)
    snprintf(end, sizeof end, " (for %lld min now)", (long long)(ongoing_ms / MINUTE_MS));
  log_event_v(fields, end, format, args);
}

void log_wrong(const LogFields *fields, const char *scope, const char *subject, const char *format,
               ...)
{
  const LogState state = {.event = fields->event,
                          .environment = fields->environment,
                          .reason = fields->reason,
                          .scope = scope,
                          .subject = subject};
  va_list args;
  va_start(args, format);
  tell(fields, &state, format, args);
  va_end(args);
}

void log_daily(const LogFields *fields, const char *format, ...)
{
  const LogState state = {.event = fields->event,
                          .environment = fields->environment,
                          .reason = fields->reason,
                          .again_ms = DAY_MS};
  va_list args;
  va_start(args, format);
  tell(fields, &state, format, args);
  va_end(args);
}
