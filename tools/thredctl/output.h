/* SPDX-License-Identifier: MIT */
/* output.h - what the commands print: aligned lines for people, in colour on a terminal; an object
 * on one line for programs. */
#ifndef THREDCTL_OUTPUT_H
#define THREDCTL_OUTPUT_H

#include <glib.h>
#include <json.h>
#include <stdbool.h>

#define OUTPUT_KEY_WIDTH 11 /* characters; two spaces follow */

typedef enum { STYLE_PLAIN, STYLE_GOOD, STYLE_WARNING, STYLE_BAD, STYLE_QUIET } Style;

/* Is standard output a terminal that shows colours? Not with NO_COLOR (no-color.org), nor
 * TERM=dumb. */
bool output_has_colour(void);

/* Appends `value` in its style, where there are colours; else plain. What a terminal would obey, a
 * newline included, is written as an escape: names of files and answers of servers are in there. */
void output_styled(GString *text, Style style, const char *value);

/* Appends "key          value\n". An empty key carries on the line above. The value as above. */
void output_line(GString *text, const char *key, Style style, const char *format, ...)
    G_GNUC_PRINTF(4, 5);

/* `value` may be NULL: the key is there all the same. JSON is UTF-8; what is not becomes U+FFFD. */
void output_json_string(struct json_object *object, const char *key, const char *value);

/* The same of a string of its own, for a list. */
struct json_object *output_json_text(const char *value);

/* The object on one line, with its newline; it is put. To be freed. */
char *output_json_line(struct json_object *object);

#endif
