/* SPDX-License-Identifier: MIT */
/* test-flavours.c - libcurl with OpenSSL and with GnuTLS, found by table and by name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "process.h"

#define OPENSSL "libcurl.so.4"
#define GNUTLS  "libcurl-gnutls.so.4"
#define SKIPPED 77

#define SENT(authorization, status)                                                                \
  "GET https " HOST " " BUSINESSES " " authorization " " status "\n"

static void run(const char *libraries, const char *how, const char *verify, const char *count,
                const char *expected)
{
  char port[32], ca[128];
  Outcome outcome;
  snprintf(port, sizeof port, "PROBE_PORT=%u", emulator.port);
  snprintf(ca, sizeof ca, "PROBE_CA=%s", emulator.ca);
  const char *argv[] = {
      harness_beside("probe-flavour"), libraries, how, verify, BASE BUSINESSES, count, NULL};
  const char *environment[] = {port, ca, NULL};
  process_run(argv, environment, &outcome);
  if (outcome.status == SKIPPED)
    skip();
  assert_string_equal(outcome.out, expected);
  assert_int_equal(outcome.status, 0);
}

static void gnutls(void **state)
{
  (void)state;
  run(GNUTLS, "with", "yes", "3", "0\n0 200\n0 200\n0 200\n");
  expect_log(&emulator, LOG_PARTNER_TOKEN SENT("partner", "200") SENT("partner", "200")
                            SENT("partner", "200"));
}

static void gnutls_answers_a_401(void **state)
{
  (void)state;
  control(&emulator, "POST", "fault?path=" BUSINESSES "&action=status&status=401");
  run(GNUTLS, "with", "yes", "1", "0\n0 200\n");
  expect_log(&emulator,
             LOG_PARTNER_TOKEN SENT("partner", "401") LOG_PARTNER_TOKEN SENT("partner", "200"));
}

static void gnutls_unverified(void **state)
{
  (void)state;
  control(&emulator, "POST", "set?www_authenticate=no");
  run(GNUTLS, "with", "no", "2", "0\n0 401\n0 401\n");
  expect_log(&emulator, SENT("none", "401") SENT("none", "401"));
}

static void openssl_unverified(void **state)
{
  (void)state;
  control(&emulator, "POST", "set?www_authenticate=no");
  run(OPENSSL, "with", "no", "1", "0\n0 401\n");
  expect_log(&emulator, SENT("none", "401"));
}

/* The cold one fetches, which brings an OpenSSL libcurl into the process; `name` was first. */
static void one_by_name(void **state)
{
  static const char *const files[] = {OPENSSL, GNUTLS};
  for (size_t i = 0; i < 2; i++) {
    harness_fresh(state);
    run(files[i], "name", "yes", "2", "0\n0 200\n0 200\n");
    expect_log(&emulator, LOG_PARTNER_TOKEN SENT("partner", "200") SENT("partner", "200"));
  }
}

static void two_by_name(void **state)
{
  char ambiguous[16];
  (void)state;
  snprintf(ambiguous, sizeof ambiguous, "%d\n", THRED_E_AMBIGUOUS_CURL);
  run(GNUTLS "," OPENSSL, "name", "yes", "1", ambiguous);
  run(OPENSSL "," GNUTLS, "name", "yes", "1", ambiguous);
  expect_log(&emulator, "");
}

/* The second libcurl comes when the first one is long in use: handles of either kind are out there,
 * and nobody can tell which is which. */
static void a_second_one_later(void **state)
{
  char expected[32];
  (void)state;
  snprintf(expected, sizeof expected, "0\n0 200\n%d\n", THRED_E_AMBIGUOUS_CURL);
  run(OPENSSL "+" GNUTLS, "name", "yes", "1", expected);
  expect_log(&emulator, LOG_PARTNER_TOKEN SENT("partner", "200"));
}

/* The first transfer opens the miss part, which brings libcurl.so.4. */
static void the_miss_parts_is_not_the_programs(void **state)
{
  (void)state;
  run(GNUTLS "+" GNUTLS, "name", "yes", "1", "0\n0 200\n0\n0 200\n");
  run(OPENSSL "+" OPENSSL, "name", "yes", "1", "0\n0 200\n0\n0 200\n");
  expect_log(&emulator, LOG_PARTNER_TOKEN SENT("partner", "200") SENT("partner", "200")
                            SENT("partner", "200") SENT("partner", "200"));
}

/* libcurlpp is called almost like it. */
static void a_name_that_begins_like_libcurls(void **state)
{
  char files[512];
  (void)state;
  snprintf(files, sizeof files, "%s,%s", OPENSSL, harness_beside("libcurlpp.so.0"));
  run(files, "name", "yes", "2", "0\n0 200\n0 200\n");
  snprintf(files, sizeof files, "%s,%s", GNUTLS, harness_beside("libcurlpp.so.0"));
  run(files, "name", "yes", "2", "0\n0 200\n0 200\n");
}

static void two_by_table(void **state)
{
  (void)state;
  run(GNUTLS "," OPENSSL, "with", "yes", "2", "0\n0 200\n0 200\n");
  run(OPENSSL "," GNUTLS, "with", "yes", "2", "0\n0 200\n0 200\n");
  control(&emulator, "POST", "set?www_authenticate=no");
  run(GNUTLS "," OPENSSL, "with", "no", "1", "0\n0 401\n");
  run(OPENSSL "," GNUTLS, "with", "no", "1", "0\n0 401\n");
  expect_counter(&emulator, "token_requests.partner", 1);
  expect_counter(&emulator, "ok", 4);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      IN_MODE(gnutls, easy),
      IN_MODE(gnutls_answers_a_401, easy),
      IN_MODE(gnutls_unverified, easy),
      IN_MODE(openssl_unverified, easy),
      IN_MODE(one_by_name, easy),
      IN_MODE(two_by_name, easy),
      IN_MODE(a_second_one_later, easy),
      IN_MODE(the_miss_parts_is_not_the_programs, easy),
      IN_MODE(a_name_that_begins_like_libcurls, easy),
      IN_MODE(two_by_table, easy),
  };
  harness_require_installation();
  return cmocka_run_group_tests(tests, harness_start, harness_stop);
}
