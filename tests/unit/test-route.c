/* SPDX-License-Identifier: MIT */
/* lib/route: its pieces. */
#include "tests/unit/route-fixture.h"

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
  assert_int_equal(route_decide(f->snapshot, &api, "GET", HOST ":443/x", NULL).reason,
                   ROUTE_BAD_URL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, shipped_setup, fixture_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(libcurl_out_of_memory),
      cmocka_unit_test(uuids),
      cmocka_unit_test(reasons_have_texts),
  };
  return cmocka_run_group_tests_name("route", tests, NULL, NULL);
}
