/* SPDX-License-Identifier: MIT */
#include "events-fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "journal.h"

/* ---- the document ---- */

Event events[EVENTS_MAX + 1];
size_t events_count;

void events_read(void)
{
  char line[2048], path[512];
  snprintf(path, sizeof path, "%s/docs/logging.md", getenv("THRED_TEST_SOURCE"));
  FILE *file = fopen(path, "re");
  assert_non_null(file);
  while (fgets(line, sizeof line, file)) {
    Event *row = &events[events_count];
    if (sscanf(line, "| `%63[a-z-]` `%63[0-9a-f]` | %15[a-z] | %255[^|]|", row->name, row->id,
               row->level, row->words) == 4)
      events_count++;
    assert_true(events_count < EVENTS_MAX);
  }
  fclose(file);
  assert_true(events_count >= 20);
}

Event *events_find(const char *name)
{
  for (size_t i = 0; i < events_count; i++)
    if (strcmp(events[i].name, name) == 0)
      return &events[i];
  fail_msg("docs/logging.md has no event %s", name);
  return &events[EVENTS_MAX]; /* not reached */
}

/* One of the words in backticks is in the line. */
static bool has_words(const Event *row, const char *line)
{
  char words[256];
  snprintf(words, sizeof words, "%s", row->words);
  for (char *at = strchr(words, '`'), *end; at && (end = strchr(at + 1, '`'));
       at = strchr(end + 1, '`')) {
    *end = 0;
    if (strstr(line, at + 1))
      return true;
  }
  return false;
}

/* ---- the journal ---- */

static void note(const JournalEntry *entry)
{
  static const char *const levels[] = {"", "", "", "error", "warning", "", "info", "debug"};
  const char *name = journal_field(entry, "THRED_EVENT");
  const char *line = journal_field(entry, "MESSAGE"),
             *reason = journal_field(entry, "THRED_REASON");
  if (!name) {
    assert_null(journal_field(entry, "MESSAGE_ID"));
    return;
  }
  Event *row = events_find(name);
  row->seen++;
  row->ever = true;
  snprintf(row->reason, sizeof row->reason, "%s", reason ? reason : "");
  assert_string_equal(journal_field(entry, "MESSAGE_ID"), row->id);
  assert_string_equal(levels[atoi(journal_field(entry, "PRIORITY"))], row->level);
  if (!has_words(row, line))
    fail_msg("%s: %s", name, line);
}

void events_note(void)
{
  static JournalEntry entry;
  const char *mistake;
  while (journal_take(&entry, &mistake)) {
    if (mistake)
      fail_msg("%s: %s", mistake, entry.text);
    note(&entry);
  }
}

void events_forget(void)
{
  events_note();
  for (size_t i = 0; i < events_count; i++)
    events[i].seen = 0;
}

static bool is_seen(void *data)
{
  events_note();
  return ((Event *)data)->seen > 0;
}

bool events_is_ever_seen(void *data)
{
  events_note();
  return ((Event *)data)->ever;
}

void events_expect(const char *name, const char *reason)
{
  Event *row = events_find(name);
  wait_until(is_seen, row);
  if (reason)
    assert_string_equal(row->reason, reason);
}

void events_expect_count(const char *name, unsigned count)
{
  events_note();
  if (events_find(name)->seen != count)
    fail_msg("%s: %u times, not %u", name, events_find(name)->seen, count);
}

void events_cannot(const char *name, const char *why)
{
  events_find(name)->why_not = why;
}
