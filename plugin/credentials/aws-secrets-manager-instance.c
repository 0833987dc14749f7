/* SPDX-License-Identifier: MIT */
/*
 * The login and the region of an EC2 instance, from its metadata service in version 2. Version 1
 * hands its credentials to whoever can make a program send a plain GET; some SDKs fall back to it,
 * we do not (the reference, "IMDS credential provider"; Amazon EC2 User Guide, "Use the Instance
 * Metadata Service to access instance metadata").
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/clock.h"
#include "lib/fetch/secret-json.h"
#include "plugin/credentials/aws-secrets-manager.h"

#define INSTANCE_ADDRESS "http://169.254.169.254"

static const char *instance_address(const AwsCall *call)
{
  const char *address = call->options->imds_endpoint;
  if (!address)
    address = aws_variable(call->host, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
  return address ? address : INSTANCE_ADDRESS;
}

static bool instance_is_off(const AwsCall *call)
{
  const char *disabled = aws_variable(call->host, "AWS_EC2_METADATA_DISABLED");
  if (call->options->imds && strcmp(call->options->imds, "no") == 0)
    return true;
  return disabled && strcasecmp(disabled, "true") == 0;
}

/* SUCCESS: status 200. Times are short, since on most machines nobody answers there. */
static ThredCredentialStatus ask_instance(AwsCall *call, const char *method, const char *path,
                                          const char *header, const char *value, HttpReply *reply)
{
  char url[512];
  const char *address = instance_address(call);
  size_t length = strlen(address);
  HttpRequest request = {.what = "the request for the instance's metadata",
                         .host = address,
                         .url = url,
                         .method = method,
                         .connect_timeout = 1,
                         .timeout = 2,
                         .plain = true};
  *reply = (HttpReply){0};
  const char *why = aws_instance_problem(address, &request.plain);
  if (why || length > 256)
    return aws_says(call, THRED_CREDENTIAL_UNAVAIL, "the address of the instance's metadata: %s",
                    why ? why : "it is too long");
  snprintf(url, sizeof url, "%.*s%s", (int)(length - (address[length - 1] == '/')), address, path);
  if (!aws_header(&request.headers, "%s: %s", header, value))
    return aws_says(call, THRED_CREDENTIAL_UNAVAIL, "out of memory");
  ThredCredentialStatus status = aws_send(call, &request, reply);
  aws_headers_clear(request.headers);
  call->imds_answered = call->imds_answered || reply->status != 0;
  if (status == THRED_CREDENTIAL_SUCCESS && reply->status != 200)
    status = aws_says(call, aws_status_of(reply->status),
                      "the instance's metadata: %.200s answered HTTP %d", url, reply->status);
  return status;
}

/* What is sent back in a header or put into a path. */
static bool is_token(const char *text, size_t length, size_t max)
{
  for (size_t i = 0; i < length; i++)
    if (text[i] <= 0x20 || text[i] >= 0x7f)
      return false;
  return length > 0 && length <= max;
}

static ThredCredentialStatus instance_token(AwsCall *call)
{
  HttpReply reply;
  if (call->imds_token[0])
    return THRED_CREDENTIAL_SUCCESS;
  /* A minute is enough for this call; it is not kept. */
  ThredCredentialStatus status = ask_instance(call, "PUT", "/latest/api/token",
                                              "X-aws-ec2-metadata-token-ttl-seconds", "60", &reply);
  if (status == THRED_CREDENTIAL_UNAVAIL && reply.status == 403)
    aws_says(call, status, "the instance's metadata is switched off for this instance (HTTP 403)");
  if (status == THRED_CREDENTIAL_SUCCESS) {
    if (reply.body && is_token(reply.body, reply.length, AWS_IMDS_TOKEN_MAX))
      memcpy(call->imds_token, reply.body, reply.length);
    else
      status = aws_says(call, THRED_CREDENTIAL_UNAVAIL,
                        "the instance's metadata: the token that it answered is none");
  }
  http_reply_clear(&reply);
  return status;
}

static ThredCredentialStatus instance_get(AwsCall *call, const char *path, HttpReply *reply)
{
  *reply = (HttpReply){0};
  ThredCredentialStatus status = instance_token(call);
  if (status != THRED_CREDENTIAL_SUCCESS)
    return status;
  return ask_instance(call, "GET", path, "X-aws-ec2-metadata-token", call->imds_token, reply);
}

#define ROLES "/latest/meta-data/iam/security-credentials/"

/* IAM's reference: [\w+=,.@-]+, up to 64, of a role's name. */
static bool is_role(const char *text, size_t length)
{
  for (size_t i = 0; i < length; i++)
    if (strchr("/?#%;:\\\"<>[]{}|&", text[i]))
      return false;
  return is_token(text, length, 64);
}

