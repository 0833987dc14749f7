/* SPDX-License-Identifier: MIT */
/*
 * oauth-answer.h - what a token endpoint's answer means (miss part).
 *
 * Pure: no I/O, no clock, no state; safe on hostile bytes.
 *
 *     status            partner request           business request
 *     200, 201          the token, or THRED_E_SERVER / THRED_E_TOO_LARGE if the body is not one
 *     401               THRED_E_REFUSED           THRED_E_REFUSED: the partner token is not
 * accepted 400, 403          THRED_E_REFUSED           THRED_E_SERVER, retry after 60 s 404
 * THRED_E_SERVER            THRED_E_BUSINESS_NOT_FOUND, retry after 60 s 409 THRED_E_SERVER
 * THRED_E_SERVER, retry after 60 s 429, 5xx          THRED_E_SERVER, retry after what Retry-After
 * says, at most an hour 3xx, others       THRED_E_SERVER
 *
 * For a business only 401 is THRED_E_REFUSED, because that makes the caller fetch another partner
 * token; one that is valid and may not do this (403) would only be refused again. It is not
 * THRED_E_NOT_ALLOWED either: that is the word for our own configuration.
 */
#ifndef THRED_LIB_FETCH_OAUTH_ANSWER_H
#define THRED_LIB_FETCH_OAUTH_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/fetch-abi.h"

#define OAUTH_LIFETIME_MAX     86400 /* seconds; a longer `expires_in` is cut to it */
#define OAUTH_LIFETIME_DEFAULT 300   /* seconds, where `expires_in` is left out */
#define OAUTH_RETRY_MAX        3600  /* seconds; the same for Retry-After */
#define OAUTH_RETRY_REFUSED    60    /* seconds before a business that was refused is asked again */

typedef struct {
  const char *host;        /* for messages */
  const char *business_id; /* NULL: the answer to a partner request */
  const char *secrets[2];  /* what was sent; NULL: none. A word of the server's that repeats part of
                              it is not quoted */
  int status;
  const char *body; /* may be NULL if length is 0 */
  size_t length;
  const char *retry_after; /* value of the header, or NULL */
  const char *type;        /* of the header Content-Type; NULL or "": there was none */
  bool encoded;            /* a Content-Encoding that nobody asked for */
  int64_t now;             /* seconds since the epoch: for a Retry-After that is a date */
} OauthAnswer;

/*
 * Fills in *result and, on failure, *error; returns THRED_OK or a ThredError. *key_refused (may be
 * NULL): the server does not accept this key, another one may do (401, 403, 400 invalid_client).
 */
int oauth_answer_read(const OauthAnswer *answer, FetchResult *result, bool *key_refused,
                      Error *error);

#endif
