/* SPDX-License-Identifier: MIT */
/* The module vault: the secret, and every way in which it cannot be had. */
#include "lib/clock.h"
#include "lib/fetch/http.h"
#include "tests/unit/vault-fixture.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

#define LOOK_UP "GET /v1/auth/token/lookup-self\n"

/* ---- what is read ---- */

static void test_reads(void **state)
{
  (void)state;
  expect_good(with("kv=2"));
  expect_log("GET /v1/secret/data/thred/api\n" LOOK_UP);
  assert_true(asked.waits > 0);
  vault_reset(server);
  expect_good(with("kv=1|mount=kv1"));
  expect_log("GET /v1/kv1/thred/api\n" LOOK_UP);
  expect_good(with("path=other-names|uuid-field=id|key-field=secret"));
  expect_good(with("path=team|namespace="
                   "team/a|auth=token-file|token-file=%s",
                   file_with("team", VAULT_TEAM_TOKEN "\n", 0600)));
}

/* The stack hands it over. */
static void test_through_the_stack(void **state)
{
  (void)state;
  Stack s;
  Credential credential;
  Error error;
  stack_init(&s);
  stack_add(&s, "store", "vault", with("kv=2"));
  assert_int_equal(stack_get(&s, vault_module_dir, SOON, &credential, &error), THRED_OK);
  assert_string_equal(credential.partner_uuid, VAULT_UUID);
  assert_string_equal(credential.api_key, VAULT_KEY);
  stack_init(&s);
  stack_add(&s, "store", "vault", with("path=none"));
  assert_int_equal(stack_get(&s, vault_module_dir, SOON, &credential, &error), THRED_E_CREDENTIALS);
  assert_says(error, "store: https://127.0.0.1:");
  assert_says(error, "there is no secret at secret/data/none (HTTP 404)");
  stack_init(&s);
  stack_add(&s, "store", "vault", with("path=colon"));
  assert_int_equal(stack_get(&s, vault_module_dir, SOON, &credential, &error), THRED_E_CREDENTIALS);
  assert_says(error, "the partner UUID has a colon in it");
}

static void test_is_encoded(void **state)
{
  (void)state;
  expect_good(with("mount=a b/\xc3\xbc|path=with blank/\xc3\xa4+&="));
  expect_log("GET /v1/a%20b/%c3%bc/data/with%20blank/%c3%a4%2b%26%3d\n" LOOK_UP);
}

static void test_address(void **state)
{
  (void)state;
  char prefixed[128];
  unsigned port = vault_port(server), plain = vault_http_port(server);
  snprintf(prefixed, sizeof prefixed, "GET /gate/way/v1/secret/data/thred/api\n");
  expect(with("address=https://127.0.0.1:%u/gate/way/", port), NOTFOUND, "there is no secret at");
  char *log = vault_log(server);
  assert_int_equal(strncmp(log, prefixed, strlen(prefixed)), 0);
  free(log);
  expect_good(with("address=https://127.0.0.1:%u/", port));
  expect_good(with("address=http://127.0.0.1:%u", plain));
}

static void test_environment(void **state)
{
  (void)state;
  char options[2 * PATH_SIZE], text[64];
  snprintf(options, sizeof options, "path=thred/api|ca-file=%s", vault_at("ca.pem"));
  expect(options, UNAVAIL, "no address: neither the option address is set nor VAULT_ADDR");
  setenv("VAULT_ADDR", "", 1);
  expect(options, UNAVAIL, "no address");
  snprintf(text, sizeof text, "https://127.0.0.1:%u", vault_port(server));
  setenv("VAULT_ADDR", text, 1);
  expect_good(options);
  setenv("VAULT_NAMESPACE", "team/a/", 1);
  setenv("VAULT_TOKEN", VAULT_TEAM_TOKEN, 1);
  expect_good(options);
  setenv("VAULT_NAMESPACE", "team/../a", 1);
  expect(options, UNAVAIL, "VAULT_NAMESPACE has a segment . or .. in it");
  setenv("VAULT_NAMESPACE", "team\r\nX-Vault-Token: x", 1);
  expect(options, UNAVAIL, "VAULT_NAMESPACE has a control character in it");
  setenv("VAULT_NAMESPACE", "  ", 1);
  expect(options, UNAVAIL, "VAULT_NAMESPACE begins or ends with a blank");
  setenv("VAULT_NAMESPACE", "team/a ", 1);
  expect(options, UNAVAIL, "VAULT_NAMESPACE begins or ends with a blank");
  unsetenv("VAULT_NAMESPACE");
  setenv("VAULT_ADDR", "http://vault.example:8200", 1);
  expect(options, UNAVAIL, "VAULT_ADDR is http, which is for a loopback address");
}

