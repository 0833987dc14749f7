/* SPDX-License-Identifier: MIT */
/* lib/fetch/config-routes, and the configuration that is shipped. */
#include "tests/unit/config-fixture.h"

#include <unistd.h>

#ifndef TEST_CONF_D
#define TEST_CONF_D "conf.d"
#endif

static void load(Fixture *f, const char *text)
{
  fixture_write(f, "$A/a.conf", text);
  fixture_load(f);
}

/* "name=path,methods,token " of every route in the order of the table. */
static char *table(const Fixture *f)
{
  static const char *const tokens[] = {"none", "partner", "business"};
  char *result = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&result, &size);
  for (uint32_t i = 0; i < f->snapshot->routes.count; i++) {
    const SnapshotRoute *route = snapshot_route(f->snapshot, i);
    fprintf(out, "%s %s %s %s\n", fixture_string(f, route->name), fixture_string(f, route->path),
            fixture_string(f, route->methods), tokens[route->token]);
  }
  fclose(out);
  return result;
}

static void check_table(const Fixture *f, const char *expected)
{
  char *got = table(f);
  assert_string_equal(got, expected);
  free(got);
}

#define SEGMENT(text)                                                                              \
  "\"" text                                                                                        \
  "\" is not a segment: letters, digits, - . _ ~ (not . or ..), or {business_id}, * or ** as a "   \
  "whole"

static const struct {
  const char *path, *stored, *why;
} paths[] = {
    {"/", "/", NULL},
    {"/a", "/a", NULL},
    {"/a/", "/a", NULL},
    {"/a/b-c.d_e~f/{business_id}/*/**", "/a/b-c.d_e~f/{business_id}/*/**", NULL},
    {"/**/", "/**", NULL},
    {"/...", "/...", NULL},
    {"a", NULL, "does not start with /"},
    {"", NULL, "does not start with /"},
    {"https://x/a", NULL, "does not start with /"},
    {"//", NULL, SEGMENT("")},
    {"/a//b", NULL, SEGMENT("")},
    {"/a//", NULL, SEGMENT("")},
    {"/./a", NULL, SEGMENT(".")},
    {"/a/..", NULL, SEGMENT("..")},
    {"/a%2Fb", NULL, SEGMENT("a%2Fb")},
    {"/a?b=c", NULL, SEGMENT("a?b=c")},
    {"/a b", NULL, SEGMENT("a b")},
    {"/a*", NULL, SEGMENT("a*")},
    {"/***", NULL, SEGMENT("***")},
    {"/x{business_id}", NULL, SEGMENT("x{business_id}")},
    {"/{invoice_id}", NULL, SEGMENT("{invoice_id}")},
    {"/**/a", NULL, "has ** before its end"},
    {"/{business_id}/{business_id}", NULL, "has {business_id} twice"},
};

static void path_values(void **state)
{
  Fixture *f = *state;
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
    char text[256], expected[256];
    snprintf(text, sizeof text, "[route r]\ntoken = business\npath = %s\n", paths[i].path);
    load(f, text);
    if (paths[i].stored) {
      assert_no_problems(f);
      const SnapshotRoute *route = fixture_route(f, "r");
      assert_non_null(route);
      assert_string_equal(fixture_string(f, route->path), paths[i].stored);
      assert_string_equal(fixture_string(f, route->methods), "*");
      assert_int_equal(route->token, SNAPSHOT_TOKEN_BUSINESS);
      assert_int_equal(route->line, 3);
    } else {
      snprintf(expected, sizeof expected, "$A/a.conf:3: [route r] path: %s", paths[i].why);
      fixture_problems(f, expected, (const char *)NULL);
      assert_null(fixture_route(f, "r"));
    }
  }
}

static void a_long_path(void **state)
{
  Fixture *f = *state;
  char text[1200] = "[route r]\ntoken = none\npath = /";
  size_t length = strlen(text);
  memset(text + length, 'a', 1024);
  load(f, text);
  fixture_problems(f, "$A/a.conf:3: [route r] path: is longer than 1024 bytes", (const char *)NULL);
  text[length + 1023] = 0;
  load(f, text);
  assert_no_problems(f);
}

#define NO_METHOD(text) "\"" text "\" is not a method in capitals; * stands alone, for all of them"
#define NO_LIST         "is neither * nor a list of methods like GET;POST;"

