/* SPDX-License-Identifier: MIT */
/* The module vault: logins by AppRole and Kubernetes, and that no token of theirs is left alive. */
#include "tests/unit/vault-fixture.h"

#define READ   "GET /v1/secret/data/thred/api\n"
#define REVOKE "POST /v1/auth/token/revoke-self\n"

static char secret_id[PATH_SIZE], jwt[PATH_SIZE];

static int set_up(void **state)
{
  if (vault_set_up(state))
    return -1;
  snprintf(secret_id, sizeof secret_id, "%s", file_with("secret-id", VAULT_SECRET_ID "\n", 0600));
  /* as the kubelet lays it down */
  snprintf(jwt, sizeof jwt, "%s", file_with("jwt", VAULT_JWT, 0644));
  return 0;
}

static const char *approle(const char *more)
{
  return with("auth=approle|role-id=" VAULT_ROLE_ID "|secret-id-file=%s%s", secret_id, more);
}

static const char *kubernetes(const char *more)
{
  return with("auth=kubernetes|role=thred|jwt-file=%s%s", jwt, more);
}

/* Whatever happened, nothing lives on in the server. */
static void expect_leases(int logins, int revocations)
{
  VaultCounters counters = vault_counters(server);
  assert_int_equal(counters.logins, logins);
  assert_int_equal(counters.revocations, revocations);
  assert_int_equal(counters.leases, logins - revocations);
  assert_int_equal(counters.odd, 0);
}

static void test_approle(void **state)
{
  (void)state;
  unsetenv("VAULT_TOKEN");
  expect_good(approle(""));
  expect_log("POST /v1/auth/approle/login\n" READ REVOKE);
  expect_leases(1, 1);
  assert_true(asked.waits > 0);
  expect_good(approle("|auth-mount=team/approle"));
  expect_leases(2, 2);
  expect_good(approle("|namespace=team/a|path=team"));
  expect_leases(3, 3);
  expect_good(with("auth=approle|role-id=bare"));
  expect_leases(4, 4);
  /* a token of the environment has no part in it */
  setenv("VAULT_TOKEN", "hvs.gone", 1);
  expect_good(approle(""));
  if (geteuid() == 0) {
    ask_at_secure = 1;
    expect_good(approle(""));
  }
}

static void test_kubernetes(void **state)
{
  (void)state;
  expect_good(kubernetes(""));
  expect_log("POST /v1/auth/kubernetes/login\n" READ REVOKE);
  expect_leases(1, 1);
  expect_good(kubernetes("|kv=1|mount=kv1"));
  expect_leases(2, 2);
}

static void test_login_refused(void **state)
{
  (void)state;
  const char *wrong = file_with("wrong-id", "e1a9d8c7-0000-0000-0000-000000000000\n", 0600);
  expect(with("auth=approle|role-id=" VAULT_ROLE_ID "|secret-id-file=%s", wrong), UNAVAIL,
         "the login at auth/approle/login is refused (HTTP 400: invalid role or secret ID): see "
         "role-id, secret-id-file and auth-mount");
  expect(with("auth=approle|role-id=someone|secret-id-file=%s", secret_id), UNAVAIL,
         "invalid role or secret ID");
  expect(with("auth=approle|role-id=" VAULT_ROLE_ID), UNAVAIL, "(HTTP 400: missing secret_id)");
  expect(approle("|auth-mount=elsewhere"), UNAVAIL,
         "there is no auth method to log in with at auth/elsewhere/login (HTTP 404: no handler for "
         "route \"auth/elsewhere/login\". route entry not found.): see auth-mount");
  expect(with("auth=kubernetes|role=other|jwt-file=%s", jwt), UNAVAIL,
         "the login at auth/kubernetes/login is refused (HTTP 400: invalid role name \"other\"): "
         "see role, jwt-file and auth-mount");
  expect(with("auth=kubernetes|role=a \"b\" \\c|jwt-file=%s", jwt), UNAVAIL, "(HTTP 400");
  expect(with("auth=kubernetes|role=thred|jwt-file=%s", file_with("old-jwt", "eyJ.eyJ.abc", 0600)),
         UNAVAIL, "is refused (HTTP 403: permission denied)");
  expect_leases(0, 0);
}

