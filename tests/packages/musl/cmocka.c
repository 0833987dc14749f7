/* SPDX-License-Identifier: MIT */
/* cmocka.c - what the unit tests use of cmocka, which Debian does not have for musl; prints TAP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FAILED = 1, SKIPPED };

static jmp_buf test_end;

void print_error(const char *const format, ...)
{
  va_list args;
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
}

void print_message(const char *const format, ...)
{
  va_list args;
  va_start(args, format);
  vprintf(format, args);
  va_end(args);
}

void _fail(const char *const file, const int line)
{
  print_error("# %s:%d: failed\n", file, line);
  longjmp(test_end, FAILED);
}

void _skip(const char *const file, const int line)
{
  print_message("# %s:%d: skipped\n", file, line);
  longjmp(test_end, SKIPPED);
}

/* ---- assertions ---- */

void _assert_true(const LargestIntegralType result, const char *const expression,
                  const char *const file, const int line)
{
  if (result)
    return;
  print_error("# %s\n", expression);
  _fail(file, line);
}

void _assert_int_equal(const LargestIntegralType a, const LargestIntegralType b,
                       const char *const file, const int line)
{
  if (a == b)
    return;
  print_error("# %lld != %lld\n", (long long)a, (long long)b);
  _fail(file, line);
}

void _assert_int_not_equal(const LargestIntegralType a, const LargestIntegralType b,
                           const char *const file, const int line)
{
  if (a != b)
    return;
  print_error("# %lld == %lld\n", (long long)a, (long long)b);
  _fail(file, line);
}

void _assert_in_range(const LargestIntegralType value, const LargestIntegralType minimum,
                      const LargestIntegralType maximum, const char *const file, const int line)
{
  if (value >= minimum && value <= maximum)
    return;
  print_error("# %llu is not within %llu .. %llu\n", (unsigned long long)value,
              (unsigned long long)minimum, (unsigned long long)maximum);
  _fail(file, line);
}

void _assert_string_equal(const char *const a, const char *const b, const char *const file,
                          const int line)
{
  if (strcmp(a, b) == 0)
    return;
  print_error("# \"%s\" != \"%s\"\n", a, b);
  _fail(file, line);
}

void _assert_string_not_equal(const char *const a, const char *const b, const char *file,
                              const int line)
{
  if (strcmp(a, b) == 0)
    _fail(file, line);
}

void _assert_memory_equal(const void *const a, const void *const b, const size_t size,
                          const char *const file, const int line)
{
  if (memcmp(a, b, size) != 0)
    _fail(file, line);
}

void _assert_memory_not_equal(const void *const a, const void *const b, const size_t size,
                              const char *const file, const int line)
{
  if (memcmp(a, b, size) == 0)
    _fail(file, line);
}

/* ---- groups ---- */

/* In a function of its own, whose variables longjmp(3) leaves alone. */
static int run(const struct CMUnitTest *test, void **state)
{
  int end = setjmp(test_end);
  if (end)
    return end;
  if (test->setup_func && test->setup_func(state))
    return FAILED;
  test->test_func(state);
  return 0;
}

static int run_and_tear_down(const struct CMUnitTest *test, void **state)
{
  int end = run(test, state);
  if (test->teardown_func && (setjmp(test_end) || test->teardown_func(state)))
    return FAILED;
  return end;
}

int _cmocka_run_group_tests(const char *group_name, const struct CMUnitTest *const tests,
                            const size_t num_tests, CMFixtureFunction group_setup,
                            CMFixtureFunction group_teardown)
{
  void *group_state = NULL;
  int failures = 0;
  setvbuf(stdout, NULL, _IOLBF, 0);
  printf("# %s\n1..%zu\n", group_name, num_tests);
  if (group_setup && (setjmp(test_end) || group_setup(&group_state))) {
    printf("Bail out! the setup of %s failed\n", group_name);
    return 1;
  }
  for (size_t i = 0; i < num_tests; i++) {
    void *state = tests[i].initial_state ? tests[i].initial_state : group_state;
    int end = run_and_tear_down(&tests[i], &state);
    failures += end == FAILED;
    printf("%sok %zu - %s%s\n", end == FAILED ? "not " : "", i + 1, tests[i].name,
           end == SKIPPED ? " # SKIP" : "");
  }
  if (group_teardown && (setjmp(test_end) || group_teardown(&group_state))) {
    printf("not ok - the teardown of %s\n", group_name);
    failures++;
  }
  return failures;
}
