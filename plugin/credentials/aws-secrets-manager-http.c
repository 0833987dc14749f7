/* SPDX-License-Identifier: MIT */
/* What all requests of the module have in common. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fetch/secret-words.h"
#include "lib/secure.h"
#include "plugin/credentials/aws-secrets-manager.h"

bool aws_header(struct curl_slist **headers, const char *format, ...)
{
  char *line = NULL;
  va_list args;
  va_start(args, format);
  int length = vasprintf(&line, format, args);
  va_end(args);
  if (length < 0)
    return false;
  struct curl_slist *longer = curl_slist_append(*headers, line);
  secure_wipe(line, (size_t)length);
  free(line);
  if (longer)
    *headers = longer;
  return longer != NULL;
}

void aws_headers_clear(struct curl_slist *headers)
{
  for (struct curl_slist *each = headers; each; each = each->next)
    secure_wipe(each->data, strlen(each->data));
  curl_slist_free_all(headers);
}

static void waits(void *data, bool begins)
{
  const ThredModuleHost *host = data;
  host->wait(host, begins);
}

static ThredCredentialStatus status_of_error(int code)
{
  return code == THRED_E_TIMEOUT || code == THRED_E_NETWORK ? THRED_CREDENTIAL_TRYAGAIN
                                                            : THRED_CREDENTIAL_UNAVAIL;
}

ThredCredentialStatus aws_send(AwsCall *call, HttpRequest *request, HttpReply *reply)
{
  Error error = ERROR_INIT;
  const ThredModuleHost *host = call->host;
  request->ca_file = request->plain ? NULL : call->options->ca_file;
  request->deadline_ms = call->deadline_ms;
  request->at_secure = host->at_secure;
  if (host->size >= sizeof *host && host->wait) {
    request->wait = waits;
    request->wait_data = (void *)(uintptr_t)host;
  }
  int code = http_send(request, reply, &error);
  if (code != THRED_OK)
    return aws_says(call, status_of_error(code), "%.450s", error.message);
  if (reply->encoded)
    return aws_says(call, THRED_CREDENTIAL_UNAVAIL,
                    "%.200s answered %s with a Content-Encoding that was not asked for",
                    request->host, request->what);
  return THRED_CREDENTIAL_SUCCESS;
}

bool aws_repeats(const AwsCall *call, const char *words)
{
  return secret_words_repeat(words, call->login.secret) ||
         secret_words_repeat(words, call->login.session) ||
         secret_words_repeat(words, call->container_token) ||
         secret_words_repeat(words, call->imds_token);
}

ThredCredentialStatus aws_status_of(int http_status)
{
  return http_status == 429 || http_status >= 500 ? THRED_CREDENTIAL_TRYAGAIN
                                                  : THRED_CREDENTIAL_UNAVAIL;
}