static void test_login_files(void **state)
{
  (void)state;
  const char *options = with("auth=approle|role-id=x|secret-id-file=%s", vault_at("file"));
  expect(options, UNAVAIL, "file: No such file or directory");
  file_with("file", VAULT_SECRET_ID, 0644);
  expect(options, UNAVAIL, "is open to others");
  file_with("file", "\r\n", 0600);
  expect(options, UNAVAIL, "file: is empty");
  file_with("file", VAULT_SECRET_ID "\nx\n", 0600);
  expect(options, UNAVAIL, "file: has a control character in it, or more than one line");
  options = with("auth=kubernetes|role=thred|jwt-file=%s", vault_at("file"));
  file_with("file", VAULT_JWT, 0666);
  expect(options, UNAVAIL, "file");
  file_with("file", "", 0644);
  expect(options, UNAVAIL, "file: is empty");
  assert_int_equal(unlink(vault_at("file")), 0);
  expect(options, UNAVAIL, "file: No such file or directory");
  assert_int_equal(vault_counters(server).requests, 0);
}

/* What the login is answered with. */
static const struct {
  VaultFault fault;
  ThredCredentialStatus status;
  const char *says;
} answers[] = {
    {{VAULT_FAULT_ANSWER, "login", 429, "{\"errors\":[]}", NULL}, TRYAGAIN, "is asked too often"},
    {{VAULT_FAULT_ANSWER, "login", 503, "{\"errors\":[\"Vault is sealed\"]}", NULL},
     TRYAGAIN,
     "is sealed: it has to be unsealed"},
    {{VAULT_FAULT_ANSWER, "login", 501, "{}", NULL}, TRYAGAIN, "is not initialised"},
    {{VAULT_FAULT_ANSWER, "login", 500, "", NULL}, TRYAGAIN, "has trouble of its own (HTTP 500)"},
    {{VAULT_FAULT_ANSWER, "login", 307, "", "Location: https://127.0.0.1:1/"},
     UNAVAIL,
     "answered the login with a redirect (HTTP 307), which is not followed"},
    {{VAULT_FAULT_ANSWER, "login", 204, "", NULL}, UNAVAIL, "the login with no body (HTTP 204)"},
    {{VAULT_FAULT_ANSWER, "login", 403, "<html>", NULL}, UNAVAIL, "the login with a web page"},
    {{VAULT_FAULT_ANSWER, "login", 405, "{\"errors\":[\"no\"]}", NULL},
     UNAVAIL,
     "refuses the login (HTTP 405: no)"},
    {{VAULT_FAULT_ANSWER, "login", 200, "{\"auth\":null}", NULL},
     UNAVAIL,
     "the login with an object that has not what it should"},
    {{VAULT_FAULT_ANSWER, "login", 404, "{\"message\":\"no Route matched\"}", NULL},
     UNAVAIL,
     "the login with an object that is none of Vault's (HTTP 404): is it a Vault server?"},
    {{VAULT_FAULT_ANSWER, "login", 200, "{\"auth\":{\"client_token\":5}}", NULL},
     UNAVAIL,
     "the login with an object that has not what it should"},
    {{VAULT_FAULT_ANSWER, "login", 200, "{\"auth\":{\"client_token\":\"\"}}", NULL},
     UNAVAIL,
     "the login with an object that has not what it should"},
    {{VAULT_FAULT_ANSWER, "login", 200, "{\"auth\":{\"client_token\":\"hvs.a\\r\\nX: y\"}}", NULL},
     UNAVAIL,
     "the login with an object that has not what it should"},
    {{VAULT_FAULT_ANSWER, "login", 200,
      "{\"auth\":{\"client_token\":\"\",\"mfa_requirement\":{\"mfa_request_id\":\"d0c9\"}}}", NULL},
     UNAVAIL,
     "the login at auth/approle/login wants a second factor (MFA)"},
    {{VAULT_FAULT_DROP, "login", 0, NULL, NULL}, TRYAGAIN, "https://127.0.0.1:"},
    {{VAULT_FAULT_HUGE, "login", 0, NULL, NULL}, UNAVAIL, "with a body above the limit"},
};

