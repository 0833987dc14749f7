/* SPDX-License-Identifier: MIT */
#include "cgi-answer.h"

#include <string.h>

/* Where the body starts; 0 without an empty line. RFC 3875, 6.3: lines end with LF or CR LF. */
static size_t find_body(const GByteArray *output)
{
  const char *start = (const char *)output->data;
  size_t length = output->len;
  for (const char *at = start; at && (at = memchr(at, '\n', length - (size_t)(at - start)));) {
    size_t left = length - (size_t)(++at - start);
    if (left >= 1 && at[0] == '\n')
      return (size_t)(at - start) + 1;
    if (left >= 2 && at[0] == '\r' && at[1] == '\n')
      return (size_t)(at - start) + 2;
  }
  return 0;
}

/* One line of the header; false if it is none. */
static bool read_field(char *line, GStrvBuilder *headers, unsigned *status)
{
  char *colon = strchr(line, ':');
  if (!colon || colon == line)
    return false;
  *colon = '\0';
  const char *value = g_strstrip(colon + 1);
  if (g_ascii_strcasecmp(line, "Status") == 0) {
    guint64 number = g_ascii_strtoull(value, NULL, 10);
    *status = (unsigned)number;
    return number >= 200 && number <= 599;
  }
  /* The HTTP server counts for itself. */
  if (g_ascii_strcasecmp(line, "Content-Length") != 0) {
    g_strv_builder_add(headers, line);
    g_strv_builder_add(headers, value);
  }
  return true;
}

bool cgi_answer_read(GByteArray *output, Reply *reply)
{
  size_t body = find_body(output);
  unsigned status = 200;
  g_autofree char *text = body > 0 ? g_strndup((const char *)output->data, body) : g_strdup("");
  g_auto(GStrv) lines = g_strsplit(g_strchomp(text), "\n", -1);
  g_autoptr(GStrvBuilder) headers = g_strv_builder_new();
  bool ok = *lines != NULL;
  for (char **line = lines; ok && *line; line++)
    ok = read_field(*line, headers, &status);
  if (!ok) {
    g_byte_array_unref(output);
    return false;
  }
  g_byte_array_remove_range(output, 0, (guint)body);
  reply_clear(reply);
  reply->status = status;
  reply->headers = g_strv_builder_end(headers);
  reply->length = output->len;
  reply->body = (char *)g_byte_array_free(output, FALSE);
  return true;
}
