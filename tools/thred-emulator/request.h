/* SPDX-License-Identifier: MIT */
/* request - one request as it came in. Belongs to the thread of its connection. */
#ifndef EMULATOR_REQUEST_H
#define EMULATOR_REQUEST_H

#include "route.h"

#include <glib.h>
#include <json-c/json.h>
#include <openssl/evp.h>
#include <stdbool.h>

/* What may come as the body of a request to the control API, and to a git repository. */
#define CONTROL_BODY_LIMIT ((guint64)1024 * 1024)
#define GIT_BODY_LIMIT     ((guint64)64 * 1024 * 1024)

/* One TCP connection. Its number is given at its first counted request. */
typedef struct Connection {
  bool tls;
  guint64 number;
  guint64 counted_in; /* see counters_arrival() */
  char peer[64];      /* the client's address, numeric; "" if unknown */
} Connection;

/* What the Authorization header held, as far as the token table knows. */
typedef enum AuthKind {
  AUTH_NONE = 0,
  AUTH_BASIC,
  AUTH_PARTNER,
  AUTH_BUSINESS,
  AUTH_INVALID /* no such token (any more), another scheme, or more than one header */
} AuthKind;

typedef struct Request {
  char *target; /* the request-target as received */
  char *method;
  Connection *connection; /* not owned */

  /* Derived from the target and the Host header. */
  char *host;  /* in lower case, without port and trailing dot; "" if there was none */
  char *path;  /* decoded, without the query */
  char *query; /* as received; NULL if there was none */
  bool api_host;
  bool control; /* for the control API: not counted, not logged */
  Route route;

  GPtrArray *authorization;    /* every Authorization value, verbatim */
  struct json_object *headers; /* the other headers */

  EVP_MD_CTX *digest;
  guint64 body_bytes;
  char body_sha256[65]; /* after request_finish_body() */
  GByteArray *body;     /* of a request whose body is read; NULL for others */
  guint64 body_limit;   /* what is kept of it */

  AuthKind kind; /* after auth_examine() */
  char business[UUID_SIZE];

  bool begun;     /* its headers were read */
  bool journaled; /* it is in the log */
} Request;

Request *request_new(const char *target);
void request_free(Request *request);

/* To be called for each header, in order. Text that is not UTF-8 is taken for ISO 8859-1. */
void request_add_header(Request *request, const char *name, const char *value);

/* One of the other headers by its name in lower case; NULL if it did not come. */
const char *request_header(const Request *request, const char *name);

/* With method and headers known: fills in what is derived from them. */
void request_begin(Request *request, const char *method, Connection *connection);

/* Counts and hashes; only requests to the control API and to a git repository keep their bodies. */
void request_add_body(Request *request, const void *data, size_t length);
void request_finish_body(Request *request);

#endif
