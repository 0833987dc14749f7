/* SPDX-License-Identifier: MIT */
/* lib/route: `allow`, `pin-business`, `business`, and the routes of an administrator. */
#include "tests/unit/route-fixture.h"

#include <string.h>

/* ---- policy ---- */

#define SANDBOX "[environment sandbox]\n"

static void pinned_business(void **state)
{
  static const RouteCase cases[] = {
      {"GET", MINE "/bills/", NULL, ROUTE_TOKEN, BUSINESS, ID, "business-resources"},
      {"GET", API "/businesses/" UPID "/bills/", OWN, ROUTE_TOKEN, BUSINESS, ID,
       "business-resources"},
      {"GET", API "/businesses/" OWN "/bills/", OWN, ROUTE_PINNED, BUSINESS, OWN,
       "business-resources"},
      {"GET", API "/reports/", NULL, ROUTE_TOKEN, BUSINESS, ID, "anything-else"},
      {"GET", API "/reports/", UPID, ROUTE_TOKEN, BUSINESS, ID, "anything-else"},
      {"GET", API "/reports/", OWN, ROUTE_PINNED, BUSINESS, OWN, "anything-else"},
      {"GET", API "/reports/", "acme", ROUTE_NO_BUSINESS, BUSINESS, NULL, "anything-else"},
      {"GET", MINE "/", NULL, ROUTE_TOKEN, PARTNER, ID, "business"},
      {"GET", API "/businesses/" OWN "/", NULL, ROUTE_PINNED, PARTNER, OWN, "business"},
      {"POST", API "/" OWN "/oauth2/token/", NULL, ROUTE_PINNED, PARTNER, OWN, "business-token"},
      {"POST", API "/oauth2/token/", NULL, ROUTE_TOKENLESS, NONE, NULL, "partner-token"},
      {"GET", "https://api.thredfi.com/v1/platform/businesses/" OWN "/bills/", NULL, ROUTE_TOKEN,
       BUSINESS, OWN, "business-resources"},
  };
  shipped_load_with(*state, SANDBOX "business = " ID "\npin-business = yes\n");
  CHECK(cases);
}

static void environment_business(void **state)
{
  static const RouteCase cases[] = {
      {"GET", API "/reports/", NULL, ROUTE_TOKEN, BUSINESS, ID, "anything-else"},
      {"GET", API "/reports/", OWN, ROUTE_TOKEN, BUSINESS, OWN, "anything-else"},
      {"GET", API "/reports/", "acme", ROUTE_NO_BUSINESS, BUSINESS, NULL, "anything-else"},
      {"GET", API "/businesses/" OWN "/bills/", NULL, ROUTE_TOKEN, BUSINESS, OWN,
       "business-resources"},
      {"GET", "https://api.thredfi.com/x", NULL, ROUTE_NO_BUSINESS, BUSINESS, NULL,
       "anything-else"},
  };
  shipped_load_with(*state, SANDBOX "business = " UPID "\n");
  CHECK(cases);
}

static void allow_business_only(void **state)
{
  static const RouteCase cases[] = {
      {"GET", MINE "/bills/", NULL, ROUTE_TOKEN, BUSINESS, ID, "business-resources"},
      {"GET", API "/businesses/", NULL, ROUTE_NOT_ALLOWED, PARTNER, NULL, "businesses"},
      {"GET", MINE "/", NULL, ROUTE_NOT_ALLOWED, PARTNER, ID, "business"},
      {"POST", API "/" ID "/oauth2/token/", NULL, ROUTE_NOT_ALLOWED, PARTNER, ID, "business-token"},
      {"GET", "https://api.thredfi.com/v1/platform/businesses/", NULL, ROUTE_TOKEN, PARTNER, NULL,
       "businesses"},
  };
  shipped_load_with(*state, SANDBOX "allow = business;\n");
  CHECK(cases);
}

static void allow_partner_only(void **state)
{
  static const RouteCase cases[] = {
      {"GET", API "/businesses/", NULL, ROUTE_TOKEN, PARTNER, NULL, "businesses"},
      {"GET", MINE "/bills/", NULL, ROUTE_NOT_ALLOWED, BUSINESS, ID, "business-resources"},
      {"GET", API "/reports/", NULL, ROUTE_NO_BUSINESS, BUSINESS, NULL, "anything-else"},
  };
  shipped_load_with(*state, SANDBOX "allow = partner;\n");
  CHECK(cases);
}

static void inactive_environment(void **state)
{
  Fixture *f = *state;
  RouteCase c = {"GET", API "/businesses/", NULL, ROUTE_INACTIVE, NONE, NULL, NULL};
  fixture_remove(f, "$A/50-active.conf");
  fixture_load(f);
  check_case(f->snapshot, &c);
}

