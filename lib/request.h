/* SPDX-License-Identifier: MIT */
/*
 * request.h - one request of an attached handle, just before it is sent: decide, prove, get, write.
 */
#ifndef THRED_LIB_REQUEST_H
#define THRED_LIB_REQUEST_H

#include "lib/bearer.h"
#include "lib/error.h"
#include "lib/handle.h"

/* CURLOPT_PREREQFUNCTION of an attached handle; `clientp` is its Handle. */
int request_prereq(void *clientp, char *conn_primary_ip, char *conn_local_ip, int conn_primary_port,
                   int conn_local_port);

/* CURLOPT_SOCKOPTFUNCTION: before a connection is made, hence before a CONNECT, which comes before
 * PREREQ: the node must say nothing then. */
int request_sockopt(void *clientp, curl_socket_t socket, curlsocktype purpose);

/* Decides `url` for this handle; the last decision is remembered. NULL: no configuration; or,
 * unless it `may_wait` for that, THRED_E_AGAIN: the handle waits for it now (wait_for_config()). */
const RouteDecision *request_decide(Handle *handle, const char *method, const char *url,
                                    bool may_wait, Error *error);

/* Completes "no token: ". */
#define REQUEST_LINE_ENDS                                                                          \
  "the program puts the end of a line into a field (USERAGENT, REFERER, COOKIE or the like)"

/* Gets the token of the remembered decision into handle->line; `refused` as in BearerRequest.
 * Returns a ThredError; *length and *generation on THRED_OK. */
int request_get_token(Handle *handle, uint64_t refused, int64_t not_before_ms, size_t *length,
                      uint64_t *generation, Error *error);

/* Until when the program allows a transfer that begins now (CLOCK_MONOTONIC). */
int64_t request_deadline_ms(const Handle *handle);

/* What to ask bearer.h for, by the remembered decision. */
BearerRequest request_bearer(Handle *handle);

/*
 * Between transfers: wipes the token of the last one. If that ended with a 401 to our token that
 * libcurl did not answer (no challenge, FAILONERROR, no way to rewind, ..), nobody is given that
 * token again.
 */
void request_note_refusal(Handle *handle);

/* Whether the default business, by the last process_look(), is the one that decided last. */
bool request_has_same_business(const Handle *handle);

#endif
