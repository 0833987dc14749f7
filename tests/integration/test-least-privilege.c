/* SPDX-License-Identifier: MIT */
/*
 * test-least-privilege.c - with `allow = business;` the partner token stays inside the library:
 * probe-privilege.c tries every public way, writes down every buffer that it is handed, and not one
 * has the token. With partner allowed, the same look finds it in each channel.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "haul.h"
#include "process.h"
#include "under-shim.h"

#define SECRETS 16

static const char business_only[] = "[environment sandbox]\nallow = business;\n";
static const char both[] = "[environment sandbox]\nallow = partner;business;\n";

/* ---- what there is to find ---- */

static char *secrets[SECRETS + 1];

static void add_secret(const char *text)
{
  size_t i = 0;
  while (secrets[i] && strcmp(secrets[i], text) != 0)
    i++;
  assert_true(i < SECRETS);
  if (!secrets[i])
    secrets[i] = strdup(text);
}

static void forget_secrets(void)
{
  for (size_t i = 0; secrets[i]; i++) {
    free(secrets[i]);
    secrets[i] = NULL;
  }
}

static bool is_librarys(json_object *log, size_t i)
{
  const char *agent = log_header(log, i, "user-agent");
  return agent && strncmp(agent, "thred-auth/", 11) == 0;
}

static void add_api_key(void)
{
  char key[512];
  FILE *file = fopen(emulator.credentials, "re");
  assert_non_null(file);
  assert_int_equal(fscanf(file, "THRED_PARTNER_UUID=%*s THRED_API_KEY=%511s", key), 1);
  fclose(file);
  add_secret(key);
}

/* The partner tokens that the emulator has seen, by their signatures: the end of a token is what no
 * other has. And the API key, as it is and as it is sent. */
static void learn_secrets(void)
{
  json_object *log = request_log(&emulator);
  forget_secrets();
  for (size_t i = 0; i < json_object_array_length(log); i++) {
    const char *kind = log_text(log, i, "kind"), *sent = log_authorization(log, i);
    const char *tail = sent + strlen(sent) - (strlen(sent) > 40 ? 40 : strlen(sent));
    if (is_librarys(log, i) && (strcmp(kind, "partner") == 0 || strcmp(kind, "basic") == 0))
      add_secret(tail);
  }
  json_object_put(log);
  add_api_key();
  assert_non_null(secrets[2]);
}

/* Only the library's own requests carry the partner token, and only to the token endpoint. */
static void expect_program_never_sent_it(bool never)
{
  size_t of_program = 0, of_library = 0;
  json_object *log = request_log(&emulator);
  for (size_t i = 0; i < json_object_array_length(log); i++)
    for (size_t s = 0; secrets[s]; s++) {
      if (!strstr(json_object_get_string(json_object_array_get_idx(log, i)), secrets[s]))
        continue;
      of_program += !is_librarys(log, i);
      of_library += is_librarys(log, i);
      assert_true(!is_librarys(log, i) || strstr(log_text(log, i, "target"), "/oauth2/token/"));
    }
  json_object_put(log);
  assert_true(of_library >= 2);
  assert_true((of_program == 0) == never);
}

static void expect_none_in(const Haul *haul)
{
  for (size_t s = 0; secrets[s]; s++) {
    assert_int_equal(haul_count(haul, secrets[s]), 0);
    assert_int_equal(haul_count_err(haul, secrets[s]), 0);
  }
}

static size_t count_channel(const Haul *haul, const char *channel)
{
  size_t count = 0;
  for (size_t s = 0; secrets[s]; s++)
    count += haul_count_channel(haul, channel, secrets[s]);
  return count;
}

/* ---- the probe ---- */

static void set_addresses(void)
{
  char port[16];
  snprintf(port, sizeof port, "%u", emulator.port);
  setenv("PROBE_PORT", port, 1);
  setenv("PROBE_CA", emulator.ca, 1);
}

