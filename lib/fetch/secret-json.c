/* SPDX-License-Identifier: MIT */
#include "lib/fetch/secret-json.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/secure.h"

#define DEPTH_MAX 32

/*
 * The tokener's buffer holds the last long string that it has read: the secret, as a rule. It is
 * private to json-c, so the way to overwrite it is to let it read a string as long. Before the
 * text, the same makes it large enough, so that no smaller one with half a secret is given back.
 */
static void fill_tokener(json_tokener *tokener, size_t length)
{
  char *zeros = malloc(length + 2);
  if (!zeros)
    return;
  memset(zeros, '0', length + 2);
  zeros[0] = zeros[length + 1] = '"';
  json_tokener_reset(tokener);
  json_object_put(json_tokener_parse_ex(tokener, zeros, (int)(length + 2)));
  json_tokener_reset(tokener);
  free(zeros);
}

/* The pointer is const only because json-c keeps the length beside the text. No deeper than
 * DEPTH_MAX, which the parser sees to. NOLINTNEXTLINE(misc-no-recursion) */
static void wipe_strings(json_object *value)
{
  if (json_object_is_type(value, json_type_string)) {
    secure_wipe((char *)(uintptr_t)json_object_get_string(value),
                (size_t)json_object_get_string_len(value));
  } else if (json_object_is_type(value, json_type_array)) {
    for (size_t i = 0; i < json_object_array_length(value); i++)
      wipe_strings(json_object_array_get_idx(value, i));
  } else if (json_object_is_type(value, json_type_object)) {
    json_object_object_foreach(value, name, each)
    {
      (void)name;
      wipe_strings(each);
    }
  }
}

/*
 * The same text with other letters in its strings. What json-c has read of a text before it finds
 * it broken, it frees itself, as it is: so a broken text is found by this copy, in whose strings
 * there is no secret, at the same byte. The copy keeps what a string's validity hangs on: escapes,
 * what is not ASCII, what is no hexadecimal digit.
 */
static char *masked(const char *text, size_t length)
{
  char *copy = malloc(length + 1);
  bool inside = false;
  for (size_t i = 0; copy && i < length; i++) {
    char c = text[i];
    bool escaped = inside && c == '\\';
    copy[i] = c;
    if (c == '"')
      inside = !inside;
    else if (escaped && i + 1 < length)
      copy[i + 1] = text[i + 1], i++;
    else if (inside && isascii(c) && isalnum(c))
      copy[i] = isxdigit(c) ? '0' : 'x';
  }
  return copy;
}

static const char *parse(SecretJson *json, const char *text, size_t length, size_t *at)
{
  json_tokener_reset(json->tokener);
  json->object = json_tokener_parse_ex(json->tokener, text, (int)length);
  enum json_tokener_error status = json_tokener_get_error(json->tokener);
  *at = json_tokener_get_parse_end(json->tokener);
  if (status == json_tokener_continue)
    return "the text ends too early";
  if (status != json_tokener_success)
    return json_tokener_error_desc(status);
  if (!json_object_is_type(json->object, json_type_object))
    return "the text is not an object";
  if (*at != length)
    return "more text after the object";
  return NULL;
}

const char *secret_json_read(SecretJson *json, const char *text, size_t length, size_t *at)
{
  *json = (SecretJson){.tokener = json_tokener_new_ex(DEPTH_MAX), .length = length};
  *at = 0;
  char *copy = masked(text, length);
  const char *problem = "out of memory";
  if (json->tokener && copy) {
    fill_tokener(json->tokener, length);
    json_tokener_set_flags(json->tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    problem = parse(json, copy, length, at);
  }
  secure_wipe(copy, length); /* what is no JSON at all has its secret outside strings */
  free(copy);
  if (problem)
    return problem;
  json_object_put(json->object);
  return parse(json, text, length, at);
}

json_object *secret_json_member(json_object *object, const char *name)
{
  json_object *value = NULL;
  return json_object_is_type(object, json_type_object) &&
                 json_object_object_get_ex(object, name, &value)
             ? value
             : NULL;
}

const char *secret_json_string(json_object *object, const char *name, size_t *length)
{
  json_object *value = secret_json_member(object, name);
  if (!json_object_is_type(value, json_type_string))
    return NULL;
  if (length)
    *length = (size_t)json_object_get_string_len(value);
  return json_object_get_string(value);
}

void secret_json_done(SecretJson *json)
{
  wipe_strings(json->object);
  json_object_put(json->object);
  if (json->tokener) {
    fill_tokener(json->tokener, json->length);
    json_tokener_free(json->tokener);
  }
  *json = (SecretJson){0};
}
