/* SPDX-License-Identifier: MIT */
/* tools/thredctl/nearest: what a mistyped word stands for, and that a strange one stands for
 * nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tools/thredctl/nearest.h"

static const char *const names[] = {"exec",   "token", "route", "status",    "check", "config",
                                    "doctor", "flush", "help",  "--version", NULL};

static void test_near(void **state)
{
  (void)state;
  static const struct {
    const char *word, *meant;
  } cases[] = {
      {"status", "status"},  /* itself */
      {"stauts", "status"},  /* two exchanged */
      {"statsu", "status"},  /* at the end */
      {"statu", "status"},   /* one missing */
      {"satus", "status"},   /* and not at the end */
      {"statuss", "status"}, /* one too many */
      {"sttaus", "status"},  /* two exchanged */
      {"xtatus", "status"},  /* one changed */
      {"stutas", "status"},  /* two changed, of six */
      {"exce", "exec"},      /* one exchange, of four letters */
      {"hlep", "help"},      /* the same */
      {"chekc", "check"},         {"conifg", "config"},       {"doctro", "doctor"},
      {"--versoin", "--version"}, {"--verison", "--version"}, {"flsuh", "flush"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *found = nearest(cases[i].word, names);
    if (!found)
      fail_msg("%s: nothing is near", cases[i].word);
    assert_string_equal(found, cases[i].meant);
  }
}

static void test_far(void **state)
{
  (void)state;
  static const char *const cases[] = {
      "",       "x",  "frobnicate", "statistics", "ehxc", /* two wrong of four */
      "tusats", "--", "-",          "execexec",   "chk",  "STATUS"};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *found = nearest(cases[i], names);
    if (found)
      fail_msg("%s: %s is not near", cases[i], found);
  }
}

/* The nearer one wins, wherever it stands; of two the first. */
static void test_choice(void **state)
{
  (void)state;
  static const char *const some[] = {"metric", "metrics", "matrics", NULL};
  static const char *const none[] = {NULL};
  assert_string_equal(nearest("metrics", some), "metrics");
  assert_string_equal(nearest("mitrics", some), "metrics");
  assert_string_equal(nearest("metri", some), "metric");
  assert_null(nearest("metrics", none));
}

/* Words of any length, and bytes that are no letters. */
static void test_long(void **state)
{
  (void)state;
  char word[4096], other[80];
  memset(word, 'a', sizeof word - 1);
  word[sizeof word - 1] = 0;
  memset(other, 'a', sizeof other - 1);
  other[sizeof other - 1] = 0;
  const char *const candidates[] = {other, "status", NULL};
  assert_null(nearest(word, candidates));
  word[65] = 0;
  assert_null(nearest(word, candidates));
  word[64] = 0;
  assert_null(nearest(word, candidates));
  other[64] = 0;
  assert_string_equal(nearest(word, candidates), other);
  assert_string_equal(nearest("st\xc3tus", candidates), "status");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_near),
      cmocka_unit_test(test_far),
      cmocka_unit_test(test_choice),
      cmocka_unit_test(test_long),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
