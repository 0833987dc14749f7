/* SPDX-License-Identifier: MIT */
/*
 * test-logs-echo.c - servers that send back what they were sent, as it is, in part or written
 * otherwise, and that send what would write on a terminal: nothing of it is in a log or a message.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "authority.h"
#include "hostile-server.h"
#include "logs-fixture.h"
#include "tests/stand-ins/vault.h"

#define AWS_SECRET  "wJalrXUtnFEMI/K7MDENG+bPxRfiCYzEXAMPLE3k"
#define AWS_SESSION "FwoGZXIvYXdzEBYaDHqa0AP1gVbYwEXAMPLEz8kL1p+U3q/4r="

static VaultStandIn *vault;

/* `text` with everything but unreserved characters percent-encoded, for a control request. */
static const char *escaped(const char *text)
{
  static char to[8192];
  char *at = to;
  for (; *text; text++)
    at += sprintf(at, "%%%02X", (unsigned char)*text);
  return to;
}

static void hex(const char *from, size_t length, char *to)
{
  for (size_t i = 0; i < length; i++)
    sprintf(to + 2 * i, "%02x", (unsigned char)from[i]);
}

/* In all the ways in which a short error code could carry it. */
static void answer_with_echo(const char *endpoint, int status, const char *secret, const char *kind,
                             const char *business)
{
  char codes[6][128], body[2048];
  size_t length = strlen(secret);
  const char *last = secret + (length > 24 ? length - 24 : 0);
  snprintf(codes[0], sizeof codes[0], "%.60s", secret);
  snprintf(codes[1], sizeof codes[1], "no: %s", last);
  snprintf(codes[2], sizeof codes[2], "%.7s %.7s %.17s", last, last + 7, last);
  hex(last, strlen(last), codes[3]);
  snprintf(codes[4], sizeof codes[4], "%%%02x%s", last[0], last + 1);
  snprintf(codes[5], sizeof codes[5], "\\u001b[2J\\r\\n\\u009b<0>forged \\u202e");
  for (size_t i = 0; i < 6; i++) {
    emulator_forget_tokens(&emulator);
    if (strcmp(endpoint, "token:business") == 0)
      logs_probe("message", "partner", NULL);
    snprintf(body, sizeof body, "{\"error\":\"%s\",\"error_code\":\"%s\"}", codes[i], codes[i]);
    control(&emulator, "POST", "fault?path=%s&times=0&action=raw&status=%d&body=%s", endpoint,
            status, escaped(body));
    logs_probe("message", kind, business);
    if (i == 0)
      logs_probe("get", BASE INVOICES, "1");
    control(&emulator, "DELETE", "fault");
  }
}

static void token_endpoints_that_echo(void **state)
{
  (void)state;
  static const int statuses[] = {200, 401, 500};
  static Outcome outcome;
  const char *argv[] = {harness_installed("bin/thredctl"), "token", "--partner", NULL};
  for (size_t i = 0; i < 3; i++) {
    answer_with_echo("token:partner", statuses[i], logs_key, "partner", NULL);
    answer_with_echo("token:partner", statuses[i], logs_basic, "partner", NULL);
  }
  emulator_forget_tokens(&emulator);
  process_run(argv, NULL, &outcome);
  assert_int_equal(outcome.status, 0);
  outcome.out[strcspn(outcome.out, "\n")] = '\0';
  secrets_add(outcome.out);
  answer_with_echo("token:business", 403, outcome.out, "business", FIRST);
  logs_expect("HTTP 403");
  logs_expect("HTTP 500");
  logs_expect_clean();
}

/* Nearly all is right, and the token is what must not be shown. */
static void tokens_that_are_none(void **state)
{
  (void)state;
  static const char token[] = "mF_9.B5f-4.1JqM~0123456789+secret/ToKeN==";
  static const char *const bodies[] = {"{\"access_token\":\"%s\"}",
                                       "{\"access_token\":\"%s\",\"token_type\":\"mac\"}",
                                       "{\"access_token\":\"%s",
                                       "{\"access_token\":\"%s\",\"token_type\":\"Bearer\"}}",
                                       "{\"access_token\":\"%s\\n\",\"token_type\":\"Bearer\"}",
                                       "{\"%s\":1,\"error\":\"%s\"}",
                                       "%s",
                                       "\"%s\""};
  char body[512];
  secrets_add(token);
  for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(body, sizeof body, bodies[i], token, token);
#pragma GCC diagnostic pop
    control(&emulator, "POST", "fault?path=token:partner&times=0&action=raw&body=%s",
            escaped(body));
    emulator_forget_tokens(&emulator);
    logs_probe("message", "partner", NULL);
    control(&emulator, "DELETE", "fault");
  }
  logs_expect("no JSON object");
  logs_expect_clean();
}

/* ---- vault ---- */

static void ask_vault(const char *options)
{
  char conf[1024];
  snprintf(conf, sizeof conf,
           "[environment sandbox]\ncredentials = vault\n[credentials vault]\n"
           "address = https://127.0.0.1:%u\nca-file = %s/vault-ca.pem\npath = thred/api\n%s",
           vault_port(vault), emulator.dir, options);
  logs_configure(conf);
  logs_probe("message", "partner", NULL);
  thredctl("check");
}

