/* SPDX-License-Identifier: MIT */
/*
 * test-preload-aside.c - a request that the program authorises itself, or one to another host, is
 * byte for byte what it is without the shim, although there is a token; and one that is neither
 * carries it. The scenarios stand in plain-scenarios.c.
 */
#include <stdlib.h>
#include <string.h>

#include "capture.h"
#include "client.h"
#include "plain-scenarios.h"
#include "run-plain.h"

#define SENT "GET https " HOST " " INVOICES " business=3c90 200\n"

/* For the certificate: the usual one does not have all of these hosts. */
static const char *const names[] = {"--name", "*.thredfi.com",
                                    "--name", "thredfi.com",
                                    "--name", "evil.example",
                                    "--name", "evilthredfi.com",
                                    "--name", "thredfi.com.evil.example",
                                    NULL};
static Emulator authority;
static Capture capture;

static bool has(const Scenario *scenario, const Outcome *outcome, bool loaded)
{
  if (outcome->status == 0 && strcmp(outcome->err, loaded ? "loaded\n" : "") == 0)
    return true;
  print_error("%s: exit status %d, on stderr: \"%s\"\n", scenario->name, outcome->status,
              outcome->err);
  return false;
}

/* ---- aside ---- */

static bool is_same(const Scenario *scenario, const char *what, const char *without,
                    const char *with)
{
  if (strcmp(without, with) == 0)
    return true;
  print_error("%s: %s\nwithout the shim:\n%s\nwith it:\n%s\n", scenario->name, what, without, with);
  return false;
}

/* Or nothing is shown by its being the same. */
static bool went_well(const Scenario *scenario, const Outcome *outcome)
{
  if (strncmp(outcome->out, "0 ", 2) == 0 && (scenario->once || strstr(outcome->out, "\n0 ")))
    return true;
  print_error("%s:\n%s", scenario->name, outcome->out);
  return false;
}

static bool is_left_alone(const Scenario *scenario, bool multi)
{
  static Outcome without, with;
  Plain plain = {
      .scenario = scenario->name, .multi = multi, .port = capture.port, .authority = &authority};
  capture_reset(&capture, scenario->answers);
  plain_run(&plain, &without);
  char *bytes = strdup(capture_text(&capture));
  capture_reset(&capture, scenario->answers);
  plain.shim = true;
  plain_run(&plain, &with);
  bool same = is_same(scenario, "on the wire", bytes, capture_text(&capture)) &&
              is_same(scenario, "for the program", without.out, with.out) &&
              went_well(scenario, &with) && has(scenario, &without, false) &&
              has(scenario, &with, scenario->verdict == ASIDE);
  free(bytes);
  return same;
}

static void leave_alone(Mode mode, Verdict verdict)
{
  unsigned wrong = 0;
  for (size_t i = 0; i < scenario_count; i++)
    if (scenarios[i].verdict == verdict)
      wrong += !is_left_alone(&scenarios[i], mode.multi);
  assert_int_equal(wrong, 0);
  if (mode.multi)
    expect_log_but_tokens(&emulator, "");
  else
    expect_log(&emulator, ""); /* nothing was fetched either */
}

static void at_thred(void **state)
{
  leave_alone(MODE(state), ASIDE);
}

static void elsewhere(void **state)
{
  leave_alone(MODE(state), ELSEWHERE);
}

/* The capturing server can tell: this one is not the same. */
static void a_token_would_be_seen(void **state)
{
  static Outcome outcome;
  Plain plain = {.scenario = "plain",
                 .multi = MODE(state).multi,
                 .shim = true,
                 .port = capture.port,
                 .authority = &authority};
  capture_reset(&capture, NULL);
  plain_run(&plain, &outcome);
  assert_int_equal(capture_count(&capture, "\r\nAuthorization: Bearer "), 2);
  expect_log(&emulator, LOG_TOKENS);
}

/* ---- carried ---- */

static bool is_carried(const Scenario *scenario, bool multi)
{
  static Outcome outcome;
  Plain plain = {.scenario = scenario->name,
                 .multi = multi,
                 .shim = true,
                 .port = emulator.port,
                 .authority = &emulator};
  harness_fresh(NULL);
  plain_run(&plain, &outcome);
  bool good = has(scenario, &outcome, true);
  if (good && counter(&emulator, "ok") == 2)
    return true;
  if (good && scenario->refusal && strncmp(outcome.out, scenario->refusal, 3) == 0)
    return counter(&emulator, "token_requests.partner") <= 1 && counter(&emulator, "ok") == 0;
  print_error("%s:\n%s", scenario->name, outcome.out);
  return false;
}

static void they_carry_the_token(void **state)
{
  unsigned wrong = 0;
  for (size_t i = 0; i < scenario_count; i++)
    if (scenarios[i].verdict == CARRIED)
      wrong += !is_carried(&scenarios[i], MODE(state).multi);
  assert_int_equal(wrong, 0);
  expect_log(&emulator, LOG_TOKENS SENT SENT); /* of the last one */
}

/* ---- switched off ---- */

static void switched_off(void **state)
{
  static Outcome outcome;
  Plain plain = {.scenario = "plain",
                 .multi = MODE(state).multi,
                 .shim = true,
                 .port = emulator.port,
                 .authority = &emulator,
                 .environment = {"THRED_DISABLE=1"}};
  plain_run(&plain, &outcome);
  assert_true(has(scenario_find("plain"), &outcome, false));
  expect_counter(&emulator, "unauthorized", 2);
  expect_counter(&emulator, "token_requests.partner", 0);
}

static int start(void **state)
{
  char pem[96];
  int result = harness_start(state);
  emulator_start(&authority, names);
  snprintf(pem, sizeof pem, "%s/server.pem", authority.dir);
  capture_start(&capture, pem);
  return result;
}

static int stop(void **state)
{
  capture_stop(&capture);
  emulator_stop(&authority);
  return harness_stop(state);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      EASY_AND_MULTI(at_thred),
      EASY_AND_MULTI(elsewhere),
      EASY_AND_MULTI(a_token_would_be_seen),
      EASY_AND_MULTI(they_carry_the_token),
      EASY_AND_MULTI(switched_off),
  };
  harness_require_installation();
  return cmocka_run_group_tests(tests, start, stop);
}
