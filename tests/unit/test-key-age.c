/* SPDX-License-Identifier: MIT */
/* lib/key-age: days between two dates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "lib/key-age.h"

#define MIDNIGHT 1788220800 /* 2026-09-01T00:00:00Z */
#define DAY      86400

static void test_days(void **state)
{
  (void)state;
  static const struct {
    const char *created;
    int64_t now;
    int days;
  } cases[] = {
      {"2026-09-01", MIDNIGHT, 0},
      {"2026-09-01", MIDNIGHT + DAY - 1, 0},
      {"2026-09-01", MIDNIGHT + DAY, 1},
      {"2026-09-01", MIDNIGHT + 80 * DAY, 80},
      {"2026-09-01", MIDNIGHT + 80 * DAY - 1, 79},
      {"2026-09-01", MIDNIGHT - 1, -1},
      {"2026-09-02", MIDNIGHT, -1},
      {"2024-02-28", 1709251200, 2}, /* 2024-03-01, after a 29th of February */
      {"1970-01-01", 0, 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int days = 12345;
    assert_true(key_age_days(cases[i].created, cases[i].now, &days));
    assert_int_equal(days, cases[i].days);
  }
}

static void test_no_dates(void **state)
{
  (void)state;
  static const char *const cases[] = {NULL, "", "2026", "2026-09", "2026-09-01x", "soon"};
  int days = 7;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_false(key_age_days(cases[i], MIDNIGHT, &days));
  assert_int_equal(days, 7);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_days),
      cmocka_unit_test(test_no_dates),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
