/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/fetch/http.h"
#include "lib/fetch/oauth-answer.h"

#define HOST     "sandbox.thredfi.com"
#define BUSINESS "3c90c3cc-0d44-4b50-8888-8dd25736052a"
#define NOW      1782900000 /* 2026-07-01 10:00:00 UTC */
#define TOKEN    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln-_~+/nature=="
#define BEARER   "\"access_token\":\"" TOKEN "\",\"token_type\":\"Bearer\""
#define BODY     "{" BEARER ",\"expires_in\":3600}"

enum { PARTNER, BUSINESS_REQUEST };

typedef struct {
  const char *name;
  int kind, status;
  const char *body;
  const char *retry_after;
  int code;
  int64_t lifetime, retry;
  bool key_refused;
} Case;

#define OK(name, body, lifetime)                                                                   \
  {                                                                                                \
    name, PARTNER, 200, body, NULL, THRED_OK, lifetime, 0, false                                   \
  }
#define BAD(name, body)                                                                            \
  {                                                                                                \
    name, PARTNER, 200, body, NULL, THRED_E_SERVER, 0, 0, false                                    \
  }
#define EXPIRES(json) "{" BEARER ",\"expires_in\":" json "}"
#define TYPE(json)    "{\"access_token\":\"" TOKEN "\",\"token_type\":" json "}"
#define ACCESS(json)  "{\"access_token\":" json ",\"token_type\":\"Bearer\"}"

static const Case good[] = {
    OK("plain", BODY, 3600),
    {"created", PARTNER, 201, BODY, NULL, THRED_OK, 3600, 0, false},
    {"business", BUSINESS_REQUEST, 200, BODY, NULL, THRED_OK, 3600, 0, false},
    {"retry-after is not for success", PARTNER, 200, BODY, "30", THRED_OK, 3600, 0, false},
    OK("blanks around", " \r\n\t" BODY "\r\n ", 3600),
    OK("more members", "{" BEARER ",\"expires_in\":60,\"scope\":\"business_access\",\"x\":[1,{}]}",
       60),
    OK("upper case type",
       "{\"access_token\":\"" TOKEN "\",\"token_type\":\"BEARER\",\"expires_in\":5}", 5),
    OK("the last of two keys counts", "{\"access_token\":\"old\"," BEARER ",\"expires_in\":7}", 7),
    OK("escaped slash", "{\"access_token\":\"a\\/b\",\"token_type\":\"bearer\",\"expires_in\":7}",
       7),
    OK("no expires_in", "{" BEARER "}", OAUTH_LIFETIME_DEFAULT),
    OK("null expires_in", EXPIRES("null"), OAUTH_LIFETIME_DEFAULT),
    OK("one second", EXPIRES("1"), 1),
    OK("a day", EXPIRES("86400"), 86400),
    OK("more than a day", EXPIRES("86401"), 86400),
    OK("a year", EXPIRES("31536000"), 86400),
    OK("beyond 64 bits", EXPIRES("99999999999999999999999"), 86400),
    OK("fraction", EXPIRES("3599.99"), 3599),
    OK("exponent", EXPIRES("3.6e3"), 3600),
    OK("infinite", EXPIRES("1e999"), 86400),
    OK("digits in a string", EXPIRES("\"3600\""), 3600),
    OK("leading zeros in a string", EXPIRES("\"003600\""), 3600),
    OK("many digits in a string", EXPIRES("\"36000000000000000000000000\""), 86400),
};

