/* SPDX-License-Identifier: MIT */
/*
 * test-failures.c - whatever fails in thred-auth, the program's own request goes out without a
 * token, its result is what the server says, and nobody prints anything.
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client.h"
#include "run-probe.h"

/* One thing that can go wrong, and how often the token endpoint may be asked by two processes. */
typedef struct Case {
  const char *name;
  const char *fault; /* a control call, or NULL */
  const char *conf;  /* the text of a further file of conf.d, or NULL */
  const char *environment[3];
  mode_t mode; /* of the credentials file, or 0 */
  int partner_requests, business_requests;
} Case;

#define ANSWER(what)   "fault?path=token:partner&times=0&action=" what
#define BUSINESS(what) "fault?path=token:business&times=0&action=" what

/* What the server answers is everyone's for a while: the second process does not ask again. */
static const Case cases[] = {
    {.name = "garbage", .fault = ANSWER("garbage"), .partner_requests = 1},
    {.name = "an empty answer", .fault = ANSWER("empty"), .partner_requests = 1},
    {.name = "a page of HTML", .fault = ANSWER("html"), .partner_requests = 1},
    {.name = "an endless answer", .fault = ANSWER("huge"), .partner_requests = 1},
    {.name = "no token in it", .fault = ANSWER("raw&body=%7B%7D"), .partner_requests = 1},
    {.name = "a redirect",
     .fault = ANSWER("redirect&to=https%3A%2F%2Fevil.example%2F"),
     .partner_requests = 1},
    {.name = "500", .fault = ANSWER("status&status=500"), .partner_requests = 1},
    {.name = "429", .fault = ANSWER("status&status=429&retry_after=60"), .partner_requests = 1},
    {.name = "403", .fault = ANSWER("status&status=403"), .partner_requests = 1},
    {.name = "a wrong key", .fault = "set?api_key=another", .partner_requests = 1},
    {.name = "no such business",
     .fault = BUSINESS("status&status=404"),
     .partner_requests = 1,
     .business_requests = 1},
    {.name = "429 for the business",
     .fault = BUSINESS("status&status=429&retry_after=60"),
     .partner_requests = 1,
     .business_requests = 1},
    /* What happened to one process is not told to others, so the second one tries, too. */
    {.name = "a lost connection", .fault = ANSWER("drop"), .partner_requests = -1},
    {.name = "nobody there", .conf = "[environment sandbox]\nconnect-to = ::127.0.0.1:1\n"},
    {.name = "a CA file that is not there", .conf = "[environment sandbox]\nca-file = /none\n"},
    {.name = "an unknown authority",
     .conf = "[environment sandbox]\nca-file = /etc/ssl/certs/ca-certificates.crt\n"},
    {.name = "credentials for all to read", .mode = 0644},
    {.name = "no such module", .conf = "[environment sandbox]\ncredentials = nonesuch\n"},
    {.name = "a broken file", .conf = "[environment sandbox]\ntimeout = soon\n\xff\xfe[[\n"},
    {.name = "no configuration", .environment = {"THRED_CONF_DIR=/nonexistent"}},
    {.name = "switched off", .environment = {"THRED_DISABLE=1"}},
};

static void set_up(const Case *one)
{
  harness_fresh(NULL);
  if (one->fault)
    control(&emulator, "POST", "%s", one->fault);
  if (one->conf)
    emulator_configure(&emulator, "60-case.conf", one->conf);
  if (one->mode)
    assert_int_equal(chmod(emulator.credentials, one->mode), 0);
}

static void tear_down(const Case *one)
{
  if (one->conf)
    emulator_unconfigure(&emulator, "60-case.conf");
  if (one->mode)
    assert_int_equal(chmod(emulator.credentials, 0600), 0);
}

/* Every request but those of the library's own is without Authorization. */
static void expect_no_token(void)
{
  json_object *log = request_log(&emulator);
  size_t own = 0;
  for (size_t i = 0; i < json_object_array_length(log); i++) {
    if (strstr(log_text(log, i, "target"), "/oauth2/token/"))
      continue;
    assert_int_equal(log_authorizations(log, i), 0);
    own++;
  }
  assert_true(own > 0);
  json_object_put(log);
}

#define PAUSE_MS 500 /* at least, after a failure: who takes longer may ask again */

static void expect_requests(const char *name, int wanted, int64_t took_ms)
{
  assert_in_range(counter(&emulator, name), wanted, wanted * (1 + took_ms / PAUSE_MS));
}

static void expect_token_requests(const Case *one, int64_t took_ms)
{
  if (one->partner_requests >= 0)
    expect_requests("token_requests.partner", one->partner_requests, took_ms);
  expect_requests("token_requests.business", one->business_requests, took_ms);
}

static void run_case(const Case *one, const char *log)
{
  Outcome outcome;
  Probe probe = {.arguments = {"get", BASE INVOICES, "2"}, .environment = {log}};
  for (size_t i = 0; one->environment[i]; i++)
    probe.environment[i + 1] = one->environment[i];
  set_up(one);
  const int64_t since = now_ms();
  for (int process = 0; process < 2; process++) {
    probe_run(&probe, &outcome);
    if (strcmp(outcome.out, "0 401\n0 401\n") != 0 || (strchr(log, '=') == NULL && *outcome.err))
      print_error("%s: %s%s", one->name, outcome.out, outcome.err);
    assert_string_equal(outcome.out, "0 401\n0 401\n");
    assert_int_equal(outcome.status, 0);
    if (!strchr(log, '='))
      assert_string_equal(outcome.err, "");
  }
  expect_no_token();
  expect_token_requests(one, now_ms() - since);
  tear_down(one);
}

