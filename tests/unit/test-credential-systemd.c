/* SPDX-License-Identifier: MIT */
/* The modules systemd and file, as far as mounted secrets go. */
#include "tests/unit/credentials-fixture.h"

#define UUID   "3c90c3cc-0d44-4b50-8888-8dd25736052a"
#define SECRET "s3cret-api-key"
#define LINES  "THRED_PARTNER_UUID=" UUID "\nTHRED_API_KEY=" SECRET "\n"
#define REAL   "THRED_TEST_REAL_MODULES"

static char module_dir[PATH_SIZE];

static int set_up(void **state)
{
  if (fixture_set_up(state))
    return -1;
  module_dir_with("real", REAL, "file");
  snprintf(module_dir, sizeof module_dir, "%s", module_dir_with("real", REAL, "systemd"));
  mkdir(at("credentials"), 0500);
  return 0;
}

static const char *put(const char *name, const char *text, mode_t mode)
{
  chmod(at("credentials"), 0700);
  unlink(at("credentials/%s", name));
  const char *path = write_file(at("credentials/%s", name), text, strlen(text), mode);
  chmod(at("credentials"), 0500);
  return path;
}

static void expect(const char *module, const char *options, ThredCredentialStatus status,
                   const char *says)
{
  Heard heard = module_ask(module_dir, module, options);
  expect_heard(heard, status, says);
  assert_null(strstr(heard.said, "s3cret"));
  if (status == THRED_CREDENTIAL_SUCCESS) {
    assert_string_equal(heard.credential.partner_uuid, UUID);
    assert_string_equal(heard.credential.api_key, SECRET);
  }
}

/* ---- systemd ---- */

static void test_no_directory(void **state)
{
  (void)state;
  unsetenv("CREDENTIALS_DIRECTORY");
  expect("systemd", NULL, THRED_CREDENTIAL_NOTFOUND, "CREDENTIALS_DIRECTORY is not set");
  setenv("CREDENTIALS_DIRECTORY", "", 1);
  expect("systemd", NULL, THRED_CREDENTIAL_NOTFOUND, "CREDENTIALS_DIRECTORY is not set");
  setenv("CREDENTIALS_DIRECTORY", "relative", 1);
  expect("systemd", NULL, THRED_CREDENTIAL_UNAVAIL, "'relative' is not absolute");
  setenv("CREDENTIALS_DIRECTORY", at("nowhere"), 1);
  expect("systemd", NULL, THRED_CREDENTIAL_NOTFOUND, "nowhere/thred: No such file");
}

static void test_systemd(void **state)
{
  (void)state;
  setenv("CREDENTIALS_DIRECTORY", at("credentials"), 1);
  put("thred", LINES, 0400);
  expect("systemd", NULL, THRED_CREDENTIAL_SUCCESS, "");
  expect("systemd", "name=other", THRED_CREDENTIAL_NOTFOUND, "credentials/other: No such file");
  put("other", LINES, 0400);
  expect("systemd", "name=other", THRED_CREDENTIAL_SUCCESS, "");
  put("thred", "THRED_API_KEY=s3cret\n", 0400);
  expect("systemd", NULL, THRED_CREDENTIAL_UNAVAIL, "thred: THRED_PARTNER_UUID is missing");
  put("thred", LINES "what\n", 0400);
  expect("systemd", NULL, THRED_CREDENTIAL_UNAVAIL, "thred:3: no '=' in the line");
  put("thred", LINES, 0444);
  expect("systemd", NULL, THRED_CREDENTIAL_UNAVAIL, "is open to others");
  Heard heard = module_ask_for(module_dir, "systemd", NULL, 1, 0, 30000);
  expect_heard(heard, THRED_CREDENTIAL_NOTFOUND, "AT_SECURE");
}

static void test_systemd_two(void **state)
{
  (void)state;
  setenv("CREDENTIALS_DIRECTORY", at("credentials"), 1);
  put("uuid", UUID, 0400);
  put("key", SECRET "\n", 0400);
  expect("systemd", "uuid-name=uuid|key-name=key", THRED_CREDENTIAL_SUCCESS, "");
  expect("systemd", "uuid-name=uuid|key-name=none", THRED_CREDENTIAL_NOTFOUND, "none: No such");
  put("key", "", 0400);
  expect("systemd", "uuid-name=uuid|key-name=key", THRED_CREDENTIAL_UNAVAIL,
         "the API key is empty");
}