static const struct {
  const char *method, *stored, *why;
} methods[] = {
    {"*", "*", NULL},
    {"*;", "*", NULL},
    {"GET", "GET;", NULL},
    {"GET;POST;", "GET;POST;", NULL},
    {"GET ; POST", "GET;POST;", NULL},
    {"VERSION-CONTROL", "VERSION-CONTROL;", NULL},
    {"get", NULL, NO_METHOD("get")},
    {"GET;*", NULL, NO_METHOD("*")},
    {"*;GET", NULL, NO_METHOD("*")},
    {"GET,POST", NULL, NO_METHOD("GET,POST")},
    {"-GET", NULL, NO_METHOD("-GET")},
    {"", NULL, NO_LIST},
    {"GET;;POST", NULL, NO_LIST},
};

static void method_values(void **state)
{
  Fixture *f = *state;
  for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
    char text[256], expected[256];
    snprintf(text, sizeof text, "[route r]\ntoken = business\npath = /x\nmethod = %s\n",
             methods[i].method);
    load(f, text);
    const SnapshotRoute *route = fixture_route(f, "r");
    assert_non_null(route);
    if (methods[i].stored) {
      assert_no_problems(f);
      assert_string_equal(fixture_string(f, route->methods), methods[i].stored);
    } else {
      snprintf(expected, sizeof expected, "$A/a.conf:4: [route r] method: %s", methods[i].why);
      fixture_problems(f, expected, (const char *)NULL);
      /* Disabled: it stays and hands out nothing, whatever the method. */
      assert_string_equal(fixture_string(f, route->methods), "*");
      assert_int_equal(route->token, SNAPSHOT_TOKEN_NONE);
    }
  }
}

static void what_a_route_needs(void **state)
{
  Fixture *f = *state;
  load(f, "[route no-path]\ntoken = business\n[route no-token]\npath = /x\nmethod = GET\n"
          "[route wrong-token]\npath = /y\ntoken = all\n[route unknown]\npath = /z\n"
          "token = partner\nhost = x\n");
  fixture_problems(
      f, "$A/a.conf:8: [route wrong-token] token: \"all\" is not one of: none, partner, business",
      "$A/a.conf:12: [route unknown] host: unknown key; here are method, path, token",
      "$A/a.conf:1: [route no-path] path: is missing; a route needs one",
      "$A/a.conf:3: [route no-token] token: is missing; it is partner, business or none",
      (const char *)NULL);
  check_table(f, "no-token /x GET; none\nwrong-token /y * none\nunknown /z * none\n");
}

static void a_wrong_override_closes_the_route(void **state)
{
  Fixture *f = *state;
  fixture_write(f, "$S/s.conf",
                "[route r]\npath = /x/y\nmethod = GET\ntoken = none\n"
                "[route wide]\npath = /**\ntoken = business\n");
  fixture_write(f, "$A/z.conf", "[route r]\npath = x\ntoken = partner\n");
  fixture_load(f);
  check_table(f, "r /x/y GET; none\nwide /** * business\n");
  fixture_write(f, "$A/z.conf", "[route r]\nmethod = get\ntoken = partner\n");
  fixture_load(f);
  check_table(f, "r /x/y * none\nwide /** * business\n");
}

static void the_most_specific_first(void **state)
{
  Fixture *f = *state;
  load(f, "[route a]\npath = /**\ntoken = none\n"
          "[route b]\npath = /*\ntoken = none\n"
          "[route c]\npath = /{business_id}\ntoken = none\n"
          "[route d]\npath = /x\ntoken = none\n"
          "[route e]\npath = /x/**\ntoken = none\n"
          "[route f]\npath = /x/*/y\ntoken = none\n"
          "[route g]\npath = /x/{business_id}/**\ntoken = none\n"
          "[route h]\npath = /x/{business_id}/y\ntoken = none\n"
          "[route i]\npath = /*/y\ntoken = none\n"
          "[route j]\npath = /\ntoken = none\n"
          "[route k]\npath = /{business_id}/**\ntoken = none\n"
          "[route l]\npath = /x/{business_id}\ntoken = none\n"
          "[route m]\npath = /xx\ntoken = none\n");
  assert_no_problems(f);
  check_table(f, "j / * none\n"
                 "d /x * none\n"
                 "l /x/{business_id} * none\n"
                 "h /x/{business_id}/y * none\n"
                 "g /x/{business_id}/** * none\n"
                 "f /x/*/y * none\n"
                 "e /x/** * none\n"
                 "m /xx * none\n"
                 "c /{business_id} * none\n"
                 "k /{business_id}/** * none\n"
                 "b /* * none\n"
                 "i /*/y * none\n"
                 "a /** * none\n");
}

