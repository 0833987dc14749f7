/* SPDX-License-Identifier: MIT */
#include "lib/route.h"

#include <string.h>

#include "lib/ascii.h"

#define HTTPS_PORT "443"

/* Locale-free character classes: a host's locale must not move the border of a host name. */
static bool is_digit(char c)
{
  return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int hex_value(char c)
{
  if (is_digit(c))
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return -1;
}

bool route_parse_uuid(const char *text, size_t length, char out[UUID_LENGTH + 1])
{
  if (length != UUID_LENGTH)
    return false;
  for (size_t i = 0; i < UUID_LENGTH; i++) {
    bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : hex_value(text[i]) < 0)
      return false;
    if (out)
      out[i] = ascii_lower(text[i]);
  }
  if (out)
    out[UUID_LENGTH] = 0;
  return true;
}

/* ---- the host ---- */

/* thredfi.com itself or a name below it; one trailing dot (the DNS root) does not lead out of it.
 */
static bool under_ceiling(const char *host)
{
  size_t length = strlen(host), ceiling = strlen(ROUTE_CEILING);
  if (length > 0 && host[length - 1] == '.')
    length--;
  if (length < ceiling || !ascii_equal_n(host + length - ceiling, ROUTE_CEILING, ceiling))
    return false;
  return length == ceiling || host[length - ceiling - 1] == '.';
}

/* Cheap and only ever wrong on the safe side: a URL in which these letters do not stand plainly has
 * no plainly written host below the ceiling. */
static bool may_be_thred(const char *url)
{
  size_t ceiling = strlen(ROUTE_CEILING);
  for (; *url; url++)
    if ((*url == 't' || *url == 'T') && ascii_equal_n(url, ROUTE_CEILING, ceiling))
      return true;
  return false;
}

static uint32_t find_host(const Snapshot *snapshot, const char *host)
{
  for (uint32_t i = 0; i < snapshot->hosts.count; i++) {
    const char *name = snapshot_string(snapshot, snapshot_host(snapshot, i)->name);
    if (ascii_equal(name, host))
      return i;
  }
  return SNAPSHOT_NONE;
}

/* The parts of a URL as libcurl sees them; each is libcurl's memory or NULL. */
typedef struct {
  char *scheme, *host, *port, *user, *password, *options;
} UrlParts;

static bool parse_url(const ThredCurlApi *api, const char *url, CURLU *handle, UrlParts *parts)
{
  /* As libcurl's own url.c asks, so that what it would accept we see as it does; the path as it is
   * written, because a program may have set CURLOPT_PATH_AS_IS. */
  unsigned int flags = CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME | CURLU_PATH_AS_IS;
  if (api->url_set(handle, CURLUPART_URL, url, flags))
    return false;
  api->url_get(handle, CURLUPART_USER, &parts->user, 0);
  api->url_get(handle, CURLUPART_PASSWORD, &parts->password, 0);
  api->url_get(handle, CURLUPART_OPTIONS, &parts->options, 0);
  return !api->url_get(handle, CURLUPART_SCHEME, &parts->scheme, 0) &&
         !api->url_get(handle, CURLUPART_HOST, &parts->host, 0) &&
         !api->url_get(handle, CURLUPART_PORT, &parts->port, CURLU_DEFAULT_PORT);
}

static void free_parts(const ThredCurlApi *api, UrlParts *parts)
{
  api->free(parts->scheme);
  api->free(parts->host);
  api->free(parts->port);
  api->free(parts->user);
  api->free(parts->password);
  api->free(parts->options);
}

/* Where the path starts if the URL is, to the letter, https://HOST[:443] and then a path, a query,
 * a fragment or nothing; else NULL. */
static const char *literal_path(const char *url, const char *host)
{
  size_t length = strlen(host);
  if (!ascii_equal_n(url, "https://", 8) || !ascii_equal_n(url + 8, host, length))
    return NULL;
  url += 8 + length;
  if (strncmp(url, ":" HTTPS_PORT, 4) == 0)
    url += 4;
  return *url == 0 || *url == '/' || *url == '?' || *url == '#' ? url : NULL;
}