static const Case bad[] = {
    BAD("empty", ""),
    BAD("blanks", "  \n"),
    BAD("html", "<html>502</html>"),
    BAD("null", "null"),
    BAD("number", "12"),
    BAD("string", "\"" TOKEN "\""),
    BAD("array", "[" BODY "]"),
    BAD("cut", "{" BEARER),
    BAD("cut in the token", "{\"access_token\":\"" TOKEN),
    BAD("trailing word", BODY " x"),
    BAD("two objects", BODY BODY),
    BAD("comment", "/* x */" BODY),
    BAD("single quotes", "{'access_token':'a','token_type':'bearer'}"),
    BAD("trailing comma", "{" BEARER ",}"),
    BAD("invalid utf-8", "{" BEARER ",\"x\":\"\xff\xfe\"}"),
    BAD("byte order mark", "\xef\xbb\xbf" BODY),
    BAD("no members", "{}"),
    BAD("no access_token", "{\"token_type\":\"Bearer\",\"expires_in\":3600}"),
    BAD("token null", ACCESS("null")),
    BAD("token number", ACCESS("1")),
    BAD("token object", ACCESS("{}")),
    BAD("token empty", ACCESS("\"\"")),
    BAD("token with blank", ACCESS("\"a b\"")),
    BAD("token with newline", ACCESS("\"a\\nX-Evil: 1\"")),
    BAD("token with return", ACCESS("\"a\\r\"")),
    BAD("token with NUL", ACCESS("\"a\\u0000b\"")),
    BAD("token with a non-ASCII letter", ACCESS("\"\xc3\xa9\"")),
    BAD("token of padding", ACCESS("\"==\"")),
    BAD("padding inside", ACCESS("\"a=b\"")),
    BAD("token with a comma", ACCESS("\"a,b\"")),
    BAD("no token_type", "{\"access_token\":\"" TOKEN "\"}"),
    BAD("token_type mac", TYPE("\"mac\"")),
    BAD("token_type null", TYPE("null")),
    BAD("token_type number", TYPE("1")),
    BAD("token_type longer", TYPE("\"bearer \"")),
    BAD("token_type with NUL", TYPE("\"bearer\\u0000x\"")),
    BAD("expired", EXPIRES("0")),
    BAD("negative", EXPIRES("-1")),
    BAD("less than a second", EXPIRES("0.9")),
    BAD("negative fraction", EXPIRES("-0.5")),
    BAD("expires_in true", EXPIRES("true")),
    BAD("expires_in object", EXPIRES("{}")),
    BAD("expires_in array", EXPIRES("[3600]")),
    BAD("expires_in empty string", EXPIRES("\"\"")),
    BAD("expires_in word", EXPIRES("\"hour\"")),
    BAD("expires_in signed string", EXPIRES("\"+3600\"")),
    BAD("expires_in negative string", EXPIRES("\"-3600\"")),
    BAD("expires_in fraction string", EXPIRES("\"3600.5\"")),
    BAD("expires_in blank string", EXPIRES("\" 3600\"")),
    BAD("expires_in zero string", EXPIRES("\"0\"")),
    BAD("NaN", EXPIRES("NaN")),
};

#define ANSWER(name, kind, status, body, retry_after, code, retry, key_refused)                    \
  {                                                                                                \
    name, kind, status, body, retry_after, code, 0, retry, key_refused                             \
  }
#define DATE(text) text ", 01 Jul 2026 "

