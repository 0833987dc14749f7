/* SPDX-License-Identifier: MIT */
/*
 * aws-secrets-manager - the credential from a secret in AWS Secrets Manager: one GetSecretValue,
 * signed with what the AWS SDKs would sign with on this machine (aws-secrets-manager-*.c).
 *
 * Nothing is kept from one question to the next: a token of Thred's lasts an hour, so AWS is asked
 * once an hour, and a login that has been renewed meanwhile is taken as it is then.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/secure.h"
#include "plugin/credentials/aws-secrets-manager.h"

#define NAME "aws-secrets-manager"

static const char *const yes_no[] = {"yes", "no", NULL};

static const ModuleRule rules[] = {
    {"secret-id", offsetof(AwsOptions, secret_id), MODULE_TEXT, NULL},
    {"region", offsetof(AwsOptions, region), MODULE_TEXT, NULL},
    {"uuid-field", offsetof(AwsOptions, uuid_field), MODULE_TEXT, NULL},
    {"key-field", offsetof(AwsOptions, key_field), MODULE_TEXT, NULL},
    {"partner-uuid", offsetof(AwsOptions, partner_uuid), MODULE_TEXT, NULL},
    {"stage", offsetof(AwsOptions, stage), MODULE_TEXT, NULL},
    {"profile", offsetof(AwsOptions, profile), MODULE_TEXT, NULL},
    {"credentials-file", offsetof(AwsOptions, credentials_file), MODULE_PATH, NULL},
    {"config-file", offsetof(AwsOptions, config_file), MODULE_PATH, NULL},
    {"imds", offsetof(AwsOptions, imds), MODULE_WORD, yes_no},
    {"imds-endpoint", offsetof(AwsOptions, imds_endpoint), MODULE_TEXT, NULL},
    {"endpoint", offsetof(AwsOptions, endpoint), MODULE_TEXT, NULL},
    {"ca-file", offsetof(AwsOptions, ca_file), MODULE_PATH, NULL},
    MODULE_RULES_END,
};

/* ---- what the parts have in common ---- */

ThredCredentialStatus aws_says(AwsCall *call, ThredCredentialStatus status, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  (void)vsnprintf(call->said, sizeof call->said, format, args);
  va_end(args);
  return status;
}

const char *aws_variable(const ThredModuleHost *host, const char *name)
{
  const char *value = host->at_secure ? NULL : getenv(name);
  return value && value[0] ? value : NULL;
}

AwsSpan aws_span(const char *text)
{
  return (AwsSpan){text, text ? strlen(text) : 0};
}

/* ---- the module ---- */

static void aws_close(void *instance)
{
  module_free(rules, instance);
}

/* Names the option, or says what is missing; NULL: nothing. */
static const char *problem(const AwsOptions *options, const char **key)
{
  bool plain;
  *key = NULL;
  if (!options->secret_id)
    return "no secret-id";
  if (options->partner_uuid && options->uuid_field)
    return "it is either partner-uuid or uuid-field";
  *key = "region";
  if (options->region && !aws_is_region(aws_span(options->region)))
    return "it is not the name of a region (like eu-central-1)";
  *key = "endpoint";
  if (options->endpoint && aws_endpoint_problem(options->endpoint))
    return aws_endpoint_problem(options->endpoint);
  *key = "imds-endpoint";
  return options->imds_endpoint ? aws_instance_problem(options->imds_endpoint, &plain) : NULL;
}

static const ThredModuleOption *find(const ThredModuleOption *options, size_t n, const char *key)
{
  for (size_t i = n; key && i-- > 0;)
    if (strcmp(options[i].key, key) == 0)
      return &options[i];
  return options;
}

static ThredCredentialStatus aws_open(const ThredModuleHost *host, const ThredModuleOption *options,
                                      size_t n_options, void **instance)
{
  AwsOptions *aws = calloc(1, sizeof *aws);
  const char *why, *key;
  if (!aws)
    return module_says(host, THRED_CREDENTIAL_UNAVAIL, "out of memory");
  if (module_read(host, NAME, rules, aws, options, n_options)) {
    why = problem(aws, &key);
    if (!why) {
      *instance = aws;
      return THRED_CREDENTIAL_SUCCESS;
    }
    if (n_options == 0)
      module_says(host, THRED_CREDENTIAL_UNAVAIL, "the module " NAME ": %s", why);
    else
      module_says(host, THRED_CREDENTIAL_UNAVAIL, "%s:%u: the module " NAME ": %s%s%s",
                  find(options, n_options, key)->file, find(options, n_options, key)->line,
                  key ? key : "", key ? ": " : "", why);
  }
  aws_close(aws);
  return THRED_CREDENTIAL_UNAVAIL;
}

/* Which options leave a variable without effect. */
typedef enum {
  COUNTS,
  UNLESS_PROFILE = 1 << 0,
  UNLESS_FILES = 1 << 1,  /* both */
  UNLESS_REGION = 1 << 2, /* or an ARN */
  UNLESS_ENDPOINT = 1 << 3,
  UNLESS_NO_IMDS = 1 << 4,
  UNLESS_IMDS_ENDPOINT = 1 << 5,
} Unless;

