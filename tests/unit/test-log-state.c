/* SPDX-License-Identifier: MIT */
/* lib/log-state: one line when something begins to be wrong, one when it is over, whatever comes
 * between. The clock is the test's. */
#include "lib/log-state.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/bearer-log.h"
#include "lib/clock.h"
#include "lib/message.h"

#define MINUTE ((int64_t)60000)
#define HOUR   (60 * MINUTE)

static int64_t now, lasted; /* each test has an hour, and environments, of its own */
static char environment[32];

static LogState state_of(const char *reason, const char *scope, const char *subject)
{
  return (LogState){.event = EVENT_TOKEN_FAILURE,
                    .environment = environment,
                    .reason = reason,
                    .scope = scope,
                    .subject = subject};
}

static bool wrong(const char *reason, const char *scope, const char *subject)
{
  const LogState state = state_of(reason, scope, subject);
  return log_state_begin(&state, true, now, &lasted);
}

static bool well(const char *scope, const char *subject, int64_t proof)
{
  const LogState state = state_of(NULL, scope, subject);
  return log_state_end(&state, proof, now, &lasted);
}

static int set_up(void **state)
{
  static int number;
  (void)state;
  now += 48 * HOUR; /* what was there is forgotten */
  snprintf(environment, sizeof environment, "environment-%d", ++number);
  return 0;
}

/* An hour, a thousand requests a minute. */
static void an_outage(void **state)
{
  (void)state;
  unsigned lines = 0;
  const int64_t began = now;
  for (int i = 0; i < 59 * 1000; i++, now += 60)
    lines += wrong("server", NULL, "a");
  assert_int_equal(lines, 1);
  assert_true(log_state_any());
  assert_true(well(NULL, "a", now));
  assert_int_equal(lasted, now - began);
  assert_false(log_state_any());
  for (int i = 0; i < 1000; i++)
    assert_false(well(NULL, "a", now));
}

static void a_reminder_each_hour(void **state)
{
  (void)state;
  unsigned lines = 0;
  for (int i = 0; i < 10 * 60; i++, now += MINUTE)
    lines += wrong("server", NULL, "a");
  assert_int_equal(lines, 10);
  assert_int_equal(lasted, 10 * HOUR - MINUTE);
  assert_true(well(NULL, "a", now));
}

static void another_reason_is_another_state(void **state)
{
  (void)state;
  assert_true(wrong("server", NULL, "a"));
  assert_true(wrong("network", NULL, "a"));
  assert_false(wrong("server", NULL, "b"));
  assert_false(wrong("network", NULL, "b"));
  now += 1000;
  assert_true(well(NULL, "a", now)); /* once for both */
  assert_false(log_state_any());
}

/* One business has a token from before, or is luckier: no word about the others. */
static void whose_word_counts(void **state)
{
  (void)state;
  const int64_t began = now;
  assert_true(wrong("server", NULL, "a"));
  now += 2 * MINUTE;
  assert_false(wrong("server", NULL, "a"));
  now += 1000;
  assert_false(well(NULL, "b", now)); /* "a" has said otherwise a second ago */
  now += MINUTE;
  assert_false(well(NULL, "b", began - 1));
  assert_true(log_state_any());
  assert_true(well(NULL, "b", now));
  assert_false(log_state_any());
}

static void environments_and_scopes(void **state)
{
  (void)state;
  assert_true(wrong("business-not-found", "a", "a"));
  assert_true(wrong("business-not-found", "b", "b"));
  assert_true(wrong("server", NULL, "a"));
  environment[0] = 'E';
  assert_true(wrong("server", NULL, "a"));
  assert_true(well(NULL, "a", now));
  environment[0] = 'e';
  assert_false(wrong("server", NULL, "a"));
  assert_true(well("a", "a", now));
  assert_true(well(NULL, "a", now));
  assert_false(wrong("business-not-found", "b", "b"));
  assert_true(well("b", "b", now));
  assert_false(log_state_any());
}

/* 1, 2, 4 .. minutes between two that come and go; never told over what was not told. */
static void one_that_comes_and_goes(void **state)
{
  (void)state;
  unsigned begun = 0, ended = 0;
  for (int i = 0; i < 24 * 3600 / 2; i++, now += 1000) {
    begun += wrong("refused", NULL, "a");
    now += 1000;
    ended += well(NULL, "a", now);
  }
  assert_int_equal(begun, ended);
  assert_in_range(begun, 24, 31); /* in a day */
  now += 2 * HOUR;
  assert_true(wrong("refused", NULL, "a"));
  assert_true(well(NULL, "a", now));
  now += MINUTE + 1000; /* it is all forgotten: after a minute again */
  assert_true(wrong("refused", NULL, "a"));
  assert_true(well(NULL, "a", now));
}

/* One that went on when it might have been told again is told then. */
static void late_but_told(void **state)
{
  (void)state;
  assert_true(wrong("server", NULL, "a"));
  assert_true(well(NULL, "a", now));
  now += 10000;
  assert_false(wrong("server", NULL, "a"));
  now += 50000;
  assert_true(wrong("server", NULL, "a"));
  assert_true(well(NULL, "a", now));
}

static void nothing_is_lost_to_a_level(void **state)
{
  (void)state;
  const LogState failure = state_of("server", NULL, "a");
  for (int i = 0; i < 100; i++)
    assert_false(log_state_begin(&failure, false, now, &lasted));
  assert_true(log_state_begin(&failure, true, now, &lasted));
  assert_true(well(NULL, "a", now));
}