/* One role's name, on the first line. */
static ThredCredentialStatus instance_role(AwsCall *call, char *path, size_t size)
{
  HttpReply reply;
  ThredCredentialStatus status = instance_get(call, ROLES, &reply);
  const char *newline = reply.length ? memchr(reply.body, '\n', reply.length) : NULL;
  size_t length = newline ? (size_t)(newline - reply.body) : reply.length;
  if (status == THRED_CREDENTIAL_UNAVAIL && reply.status == 404)
    aws_says(call, status, "the instance's metadata: the instance has no IAM role (HTTP 404)");
  if (status == THRED_CREDENTIAL_SUCCESS && is_role(reply.body, length))
    snprintf(path, size, ROLES "%.*s", (int)length, reply.body);
  else if (status == THRED_CREDENTIAL_SUCCESS)
    status = aws_says(call, THRED_CREDENTIAL_UNAVAIL,
                      "the instance's metadata: the name of its IAM role is none");
  http_reply_clear(&reply);
  return status;
}

/* "Success", or what the role's trouble is: "AssumeRoleUnauthorizedAccess". */
static ThredCredentialStatus check_code(AwsCall *call, const HttpReply *reply)
{
  SecretJson json;
  size_t at, length = 0;
  ThredCredentialStatus status = THRED_CREDENTIAL_SUCCESS;
  const char *why = secret_json_read(&json, reply->body, reply->length, &at);
  const char *code = why ? NULL : secret_json_string(json.object, "Code", &length);
  if (code && strcmp(code, "Success") != 0)
    status = aws_says(
        call, THRED_CREDENTIAL_UNAVAIL,
        "the instance's metadata has no credentials for its IAM role: %s",
        is_role(code, length) && !aws_repeats(call, code) ? code : "the code it gives is none");
  secret_json_done(&json);
  return status;
}

static ThredCredentialStatus ask_role(AwsCall *call)
{
  char path[128];
  HttpReply reply = {0};
  ThredCredentialStatus status = instance_role(call, path, sizeof path);
  if (status == THRED_CREDENTIAL_SUCCESS)
    status = instance_get(call, path, &reply);
  if (status == THRED_CREDENTIAL_SUCCESS)
    status = check_code(call, &reply);
  if (status == THRED_CREDENTIAL_SUCCESS)
    status = aws_login_document(call, "the instance's metadata", &reply);
  http_reply_clear(&reply);
  return status;
}

/* It is the last source: who is told that it fails is told that it was the last. */
ThredCredentialStatus aws_login_instance(AwsCall *call)
{
  char why[sizeof call->said];
  if (instance_is_off(call))
    return THRED_CREDENTIAL_NOTFOUND;
  ThredCredentialStatus status = ask_role(call);
  if (status == THRED_CREDENTIAL_SUCCESS)
    return status;
  memcpy(why, call->said, sizeof why);
  bool named;
  return aws_says(
      call, status,
      "no AWS login in the environment, the profile '%.64s' or from a container; %.300s",
      aws_profile(call->options, call->host, &named), why);
}

/* Where nobody answers there is no instance, as a rule, and who asks again hears the same: what is
 * missing is the region. */
static ThredCredentialStatus status_without_region(const AwsCall *call,
                                                   ThredCredentialStatus status)
{
  bool nobody = !call->imds_answered && clock_monotonic_ms() < call->deadline_ms;
  return status == THRED_CREDENTIAL_TRYAGAIN && nobody ? THRED_CREDENTIAL_UNAVAIL : status;
}

ThredCredentialStatus aws_region_instance(AwsCall *call)
{
  HttpReply reply;
  if (instance_is_off(call))
    return THRED_CREDENTIAL_NOTFOUND;
  ThredCredentialStatus status = instance_get(call, "/latest/meta-data/placement/region", &reply);
  if (status == THRED_CREDENTIAL_SUCCESS) {
    if (reply.body && aws_is_region((AwsSpan){reply.body, reply.length}))
      memcpy(call->region, reply.body, reply.length);
    else
      status = aws_says(call, THRED_CREDENTIAL_UNAVAIL,
                        "the instance's metadata: the region that it answered is none");
  }
  http_reply_clear(&reply);
  if (status == THRED_CREDENTIAL_SUCCESS)
    return status;
  char why[sizeof call->said];
  memcpy(why, call->said, sizeof why);
  return aws_says(call, status_without_region(call, status),
                  "no AWS region is set (option region, AWS_REGION); %.400s", why);
}
