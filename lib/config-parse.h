/* SPDX-License-Identifier: MIT */
/*
 * config-parse.h - the configuration out of its files, read by the miss part in a thread of its own
 * (worker.h): it runs GLib, and its first use loads that and more, on whatever stack a callback of
 * libcurl's has left.
 */
#ifndef THRED_LIB_CONFIG_PARSE_H
#define THRED_LIB_CONFIG_PARSE_H

#include <stddef.h>

#include "lib/error.h"
#include "lib/process.h"

/* Takes what *paths holds. On THRED_OK *block is malloc'ed, a snapshot of *size bytes. Waits ten
 * seconds at most; then, or without memory, it fails. Where there is no thread, it is done here. */
int config_parse(ProcessPaths *paths, void **block, size_t *size, Error *error);

#endif