static void test_at_secure(void **state)
{
  (void)state;
  char text[64];
  snprintf(text, sizeof text, "https://127.0.0.1:%u", vault_port(server));
  setenv("VAULT_ADDR", text, 1);
  ask_at_secure = 1;
  expect("path=thred/api", UNAVAIL,
         "no address: neither the option address is set nor VAULT_ADDR "
         "counts (AT_SECURE)");
  expect(with("kv=2"), UNAVAIL, "VAULT_TOKEN does not count in a program with AT_SECURE");
  setenv("VAULT_NAMESPACE", "team/a", 1);
  setenv("https_proxy", "http://127.0.0.1:1", 1);
  if (geteuid() == 0)
    expect_good(with("auth=token-file|token-file=%s", file_with("own", VAULT_TOKEN_OK, 0600)));
  unsetenv("https_proxy");
}

/* ---- tokens ---- */

static void test_token_places(void **state)
{
  (void)state;
  unsetenv("VAULT_TOKEN");
  expect(with("auth=token"), UNAVAIL, "VAULT_TOKEN is not set");
  setenv("VAULT_TOKEN", "", 1);
  expect(with("auth=token"), UNAVAIL, "VAULT_TOKEN is not set");
  setenv("VAULT_TOKEN", "hvs.a\r\nX-Other: b", 1);
  expect(with("auth=token"), UNAVAIL, "VAULT_TOKEN has a byte in it that no token has");
  assert_int_equal(vault_counters(server).requests, 0);

  const char *file = with("auth=token-file|token-file=%s", vault_at("token"));
  expect(file, UNAVAIL, "token: No such file or directory");
  file_with("token", VAULT_TOKEN_OK "\n", 0644);
  expect(file, UNAVAIL, "is open to others");
  file_with("token", " \n", 0600);
  expect(file, UNAVAIL, "token: the token is empty");
  file_with("token", VAULT_TOKEN_OK "\n" VAULT_OTHER_TOKEN "\n", 0600);
  expect(file, UNAVAIL, "token: the token has a byte in it that no token has");
  char *large = malloc(16 * 1024 + 1);
  memset(large, 'a', 16 * 1024);
  large[16 * 1024] = 0;
  file_with("token", large, 0600);
  expect(file, UNAVAIL, "token: the token is longer than 16 KiB");
  free(large);
  assert_int_equal(vault_counters(server).requests, 0);
  file_with("token", VAULT_TOKEN_OK "\r\n", 0400);
  expect_good(file);
}

