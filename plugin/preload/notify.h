/* SPDX-License-Identifier: MIT */
/*
 * notify.h - CURLMOPT_NOTIFYFUNCTION (libcurl 8.17), in a multi handle with a loop.
 *
 * libcurl tells of each transfer that has ended and of the first message that can be read. We stand
 * in between: what ended only for us, or is run again, has not ended for the program; and of what
 * ended without libcurl the program is told by us. One that waits to be told would sleep else.
 */
#ifndef PLUGIN_PRELOAD_NOTIFY_H
#define PLUGIN_PRELOAD_NOTIFY_H

#include "plugin/preload/watch.h"

/* curl_multi_setopt() with one of these. */
#define NOTIFY_FUNCTION ((CURLMoption)(CURLOPTTYPE_FUNCTIONPOINT + 18))
#define NOTIFY_DATA     ((CURLMoption)(CURLOPTTYPE_OBJECTPOINT + 19))
CURLMcode notify_set(Watch *multi, CURLM *handle, CURLMoption option, void *argument);

/* curl_multi_notify_enable() and _disable(), once libcurl has done it. */
void notify_enable(Watch *multi, unsigned notification, bool enabled);

/* When a loop begins, and when it ends. */
void notify_turn(Watch *multi, CURLM *handle);

/* Tells the program of an end that libcurl has not told of; and that there are messages to be read,
 * if it has not been told, with a handle of one. Its function may do nearly everything. */
void notify_end(const Watch *multi, CURLM *handle, CURL *curl);
void notify_messages(Watch *multi, CURLM *handle, CURL *curl);

/* All messages have been read. */
void notify_read(Watch *multi);

#endif
