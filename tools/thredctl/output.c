/* SPDX-License-Identifier: MIT */
#include "tools/thredctl/output.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool output_has_colour(void)
{
  const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
  return isatty(STDOUT_FILENO) && !(no_color && *no_color) && term && *term &&
         strcmp(term, "dumb") != 0;
}

void output_styled(GString *text, Style style, const char *value)
{
  /* ECMA-48, 8.3.117: the colours that every terminal has, never a background of our own. */
  static const char *const codes[] = {
      [STYLE_GOOD] = "32", [STYLE_WARNING] = "33", [STYLE_BAD] = "31", [STYLE_QUIET] = "2"};
  if (style == STYLE_PLAIN || !output_has_colour())
    g_string_append(text, value);
  else
    g_string_append_printf(text, "\033[%sm%s\033[0m", codes[style], value);
}

void output_line(GString *text, const char *key, Style style, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  g_autofree char *value = g_strdup_vprintf(format, args);
  va_end(args);
  g_string_append_printf(text, "%-*s  ", OUTPUT_KEY_WIDTH, key);
  output_styled(text, style, value);
  g_string_append_c(text, '\n');
}

struct json_object *output_json_text(const char *value)
{
  g_autofree char *valid = value ? g_utf8_make_valid(value, -1) : NULL;
  return valid ? json_object_new_string(valid) : NULL;
}

void output_json_string(struct json_object *object, const char *key, const char *value)
{
  json_object_object_add(object, key, output_json_text(value));
}

char *output_json_line(struct json_object *object)
{
  const int flags = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE;
  char *text = g_strconcat(json_object_to_json_string_ext(object, flags), "\n", NULL);
  json_object_put(object);
  return text;
}
