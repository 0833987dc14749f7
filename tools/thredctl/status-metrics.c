/* SPDX-License-Identifier: MIT */
/*
 * status-metrics.c - the report for a monitoring system.
 *
 * OpenMetrics 1.0. What reads a file for it, node_exporter's textfile collector, knows Prometheus's
 * older text format alone (prometheus/node_exporter#1988), so this is both: no timestamp, of which
 * it refuses the whole file; no type that only one of them has (info, stateset, unknown); no quote
 * in a help text, which is escaped in one and not in the other; a new line at the end of each line.
 * To the older one UNIT and EOF are comments, and a counter, whose family has the name without
 * _total in OpenMetrics, is a sample without a type.
 */
#include <string.h>
#include <unistd.h>

#include "tools/thredctl/status-report.h"

/* ---- labels ---- */

static void add_label(GString *text, const char *name, const char *value)
{
  g_string_append_printf(text, "%s=\"", name);
  for (; *value; value++) {
    if (*value == '\\' || *value == '"')
      g_string_append_c(text, '\\');
    g_string_append_c(text, *value);
  }
  g_string_append_c(text, '"');
}

/* Files of several users lie in one directory. */
static void add_segment_labels(GString *text, const CacheStatus *segment)
{
  g_string_append_printf(text, "uid=\"%u\",segment=\"%s\"", (unsigned)geteuid(),
                         segment->kind == CACHE_SEALED ? "sealed" : "unsealed");
}

/* Two entries may differ in nothing but the credential, which is not told: so the entry's number.
 */
static void add_entry_labels(GString *text, const CacheStatus *segment,
                             const CacheStatusEntry *entry)
{
  static const char *const kinds[] = {"unknown", "partner", "business"};
  const char *const labels[][2] = {{"environment", entry->environment},
                                   {"host", entry->host},
                                   {"kind", kinds[entry->kind]},
                                   {"business", entry->business}};
  add_segment_labels(text, segment);
  for (size_t i = 0; i < G_N_ELEMENTS(labels); i++) {
    g_string_append_c(text, ',');
    add_label(text, labels[i][0], labels[i][1]);
  }
  g_string_append_printf(text, ",entry=\"%u\"", entry->index);
}

/* ---- families ---- */

typedef enum { COUNT, TOTAL, SECONDS, BYTES } Unit;

/* `name` without the unit. */
static void add_head(GString *text, const char *name, Unit unit, const char *help)
{
  static const char *const suffixes[] = {"", "", "_seconds", "_bytes"};
  const char *suffix = suffixes[unit];
  g_string_append_printf(text, "# HELP thred_cache_%s%s %s\n", name, suffix, help);
  g_string_append_printf(text, "# TYPE thred_cache_%s%s %s\n", name, suffix,
                         unit == TOTAL ? "counter" : "gauge");
  if (*suffix)
    g_string_append_printf(text, "# UNIT thred_cache_%s%s %s\n", name, suffix, suffix + 1);
}

static void begin_sample(GString *text, const char *name, Unit unit)
{
  static const char *const suffixes[] = {"", "_total", "_seconds", "_bytes"};
  g_string_append_printf(text, "thred_cache_%s%s{", name, suffixes[unit]);
}

/* Seconds are given in milliseconds. */
static void end_sample(GString *text, Unit unit, uint64_t value)
{
  if (unit == SECONDS)
    g_string_append_printf(text, "} %" G_GUINT64_FORMAT ".%03u\n", value / 1000,
                           (unsigned)(value % 1000));
  else
    g_string_append_printf(text, "} %" G_GUINT64_FORMAT "\n", value);
}

/* ---- of a segment ---- */

typedef struct {
  const char *name;
  Unit unit;
  bool always; /* of a segment that is not there, too */
  const char *help;
  uint64_t (*value)(const CacheStatus *segment);
} SegmentFamily;

static uint64_t is_present(const CacheStatus *segment)
{
  return report_is_there(segment);
}

static uint64_t is_usable(const CacheStatus *segment)
{
  return segment->state == CACHE_SEGMENT_GOOD && segment->key_error == 0;
}

static uint64_t size_of(const CacheStatus *segment)
{
  return segment->size;
}

static uint64_t entries_used(const CacheStatus *segment)
{
  return segment->entries_used;
}

static uint64_t entries(const CacheStatus *segment)
{
  return segment->entries;
}

static uint64_t chunks_used(const CacheStatus *segment)
{
  return segment->chunks_used;
}

static uint64_t chunks(const CacheStatus *segment)
{
  return segment->chunks;
}

static uint64_t configs_used(const CacheStatus *segment)
{
  return segment->configs_used;
}

static const SegmentFamily segment_families[] = {
    {"segment_present", COUNT, true, "1 if the segment of this user is there.", is_present},
    {"segment_usable", COUNT, true, "1 if it is whole, in use, and its key is known to be there.",
     is_usable},
    {"segment_size", BYTES, false, "Size of the segment.", size_of},
    {"entries_used", COUNT, false, "Entries that have a key.", entries_used},
    {"entries", COUNT, false, "Entries there are.", entries},
    {"chunks_used", COUNT, false, "Chunks that a token has.", chunks_used},
    {"chunks", COUNT, false, "Chunks there are.", chunks},
    {"configurations_used", COUNT, false, "Configuration blocks that are kept.", configs_used},
};

