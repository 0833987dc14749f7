/* SPDX-License-Identifier: MIT */
/*
 * route-path.h - the path of a URL: may it stand as it does, and does a route's pattern cover it?
 *
 * Each byte is looked at once or twice: a program that asks for another resource with each request
 * pays for this each time.
 */
#ifndef THRED_LIB_ROUTE_PATH_H
#define THRED_LIB_ROUTE_PATH_H

#include "lib/route.h"

/* Control characters and blanks anywhere: what libcurl would have to encode or refuse. */
bool route_has_control(const char *url);

/* Where the path ends that `path` begins with, which is "" or starts with '/': at a query, a
 * fragment or the end. NULL if it is not safe: dot segments, empty ones, escapes of plain or
 * control characters, what is not ASCII. An empty last segment is the one trailing slash that is
 * allowed. */
const char *route_path_end(const char *path);

/* The segment that was looked at last: most patterns have {business_id} in the same place. Zeroed
 * for a new path. */
typedef struct {
  const char *segment;
  bool is_uuid;
  char uuid[UUID_LENGTH + 1];
} RouteBusiness;

/* True: the pattern covers the path, and if it has a {business_id}, *named is true and `last` has
 * it. */
bool route_path_matches(const char *pattern, const char *path, const char *path_end,
                        RouteBusiness *last, bool *named);

#endif