static void test_renewal(void **state)
{
  (void)state;
  static const struct {
    int ttl, creation_ttl;
    bool renewable;
    int renewals;
  } cases[] = {{7200, 7200, true, 0},   {3601, 7200, true, 0}, {3600, 7200, true, 0},
               {3599, 7200, true, 1},   {1, 7200, true, 1},    {10, 7200, false, 0},
               {0, 0, false, 0},        {0, 0, true, 0},       {100, 60, true, 0},
               {2147483647, 0, true, 0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    vault_reset(server);
    vault_set_life(server, cases[i].ttl, cases[i].creation_ttl, 7200, cases[i].renewable);
    expect_good(with("kv=2"));
    VaultCounters counters = vault_counters(server);
    if (counters.renewals != cases[i].renewals)
      fail_msg("case %zu: %d renewals", i, counters.renewals);
    assert_int_equal(counters.look_ups, 1);
    expect_log(cases[i].renewals ? "GET /v1/secret/data/thred/api\n" LOOK_UP
                                   "POST /v1/auth/token/renew-self\n"
                                 : "GET /v1/secret/data/thred/api\n" LOOK_UP);
  }
  /* the next get finds it renewed */
  vault_reset(server);
  vault_set_life(server, 100, 7200, 7200, true);
  expect_good(with("kv=2"));
  expect_good(with("kv=2"));
  assert_int_equal(vault_counters(server).renewals, 1);
}

/* What goes wrong with the token's life is no reason to go without the secret. */
static void test_renewal_fails(void **state)
{
  (void)state;
  static const VaultFault faults[] = {
      {VAULT_FAULT_ANSWER, "renew-self", 403, "{\"errors\":[\"permission denied\"]}", NULL},
      {VAULT_FAULT_ANSWER, "renew-self", 500, "", NULL},
      {VAULT_FAULT_ANSWER, "renew-self", 200, "{\"auth\":{\"lease_duration\":\"x\"}}", NULL},
      {VAULT_FAULT_ANSWER, "renew-self", 200, "{\"auth\":[]}", NULL},
      {VAULT_FAULT_DROP, "renew-self", 0, NULL, NULL},
      {VAULT_FAULT_HUGE, "renew-self", 0, NULL, NULL},
      {VAULT_FAULT_ANSWER, "lookup-self", 403, "{\"errors\":[]}", NULL},
      {VAULT_FAULT_ANSWER, "lookup-self", 200, "<html>", NULL},
      {VAULT_FAULT_ANSWER, "lookup-self", 200, "{\"data\":{\"ttl\":-1,\"creation_ttl\":5}}", NULL},
      {VAULT_FAULT_ANSWER, "lookup-self", 200, "{\"data\":{\"ttl\":1.5}}", NULL},
      {VAULT_FAULT_DROP, "lookup-self", 0, NULL, NULL}};
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
    vault_reset(server);
    vault_set_life(server, 100, 7200, 7200, true);
    vault_set_fault(server, &faults[i]);
    expect_good(with("kv=2"));
  }
  vault_reset(server);
  vault_set_fault(server, &(VaultFault){VAULT_FAULT_HANG, "lookup-self", 0, NULL, NULL});
  int64_t before = clock_monotonic_ms();
  expect_good(with("kv=2"));
  assert_true(clock_monotonic_ms() - before < 10000); /* two seconds, of twenty */
  ask_ms = 1000;
  expect_good(with("kv=2"));
}

static void test_life_is_told(void **state)
{
  (void)state;
  const char *none = with("path=none");
  vault_set_life(server, 7200, 7200, 7200, true);
  expect(none, NOTFOUND, "there is no secret at secret/data/none");
  assert_null(strstr(asked.said, "expires"));
  vault_set_life(server, 60, 7200, 7200, false);
  expect(none, NOTFOUND, "; the token expires in 60 s and cannot be renewed");
  vault_set_life(server, 60, 7200, 7200, true); /* it is renewed, and that is that */
  expect(none, NOTFOUND, "there is no secret at secret/data/none");
  assert_null(strstr(asked.said, "expires"));
  vault_set_life(server, 60, 7200, 900, true); /* .. as far as its maximum goes */
  expect(none, NOTFOUND, "; the token expires in 900 s");
  assert_null(strstr(asked.said, "renewed"));
  vault_set_life(server, 60, 7200, 7200, true);
  vault_set_fault(server, &(VaultFault){VAULT_FAULT_ANSWER, "renew-self", 500, "{}", NULL});
  expect(none, NOTFOUND, "; the token expires in 60 s and was not renewed");
  /* with the secret there, it is for the log */
  expect_good(with("kv=2"));
  assert_non_null(strstr(asked.note, "; the token expires in 60 s and was not renewed"));
  vault_reset(server);
  expect_good(with("kv=2"));
  assert_string_equal(asked.note, "");
}

#define E(text) "{\"errors\":[\"" text "\"]}\n"

static void test_403(void **state)
{
  (void)state;
  setenv("VAULT_TOKEN", VAULT_OTHER_TOKEN, 1);
  expect(with("kv=2"), UNAVAIL,
         "the token's policies do not let it read secret/data/thred/api (HTTP 403: 1 error "
         "occurred: * permission denied)");
  expect_log("GET /v1/secret/data/thred/api\n" LOOK_UP);
  /* lookup-self answers this one, so it has neither expired nor been revoked */
  assert_null(strstr(asked.said, "expired"));
  setenv("VAULT_TOKEN", "hvs.gone-and-forgotten", 1);
  expect(with("kv=2"), UNAVAIL,
         "the token is not accepted, neither for the secret nor for lookup-self (HTTP 403): it "
         "expired or was revoked (put a new one in its place)");
  /* a token of another namespace is none in this one */
  setenv("VAULT_TOKEN", VAULT_TOKEN_OK, 1);
  expect(with("namespace=team/a"), UNAVAIL, "the token is not accepted");
  /* a valid one without the policy default may not look at itself */
  setenv("VAULT_TOKEN", VAULT_OTHER_TOKEN, 1);
  vault_set_fault(
      server, &(VaultFault){VAULT_FAULT_ANSWER, "lookup-self", 403, E("permission denied"), NULL});
  expect(with("kv=2"), UNAVAIL,
         "or its policies allow neither (one has to allow \"read\" on the secret)");
}

