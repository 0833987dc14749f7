/* SPDX-License-Identifier: MIT */
/* The modules that ask nobody over the network: no secret is in memory that they give back. */
#include <keyutils.h>

#include "tests/unit/credentials-fixture.h"
#include "tests/unit/heap-watch.h"

#define UUID   "3c90c3cc-0d44-4b50-8888-8dd25736052a"
#define SECRET "s3cret-api-key"
#define LINES  "THRED_PARTNER_UUID=" UUID "\nTHRED_API_KEY=" SECRET "\n"
#define ANSWER "{\"version\":1,\"partner_uuid\":\"" UUID "\",\"api_key\":\"" SECRET "\"}"

static char module_dir[PATH_SIZE];

static int set_up(void **state)
{
  static const char *const modules[] = {"exec", "file", "keyring", "systemd"};
  if (fixture_set_up(state))
    return -1;
  for (size_t i = 0; i < sizeof modules / sizeof *modules; i++)
    snprintf(module_dir, sizeof module_dir, "%s",
             module_dir_with("real", "THRED_TEST_REAL_MODULES", modules[i]));
  return 0;
}

static void expect_wiped(const char *module, const char *options, ThredCredentialStatus status)
{
  static const char *const secrets[] = {"s3cret", NULL};
  char name[64];
  snprintf(name, sizeof name, "/%s.so", module);
  module_ask(module_dir, module, options); /* loads it */
  heap_watch(name, secrets);
  Heard heard = module_ask(module_dir, module, options);
  heap_expect_clean();
  expect_heard(heard, status, "");
}

static void test_file(void **state)
{
  (void)state;
  char options[3 * PATH_SIZE];
  snprintf(options, sizeof options, "path=%s", write_file(at("lines"), LINES, strlen(LINES), 0600));
  expect_wiped("file", options, THRED_CREDENTIAL_SUCCESS);
  write_file(at("lines"), LINES "?", strlen(LINES) + 1, 0600);
  expect_wiped("file", options, THRED_CREDENTIAL_UNAVAIL);
  write_file(at("uuid"), UUID, strlen(UUID), 0600);
  write_file(at("key"), SECRET "\n", strlen(SECRET) + 1, 0600);
  snprintf(options, sizeof options, "uuid-path=%s|key-path=%s", at("uuid"), at("key"));
  expect_wiped("file", options, THRED_CREDENTIAL_SUCCESS);
}

static void test_systemd(void **state)
{
  (void)state;
  setenv("CREDENTIALS_DIRECTORY", at("."), 1);
  write_file(at("thred"), LINES, strlen(LINES), 0400);
  expect_wiped("systemd", "name=thred", THRED_CREDENTIAL_SUCCESS);
}

static void expect_exec(const char *body, ThredCredentialStatus status)
{
  char text[1024], option[2 * PATH_SIZE];
  snprintf(text, sizeof text, "#!/bin/sh\necho 'a s3cret-api' >&2\n%s", body);
  unlink(at("command"));
  snprintf(option, sizeof option, "command=%s",
           write_file(at("command"), text, strlen(text), 0755));
  expect_wiped("exec", option, status);
}

static void test_exec(void **state)
{
  (void)state;
  expect_exec("echo '" ANSWER "'", THRED_CREDENTIAL_SUCCESS);
  expect_exec("echo '" ANSWER "'; exit 1", THRED_CREDENTIAL_UNAVAIL);
  expect_exec("printf '{\"api_key\":\"s3cret-api'", THRED_CREDENTIAL_UNAVAIL);
  expect_exec("echo s3cret", THRED_CREDENTIAL_UNAVAIL);
}

static void test_keyring(void **state)
{
  (void)state;
  char name[64], option[128];
  snprintf(name, sizeof name, "thred-memory-%d", (int)getpid());
  key_serial_t key = add_key("user", name, LINES, strlen(LINES), KEY_SPEC_USER_KEYRING);
  if (key < 0) {
    print_message("skipped: no keyrings here\n");
    skip();
  }
  snprintf(option, sizeof option, "description=%s", name);
  expect_wiped("keyring", option, THRED_CREDENTIAL_SUCCESS);
  keyctl_unlink(key, KEY_SPEC_USER_KEYRING);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_file),
      cmocka_unit_test(test_systemd),
      cmocka_unit_test(test_exec),
      cmocka_unit_test(test_keyring),
  };
  return cmocka_run_group_tests_name("credential-memory", tests, set_up, fixture_tear_down);
}
