/* SPDX-License-Identifier: MIT */
/*
 * http-ca.h - `ca-file` of a request, read once.
 *
 * A secret goes to whoever this file vouches for, so it is judged like the configuration. libcurl
 * is given what was judged, and not its path: that could lead to another file a moment later, where
 * somebody else may write the folder.
 */
#ifndef THRED_LIB_FETCH_HTTP_CA_H
#define THRED_LIB_FETCH_HTTP_CA_H

#include <curl/curl.h>

#include "lib/error.h"

typedef struct {
  char *text; /* NULL: there is none */
  size_t length;
} HttpCa;

/* `path` NULL: no file. THRED_OK, THRED_E_CONFIG or THRED_E_NO_MEMORY; http_ca_free() is due either
 * way. */
int http_ca_read(HttpCa *ca, const char *path, int at_secure, Error *error);

/* In place of the system's CAs. `ca` is not copied. */
CURLcode http_ca_set(CURL *curl, const HttpCa *ca, const char *path);

void http_ca_free(HttpCa *ca);

#endif