static void test_login_answers(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
    vault_reset(server);
    vault_set_fault(server, &answers[i].fault);
    expect(approle(""), answers[i].status, answers[i].says);
    expect_log("POST /v1/auth/approle/login\n");
  }
}

/* The server's words may repeat what logged in. */
static void test_login_words(void **state)
{
  (void)state;
  static const char *const bodies[] = {
      "{\"errors\":[\"secret e1a9d8c7-\\\"quoted\\\\ is wrong\"]}",
      "{\"errors\":[\"role b7f3c1d0-9a52 is wrong\"]}",
      "{\"errors\":[\"a 1f0e9d8c7b7a b2f1e0d9c b\"]}",
  };
  for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
    vault_set_fault(server, &(VaultFault){VAULT_FAULT_ANSWER, "login", 400, bodies[i], NULL});
    expect(approle(""), UNAVAIL, "is refused (HTTP 400): see");
  }
  vault_set_fault(server, &(VaultFault){VAULT_FAULT_ANSWER, "login", 400,
                                        "{\"errors\":[\"bad eyJzdWIiOiJz\"]}", NULL});
  expect(kubernetes(""), UNAVAIL, "is refused (HTTP 400): see");
}

/* A login that succeeded is given back, whatever the secret came to. */
static void test_gives_back(void **state)
{
  (void)state;
  expect(with("auth=approle|role-id=weak|secret-id-file=%s", secret_id), UNAVAIL,
         "the token's policies do not let it read secret/data/thred/api (HTTP 403");
  expect_leases(1, 1);
  expect_log("POST /v1/auth/approle/login\n" READ REVOKE);
  expect(approle("|path=none"), NOTFOUND, "there is no secret at");
  expect_leases(2, 2);
  vault_set_fault(server, &(VaultFault){VAULT_FAULT_ANSWER, "secret", 500, "", NULL});
  expect(approle(""), TRYAGAIN, "has trouble of its own");
  expect_leases(3, 3);
  vault_set_fault(server, &(VaultFault){VAULT_FAULT_DROP, "secret", 0, NULL, NULL});
  expect(kubernetes(""), TRYAGAIN, "https://127.0.0.1:");
  expect_leases(4, 4);
  /* time is kept for it: an eighth */
  vault_set_fault(server, &(VaultFault){VAULT_FAULT_HANG, "secret", 0, NULL, NULL});
  ask_ms = 2000;
  int64_t before = clock_monotonic_ms();
  expect(approle(""), TRYAGAIN, "Timeout was reached");
  assert_true(clock_monotonic_ms() - before < 10000);
  expect_leases(5, 5);
}

/* That it cannot be given back does not cost the secret. */
static void test_cannot_give_back(void **state)
{
  (void)state;
  static const VaultFault faults[] = {
      {VAULT_FAULT_ANSWER, "revoke-self", 400, "{\"errors\":[\"batch tokens cannot be\"]}", NULL},
      {VAULT_FAULT_ANSWER, "revoke-self", 500, "", NULL},
      {VAULT_FAULT_DROP, "revoke-self", 0, NULL, NULL},
      {VAULT_FAULT_HUGE, "revoke-self", 0, NULL, NULL},
  };
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
    vault_reset(server);
    vault_set_fault(server, &faults[i]);
    expect_good(approle(""));
    expect_leases(1, 0);
  }
  vault_set_fault(server, &(VaultFault){VAULT_FAULT_HANG, "revoke-self", 0, NULL, NULL});
  int64_t before = clock_monotonic_ms();
  expect_good(approle(""));
  assert_true(clock_monotonic_ms() - before < 10000); /* two seconds, of twenty */
  /* .. and what was said of the secret stays */
  expect(approle("|path=none"), NOTFOUND, "there is no secret at");
}

#define T(test) cmocka_unit_test_setup(test, vault_fresh)

int main(void)
{
  const struct CMUnitTest tests[] = {
      T(test_approle),       T(test_kubernetes),  T(test_login_refused), T(test_login_files),
      T(test_login_answers), T(test_login_words), T(test_gives_back),    T(test_cannot_give_back),
  };
  return cmocka_run_group_tests_name("credential-vault-login", tests, set_up, vault_tear_down);
}
