/* SPDX-License-Identifier: MIT */
/*
 * http.h - one bounded request over libcurl (miss part, and the credential modules that need one).
 *
 * What is ours is wiped: the body of the answer; the caller wipes what it sends. Of what libcurl
 * and OpenSSL have copied, what can be reached is wiped, too: see leftovers.h
 * and http-tls.h.
 */
#ifndef THRED_LIB_FETCH_HTTP_H
#define THRED_LIB_FETCH_HTTP_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/contact.h"
#include "lib/error.h"

#define HTTP_BODY_MAX (64u * 1024u) /* bytes of an answer */

typedef struct {
  const char *what;           /* for messages: "the token request" */
  const char *host;           /* for messages */
  const char *url;            /* https; http too if `plain` */
  const char *method;         /* GET, POST or PUT */
  struct curl_slist *headers; /* whole lines; not copied, the caller wipes them */
  const char *body;           /* of a POST or PUT; not copied */
  size_t body_length;
  const char *ca_file;      /* NULL: the system's */
  const char *connect_to;   /* as CURLOPT_CONNECT_TO takes it, or NULL */
  const char *sigv4;        /* CURLOPT_AWS_SIGV4, with `user` as "KEY:SECRET"; or NULL */
  const char *user;         /* .. which libcurl copies */
  uint32_t connect_timeout; /* seconds; 0: libcurl's own */
  uint32_t timeout;         /* seconds; 0: only the deadline counts */
  int64_t deadline_ms;      /* CLOCK_MONOTONIC */
  int at_secure;            /* 1: environment variables (proxies) do not count */
  bool plain; /* an address of this machine or link: http is allowed, and no proxy is asked */
  bool connect_only;                     /* as far as TLS, and nothing is sent */
  Contact *contact;                      /* how far it came, if somebody wants to know; else NULL */
  void (*wait)(void *data, bool begins); /* around what only waits; or NULL */
  void *wait_data;
} HttpRequest;

typedef struct {
  int status;      /* 0: no whole answer */
  CURLcode result; /* libcurl's word for how it ended: with THRED_E_NETWORK it tells TLS from TCP */
  char *body;      /* malloc'ed, not NUL-terminated */
  size_t length;
  char retry_after[128]; /* "": not sent */
  char type[64];         /* Content-Type, cut; "": not sent */
  bool encoded;          /* a Content-Encoding that was not asked for */
} HttpReply;

/*
 * Sends it; follows no redirect. THRED_OK whatever the status; else THRED_E_NETWORK,
 * THRED_E_TIMEOUT, THRED_E_CONFIG (ca_file), THRED_E_TOO_LARGE (then reply->status says that there
 * was an answer), THRED_E_NO_MEMORY or THRED_E_INTERNAL. http_reply_clear() is due either way.
 */
int http_send(const HttpRequest *request, HttpReply *reply, Error *error);

/* Wipes and frees the body. */
void http_reply_clear(HttpReply *reply);

#endif
