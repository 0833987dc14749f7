/* SPDX-License-Identifier: MIT */
#include "tests/unit/vault-fixture.h"

#include "lib/fetch/credentials-load.h"

#define REAL "THRED_TEST_REAL_MODULES"

Asked asked;
VaultStandIn *server;
char vault_module_dir[PATH_SIZE];
int ask_at_secure;
int64_t ask_ms;
size_t ask_host_size;
static char base[3 * PATH_SIZE];

int vault_set_up(void **state)
{
  if (fixture_set_up(state))
    return -1;
  snprintf(vault_module_dir, sizeof vault_module_dir, "%s", module_dir_with("real", REAL, "vault"));
  server = vault_start(at("ca.pem"));
  snprintf(base, sizeof base, "address=https://127.0.0.1:%u|ca-file=%s|path=thred/api",
           server ? vault_port(server) : 0, at("ca.pem"));
  return server ? 0 : -1;
}

int vault_tear_down(void **state)
{
  vault_stop(server);
  return fixture_tear_down(state);
}

int vault_fresh(void **state)
{
  (void)state;
  vault_reset(server);
  setenv("VAULT_TOKEN", VAULT_TOKEN_OK, 1);
  unsetenv("VAULT_ADDR");
  unsetenv("VAULT_NAMESPACE");
  ask_at_secure = 0;
  ask_ms = 20000;
  ask_host_size = sizeof(ThredModuleHost);
  return 0;
}

const char *with(const char *format, ...)
{
  static char texts[4][8192];
  static unsigned next;
  char *text = texts[next++ % 4];
  int used = snprintf(text, sizeof texts[0], "%s|", base);
  va_list args;
  va_start(args, format);
  vsnprintf(text + used, sizeof texts[0] - (size_t)used, format, args);
  va_end(args);
  return text;
}

const char *vault_at(const char *name)
{
  return at("%s", name);
}

const char *file_with(const char *name, const char *text, mode_t mode)
{
  return write_file(at("%s", name), text, strlen(text), mode);
}

/* ---- the host ---- */

static void host_message(const ThredModuleHost *host, const char *text)
{
  (void)host;
  snprintf(asked.said, sizeof asked.said, "%s", text);
}

static int host_credential(const ThredModuleHost *host, const char *uuid, size_t uuid_length,
                           const char *key, size_t key_length)
{
  if (memchr(uuid, ':', uuid_length) || key_length == 0 || memchr(key, 0, key_length)) {
    host_message(host, "not usable");
    return -1;
  }
  assert_true(uuid_length < sizeof asked.uuid && key_length < sizeof asked.key);
  memcpy(asked.uuid, uuid, uuid_length);
  memcpy(asked.key, key, key_length);
  asked.delivered++;
  return 0;
}

static void host_wait(const ThredModuleHost *host, int begins)
{
  (void)host;
  assert_int_equal(asked.waiting, !begins);
  asked.waiting = begins;
  asked.waits += begins;
}

static void host_note(const ThredModuleHost *host, const char *text)
{
  (void)host;
  snprintf(asked.note, sizeof asked.note, "%s", text);
}

/* "key=value|..." cut up in place; an option of a later name counts. */
static size_t cut(char *text, ThredModuleOption *options, size_t max)
{
  size_t n = 0;
  for (char *rest = NULL, *each = strtok_r(text, "|", &rest); each;
       each = strtok_r(NULL, "|", &rest)) {
    char *equals = strchr(each, '=');
    assert_true(equals && n < max);
    *equals = 0;
    options[n] = (ThredModuleOption){each, equals + 1, "50-test.conf", 10 + (unsigned)n};
    n++;
  }
  return n;
}

static const char *const secrets[] = {
    "s3cret",        VAULT_UUID, VAULT_ROOT_TOKEN, VAULT_TOKEN_OK,   VAULT_OTHER_TOKEN, "hvs.",
    "eyJhbGciOiJSU", VAULT_JWT,  VAULT_SECRET_ID,  VAULT_TEAM_TOKEN, VAULT_ROLE_ID "x"};

ThredCredentialStatus ask(const char *text)
{
  char why[512], copy[8192];
  ThredModuleOption options[32];
  const ThredCredentialModule *module =
      credentials_load(vault_module_dir, "vault", why, sizeof why);
  if (!module)
    fail_msg("%s", why);
  assert_int_equal(module->flags, 0);
  snprintf(copy, sizeof copy, "%s", text);
  size_t n = cut(copy, options, 32);
  ThredModuleHost host = {.size = ask_host_size,
                          .message = host_message,
                          .credential = host_credential,
                          .at_secure = ask_at_secure,
                          .wait = host_wait,
                          .note = host_note};
  void *instance = NULL;
  asked = (Asked){0};
  asked.status = module->open(&host, options, n, &instance);
  if (asked.status == OK) {
    asked.status = module->get(instance, &host, clock_monotonic_ms() + ask_ms);
    module->close(instance);
  }
  assert_int_equal(asked.waiting, 0);
  assert_int_equal(asked.delivered, asked.status == OK);
  for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
    if (strstr(asked.said, secrets[i]) || strstr(asked.note, secrets[i]))
      fail_msg("a secret is in: %s", asked.said);
  return asked.status;
}

void expect_at(const char *options, ThredCredentialStatus status, const char *says,
               const char *file, int line)
{
  ThredCredentialStatus got = ask(options);
  if (got != status || !strstr(asked.said, says))
    fail_msg("%s:%d: status %d instead of %d, or '%s' is not in: %s", file, line, (int)got,
             (int)status, says, asked.said);
  if (status == OK) {
    assert_string_equal(asked.uuid, VAULT_UUID);
    assert_string_equal(asked.key, VAULT_KEY);
    assert_string_equal(asked.said, "");
  } else if (!asked.said[0])
    fail_msg("%s:%d: nothing was said", file, line);
}

void expect_log_at(const char *text, const char *file, int line)
{
  char *log = vault_log(server);
  if (strcmp(log, text) != 0)
    fail_msg("%s:%d: the server saw\n%sinstead of\n%s", file, line, log, text);
  free(log);
  assert_int_equal(vault_counters(server).odd, 0);
}
