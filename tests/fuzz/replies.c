/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/replies.h"

#include "lib/fetch/http.h"
#include "lib/secure.h"

enum { REPLIES_MAX = 16 };

static FuzzInput replies;
static unsigned requests;

void replies_set(const FuzzInput *input)
{
  replies = *input;
  requests = 0;
}

bool replies_hide(const char *text, const char *secret)
{
  for (size_t i = 0; i + 8 <= strlen(secret); i++)
    if (memmem(text, strlen(text), secret + i, 8))
      return false;
  return true;
}

static void check_request(const HttpRequest *request)
{
  bool https = strncmp(request->url, "https://", 8) == 0;
  FUZZ_SAYS(https || (request->plain && strncmp(request->url, "http://", 7) == 0), request->url);
  FUZZ_SAYS(fuzz_is_tame(request->url) && !strchr(request->url, ' '), request->url);
  for (const struct curl_slist *line = request->headers; line; line = line->next)
    FUZZ_SAYS(fuzz_is_tame(line->data) && strchr(line->data, ':'), line->data);
  FUZZ_TRUE(!request->user || (fuzz_is_tame(request->user) && strchr(request->user, ':')));
  FUZZ_TRUE(fuzz_is_tame(request->host) && ++requests <= REPLIES_MAX);
}

int http_send(const HttpRequest *request, HttpReply *reply, Error *error)
{
  check_request(request);
  *reply = (HttpReply){0};
  char *status = fuzz_line(&replies, '\n');
  reply->status = atoi(status) % 1000;
  free(status);
  size_t left = (size_t)(replies.end - replies.at);
  const uint8_t *end = left ? memchr(replies.at, '\f', left) : NULL;
  reply->length = end ? (size_t)(end - replies.at) : left;
  FUZZ_TRUE(reply->length <= HTTP_BODY_MAX);
  /* Exactly so large: what lies behind an answer is no part of it. */
  reply->body = fuzz_copy(replies.at, reply->length);
  replies.at += reply->length + (end ? 1 : 0);
  if (reply->status > 0)
    return THRED_OK;
  reply->result = CURLE_COULDNT_CONNECT;
  return error_set(error, THRED_E_NETWORK, "%s cannot be reached", request->host);
}

void http_reply_clear(HttpReply *reply)
{
  if (reply->body)
    secure_wipe(reply->body, reply->length);
  free(reply->body);
  *reply = (HttpReply){0};
}
