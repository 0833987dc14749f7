/* SPDX-License-Identifier: MIT */
/* shown-url.h - a URL for logs and terminals: without the user and password in it. */
#ifndef THRED_LIB_SHOWN_URL_H
#define THRED_LIB_SHOWN_URL_H

/* Two pieces of the URL, neither with a NUL of its own: print with %.*s%s. */
typedef struct {
  int scheme_length;
  const char *scheme, *rest;
} ShownUrl;

/*
 * Generous where the authority may begin, since libcurl takes "https:/host", "https:///host" and
 * "host" too. A query may hold secrets as well: strcspn(rest, "?#") is where it begins.
 */
ShownUrl shown_url(const char *url);

#endif
