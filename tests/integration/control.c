/* SPDX-License-Identifier: MIT */
/* control.c - the emulator's control API, and its request log as the judge. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- asking ---- */

typedef struct Answer {
  char *text;
  size_t length;
} Answer;

static size_t take(char *data, size_t size, size_t count, void *to)
{
  Answer *answer = to;
  char *grown = realloc(answer->text, answer->length + size * count + 1);
  if (!grown)
    return 0;
  answer->text = grown;
  memcpy(grown + answer->length, data, size * count);
  answer->length += size * count;
  grown[answer->length] = '\0';
  return size * count;
}

/* A handle that thred-auth never sees, kept so that the connection is kept. */
static CURL *control_handle(Emulator *one)
{
  if (one->control)
    return one->control;
  one->control = curl_easy_init();
  assert_non_null(one->control);
  curl_easy_setopt(one->control, CURLOPT_CAINFO, one->ca);
  curl_easy_setopt(one->control, CURLOPT_PROXY, "");
  curl_easy_setopt(one->control, CURLOPT_SSL_VERIFYHOST, 0L); /* --name is the test's affair */
  curl_easy_setopt(one->control, CURLOPT_WRITEFUNCTION, take);
  curl_easy_setopt(one->control, CURLOPT_TIMEOUT, 30L);
  return one->control;
}

static char *ask(Emulator *one, const char *method, const char *call)
{
  char url[1024];
  long status = 0;
  Answer answer = {0};
  CURL *curl = control_handle(one);
  snprintf(url, sizeof url, "https://127.0.0.1:%u/_emulator/%s", one->port, call);
  curl_easy_setopt(curl, CURLOPT_URL, url);
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
  assert_int_equal(curl_easy_perform(curl), CURLE_OK);
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  if (status < 200 || status > 299)
    print_error("%s %s: %ld %s\n", method, url, status, answer.text ? answer.text : "");
  assert_in_range(status, 200, 299);
  return answer.text;
}

void control(Emulator *one, const char *method, const char *call, ...)
{
  char text[1024];
  va_list args;
  va_start(args, call);
  int length = vsnprintf(text, sizeof text, call, args);
  va_end(args);
  assert_true(length < (int)sizeof text);
  free(ask(one, method, text));
}

void control_redirect(Emulator *one, const char *host, const char *path, const char *to)
{
  char *escaped = curl_easy_escape(control_handle(one), to, 0);
  control(one, "POST", "fault?host=%s&path=%s&action=redirect&status=307&to=%s", host, path,
          escaped);
  curl_free(escaped);
}

void control_revoke(Emulator *one)
{
  control(one, "POST", "revoke");
}

static json_object *ask_json(Emulator *one, const char *call)
{
  char *text = ask(one, "GET", call);
  json_object *json = json_tokener_parse(text);
  assert_non_null(json);
  free(text);
  return json;
}

int counter(Emulator *one, const char *name)
{
  char path[128];
  snprintf(path, sizeof path, "/%s", name);
  for (char *at = path; *at; at++)
    if (*at == '.')
      *at = '/';
  json_object *counters = ask_json(one, "counters"), *value = NULL;
  assert_int_equal(json_pointer_get(counters, path, &value), 0);
  int number = json_object_get_int(value);
  json_object_put(counters);
  return number;
}

/* ---- the log ---- */

json_object *request_log(Emulator *one)
{
  return ask_json(one, "requests");
}

static json_object *member(json_object *log, size_t index, const char *name)
{
  json_object *value = NULL;
  assert_true(index < json_object_array_length(log));
  json_object_object_get_ex(json_object_array_get_idx(log, index), name, &value);
  return value;
}

const char *log_text(json_object *log, size_t index, const char *name)
{
  const char *text = json_object_get_string(member(log, index, name));
  return text ? text : "";
}

const char *log_header(json_object *log, size_t index, const char *name)
{
  json_object *value = NULL;
  return json_object_object_get_ex(member(log, index, "headers"), name, &value)
             ? json_object_get_string(value)
             : NULL;
}

size_t log_authorizations(json_object *log, size_t index)
{
  return json_object_array_length(member(log, index, "authorization"));
}

const char *log_authorization(json_object *log, size_t index)
{
  json_object *values = member(log, index, "authorization");
  return json_object_array_length(values)
             ? json_object_get_string(json_object_array_get_idx(values, 0))
             : "";
}

static const char *short_target(const char *target)
{
  const char *token = strstr(target, "/oauth2/token/");
  if (!token || strcmp(token, "/oauth2/token/") != 0)
    return target;
  return token == target + strlen("/v1/platform") ? "token:partner" : "token:business";
}

static void describe(json_object *log, size_t i, FILE *to)
{
  const char *kind = log_text(log, i, "kind");
  size_t count = log_authorizations(log, i);
  fprintf(to, "%s %s %s %s ", log_text(log, i, "method"), log_text(log, i, "scheme"),
          log_text(log, i, "host"), short_target(log_text(log, i, "target")));
  if (count > 1)
    fprintf(to, "%zu", count);
  else if (strcmp(kind, "business") == 0)
    fprintf(to, "business=%.4s", log_text(log, i, "business"));
  else
    fputs(kind, to);
  fprintf(to, " %s\n", log_text(log, i, "status"));
}

static bool is_token_request(json_object *log, size_t i)
{
  return strncmp(short_target(log_text(log, i, "target")), "token:", 6) == 0;
}

static void expect(Emulator *one, const char *expected, bool tokens, const char *file, int line)
{
  char *text = NULL;
  size_t size = 0;
  json_object *log = request_log(one);
  FILE *to = open_memstream(&text, &size);
  assert_non_null(to);
  for (size_t i = 0; i < json_object_array_length(log); i++)
    if (tokens || !is_token_request(log, i))
      describe(log, i, to);
  fclose(to);
  json_object_put(log);
  _assert_string_equal(text, expected, file, line);
  free(text);
}

void expect_log_at(Emulator *one, const char *expected, const char *file, int line)
{
  expect(one, expected, true, file, line);
}

void expect_log_but_tokens_at(Emulator *one, const char *expected, const char *file, int line)
{
  expect(one, expected, false, file, line);
}

static bool has_dummy(json_object *log, size_t i)
{
  json_object *values = member(log, i, "authorization");
  for (size_t k = 0; k < json_object_array_length(values); k++)
    if (strcmp(json_object_get_string(json_object_array_get_idx(values, k)), "Bearer none") == 0)
      return true;
  return false;
}

void expect_no_leak(Emulator *one)
{
  json_object *log = request_log(one);
  for (size_t i = 0; i < json_object_array_length(log); i++) {
    bool foreign = strcmp(log_text(log, i, "scheme"), "https") != 0 ||
                   !strstr(log_text(log, i, "host"), ".thredfi.com");
    assert_false(has_dummy(log, i));
    assert_false(foreign && log_authorizations(log, i) > 0);
  }
  json_object_put(log);
}
