/* SPDX-License-Identifier: MIT */
/* The module's side of aws-fixture.h. */
#include "tests/unit/aws-fixture.h"

#include <dlfcn.h>

#define MODULE  "aws-secrets-manager"
#define OPTIONS 16

static const ThredCredentialModule *module;
static char module_dir[PATH_SIZE];

const char *aws_module_dir(void)
{
  return module_dir;
}

/* ---- the library's side of a call ---- */

static void host_message(const ThredModuleHost *host, const char *text)
{
  Outcome *outcome = host->data;
  snprintf(outcome->said, sizeof outcome->said, "%s", text);
}

static void host_identity(const ThredModuleHost *host, ThredIdentityKind kind, const char *text)
{
  Outcome *outcome = host->data;
  size_t used = strlen(outcome->said);
  snprintf(outcome->said + used, sizeof outcome->said - used, "%d %s;", (int)kind, text);
}

static int host_credential(const ThredModuleHost *host, const char *uuid, size_t uuid_length,
                           const char *key, size_t key_length)
{
  Outcome *outcome = host->data;
  if (uuid_length >= sizeof outcome->uuid || key_length >= sizeof outcome->key || !uuid_length ||
      !key_length)
    return -1;
  memcpy(outcome->uuid, uuid, uuid_length);
  outcome->uuid[uuid_length] = 0;
  memcpy(outcome->key, key, key_length);
  outcome->key[key_length] = 0;
  outcome->delivered++;
  return 0;
}

static void host_wait(const ThredModuleHost *host, int begins)
{
  Outcome *outcome = host->data;
  if (outcome->waiting == (begins == 1))
    outcome->waits = -1;
  outcome->waiting = begins == 1;
  if (!begins && outcome->waits >= 0)
    outcome->waits++;
}

/* ---- calls ---- */

typedef struct {
  ThredModuleOption options[OPTIONS];
  size_t count;
  char text[4096];
} Parsed;

static void parse(Parsed *parsed, const char *options)
{
  *parsed = (Parsed){.count = 0};
  snprintf(parsed->text, sizeof parsed->text, "%s", options ? options : "");
  char *rest = parsed->text, *each;
  while ((each = strsep(&rest, "|"))) {
    char *equals = strchr(each, '=');
    if (!equals)
      continue;
    assert_true(parsed->count < OPTIONS);
    *equals = 0;
    parsed->options[parsed->count] =
        (ThredModuleOption){each, equals + 1, "50-test.conf", (unsigned)(10 + parsed->count)};
    parsed->count++;
  }
}

static ThredModuleHost host_of(Outcome *outcome, const Terms *terms)
{
  ThredModuleHost host = {.size = terms->old ? offsetof(ThredModuleHost, refused) : sizeof host,
                          .data = outcome,
                          .message = host_message,
                          .credential = host_credential,
                          .at_secure = terms->at_secure,
                          .refused = terms->refused,
                          .wait = host_wait};
  return host;
}

/* A module looks at memory that is not the library's if it does not look at `size`. */
static ThredModuleHost *as_large_as_told(const ThredModuleHost *host)
{
  ThredModuleHost *copy = malloc(host->size);
  assert_non_null(copy);
  memcpy(copy, host, host->size);
  return copy;
}

Outcome aws_ask(const char *options, const Terms *terms)
{
  static const Terms usual = {0};
  Outcome outcome = {.status = UNAVAIL};
  Parsed parsed;
  void *instance = NULL;
  terms = terms ? terms : &usual;
  parse(&parsed, options);
  ThredModuleHost all = host_of(&outcome, terms), *host = as_large_as_told(&all);
  outcome.status = module->open(host, parsed.options, parsed.count, &instance);
  if (outcome.status == OK) {
    outcome.status = module->get(instance, host, terms->deadline_ms ? terms->deadline_ms : SOON);
    module->close(instance);
  }
  free(host);
  return outcome;
}

Outcome aws_identities(const char *options, int at_secure)
{
  Outcome outcome = {.status = UNAVAIL};
  Parsed parsed;
  void *instance = NULL;
  ThredModuleHost host = host_of(&outcome, &(Terms){.at_secure = at_secure});
  host.identity = host_identity;
  parse(&parsed, options);
  outcome.status = module->open(&host, parsed.options, parsed.count, &instance);
  if (outcome.status == OK) {
    outcome.status = module->identity(instance, &host);
    module->close(instance);
  }
  return outcome;
}

void aws_check(const Outcome *outcome, ThredCredentialStatus status, const char *says, int line)
{
  if (outcome->status != status || !strstr(outcome->said, says))
    fail_msg("line %d: status %d, not %d, or '%s' is not in: %s", line, (int)outcome->status,
             (int)status, says, outcome->said);
  if (strstr(outcome->said, "s3cr3t") || strstr(outcome->said, UUID))
    fail_msg("line %d: it tells: %s", line, outcome->said);
  if (outcome->status != OK && (!outcome->said[0] || strlen(outcome->said) > 479))
    fail_msg("line %d: nothing said, or cut: %s", line, outcome->said);
  if (outcome->waits < 0 || outcome->waiting)
    fail_msg("line %d: wait does not begin and end in turns", line);
  assert_int_equal(outcome->delivered, outcome->status == OK);
  if (outcome->delivered) {
    assert_string_equal(outcome->uuid, UUID);
    assert_string_equal(outcome->key, KEY);
  }
}

static bool is_aws(const char *variable)
{
  return strncmp(variable, "AWS_", 4) == 0;
}

void aws_environment(const char *variables)
{
  char text[4096], *rest = text, *each;
  for (size_t i = 0; environ[i];) {
    char name[256];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(environ[i], "="), environ[i]);
    if (is_aws(name))
      unsetenv(name); /* and the next one moves up */
    else
      i++;
  }
  snprintf(text, sizeof text, "%s", variables);
  while ((each = strsep(&rest, "|"))) {
    char *equals = strchr(each, '=');
    if (!equals)
      continue;
    *equals = 0;
    assert_int_equal(setenv(each, equals + 1, 1), 0);
  }
}

int aws_set_up(void **state)
{
  if (fixture_set_up(state))
    return -1;
  snprintf(module_dir, sizeof module_dir, "%s",
           module_dir_with("real", "THRED_TEST_REAL_MODULES", MODULE));
  void *object = dlopen(at("real/" MODULE ".so"), RTLD_NOW | RTLD_LOCAL);
  if (!object)
    fail_msg("%s", dlerror());
  module = dlsym(object, THRED_CREDENTIAL_MODULE_SYMBOL);
  assert_non_null(module);
  assert_int_equal(mkdir(at("home"), 0700), 0);
  assert_int_equal(mkdir(at("home/.aws"), 0700), 0);
  setenv("HOME", at("home"), 1);
  aws_environment("");
  return 0;
}

int aws_tear_down(void **state)
{
  aws_stand_in_stop();
  return fixture_tear_down(state);
}

const char *aws_at(const char *format, ...)
{
  char name[PATH_SIZE];
  va_list args;
  va_start(args, format);
  vsnprintf(name, sizeof name, format, args);
  va_end(args);
  return at("%s", name);
}