static void the_request_goes_on(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    run_case(&cases[i], "THRED_LOG"); /* unset */
}

/* The same with a log on stderr, which must not change anything else. */
static void and_so_it_does_with_a_log(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    run_case(&cases[i], "THRED_LOG=debug");
}

/* ---- what the log says, and what it does not ---- */

static void read_key(char *key, size_t size)
{
  char line[512];
  FILE *file = fopen(emulator.credentials, "re");
  assert_non_null(file);
  key[0] = '\0';
  while (fgets(line, sizeof line, file)) {
    line[strcspn(line, "\n")] = '\0';
    if (strncmp(line, "THRED_API_KEY=", strlen("THRED_API_KEY=")) == 0)
      snprintf(key, size, "%s", line + strlen("THRED_API_KEY="));
  }
  fclose(file);
  assert_true(key[0] != '\0');
}

/* Neither the key nor any Authorization value that was ever sent; of tokens, not even a third. */
static void expect_no_secret(const char *text)
{
  char key[512];
  read_key(key, sizeof key);
  assert_null(strstr(text, key));
  json_object *log = request_log(&emulator);
  for (size_t i = 0; i < json_object_array_length(log); i++) {
    char part[128];
    const char *value = strchr(log_authorization(log, i), ' ');
    if (!value)
      continue;
    assert_null(strstr(text, value + 1));
    snprintf(part, sizeof part, "%.20s", value + strlen(value) - 20);
    assert_null(strstr(text, part));
  }
  json_object_put(log);
}

static void the_log_holds_no_secret(void **state)
{
  static const char *const calls[] = {"revoke?kind=business", ANSWER("status&status=401"),
                                      BUSINESS("status&status=404"), "set?api_key=another"};
  Outcome outcome;
  const Probe probe = {.arguments = {"get", BASE INVOICES, "3"},
                       .environment = {"THRED_LOG=debug"}};
  for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
    harness_fresh(state);
    probe_run(&probe, &outcome);
    assert_non_null(strstr(outcome.err, "thred-auth: debug: "));
    expect_no_secret(outcome.err);
    emulator_forget_tokens(&emulator);
    control(&emulator, "POST", "%s", calls[i]);
    probe_run(&probe, &outcome);
    assert_non_null(strstr(outcome.err, "thred-auth: "));
    expect_no_secret(outcome.err);
  }
}

/* A query may hold the program's own secrets. */
static void the_log_holds_no_query(void **state)
{
  (void)state;
  Outcome outcome;
  const Probe probe = {.arguments = {"get", BASE INVOICES "?secret=17283940"},
                       .environment = {"THRED_LOG=debug"}};
  probe_run(&probe, &outcome);
  assert_string_equal(outcome.out, "0 200\n");
  assert_non_null(strstr(outcome.err, INVOICES));
  assert_null(strstr(outcome.err, "17283940"));
}

static void the_log_holds_no_password(void **state)
{
  (void)state;
  Outcome outcome;
  const Probe probe = {.arguments = {"get", "https://user:17283940@" HOST INVOICES},
                       .environment = {"THRED_LOG=debug"}};
  probe_run(&probe, &outcome);
  assert_string_equal(outcome.out, "0 401\n");
  assert_non_null(strstr(outcome.err, "https://" HOST INVOICES ": no token: "));
  assert_null(strstr(outcome.err, "17283940"));
  assert_null(strstr(outcome.err, "user:"));
}

/* ---- and when the trouble is over ---- */

static bool is_served(void *data)
{
  Outcome outcome;
  probe_run(data, &outcome);
  return strcmp(outcome.out, "0 200\n") == 0;
}

static void a_refusal_is_forgotten_in_time(void **state)
{
  (void)state;
  Outcome outcome;
  Probe probe = {.arguments = {"get", BASE INVOICES}};
  control(&emulator, "POST", "fault?path=token:partner&action=status&status=429&retry_after=2");
  probe_run(&probe, &outcome);
  assert_string_equal(outcome.out, "0 401\n");
  wait_until(is_served, &probe);
  expect_counter(&emulator, "token_requests.partner", 2);
}

static void a_right_key_is_used_at_once(void **state)
{
  (void)state;
  Outcome outcome;
  Probe probe = {.arguments = {"get", BASE INVOICES}};
  control(&emulator, "POST", "set?api_key=another");
  probe_run(&probe, &outcome);
  assert_string_equal(outcome.out, "0 401\n");
  control(&emulator, "POST", "reset"); /* the first key is good again .. */
  emulator_forget_tokens(&emulator);   /* .. and its file was written anew */
  assert_true(is_served(&probe));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      IN_MODE(the_request_goes_on, easy),         IN_MODE(and_so_it_does_with_a_log, easy),
      IN_MODE(the_log_holds_no_secret, easy),     IN_MODE(the_log_holds_no_query, easy),
      IN_MODE(the_log_holds_no_password, easy),   IN_MODE(a_refusal_is_forgotten_in_time, easy),
      IN_MODE(a_right_key_is_used_at_once, easy),
  };
  harness_require_installation();
  return cmocka_run_group_tests(tests, harness_start, harness_stop);
}
