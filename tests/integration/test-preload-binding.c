/* SPDX-License-Identifier: MIT */
/*
 * test-preload-binding.c - several libcurls in one process under the shim, and odd ways to get at
 * one: each caller reaches the libcurl that it would reach without the shim, and its token.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "process.h"
#include "under-shim.h"

#define OPENSSL "libcurl.so.4"
#define GNUTLS  "libcurl-gnutls.so.4"

/* ---- running the probes ---- */

/* How the shim comes into the process: not at all, by LD_PRELOAD, with the pair of plugin/pair in
 * front of the real libcurls, or with the pair alone. */
typedef enum { BARE, SHIM, SHIM_AND_PAIR, PAIR_ALONE } Means;

static const char *pair_folder(void)
{
  return harness_installed("lib/thred/curl");
}

static void run(const char *const *argv, Means means, Outcome *outcome)
{
  char port[32], ca[128], pair[512];
  /* LeakSanitizer has crashed in these, where a thread was ending as it looked for leaks at the
   * program's end; other tests look for ours. */
  const char *environment[6] = {port, ca, "LSAN_OPTIONS=detect_leaks=0"};
  unsigned count = 3;
  if (means == SHIM || means == SHIM_AND_PAIR)
    environment[count++] = shim_variable();
  if (means == SHIM_AND_PAIR || means == PAIR_ALONE)
    environment[count++] = pair;
  snprintf(pair, sizeof pair, "LD_LIBRARY_PATH=%s", pair_folder());
  snprintf(port, sizeof port, "PROBE_PORT=%u", emulator.port);
  snprintf(ca, sizeof ca, "PROBE_CA=%s", emulator.ca);
  process_run(argv, environment, outcome);
}

/* A program of these tests; static storage for four. Skips where the build had no second libcurl.
 */
static const char *beside(const char *name)
{
  static char paths[4][512];
  static unsigned next;
  char *path = paths[next++ % 4];
  snprintf(path, sizeof paths[0], "%s", harness_beside(name));
  if (access(path, F_OK))
    skip();
  return path;
}

/* ---- two flavours ---- */

typedef struct Case {
  const char *program, *how;
  const char *plugins[2];
  const char *flavours[3]; /* of the program, if it has one, and the plug-ins */
} Case;

#define PLUG_OPENSSL "libbinding-openssl.so"
#define PLUG_GNUTLS  "libbinding-gnutls.so"

static const Case cases[] = {
    {"probe-binding-openssl", "local", {PLUG_GNUTLS}, {"OpenSSL", "GnuTLS"}},
    {"probe-binding-openssl", "global", {PLUG_GNUTLS}, {"OpenSSL", "GnuTLS"}},
    {"probe-binding-gnutls", "local", {PLUG_OPENSSL}, {"GnuTLS", "OpenSSL"}},
    {"probe-binding-gnutls", "global", {PLUG_OPENSSL}, {"GnuTLS", "OpenSSL"}},
    {"probe-binding-none", "local", {PLUG_GNUTLS, PLUG_OPENSSL}, {NULL, "GnuTLS", "OpenSSL"}},
    {"probe-binding-none", "global", {PLUG_GNUTLS, PLUG_OPENSSL}, {NULL, "GnuTLS", "OpenSSL"}},
    {"probe-binding-none", "local", {PLUG_OPENSSL, PLUG_GNUTLS}, {NULL, "OpenSSL", "GnuTLS"}},
    {"probe-binding-none", "global", {PLUG_OPENSSL, PLUG_GNUTLS}, {NULL, "OpenSSL", "GnuTLS"}},
    {"probe-binding-openssl", "local", {PLUG_OPENSSL}, {"OpenSSL", "OpenSSL"}},
    {"probe-binding-none", "local", {PLUG_GNUTLS}, {NULL, "GnuTLS"}},
    {"probe-binding-none", "local", {PLUG_OPENSSL}, {NULL, "OpenSSL"}},
};

/* A call that a plug-in makes by a jump seems to come from the program. */
static const Case tails[] = {
    {"probe-binding-none", "tail", {PLUG_GNUTLS}, {NULL, "GnuTLS"}},
    {"probe-binding-none", "tail", {PLUG_OPENSSL}, {NULL, "OpenSSL"}},
    {"probe-binding-openssl", "tail", {PLUG_OPENSSL}, {"OpenSSL", "OpenSSL"}},
    {"probe-binding-gnutls", "tail", {PLUG_GNUTLS}, {"GnuTLS", "GnuTLS"}},
};

static void expect_lines(const Case *one, int status, const Outcome *outcome)
{
  static const char *const urls[] = {BASE BUSINESSES, BASE INVOICES, BASE INVOICES_2};
  char expected[1024] = "";
  for (int round = 0; round < 2; round++)
    for (size_t i = 0; i < 3; i++)
      if (one->flavours[i])
        snprintf(expected + strlen(expected), sizeof expected - strlen(expected), "%s 0 %d %s\n",
                 one->flavours[i], status, urls[i]);
  if (strcmp(outcome->out, expected) != 0 || outcome->status)
    print_error("%s %s %s: exit status %d\n%s", one->program, one->how, one->plugins[0],
                outcome->status, outcome->err);
  assert_string_equal(outcome->out, expected);
  assert_int_equal(outcome->status, 0);
}

