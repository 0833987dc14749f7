/* SPDX-License-Identifier: MIT */
/* The lines of an answer's head as libcurl hands them over, and what Retry-After comes to. */
#include "lib/fetch/http.c"

#include "lib/fetch/oauth-answer.h"
#include "tests/fuzz/fuzz.h"

#define NOW 1790000000

static int64_t retry_after(const char *value)
{
  OauthAnswer answer = {
      .host = "h", .status = 503, .retry_after = *value ? value : NULL, .now = NOW};
  FetchResult result;
  Error error = ERROR_INIT;
  FUZZ_TRUE(oauth_answer_read(&answer, &result, NULL, &error) == THRED_E_SERVER);
  return result.retry_after;
}

/* Some digits alone are seconds. */
static void check_seconds(const char *value, int64_t got)
{
  size_t digits = strspn(value, "0123456789");
  if (digits == 0 || digits > 9 || value[digits])
    return;
  int64_t seconds = atoll(value);
  FUZZ_SAYS(got == (seconds > OAUTH_RETRY_MAX ? OAUTH_RETRY_MAX : seconds), value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  HttpReply reply = {0};
  Transfer transfer = {.reply = &reply};
  const uint8_t *at = data, *end = data + size;
  while (at < end) {
    const uint8_t *newline = memchr(at, '\n', (size_t)(end - at));
    size_t length = (size_t)((newline ? newline + 1 : end) - at);
    char *line = fuzz_copy(at, length);
    size_t taken = take_header(line, 1, length, &transfer);
    FUZZ_TRUE((taken == length) == !transfer.too_large);
    free(line);
    if (taken != length)
      break;
    at += length;
  }
  FUZZ_TRUE(transfer.headers <= HEADERS_MAX);
  FUZZ_TRUE(memchr(reply.retry_after, 0, sizeof reply.retry_after));
  FUZZ_SAYS(fuzz_is_tame(reply.retry_after), reply.retry_after);
  int64_t seconds = retry_after(reply.retry_after);
  FUZZ_TRUE(seconds >= 0 && seconds <= OAUTH_RETRY_MAX);
  check_seconds(reply.retry_after, seconds);
  return 0;
}