static const Case refusals[] = {
    ANSWER("401 partner", PARTNER, 401, "", NULL, THRED_E_REFUSED, 0, true),
    ANSWER("403 partner", PARTNER, 403, "{}", NULL, THRED_E_REFUSED, 0, true),
    ANSWER("400 partner", PARTNER, 400, "{}", NULL, THRED_E_REFUSED, 0, false),
    ANSWER("400 other error", PARTNER, 400, "{\"error\":\"invalid_request\"}", NULL,
           THRED_E_REFUSED, 0, false),
    ANSWER("400 invalid_client", PARTNER, 400, "{\"error\":\"invalid_client\"}", NULL,
           THRED_E_REFUSED, 0, true),
    ANSWER("400 error_code", PARTNER, 400,
           "{\"error_code\":\"invalid_client\",\"error\":\"Wrong\"}", NULL, THRED_E_REFUSED, 0,
           true),
    ANSWER("400 with garbage", PARTNER, 400, "invalid_client", NULL, THRED_E_REFUSED, 0, false),
    ANSWER("401 business", BUSINESS_REQUEST, 401, "{}", NULL, THRED_E_REFUSED, 0, false),
    ANSWER("403 business", BUSINESS_REQUEST, 403, "{}", NULL, THRED_E_SERVER, 60, false),
    ANSWER("400 business", BUSINESS_REQUEST, 400, "{}", NULL, THRED_E_SERVER, 60, false),
    ANSWER("409 business", BUSINESS_REQUEST, 409, "{}", NULL, THRED_E_SERVER, 60, false),
    ANSWER("404 business", BUSINESS_REQUEST, 404, "{}", NULL, THRED_E_BUSINESS_NOT_FOUND, 60,
           false),
    ANSWER("404 business, its own wish", BUSINESS_REQUEST, 404, "{}", "1",
           THRED_E_BUSINESS_NOT_FOUND, 60, false),
    ANSWER("404 partner", PARTNER, 404, "{}", NULL, THRED_E_SERVER, 0, false),
    ANSWER("409 partner", PARTNER, 409, "{}", NULL, THRED_E_SERVER, 0, false),
    ANSWER("204", PARTNER, 204, "", NULL, THRED_E_SERVER, 0, false),
    ANSWER("202 with a token", PARTNER, 202, BODY, NULL, THRED_E_SERVER, 0, false),
    ANSWER("302", PARTNER, 302, "", NULL, THRED_E_SERVER, 0, false),
    ANSWER("308", BUSINESS_REQUEST, 308, BODY, NULL, THRED_E_SERVER, 0, false),
    ANSWER("418", PARTNER, 418, "", NULL, THRED_E_SERVER, 0, false),
    ANSWER("500", PARTNER, 500, BODY, NULL, THRED_E_SERVER, 0, false),
    ANSWER("503", BUSINESS_REQUEST, 503, "", "5", THRED_E_SERVER, 5, false),
    ANSWER("599", PARTNER, 599, "", "7", THRED_E_SERVER, 7, false),
    ANSWER("600", PARTNER, 600, "", "7", THRED_E_SERVER, 0, false),
    ANSWER("429", PARTNER, 429, "", NULL, THRED_E_SERVER, 0, false),
    ANSWER("429 seconds", PARTNER, 429, "", "120", THRED_E_SERVER, 120, false),
    ANSWER("429 blanks", PARTNER, 429, "", " 120 \r\n", THRED_E_SERVER, 120, false),
    ANSWER("429 cap", PARTNER, 429, "", "3601", THRED_E_SERVER, 3600, false),
    ANSWER("429 huge", PARTNER, 429, "", "99999999999999999999", THRED_E_SERVER, 3600, false),
    ANSWER("429 zero", PARTNER, 429, "", "0", THRED_E_SERVER, 0, false),
    ANSWER("429 empty", PARTNER, 429, "", "", THRED_E_SERVER, 0, false),
    ANSWER("429 negative", PARTNER, 429, "", "-5", THRED_E_SERVER, 0, false),
    ANSWER("429 fraction", PARTNER, 429, "", "1.5", THRED_E_SERVER, 0, false),
    ANSWER("429 words", PARTNER, 429, "", "a little later", THRED_E_SERVER, 0, false),
    ANSWER("429 other date", PARTNER, 429, "", "2027-01-01", THRED_E_SERVER, 0, false),
    ANSWER("429 date", PARTNER, 429, "", DATE("Wed") "10:00:30 GMT", THRED_E_SERVER, 30, false),
    ANSWER("429 date tomorrow", PARTNER, 429, "", "Thu, 02 Jul 2026 10:00:00 GMT", THRED_E_SERVER,
           3600, false),
    ANSWER("429 date past", PARTNER, 429, "", DATE("Wed") "09:59:00 GMT", THRED_E_SERVER, 0, false),
    ANSWER("429 RFC 850 date", PARTNER, 429, "", "Wednesday, 01-Jul-26 10:01:00 GMT",
           THRED_E_SERVER, 60, false),
    ANSWER("429 asctime date", PARTNER, 429, "", "Wed Jul  1 10:02:00 2026", THRED_E_SERVER, 120,
           false),
};