/* If the look-up says nothing, the first answer stands. */
static void test_403_not_looked_up(void **state)
{
  (void)state;
  static const struct {
    unsigned status;
    const char *body;
  } answers[] = {{500, "{}"},
                 {403, "<html>Forbidden</html>"},
                 {403, "{\"message\":\"Forbidden\"}"},
                 {403, "{\"errors\":[{\"code\":403}]}"},
                 {403, ""},
                 {404, E("no")}};
  setenv("VAULT_TOKEN", "hvs.gone-and-forgotten", 1);
  for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
    vault_set_fault(server, &(VaultFault){VAULT_FAULT_ANSWER, "lookup-self", answers[i].status,
                                          answers[i].body, NULL});
    expect(with("kv=2"), UNAVAIL, "the token's policies do not let it read");
    expect(with("kv=2"), UNAVAIL,
           "; or the token expired or was revoked: lookup-self did not tell");
  }
}

/* What is in front of the server, and not Vault, is not sent the token a second time. */
static void test_not_vaults(void **state)
{
  (void)state;
  static const unsigned statuses[] = {200, 400, 403, 404, 405};
  static const struct {
    const char *body, *what;
  } bodies[] = {{"<html>", "a web page"},
                {"404 page not found", "something that is no JSON object"},
                {"{}", "an object that is none of Vault's"},
                {"{\"message\":\"no Route matched\"}", "an object that is none of Vault's"},
                {"{\"errors\":\"no\"}", "an object that is none of Vault's"},
                {"{\"errors\":[{\"status\":\"404\"}]}", "an object that is none of Vault's"},
                {"{\"data\":null,\"errors\":[{}]}", "an object that is none of Vault's"},
                {"{\"data\":\"x\"}", "an object that is none of Vault's"}};
  char says[128];
  for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
    for (size_t k = 0; k < sizeof bodies / sizeof *bodies; k++) {
      vault_reset(server);
      vault_set_fault(
          server, &(VaultFault){VAULT_FAULT_ANSWER, "secret", statuses[i], bodies[k].body, NULL});
      snprintf(says, sizeof says, "with %s (HTTP %u): is it a Vault server?", bodies[k].what,
               statuses[i]);
      expect(with("kv=2"), UNAVAIL, says);
      expect_log("GET /v1/secret/data/thred/api\n");
    }
}

/* ---- a server that has no such secret ---- */

static void test_404(void **state)
{
  (void)state;
  expect(with("path=none"), NOTFOUND,
         "there is no secret at secret/data/none (HTTP 404), or the mount is of KV version 1");
  expect(with("path=deleted"), NOTFOUND,
         "the current version of the secret at secret/data/deleted was deleted: undelete it");
  expect(with("path=destroyed"), NOTFOUND, "secret/data/destroyed was destroyed: write a new one");
  expect(with("kv=1"), NOTFOUND,
         "the mount of secret/thred/api is of KV version 2 (HTTP 404): say kv = 2");
  expect(with("mount=kv1"), NOTFOUND, "or the mount is of KV version 1 (kv = 1)");
  expect(with("kv=1|mount=kv1|path=none"), NOTFOUND, "there is no secret at kv1/none (HTTP 404)");
  assert_null(strstr(asked.said, "KV version"));
  setenv("VAULT_TOKEN", VAULT_ROOT_TOKEN, 1);
  expect(with("mount=nowhere"), NOTFOUND,
         "nothing is mounted where nowhere/data/thred/api would be (HTTP 404): see mount");
}