static void test_systemd_options(void **state)
{
  (void)state;
  static const char *const cases[][2] = {
      {NULL, "3 CREDENTIALS_DIRECTORY/thred;"},
      {"name=x", "3 CREDENTIALS_DIRECTORY/x;"},
      {"uuid-name=u|key-name=k", "3 CREDENTIALS_DIRECTORY/u;3 CREDENTIALS_DIRECTORY/k;"},
      {"name=../x", "50-test.conf:10: the module systemd: the name of a credential has no '/'"},
      {"name=.x", "the name of a credential"},
      {"name=a:b", "the name of a credential"},
      {"uuid-name=u", "uuid-name and key-name go together"},
      {"name=x|uuid-name=u|key-name=k", "it is either name, or uuid-name and key-name"},
      {"nam=x", "has no option 'nam' (it has: name, uuid-name, key-name)"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *seen = module_identity(module_dir, "systemd", cases[i][0], 0);
    if (!strstr(seen, cases[i][1]))
      fail_msg("%zu: %s", i, seen);
  }
  assert_string_equal(module_identity(module_dir, "systemd", NULL, 1), "");
}

/* ---- what Kubernetes mounts ---- */

/* A folder of links through ..data, which is turned to another folder when the Secret changes. */
static void test_kubernetes(void **state)
{
  (void)state;
  char options[3 * PATH_SIZE];
  mkdir(at("pod"), 0755);
  mkdir(at("pod/..1"), 0755);
  mkdir(at("pod/..2"), 0755);
  write_file(at("pod/..1/uuid"), UUID, strlen(UUID), 0400);
  write_file(at("pod/..1/key"), SECRET, strlen(SECRET), 0400);
  write_file(at("pod/..2/uuid"), UUID "\r\n", strlen(UUID) + 2, 0400);
  write_file(at("pod/..2/key"), "the next", strlen("the next"), 0400);
  assert_int_equal(symlink("..1", at("pod/..data")), 0);
  assert_int_equal(symlink("..data/uuid", at("pod/uuid")), 0);
  assert_int_equal(symlink("..data/key", at("pod/key")), 0);
  snprintf(options, sizeof options, "uuid-path=%s|key-path=%s", at("pod/uuid"), at("pod/key"));
  expect("file", options, THRED_CREDENTIAL_SUCCESS, "");
  assert_int_equal(symlink("..2", at("pod/..new")), 0);
  assert_int_equal(rename(at("pod/..new"), at("pod/..data")), 0);
  Heard heard = module_ask(module_dir, "file", options);
  expect_heard(heard, THRED_CREDENTIAL_SUCCESS, "");
  assert_string_equal(heard.credential.api_key, "the next");
  assert_string_equal(heard.credential.partner_uuid, UUID);
  /* defaultMode: 0440 with fsGroup, and the default 0644. */
  if (geteuid() == 0) {
    chmod(at("pod/..2/key"), 0440);
    heard = module_ask(module_dir, "file", options);
    expect_heard(heard, THRED_CREDENTIAL_SUCCESS, "");
  }
  chmod(at("pod/..2/key"), 0644);
  heard = module_ask(module_dir, "file", options);
  expect_heard(heard, THRED_CREDENTIAL_UNAVAIL, "key: refused: it is open to others");
}

static void test_file_options(void **state)
{
  (void)state;
  static const char *const cases[][2] = {
      {"uuid-path=/a|key-path=/b", "1 /a;1 /b;"},
      {"uuid-path=/a", "50-test.conf:10: the module file: uuid-path and key-path go together"},
      {"key-path=/a", "uuid-path and key-path go together"},
      {"path=/c|uuid-path=/a|key-path=/b", "it is either path, or uuid-path and key-path"},
      {"uuid-path=/a|key-path=b", "50-test.conf:11: key-path: 'b' is not absolute"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *seen = module_identity(module_dir, "file", cases[i][0], 0);
    if (!strstr(seen, cases[i][1]))
      fail_msg("%zu: %s", i, seen);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_no_directory), cmocka_unit_test(test_systemd),
      cmocka_unit_test(test_systemd_two),  cmocka_unit_test(test_systemd_options),
      cmocka_unit_test(test_kubernetes),   cmocka_unit_test(test_file_options),
  };
  return cmocka_run_group_tests_name("credential-systemd", tests, set_up, fixture_tear_down);
}
