/* SPDX-License-Identifier: MIT */
/*
 * elsewhere.h - does a request go elsewhere than its URL says, by what the program has set beside
 * it?
 *
 * The URL decides about a token, and TLS proves the connection. What a server makes of the request
 * is told by its first line and its Host field, and a program can write both.
 */
#ifndef THRED_LIB_ELSEWHERE_H
#define THRED_LIB_ELSEWHERE_H

#include <curl/curl.h>

/* `headers` are the program's, `host` is the URL's. NULL: no; else what completes "no token: ". */
const char *elsewhere(const char *method, const struct curl_slist *headers, const char *host);

#endif
