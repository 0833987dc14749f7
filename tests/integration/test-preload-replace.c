/* SPDX-License-Identifier: MIT */
/*
 * test-preload-replace.c - `existing-authorization = replace` under the shim: ours stands in for
 * what an unchanged program brings, and if there is none of ours, theirs goes out as it was.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture.h"
#include "client.h"
#include "run-plain.h"

#define SENT(authorization, status) "GET https " HOST " " INVOICES " " authorization " " status "\n"

static const char replace[] = "[environment sandbox]\nexisting-authorization = replace\n";
static Capture capture;

/* Of plain-scenarios.c: those whose authorisation is replaced. */
static const char *const theirs[] = {
    "own header",
    "own header, lower case",
    "own header, suppressing",
    "own header, blank",
    "user and password",
    "user",
    "password",
    "empty user",
    "any method",
    "own bearer",
    "own bearer, any method",
    "netrc",
    "netrc, default entry",
    "plain",
};

#define COUNT (sizeof theirs / sizeof theirs[0])

static Plain plain_of(const char *scenario, Mode mode, unsigned port)
{
  return (Plain){.scenario = scenario,
                 .multi = mode.multi,
                 .shim = true,
                 .port = port,
                 .authority = &emulator};
}

static void ours_stands_in(void **state)
{
  static Outcome outcome;
  unsigned wrong = 0;
  for (size_t i = 0; i < COUNT; i++) {
    Plain plain = plain_of(theirs[i], MODE(state), capture.port);
    harness_fresh(NULL);
    capture_reset(&capture, NULL);
    plain_run(&plain, &outcome);
    bool good = strcmp(outcome.out, "0 200 2 0\n0 200 2 0\n") == 0 &&
                capture_count(&capture, "\nAuthorization:") == 2 &&
                capture_count(&capture, "\nAuthorization: Bearer mine") == 0 &&
                capture_count(&capture, "\nAuthorization: Bearer none") == 0 &&
                capture_count(&capture, "\nAuthorization: Bearer ") == 2;
    if (!good)
      print_error("%s:\n%s%s\n", theirs[i], outcome.out, capture_text(&capture));
    wrong += !good;
  }
  assert_int_equal(wrong, 0);
}

/* By the emulator's judgement. */
static void it_is_a_good_token(void **state)
{
  static Outcome outcome;
  for (size_t i = 0; i < COUNT; i++) {
    Plain plain = plain_of(theirs[i], MODE(state), emulator.port);
    harness_fresh(NULL);
    plain_run(&plain, &outcome);
    expect_log(&emulator, LOG_TOKENS SENT("business=3c90", "200") SENT("business=3c90", "200"));
  }
}

/* There is none of ours: byte for byte as without the shim. */
static void theirs_if_there_is_none(void **state)
{
  static Outcome with, without;
  unsigned wrong = 0;
  for (size_t i = 0; i < COUNT; i++) {
    Plain plain = plain_of(theirs[i], MODE(state), capture.port);
    harness_fresh(NULL);
    control(&emulator, "POST", "fault?path=token:partner&action=status&status=500&times=0");
    capture_reset(&capture, NULL);
    plain_run(&plain, &with);
    char *bytes = strdup(capture_text(&capture));
    capture_reset(&capture, NULL);
    plain.shim = false;
    plain_run(&plain, &without);
    bool good = strcmp(bytes, capture_text(&capture)) == 0 && strcmp(with.out, without.out) == 0;
    if (!good)
      print_error("%s\nwith the shim:\n%s%s\nwithout it:\n%s%s\n", theirs[i], with.out, bytes,
                  without.out, capture_text(&capture));
    wrong += !good;
    free(bytes);
  }
  assert_int_equal(wrong, 0);
}

static int start(void **state)
{
  char pem[96];
  int result = harness_start(state);
  emulator_configure(&emulator, "60-replace.conf", replace);
  snprintf(pem, sizeof pem, "%s/server.pem", emulator.dir);
  capture_start(&capture, pem);
  return result;
}

static int stop(void **state)
{
  capture_stop(&capture);
  return harness_stop(state);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      EASY_AND_MULTI(ours_stands_in),
      EASY_AND_MULTI(it_is_a_good_token),
      EASY_AND_MULTI(theirs_if_there_is_none),
  };
  harness_require_installation();
  return cmocka_run_group_tests(tests, start, stop);
}
