/* SPDX-License-Identifier: MIT */
/* status-text.c - the report for people. */
#include <string.h>
#include <thred/thred.h>

#include "lib/bearer.h"
#include "tools/thredctl/command.h"
#include "tools/thredctl/output.h"
#include "tools/thredctl/status-report.h"

#define SOON_MS 60000 /* who renews waits for the new token from then on (lib/bearer.c) */

/* ---- words ---- */

/* Two units; *buffer holds it. */
static const char *duration(int64_t ms, char buffer[64])
{
  const int64_t s = ms / 1000;
  if (s < 60)
    g_snprintf(buffer, 64, "%" G_GINT64_FORMAT " s", s);
  else if (s < 3600)
    g_snprintf(buffer, 64, "%" G_GINT64_FORMAT " min %" G_GINT64_FORMAT " s", s / 60, s % 60);
  else if (s < 86400)
    g_snprintf(buffer, 64, "%" G_GINT64_FORMAT " h %" G_GINT64_FORMAT " min", s / 3600,
               s % 3600 / 60);
  else
    g_snprintf(buffer, 64, "%" G_GINT64_FORMAT " d %" G_GINT64_FORMAT " h", s / 86400,
               s % 86400 / 3600);
  return buffer;
}

/* A wait is over when it is over: not a second before. */
static const char *wait(int64_t ms, char buffer[64])
{
  return duration(ms + 999, buffer);
}

static const char *times(uint64_t count, char buffer[64])
{
  if (count == 1)
    return "once";
  g_snprintf(buffer, 64, "%" G_GUINT64_FORMAT " times", count);
  return buffer;
}

/* ---- a token ---- */

static void add_state(GString *text, const CacheStatusEntry *entry)
{
  char left[64], age[64];
  const int64_t half = entry->lifetime_ms / 2, soon = half < SOON_MS ? half : SOON_MS;
  g_autofree char *asked =
      entry->age_ms < 0 ? g_strdup("")
                        : g_strdup_printf("; asked for %s ago", duration(entry->age_ms, age));
  switch (entry->state) {
  case CACHE_TOKEN_NONE:
    output_line(text, "state", STYLE_QUIET, "no token");
    break;
  case CACHE_TOKEN_GOOD:
    output_line(text, "state", entry->remaining_ms < soon ? STYLE_WARNING : STYLE_GOOD,
                "expires in %s%s", duration(entry->remaining_ms, left), asked);
    break;
  case CACHE_TOKEN_EXPIRED:
    output_line(text, "state", STYLE_BAD, "expired%s: the next request fetches another", asked);
    break;
  case CACHE_TOKEN_REFUSED:
    output_line(text, "state", STYLE_BAD,
                "refused: a server answered 401%s: the next request fetches another", asked);
    break;
  }
}

static void add_use(GString *text, const CacheStatusEntry *entry)
{
  char taken[64], put[64], refused[64];
  if (entry->generation)
    output_line(text, "generation", STYLE_PLAIN, "%" G_GUINT64_FORMAT, entry->generation);
  output_line(text, "used", STYLE_PLAIN, "read %s by a process, published %s, refused %s by a 401",
              times(entry->hits, taken), times(entry->publishes, put),
              times(entry->refusals, refused));
}

static const char *remedy(const CacheStatusEntry *entry)
{
  switch (bearer_failure((int)entry->failure)) {
  case THRED_E_REFUSED:
    return "correct the credential: `thredctl check` tells where it comes from; `thredctl flush` "
           "ends the wait";
  case THRED_E_BUSINESS_NOT_FOUND:
    return "name a business of this partner; `thredctl flush` ends the wait";
  default:
    return NULL;
  }
}

static void add_failure(GString *text, const CacheStatusEntry *entry)
{
  char ago[64], row[64], left[64];
  const char *change = remedy(entry);
  if (!entry->failure)
    return;
  GString *line = g_string_new(report_failure_sentence(entry));
  if (entry->failure_status)
    g_string_append_printf(line, " (HTTP %u)", entry->failure_status);
  if (entry->failures > 1)
    g_string_append_printf(line, ", %s in a row", times(entry->failures, row));
  if (entry->failed_ms >= 0)
    g_string_append_printf(line, ", %s ago", duration(entry->failed_ms, ago));
  g_string_append_printf(
      line, entry->retry_ms ? "; nobody asks again for %s" : "; the next request asks again",
      wait(entry->retry_ms, left));
  output_line(text, "problem", STYLE_BAD, "%s", line->str);
  if (change)
    output_line(text, "change", STYLE_PLAIN, "%s", change);
  g_string_free(line, TRUE);
}

static void add_pauses(GString *text, const CacheStatusEntry *entry)
{
  char row[64], left[64];
  if (entry->postponed) {
    g_autofree char *next =
        entry->renew_ms ? g_strdup_printf("the next try is in %s", wait(entry->renew_ms, left))
                        : g_strdup("the next request tries again");
    output_line(text, "problem", STYLE_WARNING,
                "renewing it failed %s in a row, without an answer; %s",
                times(entry->postponed, row), next);
    output_line(text, "change", STYLE_PLAIN, "the log of the programs says why");
  }
  if (entry->limited_ms)
    output_line(text, "problem", STYLE_BAD,
                "servers answer 401 to every new token: no other is fetched for %s",
                wait(entry->limited_ms, left));
}

