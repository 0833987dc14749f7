/* SPDX-License-Identifier: MIT */
#include "connect-head.h"

#include <glib.h>
#include <string.h>

/* RFC 9112, 2.2 and 3, RFC 9110, 5.6.2. Possessive (*+), so that no head makes it look twice. */
#define TOKEN   "[!#$%&'*+.^_`|~0-9A-Za-z-]++"
#define END     " HTTP/1\\.[0-9]\\r?\\n"
#define FIELDS  "(?:" TOKEN ":[^\\r\\n]*+\\r?\\n)*+\\r?\\n\\z"
#define HOST    "(?:[0-9A-Za-z._-]++|\\[[0-9A-Fa-f:.]++\\])"
#define REQUEST "\\A" TOKEN " [^ \\r\\n]++" END FIELDS
#define CONNECT "\\ACONNECT " HOST ":[0-9]{1,5}" END FIELDS
#define SECRET  "\\ACONNECT (?s:.*?)(?i:\\n(?:proxy-)?authorization[ \\t]*+:|\\bbearer\\b)"

static bool matches(const char *pattern, const char *text)
{
  return g_regex_match_simple(pattern, text, G_REGEX_RAW, 0);
}

static unsigned port_of(const char *connect_head)
{
  const char *end = strstr(connect_head, " HTTP/");
  const char *colon = g_strrstr_len(connect_head, end - connect_head, ":");
  return (unsigned)g_ascii_strtoull(colon + 1, NULL, 10);
}

size_t connect_head_end(const char *text)
{
  for (const char *at = strchr(text, '\n'); at; at = strchr(at + 1, '\n')) {
    size_t empty = strspn(at + 1, "\r");
    if (empty <= 1 && at[1 + empty] == '\n')
      return (size_t)(at - text) + empty + 2;
  }
  return 0;
}

ConnectHead connect_head_read(const char *text)
{
  ConnectHead head = {.authorization = matches(SECRET, text)};
  if (matches(CONNECT, text)) {
    head.kind = CONNECT_TUNNEL;
    head.port = port_of(text);
  } else if (matches(REQUEST, text) && !g_str_has_prefix(text, "CONNECT ")) {
    head.kind = CONNECT_OTHER_METHOD;
  }
  return head;
}
