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

/* ECMA-48: the C0 and C1 controls and DEL. What is no UTF-8 may be one of them to a terminal. */
static bool is_harmless(const char *at, gsize *length)
{
  const gunichar character = g_utf8_get_char_validated(at, -1);
  const bool valid = character < (gunichar)-2;
  *length = valid ? (gsize)(g_utf8_next_char(at) - at) : 1;
  return valid && !g_unichar_iscntrl(character);
}

static char *harmless(const char *value)
{
  GString *text = g_string_new(NULL);
  for (gsize length; *value; value += length) {
    if (is_harmless(value, &length)) {
      g_string_append_len(text, value, (gssize)length);
      continue;
    }
    for (gsize i = 0; i < length; i++)
      g_string_append_printf(text, "\\%03o", (unsigned)(unsigned char)value[i]);
  }
  return g_string_free(text, FALSE);
}

void output_styled(GString *text, Style style, const char *value)
{
  /* ECMA-48, 8.3.117: the colours that every terminal has, never a background of our own. */
  static const char *const codes[] = {
      [STYLE_GOOD] = "32", [STYLE_WARNING] = "33", [STYLE_BAD] = "31", [STYLE_QUIET] = "2"};
  g_autofree char *shown = harmless(value);
  if (style == STYLE_PLAIN || !output_has_colour())
    g_string_append(text, shown);
  else
    g_string_append_printf(text, "\033[%sm%s\033[0m", codes[style], shown);
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
