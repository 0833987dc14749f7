/* SPDX-License-Identifier: MIT */
/*
 * route.h - (snapshot, method, URL) -> which environment, which token, which business; or none,
 * why.
 *
 * Pure: no I/O, no clock, no state. The URL is parsed by the caller's libcurl (through its table),
 * so that we and the library that will send the request never disagree about the host, unless it
 * leaves nothing to be found out; on top of that it must stand there literally: what libcurl would
 * have to repair, decode or guess gets no token.
 */
#ifndef THRED_LIB_ROUTE_H
#define THRED_LIB_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <thred/thred.h>

#include "lib/snapshot.h"

/* The domain that no configuration can leave. */
#define ROUTE_CEILING "thredfi.com"
#define UUID_LENGTH   36

typedef enum {
  ROUTE_TOKEN,        /* a token goes to this URL */
  ROUTE_NOT_THRED,    /* the host is not in thredfi.com */
  ROUTE_BAD_URL,      /* libcurl refuses it */
  ROUTE_NOT_HTTPS,    /* another scheme, or none written */
  ROUTE_USERINFO,     /* the URL brings user or password */
  ROUTE_BAD_PORT,     /* a port other than 443 */
  ROUTE_BAD_HOST,     /* trailing dot, percent-encoding, or written other than plainly */
  ROUTE_UNKNOWN_HOST, /* no environment names this host */
  ROUTE_INACTIVE,     /* its environment has no (usable) credentials */
  ROUTE_BAD_PATH,     /* dot segments, "//", encoded or control characters */
  ROUTE_UNROUTED,     /* no route matches */
  ROUTE_TOKENLESS,    /* the route says `none` */
  ROUTE_NO_BUSINESS,  /* a business token is needed and no business is known */
  ROUTE_PINNED,       /* `pin-business` refuses this business */
  ROUTE_NOT_ALLOWED   /* `allow` leaves out this kind of token */
} RouteReason;

typedef struct {
  RouteReason reason;
  uint32_t environment; /* index, from ROUTE_INACTIVE on; else SNAPSHOT_NONE */
  uint32_t host;        /* index, likewise */
  uint32_t route;       /* index, from ROUTE_TOKENLESS on and for ROUTE_TOKEN; else SNAPSHOT_NONE */
  SnapshotToken token;  /* what the route says */
  char business[UUID_LENGTH + 1]; /* lower-case; "" for none */
  bool by_default; /* neither path nor caller named one: another default, another decision */
} RouteDecision;

/*
 * Decides. `business` is the default business of the handle or process (a UUID, any case) or NULL.
 * A URL outside the ceiling is recognised without parsing it.
 */
RouteDecision route_decide(const Snapshot *snapshot, const ThredCurlApi *api, const char *method,
                           const char *url, const char *business);

/* The end of a decision, shared with requests that name no URL: default business, pin and allow.
 * `decision` has environment, token and (from a path or a caller) business. */
void route_apply_policy(const Snapshot *snapshot, RouteDecision *decision, const char *business);

/* "the URL brings a user or password", ...: completes "no token: ". Never NULL. */
const char *route_reason_text(RouteReason reason);

/* The same as one word for programs: these words never change. */
const char *route_reason_word(RouteReason reason);

/* Who says so: where the rule stands that decided. `file` is NULL where no file does. */
typedef struct {
  const char *file; /* the snapshot's */
  uint32_t line;
} RoutePlace;
RoutePlace route_reason_place(const Snapshot *snapshot, const RouteDecision *decision);

/* `text` (of `length` bytes) is a UUID; if `out` is not NULL it gets the lower-case form and a NUL.
 */
bool route_parse_uuid(const char *text, size_t length, char out[UUID_LENGTH + 1]);

#endif