static const struct {
  const char *name, *help;
} counters[CACHE_STATUS_COUNTERS] = {
    [CACHE_COUNT_CLAIMS] = {"fetches", "Fetches that were begun."},
    [CACHE_COUNT_PUBLISHED] = {"tokens_published", "Tokens that were put into the segment."},
    [CACHE_COUNT_FAILED] = {"fetches_failed",
                            "Fetches that the token endpoint answered with an error."},
    [CACHE_COUNT_REFUSED] = {"tokens_refused", "Tokens that a server answered 401 to."},
    [CACHE_COUNT_EVICTED] = {"evictions", "Tokens that were given up for want of room."},
    [CACHE_COUNT_REPAIRED] = {"repairs", "Repairs after a death inside the lock."},
    [CACHE_COUNT_STOLEN] = {"leases_taken_over", "Fetches taken over from a process that died."},
};

static void add_segment_sample(GString *text, const char *name, Unit unit,
                               const CacheStatus *segment, uint64_t value)
{
  begin_sample(text, name, unit);
  add_segment_labels(text, segment);
  end_sample(text, unit, value);
}

static void add_segments(GString *text, const Report *report)
{
  for (size_t i = 0; i < G_N_ELEMENTS(segment_families); i++) {
    const SegmentFamily *family = &segment_families[i];
    add_head(text, family->name, family->unit, family->help);
    for (size_t k = 0; k < REPORT_SEGMENTS; k++)
      if (family->always || report_is_read(&report->segment[k]))
        add_segment_sample(text, family->name, family->unit, &report->segment[k],
                           family->value(&report->segment[k]));
  }
  for (size_t i = 0; i < CACHE_STATUS_COUNTERS; i++) {
    add_head(text, counters[i].name, TOTAL, counters[i].help);
    for (size_t k = 0; k < REPORT_SEGMENTS; k++)
      if (report_is_read(&report->segment[k]))
        add_segment_sample(text, counters[i].name, TOTAL, &report->segment[k],
                           report->segment[k].counters[i]);
  }
}

/* ---- of a token ---- */

typedef struct {
  const char *name;
  Unit unit;
  const char *help;
  uint64_t (*value)(const CacheStatusEntry *entry);
} EntryFamily;

static uint64_t is_good(const CacheStatusEntry *entry)
{
  return entry->state == CACHE_TOKEN_GOOD;
}

static uint64_t remaining(const CacheStatusEntry *entry)
{
  return entry->state == CACHE_TOKEN_GOOD ? (uint64_t)entry->remaining_ms : 0;
}

static uint64_t age(const CacheStatusEntry *entry)
{
  return entry->age_ms > 0 ? (uint64_t)entry->age_ms : 0;
}

static uint64_t hits(const CacheStatusEntry *entry)
{
  return entry->hits;
}

static uint64_t publishes(const CacheStatusEntry *entry)
{
  return entry->publishes;
}

static uint64_t refusals(const CacheStatusEntry *entry)
{
  return entry->refusals;
}

static uint64_t failures(const CacheStatusEntry *entry)
{
  return entry->failures;
}

static uint64_t failure_status(const CacheStatusEntry *entry)
{
  return entry->failure_status;
}

static uint64_t retry(const CacheStatusEntry *entry)
{
  return (uint64_t)MAX(entry->retry_ms, entry->limited_ms);
}

static uint64_t postponed(const CacheStatusEntry *entry)
{
  return entry->postponed;
}

static uint64_t is_leased(const CacheStatusEntry *entry)
{
  return entry->leased && entry->lease_owner != CACHE_OWNER_DIED;
}

static const EntryFamily entry_families[] = {
    {"token_good", COUNT, "1 if there is a token that may be used.", is_good},
    {"token_remaining", SECONDS, "Until the token may no longer be used; 0 without a good one.",
     remaining},
    {"token_age", SECONDS, "Since the token was asked for; 0 without one.", age},
    {"token_hits", TOTAL, "Times that a process read the token from the segment.", hits},
    {"token_publishes", TOTAL, "Tokens that were put into this entry.", publishes},
    {"token_refusals", TOTAL, "Tokens of this entry that a server answered 401 to.", refusals},
    {"token_failures", COUNT, "Errors of the token endpoint in a row.", failures},
    {"token_failure_http_status", COUNT, "Status of the last of them; 0 without one.",
     failure_status},
    {"token_renewals_failed", COUNT, "Renewals in a row that failed without an answer.", postponed},
    {"token_retry", SECONDS,
     "Until a token is asked for again after errors; 0: at the next request.", retry},
    {"token_lease_held", COUNT, "1 if a process is fetching a token.", is_leased},
};

static void add_entries(GString *text, const Report *report)
{
  for (size_t i = 0; i < G_N_ELEMENTS(entry_families); i++) {
    const EntryFamily *family = &entry_families[i];
    add_head(text, family->name, family->unit, family->help);
    for (size_t k = 0; k < REPORT_SEGMENTS; k++) {
      const CacheStatus *segment = &report->segment[k];
      for (size_t n = 0; report_is_read(segment) && n < segment->count; n++) {
        begin_sample(text, family->name, family->unit);
        add_entry_labels(text, segment, &segment->list[n]);
        end_sample(text, family->unit, family->value(&segment->list[n]));
      }
    }
  }
}

char *report_as_metrics(const Report *report)
{
  GString *text = g_string_new(NULL);
  add_segments(text, report);
  add_entries(text, report);
  g_string_append(text, "# EOF\n");
  return g_string_free(text, FALSE);
}
