/* SPDX-License-Identifier: MIT */
/*
 * test-pinned.c - `pin-business = yes` holds a process to one business, whatever the path, the
 * handle, the environment or the request for a token name. The emulator's log is the judge; ours
 * names the rule, its file and line for each request that gets none, at the level debug, and is
 * silent at the default one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "haul.h"
#include "process.h"
#include "under-shim.h"

#define REPORTS "/v1/platform/reports/" /* a path that names no business */
#define RULE    "60-pin.conf:3)"

static const char pinned[] = "[environment sandbox]\n"
                             "business = " FIRST "\n"
                             "pin-business = yes\n";

static size_t count_lines(const char *text, const char *one, const char *other)
{
  size_t count = 0;
  for (const char *at = text; *at; at += strcspn(at, "\n"), at += *at == '\n') {
    const char *end = at + strcspn(at, "\n"), *first = strstr(at, one), *second = strstr(at, other);
    count += first && first < end && second && second < end;
  }
  return count;
}

/* ---- thred_token_* ---- */

static int get(const char *business)
{
  const ThredTokenRequest request = {.size = sizeof request, .business_id = business};
  ThredToken token = {.size = sizeof token}, again = token;
  int code = thred_token_get(&request, &token);
  if (code) {
    assert_null(token.value);
    assert_int_equal(thred_token_try_get(&request, &again), code);
    assert_null(again.value);
  }
  thred_token_clear(&token);
  return code;
}

static void expect_refused(const char *business)
{
  assert_int_equal(get(business), THRED_E_NOT_ALLOWED);
  assert_non_null(strstr(thred_last_message(), "environment sandbox: pin-business"));
  assert_non_null(strstr(thred_last_message(), RULE));
}

static void tokens(void **state)
{
  (void)state;
  expect_refused(SECOND);
  expect_refused(NOBODY);
  setenv("THRED_BUSINESS_ID", SECOND, 1);
  expect_refused(NULL);
  expect_log(&emulator, "");
  assert_int_equal(get(FIRST), THRED_OK);
  unsetenv("THRED_BUSINESS_ID");
  assert_int_equal(get(NULL), THRED_OK);
  expect_log(&emulator, LOG_TOKENS);
}

/* ---- transfers ---- */

typedef struct Try {
  const char *url;
  const char *handle;  /* thred_curl_set_business, linked */
  const char *process; /* THRED_BUSINESS_ID */
  bool gets;           /* FIRST's token */
} Try;

static const Try tries[] = {
    {BASE INVOICES, NULL, NULL, true},        {BASE INVOICES_2, NULL, NULL, false},
    {BASE INVOICES, SECOND, SECOND, true},    {BASE INVOICES_2, FIRST, FIRST, false},
    {BASE INVOICES_2, SECOND, SECOND, false}, {BASE REPORTS, NULL, NULL, true},
    {BASE REPORTS, SECOND, NULL, false},      {BASE REPORTS, NULL, SECOND, false},
    {BASE REPORTS, FIRST, SECOND, true},      {BASE BUSINESSES SECOND "/", NULL, NULL, false},
};

/* What two requests carried. */
static void expect_sent(const Try *one)
{
  size_t requests = 0;
  json_object *log = request_log(&emulator);
  for (size_t i = 0; i < json_object_array_length(log); i++) {
    const char *agent = log_header(log, i, "user-agent");
    if (!agent || strcmp(agent, "program/1") != 0)
      continue;
    requests++;
    assert_int_equal(log_authorizations(log, i), one->gets ? 1 : 0);
    assert_string_equal(log_text(log, i, "business"), one->gets ? FIRST : "");
  }
  json_object_put(log);
  assert_int_equal(requests, 2);
}