/* Each is asked for once with each method, in an easy and a multi handle. */
static void redirect(const char *path, const char *to)
{
  control(&emulator, "POST",
          "fault?path=" BUSINESSES FIRST "/%s/&action=redirect&status=307&times=0&to=%s", path, to);
}

static void set_redirects(void)
{
  redirect("to-partner", "https%3A//" HOST BUSINESSES);
  redirect("to-sibling", "https%3A//" SIBLING BUSINESSES);
  redirect("to-token", "https%3A//" HOST "/v1/platform/" FIRST "/oauth2/token/");
}

static void run_probe(Haul *haul, bool shim)
{
  const char *argv[5] = {"env", shim ? shim_variable() : "A=b", NULL, NULL, NULL};
  argv[2] = harness_beside("probe-privilege");
  argv[3] = shim ? "plain" : "attached";
  set_addresses();
  set_redirects();
  setenv("THRED_LOG", "debug", 1);
  haul_take(haul, argv);
  unsetenv("THRED_LOG");
  if (haul->status)
    print_error("%s\n", haul->err);
  assert_int_equal(haul->status, 0);
}

static unsigned summary(const Haul *haul, const char *name)
{
  unsigned number = 0;
  char key[32];
  const char *at = memmem(haul->out, haul->out_length, "\n@@summary\n", 11);
  snprintf(key, sizeof key, "%s=", name);
  assert_non_null(at);
  at = strstr(at, key);
  assert_non_null(at);
  assert_int_equal(sscanf(at + strlen(key), "%u", &number), 1);
  return number;
}

static void business_only_gives_no_partner_token(bool shim)
{
  Haul haul;
  emulator_configure(&emulator, "60-policy.conf", business_only);
  run_probe(&haul, shim);
  learn_secrets();
  expect_none_in(&haul);
  expect_program_never_sent_it(true);
  assert_int_equal(summary(&haul, "partner"), 0);
  assert_true(summary(&haul, "not-allowed") > 40);
  assert_true(summary(&haul, "business") > 10);
  assert_true(summary(&haul, "good") >= 4);
  assert_true(summary(&haul, "unauthorized") > 10);
  haul_free(&haul);
}

static void linked(void **state)
{
  (void)state;
  business_only_gives_no_partner_token(false);
}

static void under_the_shim(void **state)
{
  (void)state;
  business_only_gives_no_partner_token(true);
}

static void the_look_would_find_it(bool shim)
{
  Haul haul;
  emulator_configure(&emulator, "60-policy.conf", both);
  run_probe(&haul, shim);
  learn_secrets();
  expect_program_never_sent_it(false);
  assert_true(summary(&haul, "partner") > 10);
  assert_true(count_channel(&haul, "token") > 10);
  assert_true(count_channel(&haul, "debug-header-out") > 4);
  assert_int_equal(count_channel(&haul, "list"), 0);
  assert_int_equal(count_channel(&haul, "message"), 0);
  for (size_t s = 0; secrets[s]; s++) /* whatever is allowed, the log has no token */
    assert_int_equal(haul_count_err(&haul, secrets[s]), 0);
  haul_free(&haul);
}

static void control_linked(void **state)
{
  (void)state;
  the_look_would_find_it(false);
}

static void control_under_the_shim(void **state)
{
  (void)state;
  the_look_would_find_it(true);
}

/* ---- thredctl ---- */

#define BY_BUSINESS "--business", FIRST

static const char *const calls[][8] = {
    {"token", "--partner"},
    {"token", "--partner", "--header"},
    {"token", "--partner", "--json"},
    {"token", "-e", "sandbox", "--partner"},
    {"token", "-e", "production", "--partner"},
    {"token", "--partner", BY_BUSINESS},
    {"token", "--business", "partner"},
    {"token", "--business", ""},
    {"token", BY_BUSINESS},
    {"token", BY_BUSINESS, "--header"},
    {"token", BY_BUSINESS, "--json"},
    {"route", BASE BUSINESSES},
    {"route", "--json", BASE INVOICES},
    {"check"},
    {"check", "--json"},
    {"flush"},
};

