/* SPDX-License-Identifier: MIT */
/* The module keyring, with the kernel's own keyrings. */
#include "tests/unit/credentials-fixture.h"

#include <errno.h>
#include <keyutils.h>

#define UUID   "3c90c3cc-0d44-4b50-8888-8dd25736052a"
#define SECRET "s3cret-api-key"
#define LINES  "THRED_PARTNER_UUID=" UUID "\nTHRED_API_KEY=" SECRET "\n"

static char module_dir[PATH_SIZE];
static char name[64]; /* of this run's key */

static int set_up(void **state)
{
  if (fixture_set_up(state))
    return -1;
  snprintf(module_dir, sizeof module_dir, "%s",
           module_dir_with("real", "THRED_TEST_REAL_MODULES", "keyring"));
  snprintf(name, sizeof name, "thred-test-%d", (int)getpid());
  return 0;
}

static const char *option(const char *more)
{
  static char text[256];
  snprintf(text, sizeof text, "description=%s%s", name, more);
  return text;
}

/* An ordinary user may have 200 keys, and what is let go of, the ring of each asking thread too,
 * counts until it is collected, a moment later (keyrings(7)). So a full quota is waited for. */
#define PATIENCE 500 /* times 20 ms */

static Heard ask(const char *options)
{
  Heard heard = module_ask(module_dir, "keyring", options);
  for (int i = 0; i < PATIENCE && strstr(heard.said, strerror(EDQUOT)); i++) {
    usleep(20000);
    heard = module_ask(module_dir, "keyring", options);
  }
  return heard;
}

static key_serial_t put(const char *type, const char *payload, key_serial_t ring)
{
  key_serial_t key = add_key(type, name, payload, strlen(payload), ring);
  for (int i = 0; i < PATIENCE && key < 0 && errno == EDQUOT; i++) {
    usleep(20000);
    key = add_key(type, name, payload, strlen(payload), ring);
  }
  if (key < 0 && (errno == EPERM || errno == ENOSYS)) {
    print_message("skipped: no keyrings here: %s\n", strerror(errno));
    skip();
  }
  assert_true(key > 0);
  return key;
}

static void expect(const char *options, ThredCredentialStatus status, const char *says)
{
  Heard heard = ask(options);
  expect_heard(heard, status, says);
  assert_null(strstr(heard.said, "s3cret"));
  if (status == THRED_CREDENTIAL_SUCCESS) {
    assert_string_equal(heard.credential.partner_uuid, UUID);
    assert_string_equal(heard.credential.api_key, SECRET);
  }
}

static void test_user(void **state)
{
  (void)state;
  key_serial_t key = put("user", LINES, KEY_SPEC_USER_KEYRING);
  expect(option(""), THRED_CREDENTIAL_SUCCESS, "");
  expect(option("|keyring=user-session"), THRED_CREDENTIAL_SUCCESS, ""); /* it links the other */
  expect(option("|type=big_key"), THRED_CREDENTIAL_NOTFOUND,
         "(type big_key) in the keyring 'user'");
  assert_int_equal(keyctl_update(key, "THRED_API_KEY=s3cret", 20), 0);
  expect(option(""), THRED_CREDENTIAL_UNAVAIL, "THRED_PARTNER_UUID is missing");
  assert_int_equal(keyctl_update(key, "what", 4), 0);
  expect(option(""), THRED_CREDENTIAL_UNAVAIL, "':1: no '=' in the line");
  keyctl_unlink(key, KEY_SPEC_USER_KEYRING);
  expect(option(""), THRED_CREDENTIAL_NOTFOUND, "there is no such key");
}

static void test_user_session(void **state)
{
  (void)state;
  key_serial_t key = put("user", LINES, KEY_SPEC_USER_SESSION_KEYRING);
  expect(option(""), THRED_CREDENTIAL_NOTFOUND, "there is no such key");
  expect(option("|keyring=user-session"), THRED_CREDENTIAL_SUCCESS, "");
  keyctl_unlink(key, KEY_SPEC_USER_SESSION_KEYRING);
}