/* A program that asks for businesses that there are not: a bound, and no harm to others. */
static void no_end_of_businesses(void **state)
{
  (void)state;
  unsigned lines = 0;
  char business[16];
  for (int round = 0; round < 50; round++, now += MINUTE)
    for (int i = 0; i < 1000; i++) {
      snprintf(business, sizeof business, "%d", i);
      lines += wrong("business-not-found", business, business);
    }
  assert_in_range(lines, 30, 32);
  LogState unverified = state_of("unverified", "verification is switched off", NULL);
  unverified.event = EVENT_UNVERIFIED;
  assert_true(log_state_begin(&unverified, true, now, &lasted));
  assert_true(wrong("server", NULL, "a"));
  assert_true(well(NULL, "a", now));
}

/* One business that there is not costs the requests of the others no lock. */
static void no_lock_for_the_others(void **state)
{
  (void)state;
  unsigned maybe = 0;
  char business[16];
  assert_true(wrong("business-not-found", "a", "a"));
  for (int i = 0; i < 1000; i++) {
    snprintf(business, sizeof business, "%d", i);
    const LogState other = state_of(NULL, business, business);
    maybe += log_state_may_end(&other);
  }
  assert_in_range(maybe, 0, 100); /* one of 64 has the same bit */
  assert_true(well("a", "a", now));
  assert_false(log_state_any());
}

/* Nobody says that such a one is over: the next one is told without the hours in between. */
static void one_that_nobody_ends(void **state)
{
  (void)state;
  LogState failure = state_of("server", "a", NULL);
  failure.event = EVENT_RENEWAL_FAILURE;
  assert_true(log_state_begin(&failure, true, now, &lasted));
  now += HOUR - 1;
  assert_false(log_state_begin(&failure, true, now, &lasted));
  assert_int_equal(lasted, HOUR - 1);
  now += 5 * HOUR;
  assert_true(log_state_begin(&failure, true, now, &lasted));
  assert_int_equal(lasted, 0);
}

/* The same in the place that those share who find no other. */
static void the_shared_place(void **state)
{
  (void)state;
  char business[16];
  for (int round = 0; round < 2; round++, now += 20 * HOUR)
    for (int i = 0; i < 40; i++) {
      snprintf(business, sizeof business, "%d", i);
      wrong("business-not-found", business, business);
      assert_int_equal(lasted, 0);
      well(business, business, now);
    }
}

/* A renewal that fails, the next one that does not, and another one. */
static void a_renewal(void **state)
{
  (void)state;
  const CacheLabel label = {.environment = environment, .host = "h", .business = "a"};
  const Error error = {.message = "no"};
  LogState failure = state_of(message_word(THRED_E_SERVER), "a", NULL);
  failure.event = EVENT_RENEWAL_FAILURE;
  bearer_log_kept(&label, THRED_E_SERVER, &error);
  bearer_log_fetched(&label, 7, 3600);
  log_state_begin(&failure, true, clock_boot_ms() + 55 * MINUTE, &lasted);
  assert_int_equal(lasted, 0);
}

/* ---- threads and forks ---- */

#define THREADS 8

static _Atomic unsigned told;

static void *fail_often(void *data)
{
  const LogState failure = state_of("server", NULL, data);
  int64_t ongoing;
  for (int i = 0; i < 20000; i++)
    told += log_state_begin(&failure, true, now, &ongoing);
  return NULL;
}

static void threads(void **state)
{
  (void)state;
  pthread_t all[THREADS];
  static char subject[] = "a";
  told = 0;
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&all[i], NULL, fail_often, subject), 0);
  for (int i = 0; i < THREADS; i++)
    pthread_join(all[i], NULL);
  assert_int_equal(told, 1);
  assert_true(well(NULL, "a", now));
}

/* A child that comes while others hold the lock has it free, and goes on from what was told. */
static void forks(void **state)
{
  (void)state;
  pthread_t thread;
  static char subject[] = "a";
  int status = 0;
  assert_true(wrong("server", NULL, "a"));
  for (int i = 0; i < 200 && status == 0; i++) {
    assert_int_equal(pthread_create(&thread, NULL, fail_often, subject), 0);
    const pid_t pid = fork();
    if (pid == 0) {
      alarm(20);
      const bool again = wrong("server", NULL, "a"), over = well(NULL, "a", now);
      _exit(again ? 1 : over ? 0 : 2);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    pthread_join(thread, NULL);
  }
  assert_int_equal(status, 0);
  assert_true(well(NULL, "a", now));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
  const struct CMUnitTest tests[] = {
      TEST(a_renewal),              /* the first: its clock is the machine's */
      TEST(no_lock_for_the_others), /* there are no states yet */
      TEST(an_outage),
      TEST(a_reminder_each_hour),
      TEST(another_reason_is_another_state),
      TEST(whose_word_counts),
      TEST(environments_and_scopes),
      TEST(one_that_comes_and_goes),
      TEST(late_but_told),
      TEST(nothing_is_lost_to_a_level),
      TEST(no_end_of_businesses),
      TEST(one_that_nobody_ends),
      TEST(the_shared_place),
      TEST(threads),
      TEST(forks),
  };
  return cmocka_run_group_tests_name("log-state", tests, NULL, NULL);
}
