/* SPDX-License-Identifier: MIT */
#include "lib/route-path.h"

#include <string.h>

#include "lib/ascii.h"

#define BUSINESS_ID "{business_id}"

static int hex_value(char c)
{
  if (ascii_is_digit(c))
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return -1;
}

bool route_parse_uuid(const char *text, size_t length, char out[UUID_LENGTH + 1])
{
  const uint64_t dashes = 1u << 8 | 1u << 13 | 1u << 18 | 1u << 23;
  if (length != UUID_LENGTH)
    return false;
  for (size_t i = 0; i < UUID_LENGTH; i++) {
    bool dash = dashes >> i & 1;
    if (dash ? text[i] != '-' : hex_value(text[i]) < 0)
      return false;
    if (out)
      out[i] = ascii_lower(text[i]);
  }
  if (out)
    out[UUID_LENGTH] = 0;
  return true;
}

/* ---- is it safe? ---- */

/* PRINTED: no control character and no blank, which libcurl would have to encode or refuse.
 * SEGMENT: may stand in a segment of a path, and means itself. */
enum { PRINTED = 1, SEGMENT = 2 };

static unsigned class_of(char byte)
{
  enum { P = PRINTED, S = PRINTED | SEGMENT };
  /* clang-format off */
  static const unsigned char classes[256] = {
      0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
      0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
      0, S, S, P, S, P, S, S, S, S, S, S, S, S, S, P,
      S, S, S, S, S, S, S, S, S, S, S, S, S, S, S, P,
      S, S, S, S, S, S, S, S, S, S, S, S, S, S, S, S,
      S, S, S, S, S, S, S, S, S, S, S, S, P, S, S, S,
      S, S, S, S, S, S, S, S, S, S, S, S, S, S, S, S,
      S, S, S, S, S, S, S, S, S, S, S, S, S, S, S, 0,
      P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P,
      P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P,
      P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P,
      P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P,
      P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P,
      P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P,
      P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P,
      P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P,
  };
  /* clang-format on */
  return classes[(unsigned char)byte];
}

/* An encoded character that a server or proxy might decode into another path: unreserved characters
 * (RFC 3986, 6.2.2.2: equivalent to the plain one), separators, controls, and '%' in front of what
 * would be an escape once decoded. */
static bool is_unsafe_escape(const char *escape)
{
  if (hex_value(escape[1]) < 0 || hex_value(escape[2]) < 0)
    return true;
  int c = hex_value(escape[1]) * 16 + hex_value(escape[2]);
  if (c < 0x20 || c == 0x7f || c == '/' || c == '\\')
    return true;
  if (c == '%')
    return hex_value(escape[3]) >= 0 && hex_value(escape[4]) >= 0;
  return c < 0x80 &&
         (ascii_is_alpha((char)c) || ascii_is_digit((char)c) || strchr("-._~", c) != NULL);
}

/* "", ".", ".." and the same in front of a path parameter ("..;x"), which some servers cut off. */
static bool is_unsafe_segment(const char *segment, const char *end)
{
  const char *at = segment;
  while (at < end && *at == '.')
    at++;
  return at - segment <= 2 && (at == end || *at == ';');
}

static const char *end_of_segment(const char *at)
{
  for (;; at++) {
    while (class_of(*at) & SEGMENT)
      at++;
    if (*at != '%' || is_unsafe_escape(at))
      return at;
  }
}

static bool ends_path(char c)
{
  return c == 0 || c == '?' || c == '#';
}

const char *route_path_end(const char *path)
{
  while (*path == '/') {
    const char *segment = path + 1;
    path = end_of_segment(segment);
    if (path == segment && ends_path(*path))
      break;
    if (is_unsafe_segment(segment, path))
      return NULL;
  }
  return ends_path(*path) ? path : NULL;
}

bool route_has_control(const char *url)
{
  while (class_of(*url) & PRINTED)
    url++;
  return *url != 0;
}

/* ---- does it match? ---- */

static bool is_business(RouteBusiness *last, const char *segment, size_t length)
{
  if (last->segment != segment) {
    last->segment = segment;
    last->is_uuid = route_parse_uuid(segment, length, last->uuid);
  }
  return last->is_uuid;
}

/* No segment is left (a trailing '/' counts as the end); else `at` stands before its '/'. */
static bool is_at_end(const char *at, const char *end)
{
  return at >= end || at + 1 >= end;
}

/* `pattern`, with what follows it, goes on with this word as a segment of its own. */
static bool is_word(const char *pattern, const char *word)
{
  const size_t length = strlen(word);
  return strncmp(pattern, word, length) == 0 && (!pattern[length] || pattern[length] == '/');
}

static const char *end_of_word(const char *at, const char *end)
{
  const char *slash = memchr(at, '/', (size_t)(end - at));
  return slash ? slash : end;
}

bool route_path_matches(const char *pattern, const char *path, const char *path_end,
                        RouteBusiness *last, bool *named)
{
  *named = false;
  while (pattern[0] && pattern[1]) { /* a '/', with a segment behind it */
    if (is_at_end(path, path_end))
      return false;
    pattern++, path++;
    if (*pattern == '*' || *pattern == '{') {
      const char *end = end_of_word(path, path_end);
      if (is_word(pattern, "**"))
        return true;
      const bool business = is_word(pattern, BUSINESS_ID);
      if (business && !is_business(last, path, (size_t)(end - path)))
        return false;
      if (business || is_word(pattern, "*")) {
        *named |= business;
        pattern += business ? strlen(BUSINESS_ID) : 1;
        path = end;
        continue;
      }
    }
    while (path < path_end && *path == *pattern && *path != '/')
      pattern++, path++;
    if ((*pattern && *pattern != '/') || (path < path_end && *path != '/'))
      return false;
  }
  return is_at_end(path, path_end);
}
