/* SPDX-License-Identifier: MIT */
/* The module vault: no secret is in memory that it, or json-c for it, gives back. */
#include "tests/unit/heap-watch.h"
#include "tests/unit/vault-fixture.h"

static const char *const secrets[] = {
    "s3cret-api",          "hvs.CAESIG",    "hvs.login-", "e1a9d8c7-\"quoted",
    "e1a9d8c7-\\\"quoted", "eyJhbGciOiJSU", NULL};

static void expect_wiped(const char *options, ThredCredentialStatus status)
{
  heap_watch_here("/vault.so", secrets);
  ThredCredentialStatus got = ask(options);
  heap_expect_clean();
  assert_int_equal(got, status);
}

static void test_is_wiped(void **state)
{
  (void)state;
  char file[PATH_SIZE];
  ask(with("kv=2")); /* loads it */
  snprintf(file, sizeof file, "%s", file_with("secret-id", VAULT_SECRET_ID "\n", 0600));
  const char *approle = with("auth=approle|role-id=" VAULT_ROLE_ID "|secret-id-file=%s", file);
  expect_wiped(with("kv=2"), OK);
  expect_wiped(with("kv=1|mount=kv1"), OK);
  expect_wiped(approle, OK);
  expect_wiped(with("auth=kubernetes|role=thred|jwt-file=%s", file_with("jwt", VAULT_JWT, 0644)),
               OK);
  expect_wiped(with("auth=token-file|token-file=%s", file_with("token", VAULT_TOKEN_OK, 0600)), OK);
  expect_wiped(with("path=no-uuid"), UNAVAIL);
  expect_wiped(with("path=number"), UNAVAIL);
  /* an answer that breaks off in the key, and one that repeats what was sent */
  static const VaultFault faults[] = {
      {VAULT_FAULT_ANSWER, "secret", 200,
       "{\"data\":{\"data\":{\"partner_uuid\":\"x\",\"api_key\":\"s3cret-api-k", NULL},
      {VAULT_FAULT_ANSWER, "secret", 200, "s3cret-api-key", NULL},
      {VAULT_FAULT_ANSWER, "secret", 400, "{\"errors\":[\"" VAULT_TOKEN_OK "\"]}", NULL}};
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
    vault_set_fault(server, &faults[i]);
    expect_wiped(with("kv=2"), UNAVAIL);
    expect_wiped(approle, UNAVAIL);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test_setup(test_is_wiped, vault_fresh)};
  return cmocka_run_group_tests_name("credential-vault-memory", tests, vault_set_up,
                                     vault_tear_down);
}