static RouteReason judge_parts(const UrlParts *parts, const char *url, const char **path)
{
  if (!under_ceiling(parts->host))
    return ROUTE_NOT_THRED;
  if (!ascii_equal(parts->scheme, "https") || !ascii_equal_n(url, "https:", 6))
    return ROUTE_NOT_HTTPS;
  if (parts->user || parts->password || parts->options)
    return ROUTE_USERINFO;
  if (strcmp(parts->port, HTTPS_PORT) != 0)
    return ROUTE_BAD_PORT;
  *path = literal_path(url, parts->host);
  bool dotted = parts->host[strlen(parts->host) - 1] == '.'; /* the ceiling says it is not empty */
  return *path && !dotted ? ROUTE_TOKEN : ROUTE_BAD_HOST;
}

/* ---- the path ---- */

/* An encoded character that a server or proxy might decode into another path: unreserved characters
 * (RFC 3986, 6.2.2.2: equivalent to the plain one), separators, controls, and '%' in front of what
 * would be an escape once decoded. */
static bool is_unsafe_escape(const char *escape, const char *end)
{
  if (end - escape < 3 || hex_value(escape[1]) < 0 || hex_value(escape[2]) < 0)
    return true;
  int c = hex_value(escape[1]) * 16 + hex_value(escape[2]);
  if (c < 0x20 || c == 0x7f || c == '/' || c == '\\')
    return true;
  if (c == '%')
    return end - escape >= 5 && hex_value(escape[3]) >= 0 && hex_value(escape[4]) >= 0;
  return c < 0x80 && (is_alpha((char)c) || is_digit((char)c) || strchr("-._~", c) != NULL);
}

/* "", ".", ".." and the same in front of a path parameter ("..;x"), which some servers cut off. */
static bool is_unsafe_segment(const char *segment, size_t length)
{
  const char *parameter = memchr(segment, ';', length);
  size_t plain = parameter ? (size_t)(parameter - segment) : length;
  return plain == 0 || (plain == 1 && segment[0] == '.') ||
         (plain == 2 && segment[0] == '.' && segment[1] == '.');
}

/* `path` is "" or starts with '/'. An empty last segment is the one trailing slash that is allowed.
 */
static bool is_safe_path(const char *path, size_t length)
{
  const char *end = path + length;
  for (const char *p = path; p < end; p++) {
    unsigned char c = (unsigned char)*p;
    if (c <= 0x20 || c >= 0x7f || c == '\\' || (c == '%' && is_unsafe_escape(p, end)))
      return false;
  }
  for (const char *p = path; p < end;) {
    const char *segment = p + 1;
    const char *slash = memchr(segment, '/', (size_t)(end - segment));
    const char *stop = slash ? slash : end;
    if (segment == end)
      break;
    if (is_unsafe_segment(segment, (size_t)(stop - segment)))
      return false;
    p = stop;
  }
  return true;
}

/* Control characters and spaces anywhere: what libcurl would have to encode or refuse. */
static bool has_control(const char *url)
{
  for (; *url; url++)
    if ((unsigned char)*url <= 0x20 || *url == 0x7f)
      return true;
  return false;
}

/* ---- the routes ---- */

/* Cuts the next segment off [*at, end), which is at a '/'; false at the end (a trailing '/' counts
 * as the end). */
static bool next_segment(const char **at, const char *end, const char **segment, size_t *length)
{
  if (*at >= end || *at + 1 >= end)
    return false;
  *segment = *at + 1;
  const char *slash = memchr(*segment, '/', (size_t)(end - *segment));
  *at = slash ? slash : end;
  *length = (size_t)(*at - *segment);
  return true;
}

static bool is_word(const char *segment, size_t length, const char *word)
{
  return length == strlen(word) && memcmp(segment, word, length) == 0;
}

static bool path_matches(const char *pattern, const char *path, size_t path_length,
                         char business[UUID_LENGTH + 1])
{
  const char *pattern_end = pattern + strlen(pattern), *path_end = path + path_length;
  const char *want, *have;
  size_t want_length, have_length;
  business[0] = 0;
  while (next_segment(&pattern, pattern_end, &want, &want_length)) {
    if (!next_segment(&path, path_end, &have, &have_length))
      return false;
    if (is_word(want, want_length, "**"))
      return true;
    if (is_word(want, want_length, "*"))
      continue;
    if (is_word(want, want_length, "{business_id}")) {
      if (!route_parse_uuid(have, have_length, business))
        return false; /* with a partial id in `business`: the next try and the end clear it */
    } else if (want_length != have_length || memcmp(want, have, want_length) != 0) {
      return false;
    }
  }
  return !next_segment(&path, path_end, &have, &have_length);
}

