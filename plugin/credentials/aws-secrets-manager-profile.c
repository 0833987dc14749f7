/* SPDX-License-Identifier: MIT */
/* The login and the region from a profile in the two shared files. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugin/credentials/aws-secrets-manager.h"

#define FILE_MAX (256u * 1024u) /* bytes: some firms have hundreds of profiles */

const char *aws_profile(const AwsOptions *options, const ThredModuleHost *host, bool *named)
{
  const char *name = options->profile ? options->profile : aws_variable(host, "AWS_PROFILE");
  *named = name != NULL;
  return name ? name : "default";
}

static const char *const variable_of[] = {
    [AWS_CREDENTIALS_FILE] = "AWS_SHARED_CREDENTIALS_FILE", [AWS_CONFIG_FILE] = "AWS_CONFIG_FILE"};

static const char *option_of(const AwsOptions *options, AwsFile file)
{
  return file == AWS_CONFIG_FILE ? options->config_file : options->credentials_file;
}

/* The environment's home, not the user database's: a lookup there may go over the network. */
char *aws_file_path(const AwsOptions *options, const ThredModuleHost *host, AwsFile file)
{
  const char *path = option_of(options, file), *home = aws_variable(host, "HOME");
  char *full = NULL;
  if (!path)
    path = aws_variable(host, variable_of[file]);
  if (!path)
    path = file == AWS_CONFIG_FILE ? "~/.aws/config" : "~/.aws/credentials";
  if (path[0] == '/')
    return strdup(path);
  if (path[0] != '~' || path[1] != '/' || !home || home[0] != '/')
    return NULL;
  return asprintf(&full, "%s%s", home, path + 1) < 0 ? NULL : full;
}

/* A HOME of somebody else's, as a daemon may have it, is no reason to give up. */
static bool is_hidden(const char *path)
{
  return faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) != 0 &&
         (errno == EACCES || errno == ENOTDIR || errno == ENOENT);
}

/* NOTFOUND: it is not there, and need not be. */
static ThredCredentialStatus read_file(AwsCall *call, AwsFile file, SecureRule rule,
                                       ModuleSecret *text)
{
  const char *option = option_of(call->options, file);
  const char *variable = option ? NULL : aws_variable(call->host, variable_of[file]);
  char *path = aws_file_path(call->options, call->host, file);
  ThredCredentialStatus status = THRED_CREDENTIAL_NOTFOUND;
  *text = (ModuleSecret){0};
  if (!path && variable)
    status = aws_says(call, THRED_CREDENTIAL_UNAVAIL, "%s: '%.200s' is not absolute",
                      variable_of[file], variable);
  else if (path && (option || variable || !is_hidden(path)))
    status = module_read_file(call->host, path, rule, FILE_MAX, text);
  free(path);
  return status == THRED_CREDENTIAL_NOTFOUND && option ? THRED_CREDENTIAL_UNAVAIL : status;
}

static AwsSpan value_of(AwsFile file, const ModuleSecret *text, const char *profile,
                        const char *key)
{
  AwsSpan value = {NULL, 0};
  aws_ini_find(file, (AwsSpan){text->bytes, text->length}, profile, key, &value);
  return value;
}

/* A way to log in that the module does not have; the profile is somebody else's without it. */
static const char *other_way(AwsFile file, const ModuleSecret *text, const char *profile)
{
  static const char *const ways[] = {"role_arn",
                                     "sso_session",
                                     "sso_start_url",
                                     "credential_process",
                                     "web_identity_token_file",
                                     "login_session",
                                     NULL};
  for (size_t i = 0; ways[i]; i++)
    if (value_of(file, text, profile, ways[i]).length)
      return ways[i];
  return NULL;
}

/* NOTFOUND, and nothing said: the profile has no keys here. */
static ThredCredentialStatus from_text(AwsCall *call, AwsFile file, const ModuleSecret *text,
                                       const char *profile)
{
  AwsSpan key_id = value_of(file, text, profile, "aws_access_key_id");
  AwsSpan secret = value_of(file, text, profile, "aws_secret_access_key");
  const char *way = other_way(file, text, profile);
  char where[400], *path = aws_file_path(call->options, call->host, file);
  snprintf(where, sizeof where, "%.300s: profile '%.64s'", path ? path : "", profile);
  free(path);
  if (way)
    return aws_says(call, THRED_CREDENTIAL_UNAVAIL,
                    "%s has %s, a way to log in that the module does not have: name a profile "
                    "with aws_access_key_id and aws_secret_access_key",
                    where, way);
  if (!key_id.length && !secret.length)
    return THRED_CREDENTIAL_NOTFOUND;
  if (!key_id.length || !secret.length)
    return aws_says(call, THRED_CREDENTIAL_UNAVAIL, "%s has no %s", where,
                    key_id.length ? "aws_secret_access_key" : "aws_access_key_id");
  return aws_login_take(call, where, key_id, secret,
                        value_of(file, text, profile, "aws_session_token"));
}

/* The config is no secret, and is open to others on many machines; with keys in it, it is one. */
static ThredCredentialStatus from_file(AwsCall *call, AwsFile file, const char *profile,
                                       bool *is_there)
{
  ModuleSecret text;
  ThredCredentialStatus status =
      read_file(call, file, file == AWS_CONFIG_FILE ? SECURE_CONFIG : SECURE_SECRET, &text);
  if (status == THRED_CREDENTIAL_SUCCESS && file == AWS_CONFIG_FILE &&
      value_of(file, &text, profile, "aws_secret_access_key").length) {
    module_secret_clear(&text);
    status = read_file(call, file, SECURE_SECRET, &text);
  }
  if (status == THRED_CREDENTIAL_SUCCESS) {
    if (aws_ini_find(file, (AwsSpan){text.bytes, text.length}, profile, NULL, NULL))
      *is_there = true;
    status = from_text(call, file, &text, profile);
  }
  module_secret_clear(&text);
  return status;
}

ThredCredentialStatus aws_login_profile(AwsCall *call)
{
  bool named, is_there = false;
  const char *profile = aws_profile(call->options, call->host, &named);
  ThredCredentialStatus status = from_file(call, AWS_CREDENTIALS_FILE, profile, &is_there);
  if (status == THRED_CREDENTIAL_NOTFOUND)
    status = from_file(call, AWS_CONFIG_FILE, profile, &is_there);
  if (status == THRED_CREDENTIAL_NOTFOUND && named && !is_there)
    return aws_says(call, THRED_CREDENTIAL_UNAVAIL,
                    "%s names the AWS profile '%.64s', and neither the credentials file nor the "
                    "config file has it",
                    call->options->profile ? "the option profile" : "AWS_PROFILE", profile);
  return status;
}

ThredCredentialStatus aws_region_profile(AwsCall *call)
{
  bool named;
  const char *profile = aws_profile(call->options, call->host, &named);
  ModuleSecret text;
  ThredCredentialStatus status = read_file(call, AWS_CONFIG_FILE, SECURE_CONFIG, &text);
  if (status == THRED_CREDENTIAL_SUCCESS) {
    AwsSpan region = value_of(AWS_CONFIG_FILE, &text, profile, "region");
    if (!region.length)
      status = THRED_CREDENTIAL_NOTFOUND;
    else if (!aws_is_region(region))
      status = aws_says(call, THRED_CREDENTIAL_UNAVAIL,
                        "the AWS config file: the region of the profile '%.64s' is none", profile);
    else
      memcpy(call->region, region.at, region.length);
  }
  module_secret_clear(&text);
  return status;
}