static void test_fields(void **state)
{
  (void)state;
  expect(with("path=no-uuid"), UNAVAIL,
         "the secret at secret/data/no-uuid has no field 'partner_uuid'");
  expect(with("path=no-key"), UNAVAIL, "has no field 'api_key'");
  expect(with("key-field=other"), UNAVAIL, "has no field 'other'");
  expect(with("path=number"), UNAVAIL, "has a field 'api_key' that is no text");
  expect(with("path=null"), UNAVAIL, "has a field 'partner_uuid' that is no text");
  expect(with("path=empty"), UNAVAIL, "not usable");
  expect(with("path=colon"), UNAVAIL, "not usable");
  expect(with("path=nul"), UNAVAIL, "not usable");
}

/* ---- a server in trouble ---- */

static const struct {
  VaultFault fault;
  ThredCredentialStatus status;
  const char *says;
  bool vaults; /* it is Vault that answers, and not in trouble */
} answers[] = {
    {{VAULT_FAULT_ANSWER, "secret", 400, E("bad path"), NULL},
     UNAVAIL,
     "refuses secret/data/thred/api (HTTP 400: bad path)",
     true},
    {{VAULT_FAULT_ANSWER, "secret", 405, E("unsupported operation"), NULL},
     UNAVAIL,
     "refuses secret/data/thred/api (HTTP 405: uns"},
    {{VAULT_FAULT_ANSWER, "secret", 412, E("required index state not present"), NULL},
     TRYAGAIN,
     "is not up to date yet (HTTP 412: req"},
    {{VAULT_FAULT_ANSWER, "secret", 429, E("rate limit quota exceeded"), NULL},
     TRYAGAIN,
     "is asked too often (HTTP 429: rate limit quota exceeded)"},
    {{VAULT_FAULT_ANSWER, "secret", 429, "{}", NULL},
     TRYAGAIN,
     "is asked too often, or is a standby that does not answer (HTTP 429)"},
    {{VAULT_FAULT_ANSWER, "secret", 472, "{}", NULL},
     TRYAGAIN,
     "is a standby that does not answer (HTTP 472)"},
    {{VAULT_FAULT_ANSWER, "secret", 473, "{}", NULL},
     TRYAGAIN,
     "is a standby that does not answer (HTTP 473)"},
    {{VAULT_FAULT_ANSWER, "secret", 474, "{}", NULL},
     TRYAGAIN,
     "is a standby that does not answer (HTTP 474)"},
    {{VAULT_FAULT_ANSWER, "secret", 500, E("internal error"), NULL},
     TRYAGAIN,
     "has trouble of its own (HTTP 500: internal error)"},
    {{VAULT_FAULT_ANSWER, "secret", 500, "", NULL}, TRYAGAIN, "has trouble of its own (HTTP 500)"},
    {{VAULT_FAULT_ANSWER, "secret", 501, E("not initialized"), NULL},
     TRYAGAIN,
     "is not initialised: run `vault operator init` (HTTP 501"},
    {{VAULT_FAULT_ANSWER, "secret", 502, "<html>", NULL},
     TRYAGAIN,
     "has trouble of its own (HTTP 502)"},
    {{VAULT_FAULT_ANSWER, "secret", 503, E("Vault is sealed"), NULL},
     TRYAGAIN,
     "is sealed: it has to be unsealed (HTTP 503: Vault is sealed)"},
    {{VAULT_FAULT_ANSWER, "secret", 503, "<html>", NULL},
     TRYAGAIN,
     "is down for maintenance, or sealed (HTTP 503)"},
    {{VAULT_FAULT_ANSWER, "secret", 307, "", "Location: http://127.0.0.1:1/v1/secret"},
     UNAVAIL,
     "with a redirect (HTTP 307), which is not followed"},
    {{VAULT_FAULT_ANSWER, "secret", 301, "{}", "Location: /v1/kv1/thred/api"},
     UNAVAIL,
     "with a redirect (HTTP 301)"},
    {{VAULT_FAULT_ANSWER, "secret", 204, "", NULL},
     UNAVAIL,
     "answered secret/data/thred/api with no body (HTTP 204): is it a Vault server?"},
    {{VAULT_FAULT_ANSWER, "secret", 200, "", NULL}, UNAVAIL, "with no body (HTTP 200)"},
    {{VAULT_FAULT_ANSWER, "secret", 200, "<!DOCTYPE html>", NULL},
     UNAVAIL,
     "with a web page (HTTP 200): is it a Vault server?"},
    {{VAULT_FAULT_ANSWER, "secret", 200, "{\"data\":{\"data\":{\"api_key\":\"s3cret", NULL},
     UNAVAIL,
     "with something that is no JSON object (HTTP 200)"},
    {{VAULT_FAULT_ANSWER, "secret", 200, "[{\"data\":1}]", NULL},
     UNAVAIL,
     "with something that is no JSON object"},
    {{VAULT_FAULT_ANSWER, "secret", 200,
      "{\"data\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", NULL},
     UNAVAIL,
     "with something that is no JSON object"},
    {{VAULT_FAULT_ANSWER, "secret", 200, "{} {}", NULL},
     UNAVAIL,
     "with something that is no JSON object"},
    {{VAULT_FAULT_ANSWER, "secret", 200, "{\"data\":[]}", NULL},
     UNAVAIL,
     "with an object that is none of Vault's (HTTP 200)"},
    {{VAULT_FAULT_ANSWER, "secret", 200, "{\"data\":{\"data\":\"x\"}}", NULL},
     UNAVAIL,
     "with an object that has not what it should",
     true},
    {{VAULT_FAULT_ANSWER, "secret", 200, "{\"data\":null}", NULL},
     UNAVAIL,
     "with an object that has not what it should",
     true},
    {{VAULT_FAULT_ANSWER, "secret", 200, "{}", "Content-Encoding: gzip"},
     UNAVAIL,
     "with a Content-Encoding that was not asked for"},
    {{VAULT_FAULT_DROP, "secret", 0, NULL, NULL}, TRYAGAIN, "https://127.0.0.1:"},
    {{VAULT_FAULT_HUGE, "secret", 0, NULL, NULL},
     UNAVAIL,
     "with a body above the limit (body: 64 KiB"},
};