/* How many calls had a secret on stdout; none has one on stderr. */
static size_t count_calls(size_t *succeeded)
{
  size_t with_secret = 0;
  setenv("THRED_LOG", "debug", 1);
  for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
    const char *argv[10] = {harness_installed("bin/thredctl")};
    Haul haul;
    size_t found = 0;
    for (size_t k = 0; calls[i][k]; k++)
      argv[k + 1] = calls[i][k];
    haul_take(&haul, argv);
    for (size_t s = 0; secrets[s]; s++) {
      found += haul_count(&haul, secrets[s]);
      assert_int_equal(haul_count_err(&haul, secrets[s]), 0);
    }
    with_secret += found > 0;
    *succeeded += haul.status == 0;
    haul_free(&haul);
  }
  unsetenv("THRED_LOG");
  return with_secret;
}

static size_t all_calls(const char *policy, size_t *succeeded)
{
  ThredTokenRequest request = {.size = sizeof request, .business_id = FIRST};
  ThredToken token = {.size = sizeof token};
  *succeeded = 0;
  emulator_configure(&emulator, "60-policy.conf", policy);
  assert_int_equal(thred_token_get(&request, &token), THRED_OK);
  thred_token_clear(&token);
  learn_secrets();
  return count_calls(succeeded);
}

static void thredctl(void **state)
{
  size_t succeeded;
  (void)state;
  assert_int_equal(all_calls(business_only, &succeeded), 0);
  assert_int_equal(succeeded, 8); /* three tokens, two routes, two checks, flush */
}

static void control_thredctl(void **state)
{
  size_t succeeded;
  (void)state;
  assert_int_equal(all_calls(both, &succeeded), 4);
  assert_int_equal(succeeded, 12);
}

/* A whole program under `thredctl exec`, which shows what it sends. */
static void run_curl(Haul *haul)
{
  char port[32];
  snprintf(port, sizeof port, "::127.0.0.1:%u", emulator.port);
  const char *const argv[] = {harness_installed("bin/thredctl"),
                              "exec",
                              "--",
                              "curl",
                              "-sv",
                              "-A",
                              "program/1",
                              "--cacert",
                              emulator.ca,
                              "--connect-to",
                              port,
                              BASE INVOICES,
                              BASE BUSINESSES,
                              NULL};
  setenv("THRED_LOG", "debug", 1);
  haul_take(haul, argv);
  unsetenv("THRED_LOG");
  assert_int_equal(haul->status, 0);
  learn_secrets();
}

static void thredctl_exec(void **state)
{
  Haul haul;
  (void)state;
  if (SANITIZED || !process_has("curl"))
    skip();
  emulator_configure(&emulator, "60-policy.conf", business_only);
  run_curl(&haul);
  expect_none_in(&haul);
  expect_program_never_sent_it(true);
  assert_non_null(strstr(haul.err, "allow leaves out this kind of token ("));
  assert_non_null(strstr(haul.err, "60-policy.conf:2)"));
  haul_free(&haul);

  harness_fresh(state);
  emulator_configure(&emulator, "60-policy.conf", both);
  run_curl(&haul);
  expect_program_never_sent_it(false);
  haul_free(&haul);
}

static int stop(void **state)
{
  forget_secrets();
  return harness_stop(state);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      IN_MODE(linked, easy),         IN_MODE(under_the_shim, easy),
      IN_MODE(control_linked, easy), IN_MODE(control_under_the_shim, easy),
      IN_MODE(thredctl, easy),       IN_MODE(control_thredctl, easy),
      IN_MODE(thredctl_exec, easy),
  };
  harness_require_installation();
  return cmocka_run_group_tests(tests, harness_start, stop);
}
