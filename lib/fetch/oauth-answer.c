/* SPDX-License-Identifier: MIT */
#include "lib/fetch/oauth-answer.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fetch/http.h"
#include "lib/fetch/secret-json.h"
#include "lib/fetch/secret-words.h"
#include "lib/secure.h"

#define WORD_MAX 64 /* bytes of the server's own error that are quoted */

static bool is_digit(char c)
{
  return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* RFC 6750, 2.1: b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"=" */
static bool is_b64token(const char *text, size_t length)
{
  size_t n = 0;
  while (n < length &&
         (is_alpha(text[n]) || is_digit(text[n]) || (text[n] && strchr("-._~+/", text[n]))))
    n++;
  size_t body = n;
  while (n < length && text[n] == '=')
    n++;
  return body > 0 && n == length;
}

/* ---- the server's own word for an error ---- */

/* Copies a short printable ASCII string, else leaves `out` empty. */
static void copy_word(const OauthAnswer *answer, json_object *value, char out[WORD_MAX + 1])
{
  if (!json_object_is_type(value, json_type_string))
    return;
  size_t length = (size_t)json_object_get_string_len(value);
  const char *text = json_object_get_string(value);
  if (length == 0 || length > WORD_MAX)
    return;
  for (size_t i = 0; i < length; i++)
    if (text[i] < 0x20 || text[i] > 0x7e)
      return;
  if (secret_words_repeat(text, answer->secrets[0]) ||
      secret_words_repeat(text, answer->secrets[1]) || secret_words_look_encoded(text))
    return;
  memcpy(out, text, length + 1);
}

typedef struct {
  char text[WORD_MAX + 1]; /* "": none that can be quoted */
  bool invalid_client;     /* RFC 6749, 5.2 */
} ServerWord;

static ServerWord server_word(const OauthAnswer *answer)
{
  ServerWord word = {"", false};
  SecretJson json;
  size_t at;
  if (answer->length == 0 || answer->length > HTTP_BODY_MAX || answer->encoded)
    return word;
  if (!secret_json_read(&json, answer->body, answer->length, &at)) {
    static const char *const names[] = {"error_code", "error"};
    for (size_t i = 0; i < 2; i++) {
      json_object *value = secret_json_member(json.object, names[i]);
      if (json_object_is_type(value, json_type_string) &&
          strcmp(json_object_get_string(value), "invalid_client") == 0)
        word.invalid_client = true;
      if (!word.text[0])
        copy_word(answer, value, word.text);
    }
  }
  secret_json_done(&json);
  return word;
}

/* ---- a token ---- */

static int not_a_token(const OauthAnswer *answer, const char *what, Error *error)
{
  return error_set(error, THRED_E_SERVER, "%s answered the token request with HTTP %d, but %s",
                   answer->host, answer->status, what);
}

/* A number in a string, as some servers write it. Too many digits are a long time, no overflow. */
static bool parse_seconds(const char *text, size_t length, int64_t *seconds)
{
  *seconds = 0;
  for (size_t i = 0; i < length; i++) {
    if (!is_digit(text[i]))
      return false;
    if (*seconds < INT32_MAX)
      *seconds = *seconds * 10 + (text[i] - '0');
  }
  return length > 0;
}

/*
 * RFC 6749, 5.1 only recommends expires_in. Without it the token is good for some unknown time:
 * five minutes is short enough to be wrong seldom (a 401 then replaces it), and long enough that a
 * server which leaves it out is not asked for every request. Returns NULL or what is wrong.
 */
static const char *read_lifetime(json_object *value, int64_t *lifetime)
{
  *lifetime = OAUTH_LIFETIME_DEFAULT;
  if (!value)
    return NULL;
  if (json_object_is_type(value, json_type_int)) {
    *lifetime = json_object_get_int64(value); /* saturates */
  } else if (json_object_is_type(value, json_type_double)) {
    double seconds = json_object_get_double(value);
    *lifetime = !(seconds >= 1)                ? 0
                : seconds > OAUTH_LIFETIME_MAX ? OAUTH_LIFETIME_MAX
                                               : (int64_t)seconds;
  } else if (!json_object_is_type(value, json_type_string) ||
             !parse_seconds(json_object_get_string(value),
                            (size_t)json_object_get_string_len(value), lifetime)) {
    return "its expires_in is not a number";
  }
  if (*lifetime <= 0)
    return "its expires_in says that the token has expired already";
  if (*lifetime > OAUTH_LIFETIME_MAX)
    *lifetime = OAUTH_LIFETIME_MAX;
  return NULL;
}

static int take_token(const OauthAnswer *answer, const SecretJson *json, FetchResult *result,
                      Error *error)
{
  json_object *token = secret_json_member(json->object, "access_token"),
              *type = secret_json_member(json->object, "token_type");
  if (!json_object_is_type(token, json_type_string))
    return not_a_token(answer, token ? "its access_token is not a string" : "without access_token",
                       error);
  size_t length = (size_t)json_object_get_string_len(token);
  if (length > TOKEN_MAX)
    return error_set(error, THRED_E_TOO_LARGE, "%s handed out a token of %zu bytes (limit: %u)",
                     answer->host, length, TOKEN_MAX);
  if (!is_b64token(json_object_get_string(token), length))
    return not_a_token(answer, "its access_token is not a bearer token's text (RFC 6750, 2.1)",
                       error);
  /* RFC 6749, 7.1: a client must not use a token whose type it does not understand. */
  if (!json_object_is_type(type, json_type_string) || json_object_get_string_len(type) != 6 ||
      !curl_strequal(json_object_get_string(type), "bearer"))
    return not_a_token(answer, type ? "its token_type is not bearer" : "without token_type", error);
  const char *problem =
      read_lifetime(secret_json_member(json->object, "expires_in"), &result->lifetime);
  if (problem) {
    result->lifetime = 0;
    return not_a_token(answer, problem, error);
  }
  result->token = malloc(length + 1);
  if (!result->token) {
    result->shared_failure = 0;
    return error_set(error, THRED_E_NO_MEMORY, "out of memory");
  }
  memcpy(result->token, json_object_get_string(token), length);
  result->token[length] = 0;
  result->length = length;
  result->shared_failure = 0;
  return THRED_OK;
}

/* RFC 6749, 5.1: application/json; RFC 6839, 3.1: whatever ends in +json. An answer without a type
 * is taken for what it looks like (RFC 9110, 8.3). */
static bool is_json_type(const char *type)
{
  static const char *const names[] = {"application/json", "text/json"};
  const size_t length = type ? strcspn(type, "; \t") : 0;
  if (length == 0)
    return true;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (strlen(names[i]) == length && curl_strnequal(type, names[i], length))
      return true;
  return length > 5 && curl_strnequal(type + length - 5, "+json", 5);
}

/* A page of a proxy's or of a login's, most often. Quoted if it is a type (RFC 9110, 8.3.1). */
static int not_json(const OauthAnswer *answer, Error *error)
{
  const size_t length = strcspn(answer->type, "; \t");
  bool plain = true;
  for (size_t i = 0; i < length; i++)
    plain = plain && (is_alpha(answer->type[i]) || is_digit(answer->type[i]) ||
                      strchr("/.+-", answer->type[i]));
  return error_set(error, THRED_E_SERVER,
                   "%s answered the token request with HTTP %d, but with %.*s in place of JSON",
                   answer->host, answer->status,
                   plain ? (int)length : (int)strlen("something else"),
                   plain ? answer->type : "something else");
}

static int read_success(const OauthAnswer *answer, FetchResult *result, Error *error)
{
  if (answer->length > HTTP_BODY_MAX)
    return error_set(error, THRED_E_TOO_LARGE,
                     "%s answered the token request with a body above the limit (%u KiB)",
                     answer->host, HTTP_BODY_MAX / 1024);
  if (!is_json_type(answer->type))
    return not_json(answer, error);
  if (answer->encoded)
    return not_a_token(answer, "compressed, which was not asked for", error);
  if (answer->length == 0)
    return not_a_token(answer, "with an empty body", error);

  SecretJson json;
  size_t at;
  const char *problem = secret_json_read(&json, answer->body, answer->length, &at);
  int code = THRED_OK;
  if (problem)
    code = error_set(error, THRED_E_SERVER,
                     "%s answered the token request with HTTP %d and %zu bytes that are no JSON "
                     "object: %s (at byte %zu)",
                     answer->host, answer->status, answer->length, problem, at);
  else
    code = take_token(answer, &json, result, error);
  secret_json_done(&json);
  return code;
}

/* ---- a refusal ---- */

/* RFC 9110, 10.2.3: seconds or a date. What cannot be read says nothing. */
static int64_t read_retry_after(const OauthAnswer *answer)
{
  const char *text = answer->retry_after;
  if (!text)
    return 0;
  text += strspn(text, " \t");
  size_t length = strlen(text);
  while (length > 0 && strchr(" \t\r\n", text[length - 1]))
    length--;
  int64_t seconds = 0;
  if (!parse_seconds(text, length, &seconds)) {
    time_t date = length > 0 ? curl_getdate(text, NULL) : -1;
    seconds = date > 0 ? (int64_t)date - answer->now : 0;
  }
  return seconds < 0 ? 0 : seconds > OAUTH_RETRY_MAX ? OAUTH_RETRY_MAX : seconds;
}

static const char *status_words(const OauthAnswer *answer)
{
  int status = answer->status;
  if (status >= 300 && status <= 399)
    return "redirects are not followed";
  if (status == 429)
    return "too many requests";
  if (status >= 500 && status <= 599)
    return "the server has a problem";
  if (answer->business_id && (status == 400 || status == 403 || status == 409))
    return "it hands out no token for this business";
  return "this is no answer to a token request";
}

static int read_failure(const OauthAnswer *answer, FetchResult *result, bool *key_refused,
                        Error *error)
{
  int status = answer->status;
  ServerWord word = server_word(answer);
  char quote[WORD_MAX + 8] = "";
  if (word.text[0])
    snprintf(quote, sizeof quote, " \"%s\"", word.text);

  if (!answer->business_id && (status == 401 || status == 403 || status == 400)) {
    *key_refused = status != 400 || word.invalid_client;
    return error_set(error, THRED_E_REFUSED, "%s refused the partner UUID and API key: HTTP %d%s",
                     answer->host, status, quote);
  }
  if (answer->business_id && status == 401)
    return error_set(error, THRED_E_REFUSED,
                     "%s refused the partner token for business %s: HTTP %d%s", answer->host,
                     answer->business_id, status, quote);
  if (answer->business_id && status == 404) {
    result->retry_after = OAUTH_RETRY_REFUSED;
    return error_set(error, THRED_E_BUSINESS_NOT_FOUND,
                     "%s knows no business %s of this partner: HTTP %d%s", answer->host,
                     answer->business_id, status, quote);
  }
  if (status == 429 || (status >= 500 && status <= 599))
    result->retry_after = read_retry_after(answer);
  else if (answer->business_id && (status == 400 || status == 403 || status == 409))
    result->retry_after = OAUTH_RETRY_REFUSED;
  return error_set(error, THRED_E_SERVER, "%s answered the %s token request with HTTP %d%s: %s",
                   answer->host, answer->business_id ? "business" : "partner", status, quote,
                   status_words(answer));
}

int oauth_answer_read(const OauthAnswer *answer, FetchResult *result, bool *key_refused,
                      Error *error)
{
  bool ignored;
  if (!key_refused)
    key_refused = &ignored;
  *key_refused = false;
  *result = (FetchResult){.shared_failure = 1, .http_status = answer->status};
  if (answer->status == 200 || answer->status == 201)
    return read_success(answer, result, error);
  return read_failure(answer, result, key_refused, error);
}
