/* SPDX-License-Identifier: MIT */
/* status-json.c - the report for programs. Every key is always there; thredctl(1) has the shape. */
#include "tools/thredctl/output.h"
#include "tools/thredctl/status-report.h"

static void add_number(struct json_object *object, const char *key, uint64_t value)
{
  json_object_object_add(object, key, json_object_new_uint64(value));
}

/* Whole seconds, or null for a time that is not known. */
static void add_seconds(struct json_object *object, const char *key, int64_t ms)
{
  json_object_object_add(object, key, ms < 0 ? NULL : json_object_new_int64(ms / 1000));
}

/* .. of a wait, which is not over before. */
static void add_wait(struct json_object *object, const char *key, int64_t ms)
{
  add_seconds(object, key, ms > 0 ? ms + 999 : 0);
}

static void add_text(struct json_object *object, const char *key, const char *text)
{
  output_json_string(object, key, text[0] ? text : NULL);
}

/* ---- a token ---- */

static struct json_object *failure_json(const CacheStatusEntry *entry)
{
  if (!entry->failure)
    return NULL;
  struct json_object *object = json_object_new_object();
  output_json_string(object, "reason", report_failure_word(entry));
  output_json_string(object, "because", report_failure_sentence(entry));
  json_object_object_add(object, "status",
                         entry->failure_status ? json_object_new_uint64(entry->failure_status)
                                               : NULL);
  add_number(object, "in_a_row", entry->failures);
  add_seconds(object, "age", entry->failed_ms);
  add_wait(object, "retry_in", entry->retry_ms);
  return object;
}

static struct json_object *lease_json(const CacheStatusEntry *entry)
{
  static const char *const owners[] = {"unknown", "lives", "died"};
  if (!entry->leased)
    return NULL;
  struct json_object *object = json_object_new_object();
  g_autofree char *program = report_lease_program(entry);
  json_object_object_add(object, "pid",
                         entry->lease_pid ? json_object_new_uint64(entry->lease_pid) : NULL);
  output_json_string(object, "program", program);
  output_json_string(object, "owner", owners[entry->lease_owner]);
  add_seconds(object, "age", entry->leased_ms);
  add_wait(object, "expires_in", entry->lease_ms);
  return object;
}

static struct json_object *entry_json(const CacheStatusEntry *entry)
{
  static const char *const kinds[] = {NULL, "partner", "business"};
  static const char *const states[] = {"none", "good", "expired", "refused"};
  struct json_object *object = json_object_new_object();
  add_number(object, "entry", entry->index);
  add_text(object, "environment", entry->environment);
  add_text(object, "host", entry->host);
  output_json_string(object, "kind", kinds[entry->kind]);
  add_text(object, "business_id", entry->business);
  output_json_string(object, "state", states[entry->state]);
  add_seconds(object, "age", entry->age_ms);
  add_seconds(object, "lifetime", entry->lifetime_ms);
  add_seconds(object, "expires_in", entry->remaining_ms > 0 ? entry->remaining_ms : 0);
  add_number(object, "generation", entry->generation);
  add_number(object, "hits", entry->hits);
  add_number(object, "publishes", entry->publishes);
  add_number(object, "refusals", entry->refusals);
  json_object_object_add(object, "failure", failure_json(entry));
  add_number(object, "renewals_failed", entry->postponed);
  add_wait(object, "renewal_in", entry->renew_ms);
  add_wait(object, "limited_for", entry->limited_ms);
  json_object_object_add(object, "lease", lease_json(entry));
  return object;
}

/* ---- a segment ---- */

static struct json_object *room_json(bool known, uint32_t used, uint32_t of)
{
  if (!known)
    return NULL;
  struct json_object *object = json_object_new_object();
  add_number(object, "used", used);
  add_number(object, "of", of);
  return object;
}

static struct json_object *counters_json(const CacheStatus *segment)
{
  static const char *const names[CACHE_STATUS_COUNTERS] = {
      [CACHE_COUNT_CLAIMS] = "claims",     [CACHE_COUNT_PUBLISHED] = "published",
      [CACHE_COUNT_FAILED] = "failed",     [CACHE_COUNT_REFUSED] = "refused",
      [CACHE_COUNT_EVICTED] = "evicted",   [CACHE_COUNT_REPAIRED] = "repaired",
      [CACHE_COUNT_STOLEN] = "taken_over",
  };
  if (!report_is_read(segment))
    return NULL;
  struct json_object *object = json_object_new_object();
  for (size_t i = 0; i < CACHE_STATUS_COUNTERS; i++)
    add_number(object, names[i], segment->counters[i]);
  return object;
}

static struct json_object *segment_json(const CacheStatus *segment)
{
  static const char *const states[] = {"none", "good", "retired", "spoiled", "foreign", "unread"};
  const bool known = report_is_read(segment);
  const char *change;
  struct json_object *object = json_object_new_object(), *tokens = json_object_new_array();
  g_autofree char *problem = report_problem(segment, &change);
  output_json_string(object, "path", segment->path);
  output_json_string(object, "state", states[segment->state]);
  output_json_string(object, "problem", problem);
  json_object_object_add(object, "sealed", json_object_new_boolean(segment->kind == CACHE_SEALED));
  output_json_string(object, "key",
                     !known || segment->kind != CACHE_SEALED ? NULL
                     : segment->key_error == 0               ? "present"
                     : segment->key_error == ENOKEY          ? "gone"
                                                             : "unknown");
  json_object_object_add(object, "size", known ? json_object_new_uint64(segment->size) : NULL);
  json_object_object_add(object, "entries",
                         room_json(known, segment->entries_used, segment->entries));
  json_object_object_add(object, "chunks", room_json(known, segment->chunks_used, segment->chunks));
  json_object_object_add(object, "configurations",
                         room_json(known, segment->configs_used, CACHE_CONFIGS));
  json_object_object_add(object, "counters", counters_json(segment));
  for (size_t i = 0; known && i < segment->count; i++)
    json_object_array_add(tokens, entry_json(&segment->list[i]));
  json_object_object_add(object, "tokens", tokens);
  return object;
}

char *report_as_json(const Report *report)
{
  struct json_object *object = json_object_new_object(), *segments = json_object_new_array();
  struct json_object *others = json_object_new_array();
  json_object_object_add(object, "version", json_object_new_int(1));
  output_json_string(object, "none_because", report_why_none(report));
  for (size_t i = 0; i < REPORT_SEGMENTS; i++)
    if (report_is_there(&report->segment[i]))
      json_object_array_add(segments, segment_json(&report->segment[i]));
  json_object_object_add(object, "segments", segments);
  for (guint i = 0; i < report->others->len; i++)
    json_object_array_add(others, output_json_text(report->others->pdata[i]));
  json_object_object_add(object, "not_shown", others);
  return output_json_line(object);
}
