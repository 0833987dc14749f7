/* SPDX-License-Identifier: MIT */
/* lib/route, with the routes and hosts that are shipped and libcurl's own URL parser. */
#include "tests/unit/shipped-fixture.h"

#include <strings.h>

#include "lib/route.h"

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
} Case;

static void check_case(const Snapshot *snapshot, const Case *c)
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

static void check_cases(void **state, const Case *cases, size_t count)
{
  const Fixture *f = *state;
  for (size_t i = 0; i < count; i++)
    check_case(f->snapshot, &cases[i]);
}

#define CHECK(cases) check_cases(state, cases, sizeof cases / sizeof *cases)

/* URLs that get no token, all for one reason that comes before any route. */
static void check_refused(void **state, RouteReason reason, const char *const *urls)
{
  const Fixture *f = *state;
  for (; *urls; urls++) {
    Case c = {"GET", *urls, OWN, reason, NONE, NULL, NULL};
    check_case(f->snapshot, &c);
  }
}

#define REFUSED(reason, ...)                                                                       \
  check_refused(state, reason, (const char *const[]){__VA_ARGS__, (const char *)NULL})

/* ---- which token ---- */

static void token_endpoints(void **state)
{
  static const Case cases[] = {
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
  static const Case cases[] = {
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

#define RESOURCE(method, path)                                                                     \
  {                                                                                                \
    method, MINE path, OWN, ROUTE_TOKEN, BUSINESS, ID, "business-resources"                        \
  }

static void business_paths(void **state)
{
  static const Case cases[] = {
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
  static const Case cases[] = {
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
    Case none = {"GET", url, NULL, ROUTE_NO_BUSINESS, BUSINESS, NULL, "anything-else"};
    check_case(f->snapshot, &none);
    snprintf(url, sizeof url, API "/%s/oauth2/token/", ids[i]);
    Case endpoint = {"POST", url, NULL, ROUTE_NO_BUSINESS, BUSINESS, NULL, "anything-else"};
    check_case(f->snapshot, &endpoint);
  }
}

/* ---- hosts, ports, schemes ---- */

#define ON(host) "https://" host "/v1/platform/businesses/"

static void hosts_that_get_one(void **state)
{
  static const char *const good[] = {
      ON("sandbox.thredfi.com"),
      ON("sandbox-backend.thredfi.com"),
      ON("backend.thredfi.com"),
      ON("api.thredfi.com"),
      ON("SANDBOX.THREDFI.COM"),
      ON("Sandbox.ThredFi.Com"),
      ON("sandbox.thredfi.com:443"),
      "HTTPS://sandbox.thredfi.com/v1/platform/businesses/",
      "hTTpS://API.thredfi.com:443/v1/platform/businesses?x",
      ON("sandbox.thredfi.com") "?next=https://evil.example/..//%2e%2e",
      ON("sandbox.thredfi.com") "#user@thredfi.com/../..",
      ON("sandbox.thredfi.com") "?user@evil.example",
      ON("sandbox.thredfi.com") "#%00%0a\\",
  };
  const Fixture *f = *state;
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    Case c = {"GET", good[i], NULL, ROUTE_TOKEN, PARTNER, NULL, "businesses"};
    check_case(f->snapshot, &c);
  }
}

static void hosts_outside(void **state)
{
  REFUSED(ROUTE_NOT_THRED, ON("evil.example"), ON("evilthredfi.com"),
          ON("thredfi.com.evil.example"), ON("sandbox.thredfi.com.evil.example"),
          ON("sandbox.thredfi.comevil.example"), ON("thredfi.com@evil.example"),
          ON("sandbox.thredfi.com@evil.example"), ON("sandbox.thredfi.com:443@evil.example"),
          ON("thredd.com"), ON("thred.dev"), ON("thredfi.co"), ON("thredfi.com.."),
          "https://evil.example/thredfi.com",
          "https://evil.example/https://sandbox.thredfi.com/v1/platform/businesses/",
          "https://evil.example?sandbox.thredfi.com", "https://evil.example#@sandbox.thredfi.com/",
          "https://evil.example/\\@sandbox.thredfi.com/");
  REFUSED(ROUTE_UNKNOWN_HOST, ON("thredfi.com"), ON("www.thredfi.com"), ON("docs.thredfi.com"),
          ON("status.thredfi.com"), ON("evil.sandbox.thredfi.com"),
          ON("sandbox-thredfi.thredfi.com"), ON("sandbox.thredfi.com.thredfi.com"),
          ON("xn--sandbox-9xa.thredfi.com"), ON("sand_box.thredfi.com"), ON("sandboxx.thredfi.com"),
          ON("-sandbox.thredfi.com"));
  REFUSED(ROUTE_NOT_THRED, ON("sandbox-thredfi.com"));
  REFUSED(ROUTE_INACTIVE, ON("staging-backend.thredfi.com"), ON("dev-backend.thredfi.com"),
          ON("Staging-Backend.thredfi.com:443") "/../x");
}

static void addresses(void **state)
{
  REFUSED(ROUTE_NOT_THRED, ON("127.0.0.1"), ON("2130706433"), ON("0x7f000001"), ON("0x7f.1"),
          ON("0177.0.0.1"), ON("[::1]"), ON("[::ffff:127.0.0.1]"), ON("[fe80::1%25lo]"),
          "https://[::1]/sandbox.thredfi.com", "https://127.0.0.1/?sandbox.thredfi.com",
          "https://2130706433/sandbox.thredfi.com", "https://0x7f000001/#sandbox.thredfi.com");
  REFUSED(ROUTE_BAD_URL, "https://[sandbox.thredfi.com]/", "https://[::1].thredfi.com/",
          "https://sandbox.thredfi.com[::1]/");
}

/* Letters that IDNA (RFC 5891, UTS 46) maps to the plain ones are not mapped for a token. */
static void other_alphabets(void **state)
{
  REFUSED(ROUTE_NOT_THRED,
          ON("sandbox.thr\xd0\xb5"
             "dfi.com"),                        /* Cyrillic e */
          ON("sandbox.\xef\xbd\x94hredfi.com"), /* fullwidth t */
          ON("sandbox.thredfi\xe3\x80\x82"
             "com"),                                         /* ideographic full stop */
          ON("sandbox\xe3\x80\x82thredfi.com.evil.example"), /* the same, a host of its own */
          ON("sandbox.xn--thrdfi-9of.com"), ON("sandbox.thredfi.xn--cm-fka"),
          ON("sandbox.thredfi.co\xe2\x84\xb3"),                 /* script M */
          ON("sandbox.thredfi.com\xc2\xad.evil.example"));      /* soft hyphen */
  REFUSED(ROUTE_UNKNOWN_HOST, ON("s\xd0\xb0ndbox.thredfi.com"), /* Cyrillic a */
          ON("\xef\xbd\x93\x61ndbox.thredfi.com"),              /* fullwidth s */
          ON("sand\xc2\xad"
             "box.thredfi.com"), /* soft hyphen */
          ON("sandbox\xef\xbc\x8e"
             "x.thredfi.com")); /* fullwidth full stop */
}

static void hosts_not_written_plainly(void **state)
{
  REFUSED(ROUTE_BAD_HOST, ON("sandbox.thredfi.com:"), ON("sandbox.thredfi.com:0443"),
          ON("%73andbox.thredfi.com"), ON("sandbox%2ethredfi.com") "?thredfi.com",
          "https:/sandbox.thredfi.com/v1/", "https:///sandbox.thredfi.com/v1/");
  REFUSED(ROUTE_NOT_THRED, ON("sandbox.%74hredfi.com"), ON("sandbox.thredfi%2ecom"),
          ON("sandbox.thredfi%2Ecom."), ON("sandbox.thredfi.com%"));
  REFUSED(ROUTE_BAD_URL, ON("sandbox.thredfi.com%00.evil.example"), ON("sandbox.thredfi.com%0a"),
          ON("sandbox.thredfi.com%20"), ON("sandbox.thredfi.com%2f"),
          ON("sandbox thredfi.com") "thredfi.com");
}

/* The DNS root: the same host to DNS, another one to cookies, caches and certificates. route.h
 * promises the reason. */
static void trailing_dot(void **state)
{
  REFUSED(ROUTE_BAD_HOST, ON("sandbox.thredfi.com."), ON("SANDBOX.THREDFI.COM.:443"),
          "https://api.thredfi.com.");
}

static void ports(void **state)
{
  REFUSED(ROUTE_BAD_PORT, ON("sandbox.thredfi.com:80"), ON("sandbox.thredfi.com:8443"),
          ON("sandbox.thredfi.com:4430"), ON("sandbox.thredfi.com:1"));
  REFUSED(ROUTE_BAD_URL, ON("sandbox.thredfi.com:65979"), ON("sandbox.thredfi.com:443x"),
          ON("sandbox.thredfi.com:-443"), ON("sandbox.thredfi.com:443:443"),
          ON("sandbox.thredfi.com:99999999999"));
}

static void schemes(void **state)
{
  REFUSED(ROUTE_NOT_HTTPS, "http://sandbox.thredfi.com/v1/platform/businesses/",
          "http://sandbox.thredfi.com:443/v1/platform/businesses/", "HTTP://sandbox.thredfi.com/",
          "ftp://sandbox.thredfi.com/", "sandbox.thredfi.com",
          "sandbox.thredfi.com/v1/platform/businesses/", "sandbox.thredfi.com:443/v1/",
          "ws://sandbox.thredfi.com:443/", "https2://sandbox.thredfi.com:443/");
  REFUSED(ROUTE_BAD_URL, "file://sandbox.thredfi.com/etc/passwd", "data:thredfi.com,x",
          "//sandbox.thredfi.com/v1/platform/businesses/", "https://thredfi.com:x@/",
          "mailto:a@thredfi.com:x");
}

/* Whether libcurl knows them, and so what the reason is, depends on its build. */
static void other_schemes(void **state)
{
  const Fixture *f = *state;
  static const char *const names[] = {"ws",   "wss",  "ftps",   "gopher", "ldap", "ldaps",  "smb",
                                      "rtsp", "sftp", "httpss", "shttp",  "h",    "x-y.z+1"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char url[128];
    snprintf(url, sizeof url, "%s://sandbox.thredfi.com/v1/platform/businesses/", names[i]);
    RouteReason reason = route_decide(f->snapshot, thred_curl_api(), "GET", url, OWN).reason;
    assert_true(reason == ROUTE_NOT_HTTPS || reason == ROUTE_BAD_URL);
  }
}

static void nothing_to_parse(void **state)
{
  REFUSED(ROUTE_NOT_THRED, "", "/", "https://", "x", "thredfi", "thredfi.co", "https://t", "\n");
}

static void userinfo(void **state)
{
  REFUSED(ROUTE_USERINFO, ON("user@sandbox.thredfi.com"), ON("user:pw@sandbox.thredfi.com"),
          ON(":pw@sandbox.thredfi.com"), ON("user:@sandbox.thredfi.com"),
          ON("evil.example@sandbox.thredfi.com"), ON("a%40b@sandbox.thredfi.com"),
          ON("user;AUTH=x@sandbox.thredfi.com"));
  const Fixture *f = *state;
  static const char *const odd[] = {ON("@sandbox.thredfi.com"),
                                    ON(":@sandbox.thredfi.com"),
                                    ON("a@b@sandbox.thredfi.com"),
                                    ON("evil.example/@sandbox.thredfi.com"),
                                    ON("evil.example#@sandbox.thredfi.com"),
                                    ON("evil.example\\@sandbox.thredfi.com"),
                                    ON("sandbox.thredfi.com\\@evil.example"),
                                    ON("sandbox.thredfi.com;@evil.example")};
  for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
    assert_int_not_equal(route_decide(f->snapshot, thred_curl_api(), "GET", odd[i], OWN).reason,
                         ROUTE_TOKEN);
}

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
  static const Case cases[] = {
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
    Case c = {"GET", url, NULL, ROUTE_TOKEN, BUSINESS, ID, "business-resources"};
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
  Case deep = {url[0] ? "GET" : "", url, NULL, ROUTE_TOKEN, BUSINESS, ID, "business-resources"};
  check_case(f->snapshot, &deep);
  free(url);
}

static void long_methods(void **state)
{
  const Fixture *f = *state;
  char *method = long_url("GET", 64 * 1024);
  Case c = {method, API "/businesses/", NULL, ROUTE_NO_BUSINESS, BUSINESS, NULL, "anything-else"};
  check_case(f->snapshot, &c);
  free(method);
}

/* ---- policy ---- */

#define SANDBOX "[environment sandbox]\n"

static void pinned_business(void **state)
{
  static const Case cases[] = {
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
  static const Case cases[] = {
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
  static const Case cases[] = {
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
  static const Case cases[] = {
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
  Case c = {"GET", API "/businesses/", NULL, ROUTE_INACTIVE, NONE, NULL, NULL};
  fixture_remove(f, "$A/50-active.conf");
  fixture_load(f);
  check_case(f->snapshot, &c);
}

/* ---- routes of an administrator ---- */

static void overridden_routes(void **state)
{
  static const Case cases[] = {
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

/* ---- the pieces ---- */

static void uuids(void **state)
{
  (void)state;
  char out[UUID_LENGTH + 1] = "x";
  assert_true(route_parse_uuid(UPID, UUID_LENGTH, out));
  assert_string_equal(out, ID);
  assert_true(route_parse_uuid(ID "trailing", UUID_LENGTH, NULL));
  for (size_t length = 0; length < UUID_LENGTH; length++)
    assert_false(route_parse_uuid(ID, length, NULL));
  assert_false(route_parse_uuid(ID "a", UUID_LENGTH + 1, NULL));
  for (size_t i = 0; i < UUID_LENGTH; i++) {
    static const char bad[] = {'g', '-', ' ', '/', ':', '@', '`', 'G', '\xff', 0};
    for (size_t b = 0; b < sizeof bad; b++) {
      char text[] = ID;
      if (text[i] == bad[b])
        continue;
      text[i] = bad[b];
      assert_false(route_parse_uuid(text, UUID_LENGTH, out));
    }
  }
}

static void reasons_have_texts(void **state)
{
  (void)state;
  for (int i = ROUTE_TOKEN; i <= ROUTE_NOT_ALLOWED; i++) {
    assert_string_not_equal(route_reason_text((RouteReason)i), "unknown reason");
    for (int j = ROUTE_TOKEN; j < i; j++)
      assert_string_not_equal(route_reason_text((RouteReason)i), route_reason_text((RouteReason)j));
  }
  assert_string_equal(route_reason_text((RouteReason)99), "unknown reason");
}

static CURLU *no_memory(void)
{
  return NULL;
}

static void libcurl_out_of_memory(void **state)
{
  const Fixture *f = *state;
  ThredCurlApi api = *thred_curl_api();
  api.url = no_memory;
  assert_int_equal(route_decide(f->snapshot, &api, "GET", MINE "/x", NULL).reason, ROUTE_BAD_URL);
}

/* ---- whatever the URL looks like ---- */

#define SEED      0x9e3779b97f4a7c15u
#define MUTATIONS 20000
#define URL_ROOM  1024

static uint64_t random_state;

static size_t random_below(size_t limit)
{
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return (size_t)(random_state >> 11) % limit;
}

static const char *const good_urls[] = {
    MINE "/invoices/",
    API "/businesses/",
    "https://API.thredfi.com:443/v1/platform/" ID "/oauth2/token/",
    "https://backend.thredfi.com/v1/platform/reports?from=1#top",
    "https://user@sandbox.thredfi.com/v1/platform/businesses/",
    "https://evil.example@sandbox.thredfi.com/sandbox.thredfi.com",
};
static const char *const pieces[] = {
    "@",         ":",           "/",
    "//",        "\\",          "..",
    ".",         "%2e",         "%00",
    "%40",       "#",           "?",
    "evil.test", ":443",        ":8443",
    ":0443",     "https://",    "http://",
    "[",         "]",           "%",
    " ",         "\t",          "\n",
    "\xc3\xa9",  "thredfi.com", "user",
    "user:p",    "xn--",        "\xef\xbc\x8e",
    "-",         "S",           ".thredfi.com",
    "sandbox.",  ";",           "&",
    "=",         "%2F",         "*",
    "\x7f",
};

/* Puts `piece` at `at`, over `removed` bytes of what is there. */
static void splice(char *url, size_t at, size_t removed, const char *piece)
{
  char tail[URL_ROOM];
  size_t length = strlen(url);
  if (at > length)
    at = length;
  if (removed > length - at)
    removed = length - at;
  if (length - removed + strlen(piece) >= URL_ROOM)
    return;
  strcpy(tail, url + at + removed);
  strcpy(url + at, piece);
  strcat(url, tail);
}

static void mutate(char *url)
{
  for (size_t n = random_below(3) + 1; n > 0; n--) {
    /* Half of the mutations hit the part that decides where a request goes. */
    size_t length = strlen(url), reach = random_below(2) && length > 32 ? 32 : length + 1;
    size_t at = random_below(reach);
    const char *piece = pieces[random_below(sizeof pieces / sizeof *pieces)];
    char byte[2] = {(char)(random_below(255) + 1), 0};
    switch (random_below(5)) {
    case 0:
      splice(url, at, 0, piece);
      break;
    case 1:
      splice(url, at, random_below(4), piece);
      break;
    case 2:
      splice(url, at, 1, byte);
      break;
    case 3:
      splice(url, at, random_below(3) + 1, "");
      break;
    default:
      if (at < length)
        url[at] ^= 0x20;
      if (at < length && !url[at])
        url[at] = '.';
    }
  }
}

/* What libcurl, asked in this way, makes of one part; NULL if it has none. */
static bool part_is(CURLU *parsed, CURLUPart part, unsigned flags, const char *expected)
{
  char *text = NULL;
  bool same = curl_url_get(parsed, part, &text, flags) == CURLUE_OK
                  ? expected && strcasecmp(text, expected) == 0
                  : !expected;
  curl_free(text);
  return same;
}

static bool has_active_host(const Snapshot *snapshot, CURLU *parsed)
{
  bool found = false;
  for (uint32_t i = 0; i < snapshot->hosts.count && !found; i++) {
    const SnapshotHost *host = snapshot_host(snapshot, i);
    found = snapshot_environment(snapshot, host->environment)->active &&
            part_is(parsed, CURLUPART_HOST, 0, snapshot_string(snapshot, host->name));
  }
  return found;
}

static void check_where_it_goes(const Snapshot *snapshot, const char *url, unsigned flags)
{
  CURLU *parsed = curl_url();
  assert_non_null(parsed);
  bool right = curl_url_set(parsed, CURLUPART_URL, url, flags) == CURLUE_OK &&
               part_is(parsed, CURLUPART_SCHEME, 0, "https") &&
               part_is(parsed, CURLUPART_PORT, CURLU_DEFAULT_PORT, "443") &&
               part_is(parsed, CURLUPART_USER, 0, NULL) &&
               part_is(parsed, CURLUPART_PASSWORD, 0, NULL) && has_active_host(snapshot, parsed);
  curl_url_cleanup(parsed);
  if (!right)
    fail_msg("a token for %s", url);
}

static void mutated_urls(void **state)
{
  const Fixture *f = *state;
  size_t tokens = 0;
  random_state = SEED;
  print_message("seed %#llx, %d mutations\n", (unsigned long long)SEED, MUTATIONS);
  for (int i = 0; i < MUTATIONS; i++) {
    char url[URL_ROOM];
    strcpy(url, good_urls[random_below(sizeof good_urls / sizeof *good_urls)]);
    mutate(url);
    if (route_decide(f->snapshot, thred_curl_api(), "GET", url, OWN).reason != ROUTE_TOKEN)
      continue;
    tokens++;
    check_where_it_goes(f->snapshot, url, 0);
    check_where_it_goes(f->snapshot, url, CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME);
  }
  print_message("%zu of them get a token\n", tokens);
  assert_true(tokens > MUTATIONS / 100 && tokens < MUTATIONS);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, shipped_setup, fixture_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(token_endpoints),
      TEST(partner_paths),
      TEST(business_paths),
      TEST(default_business),
      TEST(no_uuid_is_no_business),
      TEST(hosts_that_get_one),
      TEST(hosts_outside),
      TEST(addresses),
      TEST(other_alphabets),
      TEST(hosts_not_written_plainly),
      TEST(trailing_dot),
      TEST(ports),
      TEST(schemes),
      TEST(other_schemes),
      TEST(nothing_to_parse),
      TEST(userinfo),
      TEST(unsafe_paths),
      TEST(blanks_and_controls),
      TEST(an_escaped_percent_sign_is_harmless),
      TEST(long_urls),
      TEST(long_methods),
      TEST(pinned_business),
      TEST(environment_business),
      TEST(allow_business_only),
      TEST(allow_partner_only),
      TEST(inactive_environment),
      TEST(overridden_routes),
      TEST(mutated_urls),
      TEST(libcurl_out_of_memory),
      cmocka_unit_test(uuids),
      cmocka_unit_test(reasons_have_texts),
  };
  return cmocka_run_group_tests_name("route", tests, NULL, NULL);
}
