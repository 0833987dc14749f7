/* SPDX-License-Identifier: MIT */
/*
 * log.h - our own writer: stderr if THRED_LOG asks for it, else journald, else the syslog socket,
 * else nothing. One datagram a line, never blocking, no descriptor kept. Never a token or key.
 */
#ifndef THRED_LIB_LOG_H
#define THRED_LIB_LOG_H

#include "lib/snapshot-layout.h"

/* The level of the configuration; THRED_LOG in the environment wins over it. */
void log_set_level(SnapshotLog level);

/* Would a line of this level be written? For callers that would have to build its arguments. */
int log_enabled(SnapshotLog level);

__attribute__((format(printf, 2, 3))) void log_write(SnapshotLog level, const char *format, ...);

#define log_error(...)   log_write(SNAPSHOT_LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(SNAPSHOT_LOG_WARNING, __VA_ARGS__)
#define log_info(...)    log_write(SNAPSHOT_LOG_INFO, __VA_ARGS__)
#define log_debug(...)   log_write(SNAPSHOT_LOG_DEBUG, __VA_ARGS__)

#endif
