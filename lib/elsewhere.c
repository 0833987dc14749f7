/* SPDX-License-Identifier: MIT */
#include "lib/elsewhere.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "lib/ascii.h"

static bool is_token_letter(char c)
{
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
         (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* A token of RFC 9110, 5.6.2: whatever else stands in CURLOPT_CUSTOMREQUEST would go on as the rest
 * of the request's first line. */
static bool is_method(const char *method)
{
  const char *end = method;
  while (is_token_letter(*end))
    end++;
  return end != method && !*end;
}

static bool is_blank(char c)
{
  return c == ' ' || c == '\t' || c == '\r';
}

/* Up to the end of the line, without the blanks around it. */
static bool is_value(const char *text, const char *wanted)
{
  size_t length = strcspn(text, "\n"), wanted_length = strlen(wanted);
  while (length > 0 && is_blank(*text))
    text++, length--;
  while (length > 0 && is_blank(text[length - 1]))
    length--;
  if (length == wanted_length + 4 && strncmp(text + wanted_length, ":443", 4) == 0)
    length = wanted_length;
  return length == wanted_length && ascii_equal_n(text, wanted, length);
}

/* Where the name of a Host field ends, at ':' or ';'. NULL: it is another field. */
static const char *end_of_host(const char *line)
{
  const size_t length = sizeof "Host" - 1;
  if (!ascii_equal_n(line, "Host", length))
    return NULL;
  line += length;
  while (*line == ' ' || *line == '\t')
    line++;
  return *line == ':' || *line == ';' ? line : NULL;
}

/* A Host field with another value, or none ("Host:" takes libcurl's away, "Host;" is an empty one).
 */
static bool names_another(const char *line, const char *host)
{
  const char *end = end_of_host(line);
  return end && (*end == ';' || !is_value(end + 1, host));
}

/* An entry may have several lines: libcurl sends it as it is. But Host's it sends before the token,
 * and what else stands there could be the end of this request and the beginning of another. */
static bool entry_names_another(const char *entry, const char *host)
{
  if (end_of_host(entry) && strpbrk(entry, "\r\n"))
    return true;
  for (; entry; entry = strchr(entry, '\n')) {
    entry += *entry == '\n';
    if (names_another(entry, host))
      return true;
  }
  return false;
}

const char *elsewhere(const char *method, const struct curl_slist *headers, const char *host)
{
  if (!is_method(method))
    return "the program's method is none (CUSTOMREQUEST)";
  for (; headers; headers = headers->next)
    if (headers->data && entry_names_another(headers->data, host))
      return "the program names another host than the URL does (Host)";
  return NULL;
}
