/* SPDX-License-Identifier: MIT */
/*
 * test-symbols.c - programs that export functions by the names of those that thred-auth's libraries
 * have: theirs are never called, no token is got, the request goes out as it would have, and one
 * line of the log says which symbol it was.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "run-plain.h"

#define REFUSED "GET https " HOST " " INVOICES " none 401\n"
#define CARRIED "GET https " HOST " " INVOICES " business=3c90 200\n"

static Plain plain_of(const char *program, Mode mode)
{
  return (Plain){.program = program,
                 .scenario = "plain",
                 .multi = mode.multi,
                 .shim = true,
                 .port = emulator.port,
                 .authority = &emulator,
                 .environment = {"THRED_LOG=warning"}};
}

static bool is_built(const char *program)
{
  return access(harness_beside(program), F_OK) == 0;
}

/* ---- taken ---- */

/* The only line of the log, or two of a program that is linked. */
static bool names(const char *log, const char *symbol, const char *program)
{
  char start[160];
  snprintf(start, sizeof start, ": %s of ", symbol);
  const char *line = strstr(log, start), *next = line ? strchr(line, '\n') : NULL;
  return line && next && strstr(line, program) && strstr(line, program) < next &&
         !strstr(next, symbol);
}

typedef struct Taken {
  const char *program, *symbol;
} Taken;

static const Taken taken[] = {
    {"probe-taken-gnutls-OSSL_LIB_CTX_new", "OSSL_LIB_CTX_new"},
    {"probe-taken-handing-on-OSSL_LIB_CTX_new", "OSSL_LIB_CTX_new"},
    {"probe-taken-g_free", "g_free"},
    {"probe-taken-g_key_file_new", "g_key_file_new"},
    {"probe-taken-json_tokener_parse_ex", "json_tokener_parse_ex"},
    {"probe-taken-curl_getdate", "curl_getdate"},
    /* What it is called by is not ours, but came with ours. */
    {"probe-taken-gnutls-SSL_new", "SSL_new"},
    /* The program's own libcurl works with it; ours would have to trust it. */
    {"probe-taken-handing-on-SSL_new", "SSL_new"},
};

static bool is_left_alone(const Taken *one, Mode mode)
{
  static Outcome with, without;
  Plain plain = plain_of(one->program, mode);
  harness_fresh(NULL);
  plain_run(&plain, &with);
  plain.shim = false;
  plain_run(&plain, &without);
  bool good = with.status == 0 && strcmp(with.out, without.out) == 0 &&
              names(with.err, one->symbol, one->program) && strcmp(without.err, "") == 0;
  if (!good)
    print_error("%s: exit status %d\n%s%s\n", one->program, with.status, with.out, with.err);
  return good;
}

static void under_the_shim(void **state)
{
  unsigned wrong = 0;
  for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
    if (!is_built(taken[i].program))
      continue;
    wrong += !is_left_alone(&taken[i], MODE(state));
    if (MODE(state).multi)
      expect_log_but_tokens(&emulator, REFUSED REFUSED REFUSED REFUSED);
    else
      expect_log(&emulator, REFUSED REFUSED REFUSED REFUSED);
  }
  assert_int_equal(wrong, 0);
}

/* A program that is linked with the library and attaches. */
static void run_linked(const char *program, Outcome *outcome)
{
  const char *argv[] = {harness_beside(program), "get", BASE INVOICES, "2", NULL};
  char port[32], ca[128];
  const char *environment[] = {port, ca, "THRED_LOG=warning", NULL};
  snprintf(port, sizeof port, "PROBE_PORT=%u", emulator.port);
  snprintf(ca, sizeof ca, "PROBE_CA=%s", emulator.ca);
  process_run(argv, environment, outcome);
}

/* The library itself cannot work: attach says so. */
static void attached_without_the_library(void **state)
{
  Outcome outcome;
  (void)state;
  run_linked("probe-linked-OSSL_LIB_CTX_new", &outcome);
  assert_string_equal(outcome.out, "");
  assert_int_equal(outcome.status, THRED_E_CLASH);
  expect_log(&emulator, "");
}

/* The part that fetches cannot: the requests go out without a token. */
static void attached_without_the_miss_part(void **state)
{
  Outcome outcome;
  (void)state;
  run_linked("probe-linked-json_tokener_parse_ex", &outcome);
  assert_string_equal(outcome.out, "0 401\n0 401\n");
  assert_true(names(outcome.err, "json_tokener_parse_ex", "probe-linked-json_tokener_parse_ex"));
  expect_log(&emulator, REFUSED REFUSED);
}

/* ---- not needed, not taken ---- */

/* What others have fetched is there for it: GLib has nothing to do with it. */
static void out_of_the_cache(void **state)
{
  static Outcome outcome;
  Plain fetching = plain_of(NULL, MODE(state)), plain = plain_of("probe-taken-g_free", MODE(state));
  plain_run(&fetching, &outcome);
  plain_run(&plain, &outcome);
  assert_string_equal(outcome.err, "loaded\n");
  expect_log(&emulator, LOG_TOKENS CARRIED CARRIED CARRIED CARRIED);
}

static void not_taken(void **state)
{
  static const char *const programs[] = {"probe-not-taken", "probe-not-taken-fixed"};
  static Outcome outcome;
  if (SANITIZED)
    skip(); /* the program's allocator is the C library's, ours is AddressSanitizer's */
  for (size_t i = 0; i < 2; i++) {
    Plain plain = plain_of(programs[i], MODE(state));
    harness_fresh(NULL);
    plain_run(&plain, &outcome);
    assert_string_equal(outcome.err, "loaded\n");
    assert_int_equal(outcome.status, 0);
    expect_log(&emulator, LOG_TOKENS CARRIED CARRIED);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      EASY_AND_MULTI(under_the_shim),
      IN_MODE(attached_without_the_library, easy),
      IN_MODE(attached_without_the_miss_part, easy),
      EASY_AND_MULTI(out_of_the_cache),
      EASY_AND_MULTI(not_taken),
  };
  harness_require_installation();
  return cmocka_run_group_tests(tests, harness_start, harness_stop);
}