/* Each refusal by a rule tells where the rule stands. */
static void places(void **state)
{
  static const struct {
    const char *url;
    RouteReason reason;
    const char *file;
    unsigned line;
  } cases[] = {
      {API "/businesses/" OWN "/bills/", ROUTE_PINNED, "/90-test.conf", 3},
      {API "/businesses/", ROUTE_NOT_ALLOWED, "/90-test.conf", 4},
      {API "/oauth2/token/", ROUTE_TOKENLESS, "/20-routes.conf", 0}, /* some line of it */
      {"https://other.thredfi.com/", ROUTE_UNKNOWN_HOST, NULL, 0},
  };
  const Fixture *f = *state;
  shipped_load_with(*state, SANDBOX "business = " ID "\npin-business = yes\nallow = business;\n");
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    RouteDecision got = route_decide(f->snapshot, thred_curl_api(), "POST", cases[i].url, NULL);
    RoutePlace place = route_reason_place(f->snapshot, &got);
    assert_int_equal(got.reason, cases[i].reason);
    assert_true((place.file != NULL) == (cases[i].file != NULL));
    if (!place.file)
      continue;
    assert_non_null(strstr(place.file, cases[i].file));
    if (cases[i].line)
      assert_int_equal(place.line, cases[i].line);
    else
      assert_int_not_equal(place.line, 0);
  }
}

/* ---- routes of an administrator ---- */

static void overridden_routes(void **state)
{
  static const RouteCase cases[] = {
      /* a later file's key */
      {"GET", API "/businesses/", NULL, ROUTE_TOKENLESS, NONE, NULL, "businesses"},
      /* a later route of the same path and methods */
      {"GET", HOST "/api/ai-tools/" ID "/x", NULL, ROUTE_TOKENLESS, NONE, ID, "no-ai"},
      /* an exact method beats *, whatever the order */
      {"DELETE", MINE "/x", NULL, ROUTE_TOKENLESS, NONE, ID, "no-delete"},
      {"GET", MINE "/x", NULL, ROUTE_TOKEN, BUSINESS, ID, "business-resources"},
      /* literal > {business_id} > * > ** */
      {"DELETE", API "/s/a", NULL, ROUTE_TOKEN, PARTNER, NULL, "s-literal"},
      {"GET", API "/s/a/", NULL, ROUTE_TOKEN, PARTNER, NULL, "s-literal"},
      {"GET", API "/s/" ID, NULL, ROUTE_TOKEN, PARTNER, ID, "s-business"},
      {"GET", API "/s/b", NULL, ROUTE_TOKENLESS, NONE, NULL, "s-one"},
      {"GET", API "/s/b/c", NULL, ROUTE_TOKEN, PARTNER, NULL, "s-rest"},
      {"GET", API "/s/a/c", NULL, ROUTE_TOKEN, PARTNER, NULL, "s-rest"},
      {"GET", API "/s", NULL, ROUTE_NO_BUSINESS, BUSINESS, NULL, "anything-else"},
      /* a partial id of one route does not leak into the next one's decision */
      {"GET", API "/s/3c90c3cc-0d44-4b50-8888-8dd25736052x", NULL, ROUTE_TOKENLESS, NONE, NULL,
       "s-one"},
      {"PROPFIND", API "/dav", NULL, ROUTE_TOKEN, PARTNER, NULL, "dav"},
      {"HEAD", API "/dav", NULL, ROUTE_NO_BUSINESS, BUSINESS, NULL, "anything-else"},
      {"HEAD", API "/head", NULL, ROUTE_TOKEN, PARTNER, NULL, "head"},
      {"GET", API "/head", NULL, ROUTE_NO_BUSINESS, BUSINESS, NULL, "anything-else"},
  };
#define P "path = /v1/platform"
  shipped_load_with(*state, "[route businesses]\ntoken = none\n"
                            "[route no-ai]\npath = /api/ai-tools/{business_id}/**\ntoken = none\n"
                            "[route no-delete]\nmethod = DELETE\n" P
                            "/businesses/{business_id}/**\ntoken = none\n"
                            "[route s-rest]\n" P "/s/**\ntoken = partner\n"
                            "[route s-one]\n" P "/s/*\ntoken = none\n"
                            "[route s-business]\n" P "/s/{business_id}\ntoken = partner\n"
                            "[route s-literal]\n" P "/s/a\ntoken = partner\n"
                            "[route dav]\nmethod = PROPFIND;MKCOL;\n" P "/dav\ntoken = partner\n"
                            "[route head]\nmethod = HEAD\n" P "/head\ntoken = partner\n");
#undef P
  CHECK(cases);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, shipped_setup, fixture_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(pinned_business),    TEST(environment_business), TEST(allow_business_only),
      TEST(allow_partner_only), TEST(inactive_environment), TEST(places),
      TEST(overridden_routes),
  };
  return cmocka_run_group_tests_name("route-policy", tests, NULL, NULL);
}