static void test_answers(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
    vault_reset(server);
    vault_set_fault(server, &answers[i].fault);
    expect(with("kv=2"), answers[i].status, answers[i].says);
    /* the secret is asked for once; then a server that is one may be asked about the token */
    assert_int_equal(vault_counters(server).requests, answers[i].vaults ? 2 : 1);
  }
}

/* Cut off anywhere, a good answer is none. */
static void test_cut_off(void **state)
{
  (void)state;
  static const char whole[] = "{\"data\":{\"data\":{\"partner_uuid\":\"" VAULT_UUID
                              "\",\"api_key\":\"" VAULT_KEY "\"},\"metadata\":{}}}";
  char cut[sizeof whole];
  for (size_t length = 1; length < sizeof whole - 1; length += 5) {
    memcpy(cut, whole, length);
    cut[length] = 0;
    vault_set_fault(server, &(VaultFault){VAULT_FAULT_ANSWER, "secret", 200, cut, NULL});
    expect(with("kv=2"), UNAVAIL, "with something that is no JSON object (HTTP 200)");
  }
  vault_set_fault(server, &(VaultFault){VAULT_FAULT_ANSWER, "secret", 200, whole, NULL});
  expect_good(with("kv=2"));
}

/* The server's own words are quoted only if they are fit for it. */
static void test_words(void **state)
{
  (void)state;
  static const struct {
    const char *body, *says;
  } cases[] = {
      {E("no way"), "(HTTP 400: no way)"},
      {E("  two\\n\\t* of  them\\n\\n"), "(HTTP 400: two * of them)"},
      {"{\"errors\":[\"first\",\"second\"]}", "(HTTP 400: first)"},
      {E("token " VAULT_TOKEN_OK " is bad"), "(HTTP 400)"},
      {E("token CAESIG9w is bad"), "(HTTP 400)"},
      {E("caf\xc3\xa9"), "(HTTP 400)"},
      {E("esc\\u001b[2J"), "(HTTP 400)"},
      {E("nul\\u0000nul"), "(HTTP 400)"},
      {E("          "), "(HTTP 400)"},
      {E("0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"
         "8901234567890"),
       "(HTTP 400)"},
      {"{\"errors\":[]}", "(HTTP 400)"},
      {"{\"errors\":[1]}", "(HTTP 400)"},
      {"{\"errors\":\"x\"}", "(HTTP 400)"},
      {"{\"errors\":{\"a\":\"b\"}}", "(HTTP 400)"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    vault_set_fault(server, &(VaultFault){VAULT_FAULT_ANSWER, "secret", 400, cases[i].body, NULL});
    expect(with("kv=2"), UNAVAIL, cases[i].says);
  }
}

/* ---- no server ---- */

/* A port of this machine that nobody listens on: bound, so that nobody else takes it. */
static int closed_port(unsigned *port)
{
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t size = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
  assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
  *port = ntohs(address.sin_port);
  return fd;
}

static void test_no_server(void **state)
{
  (void)state;
  unsigned port;
  int fd = closed_port(&port);
  expect(with("address=https://127.0.0.1:%u", port), TRYAGAIN, "Couldn't connect to server");
  /* a name that nobody has to be asked for: its label is too long */
  expect(with("address=https://%064d.invalid:%u", 0, port), TRYAGAIN, "resolve host");
  close(fd);
  vault_set_fault(server, &(VaultFault){VAULT_FAULT_HANG, "secret", 0, NULL, NULL});
  ask_ms = 400;
  int64_t before = clock_monotonic_ms();
  expect(with("kv=2"), TRYAGAIN, "Timeout was reached");
  assert_true(clock_monotonic_ms() - before < 5000);
  ask_ms = 0;
  expect(with("kv=2"), TRYAGAIN, "was not asked: the time allowed ran out");
}

/* Takes one connection, and ends it when the first bytes of the handshake are there. */
typedef struct {
  int fd;
  bool reset;
} Cutter;

static void *cut_one(void *data)
{
  const Cutter *cutter = data;
  char hello[64];
  const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
  int fd = accept4(cutter->fd, NULL, NULL, SOCK_CLOEXEC);
  bool begun = fd >= 0 && recv(fd, hello, sizeof hello, 0) > 0;
  if (begun && cutter->reset)
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  else if (begun) /* what is not read would make a reset of it, too */
    for (shutdown(fd, SHUT_WR); recv(fd, hello, sizeof hello, 0) > 0;)
      continue;
  close(fd);
  return NULL;
}

/* It says nothing of a certificate: a server that restarts does it, or a balancer without one. */
static void test_handshake_cut_off(void **state)
{
  (void)state;
  for (int reset = 0; reset < 2; reset++) {
    unsigned port;
    pthread_t thread;
    Cutter cutter = {.fd = closed_port(&port), .reset = reset};
    assert_int_equal(listen(cutter.fd, 1), 0);
    assert_int_equal(pthread_create(&thread, NULL, cut_one, &cutter), 0);
    expect(with("address=https://127.0.0.1:%u", port), TRYAGAIN,
           "(TLS: the handshake did not come to an end; is TLS spoken there?)");
    assert_int_equal(pthread_join(thread, NULL), 0);
    close(cutter.fd);
  }
}

static void test_tls(void **state)
{
  (void)state;
  unsigned port = vault_port(server), plain = vault_http_port(server);
  char options[256];
  snprintf(options, sizeof options, "address=https://127.0.0.1:%u|path=thred/api", port);
  expect(options, UNAVAIL, "(TLS: does ca-file, or the system's CAs, vouch for this name?)");
  /* the certificate is 127.0.0.1's */
  expect(with("address=https://localhost:%u", port), UNAVAIL, "(TLS: does ca-file");
  expect(with("address=https://127.0.0.1:%u", plain), TRYAGAIN, "; is TLS spoken there?)");
  expect(with("ca-file=%s", vault_at("no-ca.pem")), UNAVAIL,
         "no-ca.pem: No such file or directory");
  expect(with("ca-file=%s", file_with("open.pem", "x", 0666)), UNAVAIL, "ca-file: ");
  expect(with("ca-file=%s", file_with("bad.pem", "x", 0600)), UNAVAIL, "(TLS: does ca-file");
  assert_int_equal(vault_counters(server).requests, 0);
  /* TLS where plain HTTP is spoken to it */
  ask(with("address=http://127.0.0.1:%u", port));
  assert_true(asked.status != OK);
  assert_int_equal(vault_counters(server).requests, 0);
}

/* At the first wait the connection is being made, and nobody has looked at a certificate yet. */
static void exchange(void *data, bool begins)
{
  const char *const *paths = data;
  if (begins)
    rename(paths[0], paths[1]); /* the first time; then it is gone */
}

/* What was judged is what vouches, and not what has its name a moment later. */
static void test_ca_file_exchanged(void **state)
{
  (void)state;
  char text[8192], url[64], judged[PATH_SIZE], others[PATH_SIZE];
  FILE *file = fopen(vault_at("ca.pem"), "r");
  assert_non_null(file);
  text[fread(text, 1, sizeof text - 1, file)] = 0;
  fclose(file);
  snprintf(judged, sizeof judged, "%s", file_with("judged.pem", text, 0600));
  snprintf(others, sizeof others, "%s", file_with("others.pem", "x", 0600));
  const char *paths[] = {others, judged};
  snprintf(url, sizeof url, "https://127.0.0.1:%u/v1/sys/health", vault_port(server));
  const HttpRequest request = {.what = "the request",
                               .host = "127.0.0.1",
                               .url = url,
                               .method = "GET",
                               .ca_file = judged,
                               .wait = exchange,
                               .wait_data = paths,
                               .deadline_ms = clock_monotonic_ms() + 20000};
  HttpReply reply;
  Error error = ERROR_INIT;
  assert_int_equal(http_send(&request, &reply, &error), THRED_OK);
  assert_true(reply.status > 0);
  assert_int_equal(access(others, F_OK), -1); /* it was exchanged */
  http_reply_clear(&reply);
  assert_int_equal(http_send(&request, &reply, &error), THRED_E_NETWORK);
  http_reply_clear(&reply);
}

/* ---- what it leaves behind ---- */

static int descriptors(void)
{
  int n = 0;
  DIR *dir = opendir("/proc/self/fd");
  while (readdir(dir))
    n++;
  closedir(dir);
  return n;
}

static void test_leaves_nothing(void **state)
{
  (void)state;
  sigset_t before, after;
  expect_good(with("kv=2"));
  sigprocmask(SIG_SETMASK, NULL, &before);
  int64_t end = clock_monotonic_ms() + 20000;
  int open_before = descriptors(); /* the server's ends may take a moment to close */
  for (int i = 0; i < 20; i++)
    expect_good(with("kv=2"));
  while (descriptors() > open_before && clock_monotonic_ms() < end)
    poll(NULL, 0, 5);
  assert_true(descriptors() <= open_before);
  sigprocmask(SIG_SETMASK, NULL, &after);
  assert_int_equal(sigismember(&before, SIGPIPE), sigismember(&after, SIGPIPE));
  /* a library that knows of no wait, nor notes */
  ask_host_size = offsetof(ThredModuleHost, wait);
  vault_set_life(server, 60, 7200, 7200, false);
  expect_good(with("kv=2"));
  assert_int_equal(asked.waits, 0);
  assert_string_equal(asked.note, "");
}

/* Several at once: nothing is shared between instances. */
static void *get_often(void *data)
{
  const Stack *s = data;
  Credential credential;
  Error error = ERROR_INIT;
  for (int i = 0; i < 10; i++)
    if (stack_get(s, vault_module_dir, SOON, &credential, &error) ||
        strcmp(credential.api_key, VAULT_KEY) != 0)
      return data;
  return NULL;
}

static void test_threads(void **state)
{
  (void)state;
  enum { THREADS = 8 };
  pthread_t threads[THREADS];
  Stack s;
  void *failed;
  stack_init(&s);
  stack_add(&s, "store", "vault", with("kv=2"));
  vault_set_life(server, 10, 7200, 7200, true);
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, get_often, &s), 0);
  for (int i = 0; i < THREADS; i++) {
    assert_int_equal(pthread_join(threads[i], &failed), 0);
    assert_null(failed);
  }
  assert_int_equal(vault_counters(server).reads, THREADS * 10);
}

#define T(test) cmocka_unit_test_setup(test, vault_fresh)

int main(void)
{
  const struct CMUnitTest tests[] = {
      T(test_reads),
      T(test_through_the_stack),
      T(test_is_encoded),
      T(test_address),
      T(test_environment),
      T(test_at_secure),
      T(test_token_places),
      T(test_renewal),
      T(test_renewal_fails),
      T(test_life_is_told),
      T(test_403),
      T(test_403_not_looked_up),
      T(test_not_vaults),
      T(test_404),
      T(test_fields),
      T(test_answers),
      T(test_cut_off),
      T(test_words),
      T(test_no_server),
      T(test_handshake_cut_off),
      T(test_tls),
      T(test_ca_file_exchanged),
      T(test_leaves_nothing),
      T(test_threads),
  };
  return cmocka_run_group_tests_name("credential-vault", tests, vault_set_up, vault_tear_down);
}
