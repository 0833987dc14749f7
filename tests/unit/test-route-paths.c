/* SPDX-License-Identifier: MIT */
/* lib/route: paths that a server could read as another one, and long ones. */
#include <stdlib.h>

#include "tests/unit/route-fixture.h"

/* ---- paths that a server could read as another one ---- */

static void unsafe_paths(void **state)
{
  REFUSED(ROUTE_BAD_PATH, MINE "/../", MINE "/..", MINE "/./invoices", MINE "/.",
          MINE "/../../businesses/", MINE "/invoices/../../", HOST "/..", HOST "/./v1/",
          MINE "/..;/invoices", MINE "/..;a=b/x", MINE "/.;/x", MINE "/;/x", MINE "//invoices/",
          HOST "//v1/platform/businesses/", MINE "/invoices//", MINE "//", MINE "/..?x",
          MINE "/..#x", MINE "/invoices\\..\\x", MINE "\\invoices", MINE "/%2e%2e/", MINE "/%2E./",
          MINE "/.%2e/", MINE "/%2e", MINE "/invoices%2f1", MINE "/invoices%2F..%2f", MINE "/a%5cb",
          MINE "/a%5C..%5C", MINE "/a%00", MINE "/a%00b", MINE "/a%0a", MINE "/%0d%0a",
          MINE "/a%1f", MINE "/a%7f", MINE "/a%7F", MINE "/%09", MINE "/%61rchive", MINE "/%41",
          MINE "/a%2Db", MINE "/a%5fb", MINE "/a%7Eb", MINE "/a%30", MINE "/%252e%252e/",
          MINE "/%252f", MINE "/a%2500", MINE "/%25%32%65", MINE "/a%", MINE "/a%2", MINE "/a%zz",
          MINE "/a%2g", MINE "/a%-1", MINE "/caf\xc3\xa9", MINE "/\xff", MINE "/a\xc0\xaf..",
          MINE "/%u002e");
  REFUSED(ROUTE_BAD_PATH, API "/%62usinesses/", API "/businesses%2f" ID "/invoices",
          HOST "/v1/platform/x/../businesses/", HOST "/%76%31/platform/businesses/",
          HOST "/v1/platform;/../businesses/");
}

/* Libcurl refuses some of these by itself, by version: what matters is that none gets a token. */
static void blanks_and_controls(void **state)
{
  static const char *const urls[] = {
      MINE "/a b",
      MINE "/a\tb",
      MINE "/a\nb",
      MINE "/a\rb",
      MINE "/a\x7f",
      MINE "/a\x01",
      MINE "/\v",
      MINE "/a ",
      " " MINE,
      "\t" MINE,
      "\n" MINE,
      MINE "/a?b c",
      MINE "/a?b\nc",
      MINE "/a#b c",
      MINE "/a?\r\nHost: evil.example",
      "https://sandbox.thredfi.com \t/",
      "https://sandbox.thredfi.com\n/",
      "https://sandbox.thredfi.com\r\n/",
      "https:\n//sandbox.thredfi.com/",
      "https ://sandbox.thredfi.com/",
      "https://\tsandbox.thredfi.com/",
      "https:\\\\sandbox.thredfi.com\\v1",
      "https:/\\sandbox.thredfi.com/",
      "https://sandbox.thredfi.com\\v1",
      "https:sandbox.thredfi.com/v1/",
      "https:////sandbox.thredfi.com/v1/",
      "https://sandbox.thredfi.com:443 /v1",
      "https://sandbox.thredfi.com:\t443/v1",
  };
  const Fixture *f = *state;
  for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
    RouteDecision got = route_decide(f->snapshot, thred_curl_api(), "GET", urls[i], OWN);
    if (got.reason == ROUTE_TOKEN)
      fail_msg("a token for %s", urls[i]);
  }
}

static void an_escaped_percent_sign_is_harmless(void **state)
{
  static const RouteCase cases[] = {
      RESOURCE("GET", "/a%25"),
      RESOURCE("GET", "/100%25/x"),
      RESOURCE("GET", "/a%25b"),
      RESOURCE("GET", "/a%25zz"),
      RESOURCE("GET", "/a%20b%3Fc%23d%3b"),
      RESOURCE("GET", "/%c3%a9%E2%82%ac"),
  };
  CHECK(cases);
}

/* ---- sizes ---- */

static char *long_url(const char *start, size_t length)
{
  size_t head = strlen(start);
  char *url = malloc(length + 1);
  assert_non_null(url);
  memset(url, 'a', length);
  memcpy(url, start, head);
  url[length] = 0;
  return url;
}

static void long_urls(void **state)
{
  const Fixture *f = *state;
  static const char *const starts[] = {MINE "/invoices/", MINE "/invoices?q=", MINE "/x#"};
  for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
    char *url = long_url(starts[i], 64 * 1024);
    RouteCase c = {"GET", url, NULL, ROUTE_TOKEN, BUSINESS, ID, "business-resources"};
    check_case(f->snapshot, &c);
    free(url);
  }
  char *url = long_url("https://", 64 * 1024);
  memcpy(url + 64 * 1024 - 12, ".thredfi.com", 12);
  RouteDecision got = route_decide(f->snapshot, thred_curl_api(), "GET", url, OWN);
  assert_true(got.reason == ROUTE_UNKNOWN_HOST || got.reason == ROUTE_BAD_URL);
  free(url);
  url = long_url(MINE "/", 64 * 1024);
  for (size_t i = strlen(MINE "/") + 1; i < 64 * 1024; i += 2)
    url[i] = '/';
  RouteCase deep = {url[0] ? "GET" : "", url, NULL, ROUTE_TOKEN, BUSINESS, ID,
                    "business-resources"};
  check_case(f->snapshot, &deep);
  free(url);
}

static void long_methods(void **state)
{
  const Fixture *f = *state;
  char *method = long_url("GET", 64 * 1024);
  RouteCase c = {method, API "/businesses/", NULL, ROUTE_NO_BUSINESS, BUSINESS,
                 NULL,   "anything-else"};
  check_case(f->snapshot, &c);
  free(method);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, shipped_setup, fixture_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(unsafe_paths), TEST(blanks_and_controls), TEST(an_escaped_percent_sign_is_harmless),
      TEST(long_urls),    TEST(long_methods),
  };
  return cmocka_run_group_tests_name("route-paths", tests, NULL, NULL);
}