static void add_lease(GString *text, const CacheStatusEntry *entry)
{
  char begun[64], left[64];
  if (!entry->leased)
    return;
  g_autofree char *program = report_lease_program(entry);
  GString *who = g_string_new(entry->lease_pid ? "process" : "a process");
  if (entry->lease_pid)
    g_string_append_printf(who, " %u", entry->lease_pid);
  if (program)
    g_string_append_printf(who, " (%s)", program);
  if (entry->lease_owner == CACHE_OWNER_DIED)
    output_line(text, "lease", STYLE_WARNING,
                "%s was fetching it and has died: the next request takes over", who->str);
  else if (entry->leased_ms < 0)
    output_line(text, "lease", STYLE_PLAIN, "%s is fetching it; %s left", who->str,
                wait(entry->lease_ms, left));
  else
    output_line(text, "lease", STYLE_PLAIN, "%s is fetching it, since %s; %s left", who->str,
                duration(entry->leased_ms, begun), wait(entry->lease_ms, left));
  g_string_free(who, TRUE);
}

static void add_entry(GString *text, const CacheStatusEntry *entry)
{
  static const char *const kinds[] = {"unknown", "partner", "business"};
  g_string_append_c(text, '\n');
  output_line(text, "token", STYLE_PLAIN, "%s%s%s", kinds[entry->kind],
              entry->business[0] ? " of " : "", entry->business);
  output_line(text, "environment", STYLE_PLAIN, "%s", entry->environment);
  output_line(text, "host", STYLE_PLAIN, "%s", entry->host);
  add_state(text, entry);
  add_use(text, entry);
  add_failure(text, entry);
  add_pauses(text, entry);
  add_lease(text, entry);
}

/* ---- a segment ---- */

static void add_counters(GString *text, const CacheStatus *segment)
{
  static const char *const names[CACHE_STATUS_COUNTERS] = {
      [CACHE_COUNT_CLAIMS] = "fetches begun",
      [CACHE_COUNT_PUBLISHED] = "tokens published",
      [CACHE_COUNT_FAILED] = "answered by the server with an error",
      [CACHE_COUNT_REFUSED] = "tokens refused by a 401",
      [CACHE_COUNT_EVICTED] = "evicted for want of room",
      [CACHE_COUNT_REPAIRED] = "repairs after a death in the lock",
      [CACHE_COUNT_STOLEN] = "fetches taken over from a process that died",
  };
  for (size_t i = 0; i < CACHE_STATUS_COUNTERS; i++)
    output_line(text, i ? "" : "counters", STYLE_PLAIN, "%" G_GUINT64_FORMAT " %s",
                segment->counters[i], names[i]);
}

static void add_segment(GString *text, const CacheStatus *segment)
{
  const char *change = NULL;
  g_autofree char *problem = report_problem(segment, &change);
  output_line(text, "segment", STYLE_PLAIN, "%s", segment->path);
  if (problem)
    output_line(text, "problem", STYLE_WARNING, "%s", problem);
  if (change)
    output_line(text, "change", STYLE_PLAIN, "%s", change);
  if (!report_is_read(segment))
    return;
  output_line(text, "sealed", STYLE_PLAIN, "%s",
              segment->kind != CACHE_SEALED ? "no: whoever can read this file can read the tokens"
              : segment->key_error          ? "yes"
                                            : "yes, and its key is in the kernel's keyring");
  output_line(text, "size", STYLE_PLAIN, "%.1f MiB", (double)segment->size / (1024 * 1024));
  output_line(text, "room", STYLE_PLAIN, "%u of %u entries used", segment->entries_used,
              segment->entries);
  output_line(text, "", STYLE_PLAIN, "%u of %u chunks used, %u free", segment->chunks_used,
              segment->chunks, segment->chunks - segment->chunks_used);
  output_line(text, "", STYLE_PLAIN, "%u of %u configuration blocks used", segment->configs_used,
              CACHE_CONFIGS);
  add_counters(text, segment);
  for (size_t i = 0; i < segment->count; i++)
    add_entry(text, &segment->list[i]);
}

char *report_as_text(const Report *report)
{
  GString *text = g_string_new(NULL);
  const char *none = report_why_none(report);
  if (none)
    output_line(text, "segment", STYLE_PLAIN, "none: %s", none);
  for (size_t i = 0; i < REPORT_SEGMENTS; i++) {
    if (!report_is_there(&report->segment[i]))
      continue;
    if (text->len)
      g_string_append_c(text, '\n');
    add_segment(text, &report->segment[i]);
  }
  for (guint i = 0; i < report->others->len; i++) {
    g_autofree char *path = command_printable(report->others->pdata[i]);
    if (i == 0)
      g_string_append_c(text, '\n');
    output_line(text, i ? "" : "not shown", STYLE_QUIET,
                "%s (of another namespace, or another version)", path);
  }
  return g_string_free(text, FALSE);
}