static OauthAnswer answer_of(const Case *c)
{
  return (OauthAnswer){.host = HOST,
                       .business_id = c->kind == BUSINESS_REQUEST ? BUSINESS : NULL,
                       .status = c->status,
                       .body = c->body,
                       .length = strlen(c->body),
                       .retry_after = c->retry_after,
                       .now = NOW};
}

static void run_case(const Case *c)
{
  OauthAnswer answer = answer_of(c);
  /* A heap copy without a NUL, so that a sanitizer sees a read behind the end. */
  char *body = malloc(answer.length ? answer.length : 1);
  memcpy(body, answer.body, answer.length);
  answer.body = body;
  FetchResult result;
  Error error = ERROR_INIT;
  bool key_refused = !c->key_refused;
  int code = oauth_answer_read(&answer, &result, &key_refused, &error);
  if (code != c->code || result.lifetime != c->lifetime || result.retry_after != c->retry ||
      key_refused != c->key_refused)
    fail_msg("%s: code %d, lifetime %lld, retry %lld, key refused %d: %s", c->name, code,
             (long long)result.lifetime, (long long)result.retry_after, key_refused, error.message);
  assert_int_equal(result.http_status, c->status);
  if (code == THRED_OK) {
    assert_non_null(result.token);
    assert_int_equal(result.length, strlen(result.token));
    assert_int_equal(result.shared_failure, 0);
  } else {
    assert_null(result.token);
    assert_int_equal(result.length, 0);
    assert_int_equal(result.shared_failure, 1);
    assert_int_equal(error.code, code);
    assert_non_null(strstr(error.message, HOST));
    assert_null(strstr(error.message, "eyJ"));
  }
  free(result.token);
  free(body);
}

static void test_good(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof good / sizeof *good; i++)
    run_case(&good[i]);
}

static void test_bad(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    run_case(&bad[i]);
}

static void test_refusals(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
    run_case(&refusals[i]);
}

static int read_body(const char *body, size_t length, FetchResult *result, Error *error)
{
  OauthAnswer answer = {.host = HOST, .status = 200, .body = body, .length = length, .now = NOW};
  return oauth_answer_read(&answer, result, NULL, error);
}

static void test_token_is_exact(void **state)
{
  (void)state;
  FetchResult result;
  assert_int_equal(read_body(BODY, strlen(BODY), &result, NULL), THRED_OK);
  assert_string_equal(result.token, TOKEN);
  free(result.token);
  const char *twice = "{\"access_token\":\"old\"," BEARER "}";
  assert_int_equal(read_body(twice, strlen(twice), &result, NULL), THRED_OK);
  assert_string_equal(result.token, TOKEN);
  free(result.token);
}

static char *body_with_token(size_t token_length, size_t *length)
{
  char *token = malloc(token_length + 1), *body = NULL;
  memset(token, 'a', token_length);
  token[token_length] = 0;
  *length = (size_t)asprintf(&body, "{\"access_token\":\"%s\",\"token_type\":\"Bearer\"}", token);
  free(token);
  return body;
}

static void test_sizes(void **state)
{
  (void)state;
  FetchResult result;
  Error error = ERROR_INIT;
  size_t length;
  char *body = body_with_token(TOKEN_MAX, &length);
  assert_int_equal(read_body(body, length, &result, &error), THRED_OK);
  assert_int_equal(result.length, TOKEN_MAX);
  free(result.token);
  free(body);

  body = body_with_token(TOKEN_MAX + 1, &length);
  assert_int_equal(read_body(body, length, &result, &error), THRED_E_TOO_LARGE);
  assert_null(result.token);
  assert_int_equal(result.shared_failure, 1);
  assert_null(strstr(error.message, "aaaa"));
  free(body);

  body = body_with_token(HTTP_BODY_MAX, &length);
  assert_int_equal(read_body(body, length, &result, &error), THRED_E_TOO_LARGE);
  free(body);
}

