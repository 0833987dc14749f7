/* SPDX-License-Identifier: MIT */
/*
 * loop.h - a multi handle with transfers for Thred in it, whose loop never waits for a token.
 *
 * A handle whose token has to be fetched is parked: the program has added it, libcurl has not. One
 * whose token was refused in the middle is paused (lib/response.c). A doorbell in the multi handle
 * wakes the program's loop, however that waits, when the token is there. Until then the program
 * sees a transfer that takes its time: it counts as running, can be taken out, cleaned up, changed.
 *
 * Messages are read from libcurl after each of its steps, for a transfer that ended with a refused
 * token is begun again before the program can see it as done: programs look at the number of
 * running transfers first. What remains is kept for the program's curl_multi_info_read().
 *
 * A Loop belongs to its CURLM's thread, and lives as long as that.
 */
#ifndef PLUGIN_PRELOAD_LOOP_H
#define PLUGIN_PRELOAD_LOOP_H

#include "plugin/preload/watch.h"

/* Is this a function of the program's that libcurl calls? It takes nothing in or out there. */
bool loop_is_in_callback(const Library *library, CURLM *multi);

/* curl_multi_add_handle() for a handle that may be for Thred. `multi` is watched or NULL. */
CURLMcode loop_add(Watch *multi, CURLM *multi_handle, Watch *watch, CURL *curl);

/* Around a step of libcurl's (perform, socket_action, ..). loop_after puts the number of running
 * transfers right. */
void loop_before(Watch *multi);
void loop_after(Watch *multi, int *running);

/* curl_multi_info_read(). */
CURLMsg *loop_info_read(Watch *multi, int *left);

/* Reads libcurl's messages, in a function that libcurl calls in between (notify.c). Then: a handle
 * with a message for the program, or NULL; and has `curl` not ended for it? */
void loop_read(Watch *multi);
CURL *loop_ended(const Watch *multi);
bool loop_hides_end(const Watch *multi, CURL *curl);

/* Before curl_multi_remove_handle() and curl_easy_cleanup(): the loop forgets the handle. True: it
 * was parked, so that libcurl knows nothing of it. */
bool loop_forget(Watch *watch);

/* The program's MAX_TOTAL_CONNECTIONS; returns what libcurl is to get. */
long loop_limit(Watch *multi, long connections);

/* curl_multi_get_handles(): `handles`, which libcurl made, with the program's in place of ours. */
CURL **loop_fix_handles(Watch *multi, CURL **handles);

/* Before curl_multi_cleanup(), and after all handles have left. */
void loop_end(Watch *multi);

#endif