static const struct {
  const char *name;
  unsigned unless;
} variables[] = {
    {"AWS_ACCESS_KEY_ID", UNLESS_PROFILE},
    {"AWS_SECRET_ACCESS_KEY", UNLESS_PROFILE},
    {"AWS_SESSION_TOKEN", UNLESS_PROFILE},
    {"AWS_WEB_IDENTITY_TOKEN_FILE", UNLESS_PROFILE},
    {"AWS_PROFILE", UNLESS_PROFILE},
    {"HOME", UNLESS_FILES},
    {"AWS_REGION", UNLESS_REGION},
    {"AWS_DEFAULT_REGION", UNLESS_REGION},
    {"AWS_ENDPOINT_URL_SECRETS_MANAGER", UNLESS_ENDPOINT},
    {"AWS_ENDPOINT_URL", UNLESS_ENDPOINT},
    {"AWS_USE_FIPS_ENDPOINT", UNLESS_ENDPOINT},
    {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", COUNTS},
    {"AWS_CONTAINER_CREDENTIALS_FULL_URI", COUNTS},
    /* Who may ask a container's service is who it is: but of the file only where it is, since what
     * stands in it is renewed every hour or so. */
    {"AWS_CONTAINER_AUTHORIZATION_TOKEN", COUNTS},
    {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", COUNTS},
    {"AWS_EC2_METADATA_DISABLED", UNLESS_NO_IMDS},
    {"AWS_EC2_METADATA_SERVICE_ENDPOINT", UNLESS_NO_IMDS | UNLESS_IMDS_ENDPOINT},
};

static unsigned settled_by(const AwsOptions *options)
{
  bool no_imds = options->imds && strcmp(options->imds, "no") == 0;
  return (options->profile ? UNLESS_PROFILE : 0u) |
         (options->credentials_file && options->config_file ? UNLESS_FILES : 0u) |
         (options->region || aws_is_arn(options->secret_id) ? UNLESS_REGION : 0u) |
         (options->endpoint ? UNLESS_ENDPOINT : 0u) | (no_imds ? UNLESS_NO_IMDS : 0u) |
         (options->imds_endpoint ? UNLESS_IMDS_ENDPOINT : 0u);
}

static bool declare(const ThredModuleHost *host, const char *key, const char *value)
{
  char *text = NULL;
  if (!value)
    return true;
  if (asprintf(&text, "%s=%s", key, value) < 0)
    return false;
  host->identity(host, THRED_IDENTITY_TEXT, text);
  free(text);
  return true;
}

/* The one that an option names, else what each process finds for itself. */
static void declare_file(const ThredModuleHost *host, const char *path, const char *found)
{
  if (path)
    host->identity(host, THRED_IDENTITY_FILE, path);
  else if (!host->at_secure)
    host->identity(host, THRED_IDENTITY_ENV_FILE, found);
}

static ThredCredentialStatus aws_identity(void *instance, const ThredModuleHost *host)
{
  const AwsOptions *options = instance;
  const unsigned settled = settled_by(options);
  for (const ModuleRule *rule = rules; rule->key; rule++)
    if (!declare(host, rule->key,
                 *(char *const *)(const void *)((const char *)options + rule->offset)))
      return module_says(host, THRED_CREDENTIAL_UNAVAIL, "out of memory");
  for (size_t i = 0; !host->at_secure && i < sizeof variables / sizeof *variables; i++)
    if (!(variables[i].unless & settled))
      host->identity(host, THRED_IDENTITY_ENV, variables[i].name);
  declare_file(host, options->credentials_file, "AWS_SHARED_CREDENTIALS_FILE:~/.aws/credentials");
  declare_file(host, options->config_file, "AWS_CONFIG_FILE:~/.aws/config");
  return THRED_CREDENTIAL_SUCCESS;
}

static ThredCredentialStatus aws_get(void *instance, const ThredModuleHost *host,
                                     int64_t deadline_ms)
{
  AwsCall *call = calloc(1, sizeof *call);
  if (!call)
    return module_says(host, THRED_CREDENTIAL_UNAVAIL, "out of memory");
  call->options = instance;
  call->host = host;
  call->deadline_ms = deadline_ms;
  ThredCredentialStatus status = aws_login(call);
  if (status == THRED_CREDENTIAL_SUCCESS)
    status = aws_region(call);
  if (status == THRED_CREDENTIAL_SUCCESS)
    status = aws_fetch(call);
  if (status != THRED_CREDENTIAL_SUCCESS && call->said[0])
    host->message(host, call->said);
  secure_wipe(call, sizeof *call);
  free(call);
  return status;
}

const ThredCredentialModule thred_credential_module = {
    .abi = THRED_CREDENTIAL_MODULE_ABI,
    .struct_size = sizeof(ThredCredentialModule),
    .name = NAME,
    .open = aws_open,
    .identity = aws_identity,
    .get = aws_get,
    .close = aws_close,
};
