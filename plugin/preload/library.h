/* SPDX-License-Identifier: MIT */
/*
 * library.h - the libcurls of this process, and which one a call is meant for.
 *
 * A process can hold several. A handle must only ever be given to the one that made it: hence each
 * watched handle names its Library, and a call without one is bound as the caller's reference would
 * have been without the shim.
 */
#ifndef PLUGIN_PRELOAD_LIBRARY_H
#define PLUGIN_PRELOAD_LIBRARY_H

#include <stdbool.h>
#include <stdint.h>
#include <thred/thred.h>

/* The real functions of one libcurl. Never freed, never changed once published; the object they lie
 * in is kept from being unloaded. Those that this libcurl lacks are NULL. */
typedef struct {
  uintptr_t start, end; /* where its object lies in memory */
  CURL *(*easy_init)(void);
  CURLcode (*easy_perform)(CURL *);
  void (*easy_reset)(CURL *);
  CURLM *(*multi_init)(void);
  CURLMcode (*multi_add_handle)(CURLM *, CURL *);
  CURLMcode (*multi_remove_handle)(CURLM *, CURL *);
  CURLMcode (*multi_cleanup)(CURLM *);
  CURLMsg *(*multi_info_read)(CURLM *, int *);
  CURLcode (*easy_pause)(CURL *, int);
  char *(*easy_escape)(CURL *, const char *, int);
  CURLMcode (*multi_perform)(CURLM *, int *);
  CURLMcode (*multi_socket_action)(CURLM *, curl_socket_t, int, int *);
  CURLMcode (*multi_socket)(CURLM *, curl_socket_t, int *);
  CURLMcode (*multi_socket_all)(CURLM *, int *);
  CURLMcode (*multi_setopt)(CURLM *, CURLMoption, ...);
  CURLcode (*mime_data_cb)(curl_mimepart *, curl_off_t, curl_read_callback, curl_seek_callback,
                           curl_free_callback, void *);
  CURLcode (*mime_filedata)(curl_mimepart *, const char *);
  CURL **(*multi_get_handles)(CURLM *);                /* 8.4 */
  CURLMcode (*multi_notify_enable)(CURLM *, unsigned); /* 8.17 */
  CURLMcode (*multi_notify_disable)(CURLM *, unsigned);
  ThredCurlApi api; /* easy_setopt, easy_duphandle, easy_cleanup and what the library needs */
  bool complete;    /* nothing is NULL but what only some versions have */
} Library;

/* When the shim is loaded. */
void library_note_start(void);

/* The one that a call from `caller` (a return address) is meant for; NULL: there is none. */
const Library *library_of_caller(const void *caller);

/* `caller` lies in this libcurl itself: it calls its own public function. */
bool library_contains(const Library *library, const void *caller);

/* `caller` belongs to thred-auth: its own requests are no business of ours. */
bool library_is_ours(const void *caller);

#endif