static void test_long_body(void **state)
{
  (void)state;
  FetchResult result;
  size_t n = strlen(BODY);
  char *body = malloc(HTTP_BODY_MAX + 1);
  memset(body, ' ', HTTP_BODY_MAX + 1);
  memcpy(body, BODY, n);
  assert_int_equal(read_body(body, HTTP_BODY_MAX, &result, NULL), THRED_OK);
  free(result.token);
  assert_int_equal(read_body(body, HTTP_BODY_MAX + 1, &result, NULL), THRED_E_TOO_LARGE);
  free(body);
}

static void test_depth(void **state)
{
  (void)state;
  char body[4096] = "{\"x\":";
  FetchResult result;
  Error error = ERROR_INIT;
  memset(body + 5, '[', 2000);
  memset(body + 2005, ']', 2000);
  strcpy(body + 4005, "}");
  assert_int_equal(read_body(body, strlen(body), &result, &error), THRED_E_SERVER);
  assert_non_null(strstr(error.message, "no JSON object"));
}

static void test_raw_nul(void **state)
{
  (void)state;
  static const char after[] = BODY "\0x", inside[] = "{" BEARER ",\0\"expires_in\":1}";
  FetchResult result;
  assert_int_equal(read_body(after, sizeof after - 1, &result, NULL), THRED_E_SERVER);
  assert_int_equal(read_body(inside, sizeof inside - 1, &result, NULL), THRED_E_SERVER);
  assert_int_equal(read_body(NULL, 0, &result, NULL), THRED_E_SERVER);
}

/* RFC 6749, 5.1. What is no type is not quoted. */
static void test_types(void **state)
{
  static const struct {
    const char *type, *quoted; /* NULL: it is JSON's */
  } types[] = {{NULL, NULL},
               {"", NULL},
               {"application/json", NULL},
               {"APPLICATION/JSON ; charset=utf-8", NULL},
               {"text/json", NULL},
               {"application/problem+json", NULL},
               {"+json", "+json"},
               {"text/html; charset=utf-8", "text/html"},
               {"application/jsonp", "application/jsonp"},
               {"text/ht\x1bml", "something else"},
               {"%s%n", "something else"}};
  (void)state;
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
    char sentence[128];
    OauthAnswer answer = {
        .host = HOST, .status = 200, .body = BODY, .length = strlen(BODY), .type = types[i].type};
    FetchResult result;
    Error error = ERROR_INIT;
    snprintf(sentence, sizeof sentence, "but with %s in place of JSON", types[i].quoted);
    int code = oauth_answer_read(&answer, &result, NULL, &error);
    assert_int_equal(code, types[i].quoted ? THRED_E_SERVER : THRED_OK);
    assert_true(!types[i].quoted || strstr(error.message, sentence));
    free(result.token);
  }
}

static void test_encoded(void **state)
{
  (void)state;
  OauthAnswer answer = {
      .host = HOST, .status = 200, .body = BODY, .length = strlen(BODY), .encoded = true};
  FetchResult result;
  Error error = ERROR_INIT;
  assert_int_equal(oauth_answer_read(&answer, &result, NULL, &error), THRED_E_SERVER);
  assert_non_null(strstr(error.message, "compressed"));
}

/* Every prefix of an answer is an error without the token's text, never a crash. */
static void test_prefixes(void **state)
{
  (void)state;
  FetchResult result;
  for (size_t n = 0; n < strlen(BODY); n++) {
    Error error = ERROR_INIT;
    char *copy = malloc(n ? n : 1);
    memcpy(copy, BODY, n);
    assert_int_equal(read_body(copy, n, &result, &error), THRED_E_SERVER);
    assert_null(strstr(error.message, "eyJ"));
    free(copy);
  }
}