static void test_unusable_keys(void **state)
{
  (void)state;
  key_serial_t key = put("user", LINES, KEY_SPEC_USER_KEYRING);
  /* Who may neither read nor search for it (keyctl_read(3)). */
  assert_int_equal(keyctl_setperm(key, KEY_POS_VIEW | KEY_POS_WRITE | KEY_POS_SETATTR), 0);
  expect(option(""), THRED_CREDENTIAL_UNAVAIL, "permissions do not let this process read it");
  keyctl_unlink(key, KEY_SPEC_USER_KEYRING);
  key = put("user", LINES, KEY_SPEC_USER_KEYRING);
  assert_int_equal(keyctl_revoke(key), 0);
  Heard heard = ask(option(""));
  assert_true(heard.status == THRED_CREDENTIAL_UNAVAIL ||
              heard.status == THRED_CREDENTIAL_NOTFOUND);
  assert_true(strstr(heard.said, "revoked") || strstr(heard.said, "no such key"));
  keyctl_unlink(key, KEY_SPEC_USER_KEYRING);
  key = put("user", LINES, KEY_SPEC_USER_KEYRING);
  assert_int_equal(keyctl_set_timeout(key, 1), 0);
  for (;;) {
    heard = ask(option(""));
    if (heard.status != THRED_CREDENTIAL_SUCCESS)
      break;
    usleep(10000);
  }
  assert_true(strstr(heard.said, "expired") || strstr(heard.said, "no such key"));
  keyctl_unlink(key, KEY_SPEC_USER_KEYRING);
}

/* Nothing of it stays in the keyrings of whoever asked. */
static void test_nothing_is_left(void **state)
{
  (void)state;
  key_serial_t key = put("user", LINES, KEY_SPEC_USER_KEYRING);
  long before = keyctl_get_keyring_ID(KEY_SPEC_THREAD_KEYRING, 0);
  expect(option(""), THRED_CREDENTIAL_SUCCESS, "");
  assert_int_equal(keyctl_get_keyring_ID(KEY_SPEC_THREAD_KEYRING, 0), before);
  keyctl_unlink(key, KEY_SPEC_USER_KEYRING);
}

/* The rings are the real user's; the token would be the effective one's. */
static void test_another_user(void **state)
{
  (void)state;
  if (getuid() != 0)
    skip();
  assert_int_equal(seteuid(65534), 0);
  Heard heard = module_ask(module_dir, "keyring", NULL);
  assert_int_equal(seteuid(0), 0);
  if (strstr(heard.said, "Permission denied")) /* the module's folder is this test's alone */
    skip();
  expect_heard(heard, THRED_CREDENTIAL_UNAVAIL, "runs as user 65534 for user 0");
}

static void test_at_secure(void **state)
{
  (void)state;
  Heard heard = module_ask_for(module_dir, "keyring", NULL, 1, 0, 30000);
  expect_heard(heard, THRED_CREDENTIAL_NOTFOUND, "AT_SECURE");
}

static void test_options(void **state)
{
  (void)state;
  static const char *const cases[][2] = {
      {NULL, "2 user;2 user;2 thred;"},
      {"description=x y|keyring=user-session|type=big_key", "2 user-session;2 big_key;2 x y;"},
      {"keyring=session", "50-test.conf:10: keyring: 'session' is none of: user, user-session"},
      {"type=logon", "type: 'logon' is none of: user, big_key"},
      {"ring=user", "has no option 'ring' (it has: description, keyring, type)"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *seen = module_identity(module_dir, "keyring", cases[i][0], 0);
    if (!strstr(seen, cases[i][1]))
      fail_msg("%zu: %s", i, seen);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_options),         cmocka_unit_test(test_at_secure),
      cmocka_unit_test(test_another_user),    cmocka_unit_test(test_user),
      cmocka_unit_test(test_user_session),    cmocka_unit_test(test_unusable_keys),
      cmocka_unit_test(test_nothing_is_left),
  };
  return cmocka_run_group_tests_name("credential-keyring", tests, set_up, fixture_tear_down);
}
