/* SPDX-License-Identifier: MIT */
/*
 * Who we are at AWS: the chain of sources in the reference's order ("Standardized credential
 * providers"), and the source that needs no file and no network.
 */
#include <string.h>

#include "lib/fetch/secret-json.h"
#include "plugin/credentials/aws-secrets-manager.h"

/* IAM's reference: [\w]* of an access key id. */
static bool is_key_id(AwsSpan span)
{
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
  if (span.length == 0 || span.length > AWS_KEY_ID_MAX)
    return false;
  for (size_t i = 0; i < span.length; i++)
    if (!memchr(letters, span.at[i], sizeof letters - 1))
      return false;
  return true;
}

/* What can stand in a header line, without blanks. */
static bool is_printable(AwsSpan span, size_t max)
{
  if (span.length > max)
    return false;
  for (size_t i = 0; i < span.length; i++)
    if (span.at[i] <= 0x20 || span.at[i] >= 0x7f)
      return false;
  return true;
}

ThredCredentialStatus aws_login_take(AwsCall *call, const char *where, AwsSpan key_id,
                                     AwsSpan secret, AwsSpan session)
{
  const char *bad = !is_key_id(key_id) ? "access key id"
                    : secret.length == 0 || !is_printable(secret, AWS_SECRET_MAX)
                        ? "secret access key"
                    : !is_printable(session, AWS_SESSION_MAX) ? "session token"
                                                              : NULL;
  if (bad)
    return aws_says(call, THRED_CREDENTIAL_UNAVAIL,
                    "%.300s: the %s is empty, too long, or has a character that none has", where,
                    bad);
  memcpy(call->login.key_id, key_id.at, key_id.length);
  call->login.key_id[key_id.length] = 0;
  memcpy(call->login.secret, secret.at, secret.length);
  call->login.secret[secret.length] = 0;
  if (session.length)
    memcpy(call->login.session, session.at, session.length);
  call->login.session[session.length] = 0;
  return THRED_CREDENTIAL_SUCCESS;
}

ThredCredentialStatus aws_login_document(AwsCall *call, const char *where, const HttpReply *reply)
{
  SecretJson json;
  size_t at;
  const char *why = secret_json_read(&json, reply->body, reply->length, &at);
  ThredCredentialStatus status;
  AwsSpan key_id, secret, session;
  key_id.at = secret_json_string(json.object, "AccessKeyId", &key_id.length);
  secret.at = secret_json_string(json.object, "SecretAccessKey", &secret.length);
  session.at = secret_json_string(json.object, "Token", &session.length);
  if (why)
    status = aws_says(call, THRED_CREDENTIAL_UNAVAIL,
                      "%.200s: answered no JSON object: %s (byte %zu)", where, why, at);
  else if (!key_id.at || !secret.at || !session.at)
    status =
        aws_says(call, THRED_CREDENTIAL_UNAVAIL, "%.200s: %s is missing, or is no string", where,
                 !key_id.at   ? "AccessKeyId"
                 : !secret.at ? "SecretAccessKey"
                              : "Token");
  else
    status = aws_login_take(call, where, key_id, secret, session);
  secret_json_done(&json);
  return status;
}

/* A profile that an option names goes before the environment, as `aws --profile` does. */
static ThredCredentialStatus from_environment(AwsCall *call)
{
  const char *key_id = aws_variable(call->host, "AWS_ACCESS_KEY_ID");
  const char *secret = aws_variable(call->host, "AWS_SECRET_ACCESS_KEY");
  if (call->options->profile || (!key_id && !secret))
    return THRED_CREDENTIAL_NOTFOUND;
  if (!key_id || !secret)
    return aws_says(call, THRED_CREDENTIAL_UNAVAIL, "%s is set, but %s is not set or empty",
                    key_id ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
                    key_id ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
  return aws_login_take(call, "the environment's AWS_ variables", aws_span(key_id),
                        aws_span(secret), aws_span(aws_variable(call->host, "AWS_SESSION_TOKEN")));
}

/* It comes second in the reference. To go past it would be to ask as somebody else. */
static ThredCredentialStatus from_web_identity(AwsCall *call)
{
  if (call->options->profile || !aws_variable(call->host, "AWS_WEB_IDENTITY_TOKEN_FILE"))
    return THRED_CREDENTIAL_NOTFOUND;
  return aws_says(call, THRED_CREDENTIAL_UNAVAIL,
                  "AWS_WEB_IDENTITY_TOKEN_FILE is set, and the module does not log in with a web "
                  "identity: use EKS Pod Identity, or name a profile with keys");
}

ThredCredentialStatus aws_login(AwsCall *call)
{
  static ThredCredentialStatus (*const sources[])(AwsCall *) = {
      from_environment, from_web_identity, aws_login_profile, aws_login_container,
      aws_login_instance};
  for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
    ThredCredentialStatus status = sources[i](call);
    if (status != THRED_CREDENTIAL_NOTFOUND)
      return status;
  }
  bool named;
  return aws_says(call, THRED_CREDENTIAL_UNAVAIL,
                  "no AWS login: none in the environment, none in the profile '%.64s', none from a "
                  "container, and the instance's metadata is not to be asked%s",
                  aws_profile(call->options, call->host, &named),
                  call->host->at_secure
                      ? " (environment variables do not count in a program with AT_SECURE)"
                      : "");
}