static void run_cases(const Case *all, size_t count, Means means, Mode mode)
{
  for (size_t i = 0; i < count; i++) {
    Outcome outcome;
    const Case *one = &all[i];
    const char *argv[] = {beside(one->program),
                          one->how,
                          mode.multi ? "multi" : "easy",
                          beside(one->plugins[0]),
                          one->plugins[1] ? beside(one->plugins[1]) : NULL,
                          NULL};
    harness_fresh(NULL);
    run(argv, BARE, &outcome);
    expect_lines(one, 401, &outcome); /* nobody but the shim is to blame if it is not so with it */
    run(argv, means, &outcome);
    expect_lines(one, 200, &outcome);
  }
}

static void each_its_own(void **state)
{
  run_cases(cases, sizeof cases / sizeof cases[0], SHIM, MODE(state));
}

static void called_by_a_jump(void **state)
{
  run_cases(tails, sizeof tails / sizeof tails[0], SHIM, MODE(state));
}

/* There is none for some architectures; AddressSanitizer wants to be first. */
static void require_pair(void)
{
  if (SANITIZED || access(pair_folder(), F_OK))
    skip();
}

static void through_the_pair(void **state)
{
  require_pair();
  for (Means means = SHIM_AND_PAIR; means <= PAIR_ALONE; means++) {
    run_cases(cases, sizeof cases / sizeof cases[0], means, MODE(state));
    run_cases(tails, sizeof tails / sizeof tails[0], means, MODE(state));
  }
}

/* ---- by name ---- */

/* With RTLD_DEFAULT the program gets the shim's functions, from a handle libcurl's own: or the
 * pair's. */
static void expect_by_name(const char *const *way, const char *file, Means means, const char *out)
{
  Outcome outcome;
  const char *argv[] = {beside("probe-dlsym"), way[0], way[1], file, BASE INVOICES, NULL};
  harness_fresh(NULL);
  control(&emulator, "POST", "set?www_authenticate=no");
  run(argv, means, &outcome);
  if (outcome.status == 77)
    skip();
  if (out)
    assert_string_equal(outcome.out, out);
  else
    assert_true(strcmp(outcome.out, "0 200\n0 200\n") == 0 ||
                strcmp(outcome.out, "0 401\n0 401\n") == 0);
  assert_string_equal(outcome.err, "");
  assert_int_equal(outcome.status, 0);
}

static const char *const files[] = {OPENSSL, GNUTLS};
static const char *const ways[][2] = {
    {"default", "global"}, {"handle", "global"}, {"handle", "local"}};

static void found_by_name(void **state)
{
  (void)state;
  for (size_t i = 0; i < 6; i++)
    expect_by_name(ways[i / 2], files[i % 2], SHIM, i < 2 ? "0 200\n0 200\n" : NULL);
}

static void found_by_name_in_the_pair(void **state)
{
  (void)state;
  require_pair();
  for (size_t i = 0; i < 6; i++) {
    expect_by_name(ways[i / 2], files[i % 2], SHIM_AND_PAIR, "0 200\n0 200\n");
    expect_by_name(ways[i / 2], files[i % 2], PAIR_ALONE, "0 200\n0 200\n");
  }
}

/* ---- what the shim holds ---- */

static void expect_end(const char *const *argv, Means means, const char *end)
{
  Outcome outcome;
  run(argv, means, &outcome);
  const char *last = strlen(outcome.out) < strlen(end)
                         ? outcome.out
                         : outcome.out + strlen(outcome.out) - strlen(end);
  assert_string_equal(last, end);
  assert_int_equal(outcome.status, 0);
}

/* It knows a libcurl by where it lies: so another object must not lie there some day, whoever has
 * loaded the shim, and when. */
static void a_libcurl_is_held(void **state)
{
  const char *plugin = beside("libbinding-openssl.so");
  const char *alone[] = {beside("probe-binding-none"), "closed", "easy", plugin, NULL};
  const char *started[] = {beside("probe-binding-openssl"), "closed", "easy", plugin, NULL};
  (void)state;
  expect_end(alone, BARE, "gone\n");
  expect_end(alone, SHIM, "kept\n");
  expect_end(started, SHIM, "kept\n");
  require_pair();
  expect_end(alone, SHIM_AND_PAIR, "kept\n");
  expect_end(alone, PAIR_ALONE, "kept\n");
}

/* ---- beside others who interpose ---- */

/* Its calls reach libcurl as they would. Those of thred-auth would go through the program, which
 * nobody can tell from one with another libcurl inside: hence no token (test-symbols.c). */
static void a_program_that_interposes(void **state)
{
  Outcome outcome;
  const char *argv[] = {beside("probe-wrapper"), BASE INVOICES, NULL};
  (void)state;
  run(argv, SHIM, &outcome);
  assert_string_equal(outcome.out, "1 0 401\n2 0 401\n");
  assert_string_equal(outcome.err, "");
  assert_int_equal(outcome.status, 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      EASY_AND_MULTI(each_its_own),
      EASY_AND_MULTI(called_by_a_jump),
      EASY_AND_MULTI(through_the_pair),
      IN_MODE(found_by_name, easy),
      IN_MODE(found_by_name_in_the_pair, easy),
      IN_MODE(a_libcurl_is_held, easy),
      IN_MODE(a_program_that_interposes, easy),
  };
  harness_require_installation();
  return cmocka_run_group_tests(tests, harness_start, harness_stop);
}
