/* SPDX-License-Identifier: MIT */
/* test-preload-footprint.c - what the shim is made of, what it brings into a process that makes no
 * request, and what becomes of it without its library. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "run-plain.h"
#include "under-shim.h"

static char shim[512];

/* Shell rather than C: what is wanted is what the tools say. `$0` is the shim. */
static void ask(const char *script, Outcome *outcome)
{
  const char *argv[] = {"sh", "-c", script, shim, NULL};
  const char *environment[] = {"LC_ALL=C", NULL};
  if (SANITIZED)
    skip(); /* it brings libraries and symbols of its own */
  process_run(argv, environment, outcome);
  assert_int_equal(outcome->status, 0);
}

/* ---- the object ---- */

static void require_readelf(void)
{
  if (!process_has("readelf"))
    skip();
}

/* libdl is part of libc since glibc 2.34. */
static void it_needs_libc_alone(void **state)
{
  Outcome outcome;
  (void)state;
  require_readelf();
  ask("readelf -dW \"$0\" | sed -n 's/.*(NEEDED).*\\[\\(.*\\)\\].*/\\1/p' | grep -v '^libdl' | "
      "sed 's/\\.so\\..*//'",
      &outcome);
  assert_string_equal(outcome.out, "libc\n");
}

/* dlopen where there is a stub for it (plugin/preload/dlopen.c); the rest is for plugin/pair. */
static void it_exports_its_hooks_alone(void **state)
{
  Outcome outcome;
  (void)state;
  require_readelf();
  ask("readelf --dyn-syms -W \"$0\" | awk '$7 ~ /^[0-9]+$/ && $5 != \"LOCAL\" {print $8}' | "
      "grep -v -e ^thred_hook_ -e '^dlopen$' | sort",
      &outcome);
  assert_string_equal(outcome.out, "curl_easy_cleanup\n"
                                   "curl_easy_duphandle\n"
                                   "curl_easy_init\n"
                                   "curl_easy_pause\n"
                                   "curl_easy_perform\n"
                                   "curl_easy_reset\n"
                                   "curl_easy_setopt\n"
                                   "curl_mime_data_cb\n"
                                   "curl_mime_filedata\n"
                                   "curl_multi_add_handle\n"
                                   "curl_multi_cleanup\n"
                                   "curl_multi_get_handles\n"
                                   "curl_multi_info_read\n"
                                   "curl_multi_init\n"
                                   "curl_multi_notify_disable\n"
                                   "curl_multi_notify_enable\n"
                                   "curl_multi_perform\n"
                                   "curl_multi_remove_handle\n"
                                   "curl_multi_setopt\n"
                                   "curl_multi_socket\n"
                                   "curl_multi_socket_action\n"
                                   "curl_multi_socket_all\n"
                                   "thred_preload_add_pair\n"
                                   "thred_preload_call\n");
}

/* The other name of each leads to the same place; the pair has them all, and nothing else. */
static void the_pair_exports_the_same(void **state)
{
  Outcome outcome;
  (void)state;
  require_readelf();
  ask("names() { readelf --dyn-syms -W \"$1\" | awk '$7 ~ /^[0-9]+$/ && $5 == \"GLOBAL\" "
      "{sub(/@.*/, \"\", $8); print $2, $8}'; }\n"
      "names \"$0\" | grep curl_ | sed s/thred_hook_// | sort | uniq -c | grep -v '^ *2 '\n"
      "cd \"${0%/*}/curl\" && for one in lib*; do\n"
      "  { names \"$one\"; names \"$0\" | grep ' curl_'; } | sed 's/.* //' | sort | uniq -c | "
      "grep -v -e '^ *2 ' -e ' CURL_[A-Z]*_[0-9]$'\n"
      "done; true",
      &outcome);
  assert_string_equal(outcome.out, "");
}

/* A version node would keep references to CURL_OPENSSL_4 and the like from being bound to it. */
static void its_symbols_have_no_versions(void **state)
{
  Outcome outcome;
  (void)state;
  require_readelf();
  ask("readelf -dW \"$0\" | grep VERDEF; true", &outcome);
  assert_string_equal(outcome.out, "");
}

static void it_stays_and_is_bound_at_once(void **state)
{
  Outcome outcome;
  (void)state;
  require_readelf();
  ask("readelf -dW \"$0\" | grep FLAGS", &outcome);
  assert_non_null(strstr(outcome.out, "BIND_NOW"));
  assert_non_null(strstr(outcome.out, "NODELETE"));
}

/* ---- the process ---- */

static void it_comes_alone(void **state)
{
  Outcome outcome;
  (void)state;
  ask("LD_PRELOAD=\"$0\" cat /proc/self/maps | sed -n 's,.*/,,p' | grep '\\.so' | "
      "sed 's/[.-].*//' | sort -u",
      &outcome);
  assert_string_equal(outcome.out, "ld\nlibc\nlibthred\n");
  ask("LD_PRELOAD=\"$0\" cat /proc/self/maps | grep -c libthred-auth; true", &outcome);
  assert_string_equal(outcome.out, "0\n");
}

