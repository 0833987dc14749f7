/* SPDX-License-Identifier: MIT */
/*
 * log.h - our own writer: stderr if THRED_LOG asks for it, else journald, else the syslog socket,
 * else nothing. One datagram a line, no descriptor kept. Never a token or key.
 *
 * Any thread, and inside any callback: no lock, no allocation, some 4 KiB of stack. Nobody is
 * waited for but a standard error that is not read, for a second in all (log-sinks.c).
 */
#ifndef THRED_LIB_LOG_H
#define THRED_LIB_LOG_H

#include <stdarg.h>
#include <stdint.h>

#include "lib/log-event.h"
#include "lib/snapshot-layout.h"

/* The level of the configuration; THRED_LOG in the environment wins over it. */
void log_set_level(SnapshotLog level);

/* Would a line of this level be written? For callers that would have to build its arguments. */
int log_enabled(SnapshotLog level);
int log_event_enabled(LogEvent event);

__attribute__((format(printf, 2, 3))) void log_write(SnapshotLog level, const char *format, ...);

#define log_error(...)   log_write(SNAPSHOT_LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(SNAPSHOT_LOG_WARNING, __VA_ARGS__)
#define log_info(...)    log_write(SNAPSHOT_LOG_INFO, __VA_ARGS__)
#define log_debug(...)   log_write(SNAPSHOT_LOG_DEBUG, __VA_ARGS__)

/* What journald gets beside the line, as THRED_ENVIRONMENT and so on. NULL or 0: not known, and
 * left out. The strings are the configuration's or our own, never what a request brought. */
typedef struct {
  LogEvent event;
  const char *environment, *host;
  const char *kind;     /* partner or business */
  const char *business; /* its UUID */
  const char *reason;   /* one word, for programs: route_reason_word(), message_word() .. */
  const char *rule;     /* the route's name */
  const char *file;     /* THRED_CONFIG_FILE, THRED_CONFIG_LINE: what says so */
  uint32_t line;
  uint64_t generation;
} LogFields;

/* A line of the event's level. */
__attribute__((format(printf, 2, 3))) void log_event(const LogFields *fields, const char *format,
                                                     ...);
/* The same, with `end` behind it. */
__attribute__((format(printf, 3, 0))) void log_event_v(const LogFields *fields, const char *end,
                                                       const char *format, va_list args);

#endif
