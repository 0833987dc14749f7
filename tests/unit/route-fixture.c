/* SPDX-License-Identifier: MIT */
#include "tests/unit/route-fixture.h"

#include <string.h>

void check_case(const Snapshot *snapshot, const RouteCase *c)
{
  RouteDecision got = route_decide(snapshot, thred_curl_api(), c->method, c->url, c->given);
  const char *business = c->business ? c->business : "";
  const char *route = got.route == SNAPSHOT_NONE
                          ? NULL
                          : snapshot_string(snapshot, snapshot_route(snapshot, got.route)->name);
  bool same_route = route && c->route ? strcmp(route, c->route) == 0 : route == c->route;
  if (got.reason != c->reason || (int)got.token != c->token ||
      strcmp(got.business, business) != 0 || !same_route)
    fail_msg("%s %.200s (default %s):\n  got      %d (%s), token %d, business '%s', route %s\n"
             "  expected %d (%s), token %d, business '%s', route %s",
             c->method, c->url, c->given ? c->given : "none", got.reason,
             route_reason_text(got.reason), got.token, got.business, route ? route : "none",
             c->reason, route_reason_text(c->reason), c->token, business,
             c->route ? c->route : "none");
  assert_true((got.environment == SNAPSHOT_NONE) == (got.reason < ROUTE_INACTIVE && got.reason));
  assert_true((got.host == SNAPSHOT_NONE) == (got.environment == SNAPSHOT_NONE));
}

void check_cases(void **state, const RouteCase *cases, size_t count)
{
  const Fixture *f = *state;
  for (size_t i = 0; i < count; i++)
    check_case(f->snapshot, &cases[i]);
}

void check_refused(void **state, RouteReason reason, const char *const *urls)
{
  const Fixture *f = *state;
  for (; *urls; urls++) {
    RouteCase c = {"GET", *urls, OWN, reason, NONE, NULL, NULL};
    check_case(f->snapshot, &c);
  }
}
