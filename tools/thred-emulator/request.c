/* SPDX-License-Identifier: MIT */
#include "request.h"

#include <string.h>

#define CONTROL_PREFIX "/_emulator/"

static char *to_utf8(const char *text)
{
  if (g_utf8_validate(text, -1, NULL))
    return g_strdup(text);
  GString *converted = g_string_new(NULL);
  for (const unsigned char *at = (const unsigned char *)text; *at; at++)
    g_string_append_unichar(converted, *at);
  return g_string_free(converted, FALSE);
}

Request *request_new(const char *target)
{
  Request *request = g_new0(Request, 1);
  request->target = to_utf8(target);
  request->authorization = g_ptr_array_new_with_free_func(g_free);
  request->headers = json_object_new_object();
  return request;
}

void request_free(Request *request)
{
  if (!request)
    return;
  g_free(request->target);
  g_free(request->method);
  g_free(request->host);
  g_free(request->path);
  g_free(request->query);
  g_ptr_array_unref(request->authorization);
  json_object_put(request->headers);
  EVP_MD_CTX_free(request->digest);
  if (request->body)
    g_byte_array_unref(request->body);
  g_free(request);
}

void request_add_header(Request *request, const char *name, const char *value)
{
  g_autofree char *text = to_utf8(value ? value : "");
  if (g_ascii_strcasecmp(name, "Authorization") == 0) {
    g_ptr_array_add(request->authorization, g_steal_pointer(&text));
    return;
  }
  /* RFC 9110, 5.1 and 5.3: names in any case are the same, equal names are one list. */
  g_autofree char *ascii = g_ascii_strdown(name, -1);
  g_autofree char *key = to_utf8(ascii);
  struct json_object *earlier = NULL;
  g_autofree char *list = NULL;
  if (json_object_object_get_ex(request->headers, key, &earlier))
    list = g_strconcat(json_object_get_string(earlier), ", ", text, NULL);
  json_object_object_add(request->headers, key, json_object_new_string(list ? list : text));
}

const char *request_header(const Request *request, const char *name)
{
  struct json_object *value = NULL;
  if (!json_object_object_get_ex(request->headers, name, &value))
    return NULL;
  return json_object_get_string(value);
}

/* "Host:port" to "host", so that spellings of one host compare equal. */
static char *bare_host(const char *authority)
{
  const char *at = strrchr(authority, '@');
  char *host = g_ascii_strdown(at ? at + 1 : authority, -1);
  char *colon = strrchr(host, ':');
  if (colon && !strchr(colon, ']'))
    *colon = '\0';
  size_t length = strlen(host);
  if (length > 1 && host[length - 1] == '.')
    host[length - 1] = '\0';
  return host;
}

/*
 * RFC 9112, 3.2: a target is a path, or a whole URL (then its authority counts and the Host header
 * does not), or a bare authority (CONNECT), or "*". Returns where the path starts.
 */
static const char *split_authority(const char *target, char **authority)
{
  const char *scheme_end = strstr(target, "://");
  if (target[0] == '/' || !scheme_end)
    return target;
  const char *start = scheme_end + 3;
  size_t length = strcspn(start, "/?#");
  *authority = g_strndup(start, length);
  return start + length;
}

static void derive(Request *request)
{
  g_autofree char *authority = NULL;
  const char *rest = split_authority(request->target, &authority);
  const char *host = request_header(request, "host");
  request->host = bare_host(authority ? authority : host ? host : "");

  const char *mark = strchr(rest, '?');
  g_autofree char *raw = mark ? g_strndup(rest, (gsize)(mark - rest)) : g_strdup(rest);
  request->query = mark ? g_strdup(mark + 1) : NULL;
  /* A malformed escape or an encoded NUL stays as it is, and then matches nothing. */
  g_autofree char *decoded = g_uri_unescape_string(raw, NULL);
  request->path = to_utf8(*raw == '\0' ? "/" : decoded ? decoded : raw);
}

void request_begin(Request *request, const char *method, Connection *connection)
{
  request->begun = true;
  request->method = to_utf8(method);
  request->connection = connection;
  derive(request);
  request->api_host = route_host_is_api(request->host);
  request->control = g_str_has_prefix(request->path, CONTROL_PREFIX);
  if (request->api_host)
    request->route = route_of(g_str_equal(method, "HEAD") ? "GET" : request->method, request->path);
  if (request->control)
    request->body_limit = CONTROL_BODY_LIMIT;
  else if (request->route.kind == ROUTE_GIT)
    request->body_limit = GIT_BODY_LIMIT;
  if (request->body_limit > 0)
    request->body = g_byte_array_new();
  request->digest = EVP_MD_CTX_new();
  if (request->digest && EVP_DigestInit_ex(request->digest, EVP_sha256(), NULL) != 1)
    g_clear_pointer(&request->digest, EVP_MD_CTX_free);
}

void request_add_body(Request *request, const void *data, size_t length)
{
  request->body_bytes += length;
  if (request->digest)
    EVP_DigestUpdate(request->digest, data, length);
  if (request->body && request->body_bytes <= request->body_limit)
    g_byte_array_append(request->body, data, (guint)length);
}

void request_finish_body(Request *request)
{
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  if (!request->digest || EVP_DigestFinal_ex(request->digest, digest, &length) != 1)
    return;
  g_clear_pointer(&request->digest, EVP_MD_CTX_free);
  for (unsigned i = 0; i < length && 2 * i + 2 < sizeof request->body_sha256; i++)
    g_snprintf(request->body_sha256 + 2 * (size_t)i, 3, "%02x", digest[i]);
}
