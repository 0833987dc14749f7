/* SPDX-License-Identifier: MIT */
/*
 * doorbell.h - a transfer of ours in a program's multi handle: whoever has something to tell to the
 * program's loop answers it (lib/bell.h).
 */
#ifndef PLUGIN_PRELOAD_DOORBELL_H
#define PLUGIN_PRELOAD_DOORBELL_H

#include "plugin/preload/library.h"

/* Connects to `address` (CURLOPT_ABSTRACT_UNIX_SOCKET), and ends by itself after `timeout_ms` (0:
 * never). NULL: out of memory, or not to be had. */
CURL *doorbell_add(const Library *library, CURLM *multi, const char *address, long timeout_ms);

/* Not in a callback. NULL is fine. */
void doorbell_remove(const Library *library, CURLM *multi, CURL *doorbell);

#endif
