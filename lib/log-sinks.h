/* SPDX-License-Identifier: MIT */
/* log-sinks.h - where a line goes (log.h). `length` bytes, without a newline of their own. */
#ifndef THRED_LIB_LOG_SINKS_H
#define THRED_LIB_LOG_SINKS_H

#include <stdbool.h>
#include <stddef.h>

/* One entry in journald's native form. False: nobody took it. */
bool log_to_journal(const char *entry, size_t length);

/* `priority` is a level of RFC 5424, 6.2.1. */
void log_to_syslog(int priority, const char *text, size_t length);

void log_to_stderr(const char *level, const char *text, size_t length);

#endif
