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

/*
 * Where the file is, malloc'ed; NOTFOUND, and nothing said: nowhere (no HOME), or no absolute path.
 * The environment's home, not the user database's: a lookup there may go over the network.
 */
static ThredCredentialStatus find_path(AwsCall *call, AwsFile file, char **to)
{
  const char *path = option_of(call->options, file), *home = aws_variable(call->host, "HOME");
  *to = NULL;
  if (!path)
    path = aws_variable(call->host, variable_of[file]);
  if (!path)
    path = file == AWS_CONFIG_FILE ? "~/.aws/config" : "~/.aws/credentials";
  bool in_home = path[0] == '~' && path[1] == '/' && home && home[0] == '/';
  if (path[0] != '/' && !in_home)
    return THRED_CREDENTIAL_NOTFOUND;
  if (asprintf(to, "%s%s", in_home ? home : "", path + in_home) >= 0)
    return THRED_CREDENTIAL_SUCCESS;
  *to = NULL;
  return aws_says(call, THRED_CREDENTIAL_UNAVAIL, "out of memory");
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
  char *path;
  ThredCredentialStatus status = find_path(call, file, &path);
  *text = (ModuleSecret){0};
  if (status == THRED_CREDENTIAL_NOTFOUND && variable)
    status = aws_says(call, THRED_CREDENTIAL_UNAVAIL, "%s: '%.200s' is not absolute",
                      variable_of[file], variable);
  else if (status == THRED_CREDENTIAL_SUCCESS && path)
    status = option || variable || !is_hidden(path)
                 ? module_read_file(call->host, path, rule, FILE_MAX, text)
                 : THRED_CREDENTIAL_NOTFOUND;
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

/*
 * Ways to log in that the module does not have. The SDKs take the first four before keys of the
 * same profile, in whichever file these are, and the others after them: the profile is somebody
 * else's without them.
 */
static const char *const before_keys[] = {"role_arn", "sso_session", "sso_start_url",
                                          "web_identity_token_file", NULL};
static const char *const after_keys[] = {"credential_process", "login_session", NULL};

/* "PATH: profile 'NAME'", for messages. */
typedef struct {
  char text[400];
} Where;

static Where where_is(AwsCall *call, AwsFile file, const char *profile)
{
  Where where;
  static const char *const names[] = {"the AWS credentials file", "the AWS config file"};
  char *path;
  find_path(call, file, &path);
  snprintf(where.text, sizeof where.text, "%.300s: profile '%.64s'", path ? path : names[file],
           profile);
  free(path);
  return where;
}

/* NOTFOUND, and nothing said: the profile has none of these ways. */
static ThredCredentialStatus refuse_ways(AwsCall *call, AwsFile file, const ModuleSecret *text,
                                         const char *profile, const char *const *ways)
{
  for (; *ways; ways++)
    if (value_of(file, text, profile, *ways).length)
      return aws_says(call, THRED_CREDENTIAL_UNAVAIL,
                      "%s has %s, a way to log in that the module does not have: name a profile "
                      "with aws_access_key_id and aws_secret_access_key",
                      where_is(call, file, profile).text, *ways);
  return THRED_CREDENTIAL_NOTFOUND;
}

/* NOTFOUND, and nothing said: the profile has no keys here. */
static ThredCredentialStatus from_text(AwsCall *call, AwsFile file, const ModuleSecret *text,
                                       const char *profile)
{
  AwsSpan key_id = value_of(file, text, profile, "aws_access_key_id");
  AwsSpan secret = value_of(file, text, profile, "aws_secret_access_key");
  ThredCredentialStatus status = refuse_ways(call, file, text, profile, before_keys);
  if (status != THRED_CREDENTIAL_NOTFOUND)
    return status;
  if (!key_id.length && !secret.length)
    return refuse_ways(call, file, text, profile, after_keys);
  if (!key_id.length || !secret.length)
    return aws_says(call, THRED_CREDENTIAL_UNAVAIL, "%s has no %s",
                    where_is(call, file, profile).text,
                    key_id.length ? "aws_secret_access_key" : "aws_access_key_id");
  return aws_login_take(call, where_is(call, file, profile).text, key_id, secret,
                        value_of(file, text, profile, "aws_session_token"));
}

/* What the config says of the profile whose keys are in the other file. */
static ThredCredentialStatus check_config(AwsCall *call, const char *profile)
{
  ModuleSecret text;
  ThredCredentialStatus status = read_file(call, AWS_CONFIG_FILE, SECURE_CONFIG, &text);
  if (status == THRED_CREDENTIAL_SUCCESS)
    status = refuse_ways(call, AWS_CONFIG_FILE, &text, profile, before_keys);
  module_secret_clear(&text);
  return status;
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
  ThredCredentialStatus status = check_config(call, profile);
  if (status == THRED_CREDENTIAL_NOTFOUND)
    status = from_file(call, AWS_CREDENTIALS_FILE, profile, &is_there);
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
