/* SPDX-License-Identifier: MIT */
/*
 * The login of a container (ECS, EKS Pod Identity), from a service on the machine's own link (the
 * reference, "Container credential provider").
 */
#include <stdio.h>
#include <string.h>

#include "plugin/credentials/aws-secrets-manager.h"

#define CONTAINER_ADDRESS "http://169.254.170.2"

/* A header's value, without control characters. */
static bool is_line(AwsSpan text)
{
  for (size_t i = 0; i < text.length; i++)
    if ((unsigned char)text.at[i] < 0x20 || text.at[i] == 0x7f)
      return false;
  return text.length > 0 && text.length <= AWS_SESSION_MAX;
}

/*
 * The token's file, which is read each time: it is renewed. The kubelet decides its mode, and for
 * some containers leaves it open to all users inside (KEP 1205): so it is judged as a
 * configuration, not as a secret.
 */
static ThredCredentialStatus container_token(AwsCall *call)
{
  const char *path = aws_variable(call->host, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  AwsSpan token = aws_span(aws_variable(call->host, "AWS_CONTAINER_AUTHORIZATION_TOKEN"));
  ModuleSecret text = {0};
  ThredCredentialStatus status = THRED_CREDENTIAL_SUCCESS;
  if (path) {
    status = module_read_file(call->host, path, SECURE_CONFIG, MODULE_FILE_MAX, &text);
    module_trim_secret(&text);
    token = (AwsSpan){text.bytes, text.length};
  }
  if (status != THRED_CREDENTIAL_SUCCESS)
    status = THRED_CREDENTIAL_UNAVAIL; /* what it names has to be there */
  else if (token.at && !is_line(token))
    status = aws_says(
        call, THRED_CREDENTIAL_UNAVAIL, "%s: the token is empty, too long or not one line",
        path ? "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE" : "AWS_CONTAINER_AUTHORIZATION_TOKEN");
  else if (token.at)
    memcpy(call->container_token, token.at, token.length);
  module_secret_clear(&text);
  return status;
}

static ThredCredentialStatus ask_container(AwsCall *call, const char *url, const char *origin,
                                           bool plain)
{
  HttpReply reply = {0};
  HttpRequest request = {.what = "the request for the container's credentials",
                         .host = origin,
                         .url = url,
                         .method = "GET",
                         .connect_timeout = 1,
                         .timeout = 5,
                         .plain = plain};
  ThredCredentialStatus status = container_token(call);
  if (status == THRED_CREDENTIAL_SUCCESS && call->container_token[0] &&
      !aws_header(&request.headers, "Authorization: %s", call->container_token))
    status = aws_says(call, THRED_CREDENTIAL_UNAVAIL, "out of memory");
  if (status == THRED_CREDENTIAL_SUCCESS)
    status = aws_send(call, &request, &reply);
  if (status == THRED_CREDENTIAL_SUCCESS && reply.status != 200)
    status = aws_says(call, aws_status_of(reply.status),
                      "the container's credentials: %.200s answered HTTP %d", origin, reply.status);
  else if (status == THRED_CREDENTIAL_SUCCESS)
    status = aws_login_document(call, "the container's credentials", &reply);
  http_reply_clear(&reply);
  aws_headers_clear(request.headers);
  return status;
}

ThredCredentialStatus aws_login_container(AwsCall *call)
{
  const char *relative = aws_variable(call->host, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  const char *full = aws_variable(call->host, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
  char url[1024], origin[AWS_ORIGIN_SIZE];
  bool plain = true;
  if (!relative && !full)
    return THRED_CREDENTIAL_NOTFOUND;
  int length = snprintf(url, sizeof url, "%s%s", relative ? CONTAINER_ADDRESS : "",
                        relative ? relative : full);
  const char *why = length >= (int)sizeof url        ? "it is too long"
                    : relative && relative[0] != '/' ? "it does not begin with a slash"
                                                     : aws_container_problem(url, &plain, origin);
  if (why)
    return aws_says(call, THRED_CREDENTIAL_UNAVAIL, "%s: %s",
                    relative ? "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
                             : "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                    why);
  return ask_container(call, url, origin, plain);
}
