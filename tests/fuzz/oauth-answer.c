/* SPDX-License-Identifier: MIT */
/*
 * What a token endpoint answers: a digit for the kind of request, the status, the value of
 * Retry-After, each a line; then the body.
 */
#include "lib/fetch/oauth-answer.h"

#include "lib/fetch/http.h"
#include "tests/fuzz/fuzz.h"

#define HOST     "sandbox.thredfi.com"
#define BUSINESS "3c90c3cc-0d44-4b50-8888-8dd25736052a"
#define NOW      1790000000
#define SECRET   "kFzQ9w-very-secret-key"

static void check_token(const FetchResult *result)
{
  /* RFC 6750, 2.1, which has no CR, LF, blank or NUL. */
  size_t body = strspn(result->token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                      "0123456789-._~+/");
  FUZZ_TRUE(body > 0 && body + strspn(result->token + body, "=") == result->length);
  FUZZ_TRUE(result->length == strlen(result->token) && result->length <= TOKEN_MAX);
  FUZZ_TRUE(result->lifetime > 0 && result->lifetime <= OAUTH_LIFETIME_MAX);
  FUZZ_TRUE(!result->shared_failure);
}

/* No eight bytes of what was sent, wherever the server has put them. */
static bool shows_secret(const char *text)
{
  static const char secret[] = SECRET;
  for (size_t i = 0; i + 8 < sizeof secret; i++)
    if (memmem(text, strlen(text), secret + i, 8))
      return true;
  return false;
}

static void check_failure(const FetchResult *result, const Error *error, int code)
{
  FUZZ_TRUE(code == error->code && !result->token && !result->length && !result->lifetime);
  FUZZ_SAYS(strstr(error->message, HOST) && fuzz_is_tame(error->message), error->message);
  FUZZ_SAYS(!shows_secret(error->message), error->message);
  FUZZ_TRUE(result->retry_after >= 0 && result->retry_after <= OAUTH_RETRY_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  FuzzInput input = {data, data + size};
  char *kind = fuzz_line(&input, '\n'), *status = fuzz_line(&input, '\n');
  char *retry_after = fuzz_line(&input, '\n');
  size_t length = (size_t)(input.end - input.at);
  char *body = fuzz_copy(input.at, length);
  OauthAnswer answer = {.host = HOST,
                        .business_id = *kind & 1 ? BUSINESS : NULL,
                        .secrets = {SECRET, NULL},
                        .status = atoi(status),
                        .body = body,
                        .length = length,
                        .retry_after = *retry_after ? retry_after : NULL,
                        .encoded = *kind & 2,
                        .now = NOW};
  FetchResult result;
  Error error = ERROR_INIT;
  bool key_refused;
  int code = oauth_answer_read(&answer, &result, &key_refused, &error);
  FUZZ_TRUE((code == THRED_OK) == (result.token != NULL) && result.http_status == answer.status);
  if (code == THRED_OK)
    check_token(&result);
  else
    check_failure(&result, &error, code);
  FUZZ_TRUE(!key_refused || code == THRED_E_REFUSED);
  free(result.token);
  free(body);
  free(retry_after);
  free(status);
  free(kind);
  return 0;
}
