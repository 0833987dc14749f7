/* SPDX-License-Identifier: MIT */
/*
 * requests-way.h - one program's way to put a bearer on its requests: what is compared by
 * requests.c.
 *
 * The servers' places are in the environment: BENCH_PORT, BENCH_CA (server.h), BENCH_HEADER (the
 * hard-coded header), BENCH_SOCKET (the token daemon), and those of own-cache.h.
 */
#ifndef THRED_TESTS_BENCH_REQUESTS_WAY_H
#define THRED_TESTS_BENCH_REQUESTS_WAY_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

#define WAY_HEADER_SIZE 4096

typedef struct WayKind WayKind;

typedef struct {
  const WayKind *kind;
  CURL *curl;
  struct curl_slist *lists[2];
  const char *url;
  unsigned count; /* of requests, for those with a new URL each time */
} Way;

/*
 *   bare         nothing: for another host, the shim and sidecars
 *   bare-new     the same, with a new URL each time
 *   own, own-new a hard-coded header
 *   attach, attach-new  thred_curl_attach()
 *   by-hand      own-cache.h
 *   daemon       a Unix socket is asked for each request
 *   oidc-agent   liboidc-agent is
 * A URL that begins with http:// is where it says; all others are at BENCH_PORT.
 */
void way_open(Way *way, const char *kind, const char *url);
void way_close(Way *way);

/* One request. False: it was not answered with 200. */
bool way_request(Way *way);

/* The Authorization that arrives at the server with such a request, which must be of api.h's. */
bool way_arrives(Way *way, char *text, size_t size);

#endif
