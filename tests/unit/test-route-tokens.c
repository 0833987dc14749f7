/* SPDX-License-Identifier: MIT */
/* lib/route: which token a path takes, and which business it is of. */
#include "tests/unit/route-fixture.h"

static void token_endpoints(void **state)
{
  static const RouteCase cases[] = {
      {"POST", API "/oauth2/token/", OWN, ROUTE_TOKENLESS, NONE, NULL, "partner-token"},
      {"POST", API "/oauth2/token", OWN, ROUTE_TOKENLESS, NONE, NULL, "partner-token"},
      {"GET", API "/oauth2/token/", OWN, ROUTE_TOKENLESS, NONE, NULL, "partner-token"},
      {"POST", API "/oauth2/token/?a=b", OWN, ROUTE_TOKENLESS, NONE, NULL, "partner-token"},
      {"POST", API "/" ID "/oauth2/token/", NULL, ROUTE_TOKEN, PARTNER, ID, "business-token"},
      {"POST", API "/" ID "/oauth2/token", OWN, ROUTE_TOKEN, PARTNER, ID, "business-token"},
      {"POST", API "/" UPID "/oauth2/token/", NULL, ROUTE_TOKEN, PARTNER, ID, "business-token"},
      {"GET", API "/" ID "/oauth2/token/", OWN, ROUTE_TOKENLESS, NONE, ID,
       "business-token-other-methods"},
      {"post", API "/" ID "/oauth2/token/", OWN, ROUTE_TOKENLESS, NONE, ID,
       "business-token-other-methods"},
      {"POST", API "/acme/oauth2/token/", NULL, ROUTE_NO_BUSINESS, BUSINESS, NULL, "anything-else"},
      {"POST", HOST "/api/friday/token", OWN, ROUTE_TOKENLESS, NONE, NULL, "friday-token"},
      {"POST", HOST "/api/friday/token/", OWN, ROUTE_TOKENLESS, NONE, NULL, "friday-token"},
  };
  CHECK(cases);
}

static void partner_paths(void **state)
{
  static const RouteCase cases[] = {
      {"GET", API "/businesses/", NULL, ROUTE_TOKEN, PARTNER, NULL, "businesses"},
      {"GET", API "/businesses", NULL, ROUTE_TOKEN, PARTNER, NULL, "businesses"},
      {"POST", API "/businesses/", OWN, ROUTE_TOKEN, PARTNER, NULL, "businesses"},
      {"HEAD", API "/businesses/", OWN, ROUTE_TOKEN, PARTNER, NULL, "businesses"},
      {"GET", API "/businesses/?business_id=" OWN, NULL, ROUTE_TOKEN, PARTNER, NULL, "businesses"},
      {"GET", API "/businesses?page=2#top", NULL, ROUTE_TOKEN, PARTNER, NULL, "businesses"},
      {"PUT", API "/businesses/", NULL, ROUTE_NO_BUSINESS, BUSINESS, NULL, "anything-else"},
      {"get", API "/businesses/", NULL, ROUTE_NO_BUSINESS, BUSINESS, NULL, "anything-else"},
      {"HEADER", API "/businesses/", NULL, ROUTE_NO_BUSINESS, BUSINESS, NULL, "anything-else"},
      {"GET;POST", API "/businesses/", NULL, ROUTE_NO_BUSINESS, BUSINESS, NULL, "anything-else"},
      {"", API "/businesses/", NULL, ROUTE_NO_BUSINESS, BUSINESS, NULL, "anything-else"},
      {"GET", MINE "/", NULL, ROUTE_TOKEN, PARTNER, ID, "business"},
      {"GET", MINE, OWN, ROUTE_TOKEN, PARTNER, ID, "business"},
      {"PATCH", MINE "/", NULL, ROUTE_TOKEN, PARTNER, ID, "business"},
      {"HEAD", MINE "/", NULL, ROUTE_TOKEN, PARTNER, ID, "business"},
      {"GET", API "/businesses/" UPID "/", NULL, ROUTE_TOKEN, PARTNER, ID, "business"},
      {"POST", MINE "/archive/", NULL, ROUTE_TOKEN, PARTNER, ID, "business-archive"},
      {"POST", MINE "/archive", NULL, ROUTE_TOKEN, PARTNER, ID, "business-archive"},
      {"POST", MINE "/unarchive/", NULL, ROUTE_TOKEN, PARTNER, ID, "business-unarchive"},
      {"GET", MINE "/archive/", NULL, ROUTE_TOKEN, BUSINESS, ID, "business-resources"},
      {"POST", MINE "/archive/x", NULL, ROUTE_TOKEN, BUSINESS, ID, "business-resources"},
      {"POST", MINE "/Archive/", NULL, ROUTE_TOKEN, BUSINESS, ID, "business-resources"},
  };
  CHECK(cases);
}

