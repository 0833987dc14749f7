/* SPDX-License-Identifier: MIT */
#include "route.h"

#include <glib.h>
#include <string.h>

static const char *const api_hosts[] = {"sandbox.thredfi.com",
                                        "sandbox-backend.thredfi.com",
                                        "backend.thredfi.com",
                                        "api.thredfi.com",
                                        "staging-backend.thredfi.com",
                                        "dev-backend.thredfi.com",
                                        NULL};

/* First match wins. {id} is a UUID, ** one segment or more, no method any method. */
static const struct {
  const char *method;
  const char *pattern;
  RouteKind kind;
} routes[] = {
    {NULL, "v1/platform/oauth2/token", ROUTE_TOKEN_PARTNER},
    {NULL, "v1/platform/{id}/oauth2/token", ROUTE_TOKEN_BUSINESS},
    {NULL, "v1/platform/businesses", ROUTE_BUSINESSES},
    {NULL, "v1/platform/businesses/{id}", ROUTE_BUSINESS},
    {"POST", "v1/platform/businesses/{id}/archive", ROUTE_ARCHIVE},
    {"POST", "v1/platform/businesses/{id}/unarchive", ROUTE_UNARCHIVE},
    {NULL, "v1/platform/businesses/{id}/**", ROUTE_RESOURCE},
    {NULL, "v1/platform/transaction-categories/{id}", ROUTE_RESOURCE},
    {NULL, "api/ai-tools/{id}/**", ROUTE_RESOURCE},
    {NULL, "api/v1/product-pricing", ROUTE_PUBLIC},
    {NULL, "api/v1/product-pricing/**", ROUTE_PUBLIC},
    {NULL, "api/friday/token", ROUTE_PUBLIC},
    {NULL, "git/**", ROUTE_GIT},
};

bool route_host_is_api(const char *host)
{
  return g_strv_contains(api_hosts, host);
}

bool route_copy_uuid(char copy[UUID_SIZE], const char *text)
{
  copy[0] = '\0';
  if (!g_uuid_string_is_valid(text))
    return false;
  for (size_t i = 0; i < UUID_SIZE; i++)
    copy[i] = g_ascii_tolower(text[i]);
  return true;
}

/*
 * The segments without the empty ones of the leading and the trailing slash; NULL for a path that
 * two servers would not read alike (an empty, "." or ".." segment).
 */
static char **split_path(const char *path)
{
  if (path[0] != '/')
    return NULL;
  char **segments = g_strsplit(path + 1, "/", -1);
  guint count = g_strv_length(segments);
  if (count > 0 && segments[count - 1][0] == '\0')
    g_clear_pointer(&segments[count - 1], g_free);
  for (char **at = segments; *at; at++) {
    if (!**at || g_str_equal(*at, ".") || g_str_equal(*at, "..")) {
      g_strfreev(segments);
      return NULL;
    }
  }
  return segments;
}

static bool matches(const char *pattern, char *const *segments, char business[UUID_SIZE])
{
  business[0] = '\0';
  g_auto(GStrv) words = g_strsplit(pattern, "/", -1);
  char **word = words;
  for (; *word && *segments; word++, segments++) {
    if (g_str_equal(*word, "**"))
      return true;
    bool fits = g_str_equal(*word, "{id}") ? route_copy_uuid(business, *segments)
                                           : g_str_equal(*word, *segments);
    if (!fits)
      return false;
  }
  return !*word && !*segments;
}

Route route_of(const char *method, const char *path)
{
  Route route = {.kind = ROUTE_OTHER};
  g_auto(GStrv) segments = split_path(path);
  for (size_t i = 0; segments && i < G_N_ELEMENTS(routes); i++) {
    if (routes[i].method && !g_str_equal(routes[i].method, method))
      continue;
    if (matches(routes[i].pattern, segments, route.business)) {
      route.kind = routes[i].kind;
      return route;
    }
  }
  route.business[0] = '\0';
  return route;
}
