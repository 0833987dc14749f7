/* SPDX-License-Identifier: MIT */
#include "lib/route.h"

#include <string.h>

#include "lib/ascii.h"
#include "lib/route-path.h"

#define HTTPS_PORT "443"

/* ---- the host ---- */

/* thredfi.com itself or a name below it; one trailing dot (the DNS root) does not lead out of it.
 */
static bool under_ceiling(const char *host, size_t length)
{
  size_t ceiling = strlen(ROUTE_CEILING);
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

static uint32_t find_host(const Snapshot *snapshot, const char *host, size_t length)
{
  for (uint32_t i = 0; i < snapshot->hosts.count; i++) {
    const char *name = snapshot_string(snapshot, snapshot_host(snapshot, i)->name);
    if (strlen(name) == length && ascii_equal_n(name, host, length))
      return i;
  }
  return SNAPSHOT_NONE;
}

/*
 * The path of a URL that starts, to the letter, with https://HOST/, where HOST consists of what
 * names consist of: in that there is nothing for libcurl to repair, decode or guess (RFC 3986, 3.2:
 * the authority ends at the first slash), and to have it parsed is most of what a decision costs.
 * NULL: it is to be asked.
 */
static const char *plain_path(const char *url, size_t *host_length)
{
  const char *host = url + strlen("https://"), *end = host;
  if (!ascii_equal_n(url, "https://", strlen("https://")))
    return NULL;
  while (ascii_is_alpha(*end) || ascii_is_digit(*end) || *end == '-' || *end == '.')
    end++;
  *host_length = (size_t)(end - host);
  return *end == '/' && end > host && end[-1] != '.' ? end : NULL;
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
  if (!under_ceiling(parts->host, strlen(parts->host)))
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

/* ---- the routes ---- */

/* `methods` is "*" or "GET;POST;". HEAD is a GET without its body (RFC 9110, 9.3.2). */
static bool method_matches(const char *methods, const char *method)
{
  if (methods[0] == '*' && !methods[1])
    return true;
  size_t length = strlen(method);
  for (const char *p = methods, *stop; *p; p = stop + 1) {
    stop = strchr(p, ';');
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
                           const char *path_end, char business[UUID_LENGTH + 1])
{
  RouteBusiness last = {NULL, false, ""};
  bool named;
  for (uint32_t i = 0; i < snapshot->routes.count; i++) {
    const SnapshotRoute *route = snapshot_route(snapshot, i);
    if (!route_path_matches(snapshot_text(snapshot, route->path), path, path_end, &last, &named) ||
        !method_matches(snapshot_text(snapshot, route->methods), method))
      continue;
    if (named)
      memcpy(business, last.uuid, sizeof last.uuid);
    return i;
  }
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
  decision->by_default = decision->token == SNAPSHOT_TOKEN_BUSINESS && !decision->business[0];
  if (decision->by_default &&
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
  const char *end = route_path_end(path);
  if (!end) {
    decision->reason = ROUTE_BAD_PATH;
    return;
  }
  decision->route = find_route(snapshot, method, path, end, decision->business);
  if (decision->route == SNAPSHOT_NONE) {
    decision->reason = ROUTE_UNROUTED;
    return;
  }
  decision->token = (SnapshotToken)snapshot_route(snapshot, decision->route)->token;
  route_apply_policy(snapshot, decision, business);
}

/* From where it is known that the URL is https://HOST[:443], to the letter, and `path`; which, if
 * it is not `printed`, may have control characters and blanks. */
static void decide_host(const Snapshot *snapshot, const char *host, size_t host_length,
                        const char *method, const char *path, bool printed, const char *business,
                        RouteDecision *decision)
{
  decision->host = find_host(snapshot, host, host_length);
  if (decision->host == SNAPSHOT_NONE) {
    decision->reason = ROUTE_UNKNOWN_HOST;
    return;
  }
  decision->environment = snapshot_host(snapshot, decision->host)->environment;
  if (!snapshot_environment(snapshot, decision->environment)->active)
    decision->reason = ROUTE_INACTIVE;
  else if (!printed && route_has_control(path))
    decision->reason = ROUTE_BAD_PATH;
  else
    decide_path(snapshot, method, path, business, decision);
}

static void decide_parsed(const Snapshot *snapshot, const ThredCurlApi *api, const char *method,
                          const char *url, const char *business, RouteDecision *decision)
{
  UrlParts parts = {0};
  const char *path = NULL;
  CURLU *handle = api->url();
  decision->reason = handle && parse_url(api, url, handle, &parts) ? judge_parts(&parts, url, &path)
                                                                   : ROUTE_BAD_URL;
  if (decision->reason == ROUTE_TOKEN)
    decide_host(snapshot, parts.host, strlen(parts.host), method, path, false, business, decision);
  free_parts(api, &parts);
  api->url_cleanup(handle);
}

RouteDecision route_decide(const Snapshot *snapshot, const ThredCurlApi *api, const char *method,
                           const char *url, const char *business)
{
  RouteDecision decision = {.reason = ROUTE_NOT_THRED,
                            .environment = SNAPSHOT_NONE,
                            .host = SNAPSHOT_NONE,
                            .route = SNAPSHOT_NONE,
                            .token = SNAPSHOT_TOKEN_NONE};
  size_t length;
  const char *path = plain_path(url, &length);
  if (path && !route_has_control(path)) {
    const char *host = path - length;
    if (under_ceiling(host, length))
      decide_host(snapshot, host, length, method, path, true, business, &decision);
  } else if (may_be_thred(url)) {
    decide_parsed(snapshot, api, method, url, business, &decision);
  }
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