static void business_paths(void **state)
{
  static const RouteCase cases[] = {
      RESOURCE("GET", "/invoices/"),
      RESOURCE("GET", "/invoices"),
      RESOURCE("POST", "/invoices/" OWN "/void/"),
      RESOURCE("GET", "/invoices/payments/?page=1&business_id=" OWN),
      RESOURCE("POST", "/invoices/refunds/17/payments/"),
      RESOURCE("PUT", "/customers/a%20b/"),
      RESOURCE("PATCH", "/vendors/caf%C3%A9"),
      RESOURCE("DELETE", "/bills/payments/1/delete/"),
      RESOURCE("OPTIONS", "/vendor-refunds/"),
      RESOURCE("PROPFIND", "/payouts/"),
      RESOURCE("get", "/bank-accounts/"),
      RESOURCE("", "/bank-transactions/"),
      RESOURCE("HEAD", "/general-ledger/chart-of-accounts/"),
      RESOURCE("POST", "/general-ledger/journal-entries/"),
      RESOURCE("GET", "/reports/profit-and-loss/?start=2026-01-01&end=2026-06-30"),
      RESOURCE("GET", "/insights/ar-aging/"),
      RESOURCE("POST", "/documents/upload"),
      RESOURCE("GET", "/a.b/...x/x..y/-_~!$&'()*+,=:@"),
      RESOURCE("GET", "/invoices;version=2/1"),
      RESOURCE("GET", "/oauth2/token/"),
      {"GET", API "/businesses/" UPID "/bills/", NULL, ROUTE_TOKEN, BUSINESS, ID,
       "business-resources"},
      {"GET", API "/transaction-categories/" ID, NULL, ROUTE_TOKEN, BUSINESS, ID,
       "transaction-categories"},
      {"POST", API "/transaction-categories/" ID "/", OWN, ROUTE_TOKEN, BUSINESS, ID,
       "transaction-categories"},
      {"GET", API "/transaction-categories/", NULL, ROUTE_NO_BUSINESS, BUSINESS, NULL,
       "anything-else"},
      {"POST", HOST "/api/ai-tools/" ID "/chat/", NULL, ROUTE_TOKEN, BUSINESS, ID, "ai-tools"},
      {"GET", HOST "/api/ai-tools/" ID "/a/b/c", OWN, ROUTE_TOKEN, BUSINESS, ID, "ai-tools"},
      {"GET", HOST "/api/v1/product-pricing", OWN, ROUTE_TOKENLESS, NONE, NULL, "product-pricing"},
      {"GET", HOST "/api/v1/product-pricing/", OWN, ROUTE_TOKENLESS, NONE, NULL, "product-pricing"},
      {"GET", HOST "/api/v1/product-pricing/a/b", OWN, ROUTE_TOKENLESS, NONE, NULL,
       "product-pricing-below"},
  };
  CHECK(cases);
}

static void default_business(void **state)
{
  static const RouteCase cases[] = {
      {"GET", API "/reports/", OWN, ROUTE_TOKEN, BUSINESS, OWN, "anything-else"},
      {"GET", API "/reports/", UPID, ROUTE_TOKEN, BUSINESS, ID, "anything-else"},
      {"GET", API "/reports/", NULL, ROUTE_NO_BUSINESS, BUSINESS, NULL, "anything-else"},
      {"GET", API "/reports/", "", ROUTE_NO_BUSINESS, BUSINESS, NULL, "anything-else"},
      {"GET", API "/reports/", "acme", ROUTE_NO_BUSINESS, BUSINESS, NULL, "anything-else"},
      {"GET", API "/reports/", ID " ", ROUTE_NO_BUSINESS, BUSINESS, NULL, "anything-else"},
      {"GET", API "/reports/", "{" ID "}", ROUTE_NO_BUSINESS, BUSINESS, NULL, "anything-else"},
      /* A query is a filter, not a scope. */
      {"GET", API "/reports/?business_id=" ID, NULL, ROUTE_NO_BUSINESS, BUSINESS, NULL,
       "anything-else"},
      {"GET", HOST "/other", OWN, ROUTE_TOKEN, BUSINESS, OWN, "anything-else"},
      {"GET", HOST "/", OWN, ROUTE_UNROUTED, NONE, NULL, NULL},
      {"GET", HOST, OWN, ROUTE_UNROUTED, NONE, NULL, NULL},
      {"GET", HOST "?x=/v1/platform/businesses/", OWN, ROUTE_UNROUTED, NONE, NULL, NULL},
      {"GET", HOST "#/v1/platform/businesses/", OWN, ROUTE_UNROUTED, NONE, NULL, NULL},
  };
  CHECK(cases);
}

static void no_uuid_is_no_business(void **state)
{
  static const char *const ids[] = {
      "1",
      "acme",
      "3c90c3cc-0d44-4b50-8888-8dd25736052",
      ID "a",
      "3c90c3cc0d444b5088888dd25736052a",
      "3c90c3cc-0d44-4b50-88888-dd25736052a",
      "3g90c3cc-0d44-4b50-8888-8dd25736052a",
      "3c90c3cc_0d44_4b50_8888_8dd25736052a",
      "{" ID,
      ID ";v=1",
      "urn:uuid:" ID,
      "*",
  };
  const Fixture *f = *state;
  for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
    char url[256];
    snprintf(url, sizeof url, API "/businesses/%s/invoices/", ids[i]);
    RouteCase none = {"GET", url, NULL, ROUTE_NO_BUSINESS, BUSINESS, NULL, "anything-else"};
    check_case(f->snapshot, &none);
    snprintf(url, sizeof url, API "/%s/oauth2/token/", ids[i]);
    RouteCase endpoint = {"POST", url, NULL, ROUTE_NO_BUSINESS, BUSINESS, NULL, "anything-else"};
    check_case(f->snapshot, &endpoint);
  }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, shipped_setup, fixture_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(token_endpoints),  TEST(partner_paths),          TEST(business_paths),
      TEST(default_business), TEST(no_uuid_is_no_business),
  };
  return cmocka_run_group_tests_name("route-tokens", tests, NULL, NULL);
}
