/* SPDX-License-Identifier: MIT */
/* The request: GetSecretValue (AWS Secrets Manager API Reference), signed by libcurl. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <json-c/json.h>

#include "plugin/credentials/aws-secrets-manager.h"

#define CURRENT                                                                                    \
  "AWSCURRENT" /* the version in use, and the one that a rotation has begun to make                \
                */
#define PENDING "AWSPENDING"

/* Before 7.86 libcurl signs no X-Amz header but the date, and AWS wants all of them signed. */
#define CURL_THAT_SIGNS 0x075600u

static const char *stage_of(const AwsCall *call)
{
  return call->options->stage ? call->options->stage : CURRENT;
}

/* The region's own endpoint, or another; NULL: it is none, and that has been said. */
static const char *address_of(AwsCall *call, char *to, size_t size)
{
  const char *fips = aws_variable(call->host, "AWS_USE_FIPS_ENDPOINT");
  const char *from = "endpoint", *address = call->options->endpoint, *why;
  if (!address && fips && strcasecmp(fips, "true") == 0) {
    /* Not every region has one, and its name differs by partition: to ask the ordinary one is what
     * the variable forbids. */
    aws_says(call, THRED_CREDENTIAL_UNAVAIL,
             "AWS_USE_FIPS_ENDPOINT is true, and the module does not know the region's FIPS "
             "endpoint: name it with the option endpoint");
    return NULL;
  }
  if (!address)
    address = aws_variable(call->host, from = "AWS_ENDPOINT_URL_SECRETS_MANAGER");
  if (!address)
    address = aws_variable(call->host, from = "AWS_ENDPOINT_URL");
  if (!address) {
    snprintf(to, size, "https://secretsmanager.%s.amazonaws.com%s", call->region,
             strncmp(call->region, "cn-", 3) == 0 ? ".cn" : "");
    return to;
  }
  why = aws_endpoint_problem(address);
  if (why)
    aws_says(call, THRED_CREDENTIAL_UNAVAIL, "%s: %s", from, why);
  return why ? NULL : address;
}

static json_object *make_body(const AwsCall *call, const char *stage)
{
  json_object *body = json_object_new_object();
  json_object *id = json_object_new_string(call->options->secret_id);
  json_object *version = json_object_new_string(stage);
  if (body && id && version && json_object_object_add(body, "SecretId", id) == 0) {
    id = NULL;
    if (json_object_object_add(body, "VersionStage", version) == 0)
      return body;
  }
  json_object_put(id);
  json_object_put(version);
  json_object_put(body);
  return NULL;
}

/* No line without a value: libcurl sends none of these, and some versions sign them. */
static bool add_headers(AwsCall *call, struct curl_slist **headers)
{
  return aws_header(headers, "Content-Type: application/x-amz-json-1.1") &&
         aws_header(headers, "X-Amz-Target: secretsmanager.GetSecretValue") &&
         (!call->login.session[0] ||
          aws_header(headers, "X-Amz-Security-Token: %s", call->login.session));
}

static ThredCredentialStatus send_signed(AwsCall *call, const char *address, const char *body,
                                         HttpReply *reply)
{
  char sigv4[AWS_REGION_MAX + 32];
  snprintf(sigv4, sizeof sigv4, "aws:amz:%s:secretsmanager", call->region);
  snprintf(call->user, sizeof call->user, "%s:%s", call->login.key_id, call->login.secret);
  HttpRequest request = {.what = "the request for the secret",
                         .host = address,
                         .url = address,
                         .method = "POST",
                         .body = body,
                         .body_length = strlen(body),
                         .sigv4 = sigv4,
                         .user = call->user};
  ThredCredentialStatus status = THRED_CREDENTIAL_UNAVAIL;
  if (add_headers(call, &request.headers))
    status = aws_send(call, &request, reply);
  else
    aws_says(call, status, "out of memory");
  aws_headers_clear(request.headers);
  return status;
}

static ThredCredentialStatus ask(AwsCall *call, const char *address, const char *stage)
{
  HttpReply reply = {0};
  json_object *body = make_body(call, stage);
  const char *text = body ? json_object_to_json_string_ext(body, JSON_C_TO_STRING_PLAIN |
                                                                     JSON_C_TO_STRING_NOSLASHESCAPE)
                          : NULL;
  ThredCredentialStatus status = text ? send_signed(call, address, text, &reply)
                                      : aws_says(call, THRED_CREDENTIAL_UNAVAIL, "out of memory");
  if (status == THRED_CREDENTIAL_SUCCESS)
    status = reply.status == 200 ? aws_answer(call, address, &reply)
                                 : aws_refusal(call, address, stage, &reply);
  json_object_put(body);
  http_reply_clear(&reply);
  return status;
}

ThredCredentialStatus aws_fetch(AwsCall *call)
{
  const ThredModuleHost *host = call->host;
  char own[AWS_REGION_MAX + 64];
  const char *stage = stage_of(call), *address = address_of(call, own, sizeof own);
  const curl_version_info_data *version = curl_version_info(CURLVERSION_NOW);
  if (!address)
    return THRED_CREDENTIAL_UNAVAIL;
  if (version->version_num < CURL_THAT_SIGNS)
    return aws_says(call, THRED_CREDENTIAL_UNAVAIL,
                    "libcurl %s does not sign all that AWS wants signed: 7.86 or later does",
                    version->version);
  /* A rotation makes the next version before it becomes the current one. A pending one that is not
   * there, not open to the login or not usable says nothing of the current one, which may have
   * changed since; what is busy is asked again later. */
  if (host->size >= sizeof *host && host->refused && strcmp(stage, CURRENT) == 0) {
    ThredCredentialStatus status = ask(call, address, PENDING);
    if (status == THRED_CREDENTIAL_SUCCESS || status == THRED_CREDENTIAL_TRYAGAIN)
      return status;
  }
  return ask(call, address, stage);
}
