/* SPDX-License-Identifier: MIT */
/* route-fixture.h - what route_decide() makes of a request under the shipped configuration, with
 * libcurl's own URL parser. */
#ifndef THRED_TESTS_UNIT_ROUTE_FIXTURE_H
#define THRED_TESTS_UNIT_ROUTE_FIXTURE_H

#include "lib/route.h"
#include "tests/unit/shipped-fixture.h"

#define HOST "https://sandbox.thredfi.com"
#define API  HOST "/v1/platform"
#define ID   "3c90c3cc-0d44-4b50-8888-8dd25736052a"
#define UPID "3C90C3CC-0D44-4B50-8888-8DD25736052A"
#define OWN  "11111111-2222-3333-4444-555555555555"
#define MINE API "/businesses/" ID

enum { NONE = SNAPSHOT_TOKEN_NONE, PARTNER, BUSINESS };

typedef struct {
  const char *method, *url;
  const char *given; /* default business of handle or process */
  RouteReason reason;
  int token;
  const char *business; /* NULL: none */
  const char *route;    /* NULL: no route was reached */
} RouteCase;

/* One that takes the token of the business in MINE. */
#define RESOURCE(method, path)                                                                     \
  {                                                                                                \
    method, MINE path, OWN, ROUTE_TOKEN, BUSINESS, ID, "business-resources"                        \
  }

void check_case(const Snapshot *snapshot, const RouteCase *c);
void check_cases(void **state, const RouteCase *cases, size_t count);
#define CHECK(cases) check_cases(state, cases, sizeof cases / sizeof *cases)

/* URLs that get no token, all for one reason that comes before any route. */
void check_refused(void **state, RouteReason reason, const char *const *urls);
#define REFUSED(reason, ...)                                                                       \
  check_refused(state, reason, (const char *const[]){__VA_ARGS__, (const char *)NULL})

#endif