/* The server's own word: only a short, printable one, and never what it was sent. */
static void test_words(void **state)
{
  (void)state;
  static const struct {
    const char *body;
    const char *quoted; /* NULL: nothing of the server's */
  } words[] = {
      {"{\"error\":\"invalid_client\"}", "\"invalid_client\""},
      {"{\"error\":\"Text.\",\"error_code\":\"permission_denied\"}", "\"permission_denied\""},
      {"{\"error\":\"Text.\",\"error_code\":7}", "\"Text.\""},
      {"{\"error\":{\"code\":1}}", NULL},
      {"{\"error\":\"\"}", NULL},
      {"{\"error\":\"line\\nline\"}", NULL},
      {"{\"error\":\"\\u001b[31m\"}", NULL},
      {"{\"error\":\"caf\xc3\xa9\"}", NULL},
      {"{\"error\":\"key s3cret-api-key is wrong\"}", NULL},
      {"{\"error\":\"key s3cret-a... is wrong\"}", NULL},
      {"{\"error\":\"Basic dXVpZDpzM2NyZXQ\"}", NULL},
      {"{\"error\":\"a_long_word_of_sixty_four_letters_that_is_still_quoted_as_it_is_\"}",
       "\"a_long_word_of_sixty_four_letters_that_is_still_quoted_as_it_is_\""},
      {"{\"error\":\"a_long_word_of_sixty_four_letters_that_is_still_quoted_as_it_is__\"}", NULL},
      /* what may be a secret otherwise written: base64, hexadecimal, percent-encoded */
      {"{\"error\":\"czNjcmV0LWFwaS1rZXk=\"}", NULL},
      {"{\"error\":\"key cretQWFwaSrZXkxyz\"}", NULL},
      {"{\"error\":\"no: 7333637265742d61\"}", NULL},
      {"{\"error\":\"%73%33%63%72%65%74\"}", NULL},
      {"{\"error\":\"HTTP 401 for client 17, see docs\"}", "\"HTTP 401 for client 17, see docs\""},
      {"{\"error\":\"InvalidClient (code 40)\"}", "\"InvalidClient (code 40)\""},
      {"not JSON", NULL},
      {"[\"error\"]", NULL},
      {"", NULL},
  };
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    OauthAnswer answer = {.host = HOST,
                          .secrets = {"s3cret-api-key", "dXVpZDpzM2NyZXQtYXBpLWtleQ=="},
                          .status = 401,
                          .body = words[i].body,
                          .length = strlen(words[i].body)};
    FetchResult result;
    Error error = ERROR_INIT;
    assert_int_equal(oauth_answer_read(&answer, &result, NULL, &error), THRED_E_REFUSED);
    if (words[i].quoted ? !strstr(error.message, words[i].quoted) : !!strchr(error.message, '"'))
      fail_msg("%s: %s", words[i].body, error.message);
  }
}

static void test_short_secret(void **state)
{
  (void)state;
  OauthAnswer answer = {.host = HOST,
                        .secrets = {"k3y", NULL},
                        .status = 401,
                        .body = "{\"error\":\"bad k3y\"}",
                        .length = 19};
  FetchResult result;
  Error error = ERROR_INIT;
  oauth_answer_read(&answer, &result, NULL, &error);
  assert_null(strstr(error.message, "k3y"));
}

static void test_redirect_is_named(void **state)
{
  (void)state;
  OauthAnswer answer = {.host = HOST, .status = 301};
  FetchResult result;
  Error error = ERROR_INIT;
  oauth_answer_read(&answer, &result, NULL, &error);
  assert_non_null(strstr(error.message, "redirects are not followed"));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_good),         cmocka_unit_test(test_bad),
      cmocka_unit_test(test_refusals),     cmocka_unit_test(test_token_is_exact),
      cmocka_unit_test(test_sizes),        cmocka_unit_test(test_long_body),
      cmocka_unit_test(test_depth),        cmocka_unit_test(test_raw_nul),
      cmocka_unit_test(test_encoded),      cmocka_unit_test(test_types),
      cmocka_unit_test(test_prefixes),     cmocka_unit_test(test_words),
      cmocka_unit_test(test_short_secret), cmocka_unit_test(test_redirect_is_named),
  };
  return cmocka_run_group_tests_name("oauth-answer", tests, NULL, NULL);
}