static void run(const Try *one, bool shim, const char *level, Haul *haul)
{
  const char *argv[8] = {"env",
                         shim ? shim_variable() : "A=b",
                         level,
                         harness_beside("probe-privilege"),
                         shim ? "get-plain" : "get-attached",
                         one->url,
                         one->handle};
  char port[16];
  snprintf(port, sizeof port, "%u", emulator.port);
  setenv("PROBE_PORT", port, 1);
  setenv("PROBE_CA", emulator.ca, 1);
  if (one->process)
    setenv("THRED_BUSINESS_ID", one->process, 1);
  control(&emulator, "POST", "reset");
  control(&emulator, "POST", "set?www_authenticate=no"); /* who asks twice is seen */
  haul_take(haul, argv);
  unsetenv("THRED_BUSINESS_ID");
  assert_int_equal(haul->status, 0);
}

static void try_all(bool shim)
{
  for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++) {
    const Try *one = &tries[i];
    Haul haul;
    if (shim && one->handle && !one->process)
      continue; /* that is attached handles' */
    Try as_run = *one;
    if (shim && one->handle && one->process && strcmp(one->handle, one->process) != 0)
      as_run.gets = false; /* nobody but the process names a business there */
    run(&as_run, shim, "THRED_LOG=debug", &haul);
    expect_sent(&as_run);
    size_t told = count_lines(haul.err, ": no token: pin-business", RULE);
    /* The shim looks once before each transfer, too, and repeats no judgement. */

    assert_int_equal(told, as_run.gets ? 0 : 2);
    assert_true(as_run.gets || count_lines(haul.err, one->url, RULE) == 2);
    haul_free(&haul);
  }
}

static void linked(void **state)
{
  (void)state;
  try_all(false);
}

static void under_the_shim(void **state)
{
  (void)state;
  try_all(true);
}

/* The default level tells of faults; that a rule holds is none. */
static void silent_by_default(void **state)
{
  Haul haul;
  (void)state;
  run(&tries[1], false, "THRED_LOG=warning", &haul);
  assert_string_equal(haul.err, "");
  haul_free(&haul);
}

/* ---- thredctl ---- */

static void expect_thredctl(const char *const *arguments, const char *business, bool good)
{
  const char *argv[8] = {harness_installed("bin/thredctl"), "token"};
  Haul haul;
  for (size_t i = 0; arguments[i]; i++)
    argv[2 + i] = arguments[i];
  if (business)
    setenv("THRED_BUSINESS_ID", business, 1);
  haul_take(&haul, argv);
  unsetenv("THRED_BUSINESS_ID");
  assert_int_equal(haul.status, good ? 0 : 1);
  assert_true((haul.out_length > 0) == good);
  assert_true((strstr(haul.err, RULE) != NULL) == !good);
  haul_free(&haul);
}

static void thredctl(void **state)
{
  static const char *const first[] = {"--business", FIRST, NULL};
  static const char *const second[] = {"--business", SECOND, NULL};
  static const char *const header[] = {"--business", SECOND, "--header", NULL};
  static const char *const json[] = {"-e", "sandbox", "--business", SECOND, "--json", NULL};
  (void)state;
  expect_thredctl(second, NULL, false);
  expect_thredctl(second, SECOND, false);
  expect_thredctl(header, NULL, false);
  expect_thredctl(json, NULL, false);
  expect_log(&emulator, "");
  expect_thredctl(first, SECOND, true);
  expect_log(&emulator, LOG_TOKENS);
}

/* Without the rule, what was refused is let through. */
static void the_rule_makes_the_difference(void **state)
{
  Haul haul;
  (void)state;
  emulator_unconfigure(&emulator, "60-pin.conf");
  run(&tries[1], false, "THRED_LOG=debug", &haul);
  assert_string_equal(haul.out, "200\n200\n");
  haul_free(&haul);
}

static int start(void **state)
{
  int result = harness_start(state);
  emulator_configure(&emulator, "60-pin.conf", pinned);
  return result;
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      IN_MODE(tokens, easy),         IN_MODE(linked, easy),
      IN_MODE(under_the_shim, easy), IN_MODE(silent_by_default, easy),
      IN_MODE(thredctl, easy),       IN_MODE(the_rule_makes_the_difference, easy),
  };
  harness_require_installation();
  return cmocka_run_group_tests(tests, start, harness_stop);
}