static void a_program_without_libcurl(void **state)
{
  Outcome outcome;
  (void)state;
  ask("LD_PRELOAD=\"$0\" THRED_LOG=debug true", &outcome);
  assert_string_equal(outcome.err, "");
}

/* ---- without its library ---- */

/* `$1` stands where `$0` is, in a mount namespace of its own; then the rest is run. */
static const char in_place[] = "LD_PRELOAD= mount --bind \"$1\" \"$0\" && shift && exec \"$@\"";

typedef struct Case {
  const char *stand_in; /* a path, or a file of these tests */
  bool mapped;
  const char *told; /* with THRED_LOG */
} Case;

static const Case cases[] = {
    {"/dev/null", false, "libthred-auth.so.0"},
    {"libother-abi.so", true, "belongs to another version"},
    {"libcurlpp.so.0", true, "belongs to another version"},
};

/* `words` of Plain::wrapper; the paths live as long as the test. */
static void stand_in(const Case *one, const char *words[8])
{
  static char library[512], instead[512];
  snprintf(library, sizeof library, "%s", harness_installed("lib/libthred-auth.so.0"));
  snprintf(instead, sizeof instead, "%s",
           one->stand_in[0] == '/' ? one->stand_in : harness_beside(one->stand_in));
  words[0] = "unshare";
  words[1] = geteuid() ? "-rm" : "-m";
  words[2] = "sh";
  words[3] = "-c";
  words[4] = in_place;
  words[5] = library;
  words[6] = instead;
  words[7] = NULL;
}

/* Skips where one may not mount. */
static void require_mounting(const Case *one)
{
  const char *argv[9] = {NULL};
  Outcome outcome;
  stand_in(one, argv);
  argv[7] = "true";
  process_run(argv, NULL, &outcome);
  if (outcome.status)
    skip();
}

static void run_case(const Case *one, Mode mode, const char *log)
{
  Outcome outcome;
  Plain plain = {.scenario = "plain",
                 .multi = mode.multi,
                 .shim = true,
                 .port = emulator.port,
                 .authority = &emulator,
                 .environment = {log}};
  stand_in(one, plain.wrapper);
  plain_run(&plain, &outcome);
  assert_int_equal(outcome.status, 0);
  assert_int_equal(strncmp(outcome.out, "0 401 ", 6), 0);
  if (!log)
    assert_string_equal(outcome.err, one->mapped ? "loaded\n" : "");
  else
    assert_non_null(strstr(outcome.err, one->told));
}

static void requests_go_on_without_it(void **state)
{
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    require_mounting(&cases[i]);
    run_case(&cases[i], MODE(state), NULL);
    run_case(&cases[i], MODE(state), "THRED_LOG=debug");
  }
  expect_counter(&emulator, "unauthorized", 4 * sizeof cases / sizeof cases[0]);
  expect_counter(&emulator, "token_requests.partner", 0);
}

/* ---- memory ---- */

static void valgrind_has_nothing_to_say(void **state)
{
  static const char *const scenarios[] = {
      "plain", "CURLU", "own header", "user and password", "another host", "netrc for others"};
  if (SANITIZED || !process_has("valgrind"))
    skip();
  for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
    Outcome outcome;
    Plain plain = {.scenario = scenarios[i],
                   .multi = MODE(state).multi,
                   .shim = true,
                   .port = emulator.port,
                   .authority = &emulator,
                   .wrapper = {"valgrind", "-q", "--leak-check=full",
                               "--errors-for-leak-kinds=definite", "--error-exitcode=9"}};
    plain_run(&plain, &outcome);
    if (outcome.status)
      print_error("%s: %s%s\n", scenarios[i], outcome.out, outcome.err);
    assert_int_equal(outcome.status, 0);
  }
  expect_counter(&emulator, "ok", 6);
}

static int start(void **state)
{
  snprintf(shim, sizeof shim, "%s", harness_installed("lib/thred/libthred-preload.so"));
  return harness_start(state);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      IN_MODE(it_needs_libc_alone, easy),           IN_MODE(it_exports_its_hooks_alone, easy),
      IN_MODE(the_pair_exports_the_same, easy),     IN_MODE(its_symbols_have_no_versions, easy),
      IN_MODE(it_stays_and_is_bound_at_once, easy), IN_MODE(it_comes_alone, easy),
      IN_MODE(a_program_without_libcurl, easy),     EASY_AND_MULTI(requests_go_on_without_it),
      EASY_AND_MULTI(valgrind_has_nothing_to_say),
  };
  harness_require_installation();
  return cmocka_run_group_tests(tests, start, harness_stop);
}
