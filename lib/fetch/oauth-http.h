/* SPDX-License-Identifier: MIT */
/*
 * oauth-http.h - one bounded POST to a token endpoint over libcurl (miss part).
 *
 * What is ours is wiped: the caller's header line, the body. The buffers inside libcurl and OpenSSL
 * that the same bytes went through are freed by them as they are.
 */
#ifndef THRED_LIB_FETCH_OAUTH_HTTP_H
#define THRED_LIB_FETCH_OAUTH_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"

typedef struct {
  const char *host;         /* for messages */
  const char *url;          /* https only */
  char *authorization;      /* the whole header line; not copied, the caller wipes it */
  const char *client_id;    /* sent as the form of RFC 6749, 4.4.2; NULL: an empty body */
  const char *ca_file;      /* NULL: the system's */
  const char *connect_to;   /* as CURLOPT_CONNECT_TO takes it, or NULL */
  uint32_t connect_timeout; /* seconds; 0: libcurl's own */
  uint32_t timeout;         /* seconds; 0: only the deadline counts */
  int64_t deadline_ms;      /* CLOCK_MONOTONIC */
  int at_secure;            /* 1: environment variables (proxies) do not count */
  void (*wait_begin)(void); /* as in FetchRequest; both or none */
  void (*wait_end)(void);
} OauthPost;

typedef struct {
  int status; /* 0: no whole answer */
  char *body; /* malloc'ed, not NUL-terminated */
  size_t length;
  char retry_after[128]; /* "": not sent */
  bool encoded;          /* a Content-Encoding that was not asked for */
} OauthReply;

/*
 * Sends it. THRED_OK whatever the status; else THRED_E_NETWORK, THRED_E_TIMEOUT, THRED_E_CONFIG
 * (ca_file), THRED_E_TOO_LARGE (then reply->status says that there was an answer),
 * THRED_E_NO_MEMORY or THRED_E_INTERNAL. oauth_reply_clear() is due either way.
 */
int oauth_http_post(const OauthPost *post, OauthReply *reply, Error *error);

/* Wipes and frees the body. */
void oauth_reply_clear(OauthReply *reply);

#endif