static void a_vault(void **state)
{
  (void)state;
  char path[128], text[512], body[512];
  static const char *const secrets[] = {VAULT_TOKEN_OK, VAULT_SECRET_ID};
  logs_write_file("vault-ca.pem", "", 0600, path);
  vault = vault_start(path);
  assert_non_null(vault);
  logs_write_file("secret-id", VAULT_SECRET_ID "\n", 0600, path);
  snprintf(text, sizeof text, "auth = approle\nrole-id = %s\nsecret-id-file = %s\n", VAULT_ROLE_ID,
           path);
  setenv("VAULT_TOKEN", VAULT_TOKEN_OK, 1);
  ask_vault("");
  ask_vault(text);
  logs_expect("refused the partner UUID and API key"); /* the emulator has others */
  for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
    char code[128];
    hex(secrets[i], strlen(secrets[i]) < 40 ? strlen(secrets[i]) : 40, code);
    json_object *string = json_object_new_string(secrets[i]);
    for (int how = 0; how < 3; how++) {
      snprintf(body, sizeof body,
               how == 0   ? "{\"errors\":[%s,\"\\u001b[2J %s\"]}"
               : how == 1 ? "{\"errors\":[\"\\u001b]0;x\\u0007\\n<0>forged\",%s,\"%s\"]}"
                          : "{\"data\":%s,\"errors\":[\"%s\"]}",
               json_object_to_json_string(string), code);
      vault_set_fault(vault, &(VaultFault){.kind = VAULT_FAULT_ANSWER,
                                           .part = "",
                                           .status = how == 2 ? 400 : 403,
                                           .body = body});
      ask_vault("");
      ask_vault(text);
    }
    json_object_put(string);
  }
  unsetenv("VAULT_TOKEN");
  vault_stop(vault);
  logs_expect("vault: ");
  logs_expect_clean();
}

/* ---- AWS ---- */

static void ask_aws(const char *format, const char *a, const char *b)
{
  static char answer[4096], body[2048];
  char path[128], pem[128], conf[1024];
  Authority authority;
  HostileServer server;
  Hostile how = {.answer = answer};
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  snprintf(body, sizeof body, format, a, b);
#pragma GCC diagnostic pop
  snprintf(answer, sizeof answer,
           "HTTP/1.1 %s\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: %zu\r\n"
           "Connection: close\r\n\r\n%s",
           strstr(body, "__type") ? "400 No" : "200 OK", strlen(body), body);
  snprintf(path, sizeof path, "%s/aws-ca.pem", emulator.dir);
  snprintf(pem, sizeof pem, "%s/aws.pem", emulator.dir);
  authority_make(&authority, "an authority");
  authority_write(&authority, path);
  authority_issue(&authority, &(Leaf){.names = "IP:127.0.0.1"}, pem);
  authority_free(&authority);
  hostile_start(&server, &how, pem, NULL);
  atomic_store(&server.is_hostile, true);
  snprintf(conf, sizeof conf,
           "[environment sandbox]\ncredentials = aws-secrets-manager\n"
           "[credentials aws-secrets-manager]\nendpoint = https://127.0.0.1:%u\nca-file = %s\n"
           "secret-id = thred\nregion = eu-central-1\n",
           server.port, path);
  logs_configure(conf);
  logs_probe("message", "partner", NULL);
  thredctl("check");
  hostile_stop(&server);
}

static void aws(void **state)
{
  (void)state;
  static const char *const echoes[] = {
      "{\"__type\":\"AccessDeniedException\",\"message\":\"%s\",\"x\":\"%s\"}",
      "{\"__type\":\"%s\",\"Message\":\"no: %.40s\"}",
      "{\"__type\":\"x#Odd\\u001b[2J\\n%s\",\"Message\":\"\\u001b[2J %s\"}",
      "{\"SecretString\":\"{\\\"partner_uuid\\\":\\\"%s\\\"}\",\"Name\":\"%s\"}",
      "{\"SecretString\":\"%s\",\"Name\":\"%s\"}",
  };
  char code[128];
  hex(AWS_SESSION, 40, code);
  setenv("AWS_ACCESS_KEY_ID", "ASIAEXAMPLE", 1);
  setenv("AWS_SECRET_ACCESS_KEY", AWS_SECRET, 1);
  setenv("AWS_SESSION_TOKEN", AWS_SESSION, 1);
  ask_aws("{\"SecretString\":\"{\\\"partner_uuid\\\":\\\"%s\\\",\\\"api_key\\\":\\\"%s\\\"}\"}",
          logs_uuid, logs_key);
  logs_expect("gave a partner token");
  for (size_t i = 0; i < sizeof echoes / sizeof *echoes; i++) {
    ask_aws(echoes[i], AWS_SESSION, AWS_SECRET);
    ask_aws(echoes[i], AWS_SECRET, code);
    ask_aws(echoes[i], code, code);
  }
  unsetenv("AWS_ACCESS_KEY_ID");
  unsetenv("AWS_SECRET_ACCESS_KEY");
  unsetenv("AWS_SESSION_TOKEN");
  logs_expect("aws-secrets-manager: ");
  logs_expect_clean();
}

static int fresh(void **state)
{
  static const char *const all[] = {VAULT_TOKEN_OK, VAULT_KEY, VAULT_SECRET_ID, AWS_SECRET,
                                    AWS_SESSION};
  int result = logs_fresh(state);
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    secrets_add(all[i]);
  return result;
}

#define TEST(name) cmocka_unit_test_setup(name, fresh)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(token_endpoints_that_echo),
      TEST(tokens_that_are_none),
      TEST(a_vault),
      TEST(aws),
  };
  harness_require_installation();
  return cmocka_run_group_tests(tests, logs_start, harness_stop);
}