/* `methods` is "*" or "GET;POST;". HEAD is a GET without its body (RFC 9110, 9.3.2). */
static bool method_matches(const char *methods, const char *method)
{
  if (strcmp(methods, "*") == 0)
    return true;
  size_t length = strlen(method);
  for (const char *p = methods; *p; p = strchr(p, ';') + 1) {
    const char *stop = strchr(p, ';');
    if (!stop)
      return false;
    if ((size_t)(stop - p) == length && memcmp(p, method, length) == 0)
      return true;
    if (strcmp(method, "HEAD") == 0 && strncmp(p, "GET;", 4) == 0)
      return true;
  }
  return false;
}

/* The table is sorted by the configuration parser: the first match is the most specific. */
static uint32_t find_route(const Snapshot *snapshot, const char *method, const char *path,
                           size_t length, char business[UUID_LENGTH + 1])
{
  for (uint32_t i = 0; i < snapshot->routes.count; i++) {
    const SnapshotRoute *route = snapshot_route(snapshot, i);
    if (method_matches(snapshot_string(snapshot, route->methods), method) &&
        path_matches(snapshot_string(snapshot, route->path), path, length, business))
      return i;
  }
  business[0] = 0;
  return SNAPSHOT_NONE;
}

void route_apply_policy(const Snapshot *snapshot, RouteDecision *decision, const char *business)
{
  const SnapshotEnvironment *env = snapshot_environment(snapshot, decision->environment);
  const char *own = snapshot_string(snapshot, env->business);
  if (decision->token == SNAPSHOT_TOKEN_NONE) {
    decision->reason = ROUTE_TOKENLESS;
    return;
  }
  /* A default that is no UUID is not passed over for the next one: the books could be others. */
  const char *fallback = business ? business : own;
  if (decision->token == SNAPSHOT_TOKEN_BUSINESS && !decision->business[0] &&
      !(fallback && route_parse_uuid(fallback, strlen(fallback), decision->business))) {
    decision->business[0] = 0;
    decision->reason = ROUTE_NO_BUSINESS;
    return;
  }
  uint32_t kind =
      decision->token == SNAPSHOT_TOKEN_PARTNER ? SNAPSHOT_ALLOW_PARTNER : SNAPSHOT_ALLOW_BUSINESS;
  if (env->pin_business && decision->business[0] && (!own || strcmp(own, decision->business) != 0))
    decision->reason = ROUTE_PINNED;
  else if (!(env->allow & kind))
    decision->reason = ROUTE_NOT_ALLOWED;
  else
    decision->reason = ROUTE_TOKEN;
}

static void decide_path(const Snapshot *snapshot, const char *method, const char *path,
                        const char *business, RouteDecision *decision)
{
  size_t length = strcspn(path, "?#");
  if (!is_safe_path(path, length)) {
    decision->reason = ROUTE_BAD_PATH;
    return;
  }
  decision->route = find_route(snapshot, method, path, length, decision->business);
  if (decision->route == SNAPSHOT_NONE) {
    decision->reason = ROUTE_UNROUTED;
    return;
  }
  decision->token = (SnapshotToken)snapshot_route(snapshot, decision->route)->token;
  route_apply_policy(snapshot, decision, business);
}

static void decide_url(const Snapshot *snapshot, const UrlParts *parts, const char *method,
                       const char *url, const char *business, RouteDecision *decision)
{
  const char *path = NULL;
  decision->reason = judge_parts(parts, url, &path);
  if (decision->reason != ROUTE_TOKEN)
    return;
  decision->host = find_host(snapshot, parts->host);
  if (decision->host == SNAPSHOT_NONE) {
    decision->reason = ROUTE_UNKNOWN_HOST;
    return;
  }
  decision->environment = snapshot_host(snapshot, decision->host)->environment;
  if (!snapshot_environment(snapshot, decision->environment)->active)
    decision->reason = ROUTE_INACTIVE;
  else if (has_control(url))
    decision->reason = ROUTE_BAD_PATH;
  else
    decide_path(snapshot, method, path, business, decision);
}

