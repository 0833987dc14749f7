/* SPDX-License-Identifier: MIT */
/* route - what a path of Thred's API stands for. Pure: no state, no I/O. */
#ifndef EMULATOR_ROUTE_H
#define EMULATOR_ROUTE_H

#include <stdbool.h>

#define UUID_SIZE 37 /* 36 characters and the NUL */

typedef enum RouteKind {
  ROUTE_OTHER = 0,      /* no such resource, but only a valid token learns that */
  ROUTE_PUBLIC,         /* wants no token */
  ROUTE_TOKEN_PARTNER,  /* wants Basic */
  ROUTE_TOKEN_BUSINESS, /* wants a partner token, as do the next four */
  ROUTE_BUSINESSES,
  ROUTE_BUSINESS,
  ROUTE_ARCHIVE,
  ROUTE_UNARCHIVE,
  ROUTE_RESOURCE, /* wants a token of the business that the path names */
  ROUTE_GIT       /* wants a token of any business, for the path names none */
} RouteKind;

typedef struct Route {
  RouteKind kind;
  char business[UUID_SIZE]; /* in lower case; "" where the path names none */
} Route;

/* `path` is decoded and has no query. With and without a trailing slash. */
Route route_of(const char *method, const char *path);

/* The hosts that Thred's API is served on; `host` in lower case, without a port. */
bool route_host_is_api(const char *host);

/* Copies a UUID in lower case; false, and "" in `copy`, for any other text. */
bool route_copy_uuid(char copy[UUID_SIZE], const char *text);

#endif
