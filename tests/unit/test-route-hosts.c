/* SPDX-License-Identifier: MIT */
/* lib/route: hosts, ports and schemes. */
#include "tests/unit/route-fixture.h"

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
    RouteCase c = {"GET", good[i], NULL, ROUTE_TOKEN, PARTNER, NULL, "businesses"};
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

#define TEST(function) cmocka_unit_test_setup_teardown(function, shipped_setup, fixture_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
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
  };
  return cmocka_run_group_tests_name("route-hosts", tests, NULL, NULL);
}
