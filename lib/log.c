/* SPDX-License-Identifier: MIT */
#include "lib/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/log-sinks.h"
#include "lib/process.h"
#include "lib/tame.h"

#define TEXT_SIZE     1024 /* of a line, with its NUL */
#define ENTRY_SIZE    2304 /* of that with what journald gets beside it */
#define LOOK_EVERY_MS 1000

/* Whatever a system's net.core.wmem_max is, a socket's buffer takes this (SOCK_MIN_SNDBUF). */
_Static_assert(ENTRY_SIZE < 4096, "an entry fits into one datagram");

static const char *const level_names[] = {"error", "warning", "info", "debug"};
static const int syslog_priority[] = {3, 4, 6, 7}; /* RFC 5424, 6.2.1 */

static atomic_int configured_level = SNAPSHOT_LOG_WARNING;

void log_set_level(SnapshotLog level)
{
  atomic_store_explicit(&configured_level, (int)level, memory_order_relaxed);
}

/* THRED_LOG as a level, or -1: not set. A word that is no level counts as `info`. */
static int read_level(void)
{
  const char *word = process_env("THRED_LOG");
  if (!word)
    return -1;
  for (int i = SNAPSHOT_LOG_ERROR; i <= SNAPSHOT_LOG_DEBUG; i++)
    if (strcmp(word, level_names[i]) == 0)
      return i;
  return SNAPSHOT_LOG_INFO;
}

/* The same. A program that changes it is heard within a second. */
static int environment_level(void)
{
  static atomic_int level = -2; /* not read yet */
  static _Atomic int64_t read_ms;
  const int64_t now = clock_coarse_ms();
  int known = atomic_load_explicit(&level, memory_order_relaxed);
  if (known == -2 || now - atomic_load_explicit(&read_ms, memory_order_relaxed) >= LOOK_EVERY_MS) {
    known = read_level();
    atomic_store_explicit(&level, known, memory_order_relaxed);
    atomic_store_explicit(&read_ms, now, memory_order_relaxed);
  }
  return known;
}

int log_enabled(SnapshotLog level)
{
  int wanted = environment_level();
  if (wanted < 0)
    wanted = atomic_load_explicit(&configured_level, memory_order_relaxed);
  return (int)level <= wanted;
}

/* ---- events ---- */

#define EVENT_ROW(symbol, name, level, id) [EVENT_##symbol] = {name, id, SNAPSHOT_LOG_##level},
static const struct {
  const char *name, *id;
  SnapshotLog level;
} events[] = {LOG_EVENTS(EVENT_ROW)};

int log_event_enabled(LogEvent event)
{
  return log_enabled(events[event].level);
}

/* ---- one line ---- */

/* journald's native form (systemd's JOURNAL_NATIVE_PROTOCOL), the line first: KEY=value, one after
 * the other. No value has a newline in it, so none needs the form with a length. */
typedef struct {
  char text[ENTRY_SIZE];
  size_t length, message; /* bytes; where the line ends */
} Entry;

#define MESSAGE       "MESSAGE="
#define MESSAGE_START (sizeof MESSAGE - 1)

/* One that finds no more room is left out whole. */
static void add_field(Entry *entry, const char *name, const char *value)
{
  const size_t left = sizeof entry->text - entry->length;
  char *at = entry->text + entry->length;
  if (!value || !*value)
    return;
  const int length = snprintf(at, left, "%s=%s\n", name, value);
  if (length < 0 || (size_t)length >= left)
    return;
  at[length - 1] = 0;
  tame(at, ' ');
  at[length - 1] = '\n';
  entry->length += (size_t)length;
}

static void add_number(Entry *entry, const char *name, uint64_t value)
{
  char text[24];
  snprintf(text, sizeof text, "%llu", (unsigned long long)value);
  if (value)
    add_field(entry, name, text);
}

static void add_fields(Entry *entry, SnapshotLog level, const LogFields *fields)
{
  entry->text[entry->length++] = '\n';
  add_number(entry, "PRIORITY", (uint64_t)syslog_priority[level]);
  add_field(entry, "SYSLOG_IDENTIFIER", "thred-auth");
  if (!fields)
    return;
  add_field(entry, "MESSAGE_ID", events[fields->event].id);
  add_field(entry, "THRED_EVENT", events[fields->event].name);
  add_field(entry, "THRED_ENVIRONMENT", fields->environment);
  add_field(entry, "THRED_HOST", fields->host);
  add_field(entry, "THRED_KIND", fields->kind);
  add_field(entry, "THRED_BUSINESS", fields->business);
  add_number(entry, "THRED_GENERATION", fields->generation);
  add_field(entry, "THRED_REASON", fields->reason);
  add_field(entry, "THRED_RULE", fields->rule);
  add_field(entry, "THRED_CONFIG_FILE", fields->file);
  add_number(entry, "THRED_CONFIG_LINE", fields->line);
}

__attribute__((format(printf, 3, 0))) static void begin_entry(Entry *entry, const char *end,
                                                              const char *format, va_list args)
{
  char *text = entry->text + MESSAGE_START;
  memcpy(entry->text, MESSAGE, MESSAGE_START);
  (void)vsnprintf(text, TEXT_SIZE, format, args);
  const size_t length = strlen(text);
  snprintf(text + length, TEXT_SIZE - length, "%s", end);
  tame(text, ' ');
  entry->length = entry->message = MESSAGE_START + strlen(text);
}

__attribute__((format(printf, 4, 0))) static void write_entry(SnapshotLog level,
                                                              const LogFields *fields,
                                                              const char *end, const char *format,
                                                              va_list args)
{
  int saved_errno = errno, old_state;
  Entry entry;
  /* A thread cancelled at a write would leave a buffer of libc's, a socket, or SIGPIPE blocked. */
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old_state);
  begin_entry(&entry, end, format, args);
  const char *text = entry.text + MESSAGE_START;
  const size_t length = entry.message - MESSAGE_START;
  if (environment_level() >= 0) {
    log_to_stderr(level_names[level], text, length);
  } else {
    add_fields(&entry, level, fields);
    if (!log_to_journal(entry.text, entry.length))
      log_to_syslog(syslog_priority[level], text, length);
  }
  pthread_setcancelstate(old_state, &old_state);
  errno = saved_errno;
}

void log_write(SnapshotLog level, const char *format, ...)
{
  va_list args;
  if (!log_enabled(level))
    return;
  va_start(args, format);
  write_entry(level, NULL, "", format, args);
  va_end(args);
}

void log_event_v(const LogFields *fields, const char *end, const char *format, va_list args)
{
  if (log_event_enabled(fields->event))
    write_entry(events[fields->event].level, fields, end, format, args);
}

void log_event(const LogFields *fields, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  log_event_v(fields, "", format, args);
  va_end(args);
}