static void then_the_method_then_the_later_file(void **state)
{
  Fixture *f = *state;
  fixture_write(f, "$S/b.conf",
                "[route s1]\npath = /x\ntoken = none\n"
                "[route s2]\npath = /x/\nmethod = GET;POST\ntoken = none\n");
  fixture_write(f, "$A/c.conf",
                "[route c1]\npath = /x\ntoken = none\n"
                "[route c2]\npath = /x\nmethod = POST\ntoken = none\n");
  load(f, "[route a1]\npath = /x\nmethod = *\ntoken = none\n"
          "[route a2]\npath = /x\nmethod = GET\ntoken = none\n");
  assert_no_problems(f);
  check_table(f, "c2 /x POST; none\n"
                 "s2 /x GET;POST; none\n"
                 "a2 /x GET; none\n"
                 "c1 /x * none\n"
                 "s1 /x * none\n"
                 "a1 /x * none\n");
  /* What is overridden later counts as later. */
  fixture_write(f, "$A/d.conf", "[route a1]\ntoken = business\n");
  fixture_load(f);
  check_table(f, "c2 /x POST; none\n"
                 "s2 /x GET;POST; none\n"
                 "a2 /x GET; none\n"
                 "a1 /x * business\n"
                 "c1 /x * none\n"
                 "s1 /x * none\n");
}

static void copy_shipped(const Fixture *f, const char *name)
{
  char path[4096], to[64];
  snprintf(path, sizeof path, "%s/%s", TEST_CONF_D, name);
  FILE *in = fopen(path, "r");
  assert_non_null(in);
  char text[32 * 1024];
  size_t size = fread(text, 1, sizeof text, in);
  assert_true(size > 0 && size < sizeof text);
  fclose(in);
  snprintf(to, sizeof to, "$S/%s", name);
  fixture_write_bytes(f, to, text, size);
}

static void load_shipped(Fixture *f)
{
  if (access(TEST_CONF_D "/20-routes.conf", R_OK))
    skip();
  copy_shipped(f, "10-environments.conf");
  copy_shipped(f, "20-routes.conf");
  fixture_load(f);
}

static void the_shipped_environments(void **state)
{
  static const char *const expected[][2] = {
      {"sandbox", "sandbox.thredfi.com sandbox-backend.thredfi.com "},
      {"production", "backend.thredfi.com api.thredfi.com "},
      {"staging", "staging-backend.thredfi.com "},
      {"development", "dev-backend.thredfi.com "},
  };
  Fixture *f = *state;
  load_shipped(f);
  assert_no_problems(f);
  assert_int_equal(f->snapshot->environments.count, 4);
  for (size_t i = 0; i < 4; i++) {
    char *hosts = fixture_hosts(f, expected[i][0]);
    assert_string_equal(hosts, expected[i][1]);
    assert_int_equal(fixture_environment(f, expected[i][0])->active, 0);
    free(hosts);
  }
  assert_int_equal(f->snapshot->default_environment, SNAPSHOT_NONE);
  load(f, "[environment production]\ncredentials = file\n");
  assert_no_problems(f);
  assert_int_equal(f->snapshot->default_environment, 1);
}

static void the_shipped_routes(void **state)
{
  Fixture *f = *state;
  load_shipped(f);
  assert_no_problems(f);
  check_table(
      f, "ai-tools /api/ai-tools/{business_id}/** * business\n"
         "friday-token /api/friday/token * none\n"
         "product-pricing /api/v1/product-pricing * none\n"
         "product-pricing-below /api/v1/product-pricing/** * none\n"
         "businesses /v1/platform/businesses GET;POST; partner\n"
         "business /v1/platform/businesses/{business_id} GET;PATCH; partner\n"
         "business-archive /v1/platform/businesses/{business_id}/archive POST; partner\n"
         "business-unarchive /v1/platform/businesses/{business_id}/unarchive POST; partner\n"
         "business-resources /v1/platform/businesses/{business_id}/** * business\n"
         "partner-token /v1/platform/oauth2/token * none\n"
         "transaction-categories /v1/platform/transaction-categories/{business_id} * business\n"
         "business-token /v1/platform/{business_id}/oauth2/token POST; partner\n"
         "business-token-other-methods /v1/platform/{business_id}/oauth2/token * none\n"
         "anything-else /** * business\n");
}

#define T(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      T(path_values),
      T(a_long_path),
      T(method_values),
      T(what_a_route_needs),
      T(a_wrong_override_closes_the_route),
      T(the_most_specific_first),
      T(then_the_method_then_the_later_file),
      T(the_shipped_environments),
      T(the_shipped_routes),
  };
  return cmocka_run_group_tests_name("config-routes", tests, NULL, NULL);
}