RouteDecision route_decide(const Snapshot *snapshot, const ThredCurlApi *api, const char *method,
                           const char *url, const char *business)
{
  RouteDecision decision = {ROUTE_NOT_THRED, SNAPSHOT_NONE,       SNAPSHOT_NONE,
                            SNAPSHOT_NONE,   SNAPSHOT_TOKEN_NONE, ""};
  UrlParts parts = {0};
  if (!may_be_thred(url))
    return decision;
  CURLU *handle = api->url();
  if (handle && parse_url(api, url, handle, &parts))
    decide_url(snapshot, &parts, method, url, business, &decision);
  else
    decision.reason = ROUTE_BAD_URL;
  free_parts(api, &parts);
  api->url_cleanup(handle);
  return decision;
}

RoutePlace route_reason_place(const Snapshot *snapshot, const RouteDecision *decision)
{
  const SnapshotEnvironment *env = decision->environment == SNAPSHOT_NONE
                                       ? NULL
                                       : snapshot_environment(snapshot, decision->environment);
  const SnapshotRoute *route =
      decision->route == SNAPSHOT_NONE ? NULL : snapshot_route(snapshot, decision->route);
  uint32_t file = 0, line = 0;
  if (decision->reason == ROUTE_PINNED && env)
    file = env->pin_file, line = env->pin_line;
  else if (decision->reason == ROUTE_NOT_ALLOWED && env)
    file = env->allow_file, line = env->allow_line;
  else if (decision->reason == ROUTE_INACTIVE && env)
    file = env->file, line = env->line;
  else if (route)
    file = route->file, line = route->line;
  return (RoutePlace){snapshot_string(snapshot, file), file ? line : 0};
}

const char *route_reason_text(RouteReason reason)
{
  switch (reason) {
  case ROUTE_TOKEN:
    return "a token goes to this URL";
  case ROUTE_NOT_THRED:
    return "the host is not in " ROUTE_CEILING;
  case ROUTE_BAD_URL:
    return "libcurl refuses the URL";
  case ROUTE_NOT_HTTPS:
    return "the URL does not start with https:";
  case ROUTE_USERINFO:
    return "the URL brings a user or password";
  case ROUTE_BAD_PORT:
    return "the port is not " HTTPS_PORT;
  case ROUTE_BAD_HOST:
    return "the host is not written plainly (trailing dot, escapes, odd slashes)";
  case ROUTE_UNKNOWN_HOST:
    return "no environment of the configuration names the host";
  case ROUTE_INACTIVE:
    return "the environment of the host has no usable credentials";
  case ROUTE_BAD_PATH:
    return "the path has dot segments, empty segments, escapes of plain characters or controls";
  case ROUTE_UNROUTED:
    return "no route matches";
  case ROUTE_TOKENLESS:
    return "the route says none";
  case ROUTE_NO_BUSINESS:
    return "it takes a business token and no business is known";
  case ROUTE_PINNED:
    return "pin-business refuses this business";
  case ROUTE_NOT_ALLOWED:
    return "allow leaves out this kind of token";
  }
  return "unknown reason";
}

const char *route_reason_word(RouteReason reason)
{
  static const char *const words[] = {
      [ROUTE_TOKEN] = "token",
      [ROUTE_NOT_THRED] = "not-thred",
      [ROUTE_BAD_URL] = "bad-url",
      [ROUTE_NOT_HTTPS] = "not-https",
      [ROUTE_USERINFO] = "userinfo",
      [ROUTE_BAD_PORT] = "bad-port",
      [ROUTE_BAD_HOST] = "bad-host",
      [ROUTE_UNKNOWN_HOST] = "unknown-host",
      [ROUTE_INACTIVE] = "inactive",
      [ROUTE_BAD_PATH] = "bad-path",
      [ROUTE_UNROUTED] = "unrouted",
      [ROUTE_TOKENLESS] = "tokenless",
      [ROUTE_NO_BUSINESS] = "no-business",
      [ROUTE_PINNED] = "pinned",
      [ROUTE_NOT_ALLOWED] = "not-allowed",
  };
  return words[reason];
}
