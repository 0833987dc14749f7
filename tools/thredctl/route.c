/* SPDX-License-Identifier: MIT */
/* route.c - `thredctl route`: what would be attached to a request, and who says so. */
#include <string.h>

#include "lib/config-current.h"
#include "lib/shown-url.h"
#include "tools/thredctl/command.h"
#include "tools/thredctl/explanation.h"
#include "tools/thredctl/output.h"

/* RFC 9110, 5.6.2 and 9.1: a method is a token. */
static bool is_method(const char *text)
{
  if (!*text)
    return false;
  for (; *text; text++)
    if (!g_ascii_isalnum(*text) && !strchr("!#$%&'*+-.^_`|~", *text))
      return false;
  return true;
}

/* Without user and password: terminals and logs keep what they are shown. */
static char *without_userinfo(const char *url)
{
  ShownUrl shown = shown_url(url);
  return g_strdup_printf("%.*s%s", shown.scheme_length, shown.scheme, shown.rest);
}

/* ---- for people ---- */

/* " (FILE:LINE)", or "" if no file says it. To be freed. */
static char *place(const Snapshot *snapshot, uint32_t file, uint32_t line)
{
  return file ? g_strdup_printf(" (%s:%u)", snapshot_string(snapshot, file), line) : g_strdup("");
}

static void add_environment(GString *text, const Explanation *explanation)
{
  const SnapshotEnvironment *env = explanation->environment;
  if (!env)
    return;
  g_autofree char *where = place(explanation->snapshot, env->file, env->line);
  output_line(text, "environment", STYLE_PLAIN, "%s%s",
              snapshot_string(explanation->snapshot, env->name), where);
}

static void add_business(GString *text, const Explanation *explanation)
{
  static const char *const sources[] = {
      [BUSINESS_FROM_PATH] = "from the path",
      [BUSINESS_FROM_PROCESS] = "from THRED_BUSINESS_ID",
      [BUSINESS_FROM_ENVIRONMENT] = "default of the environment",
  };
  if (explanation->business_source != BUSINESS_UNKNOWN)
    output_line(text, "business", STYLE_PLAIN, "%s (%s)", explanation->decision.business,
                sources[explanation->business_source]);
}

static void add_route(GString *text, const Explanation *explanation)
{
  const Snapshot *snapshot = explanation->snapshot;
  const SnapshotRoute *route = explanation->route;
  if (!route)
    return;
  g_autofree char *where = place(snapshot, route->file, route->line);
  output_line(text, "route", STYLE_PLAIN, "%s: %s %s%s", snapshot_string(snapshot, route->name),
              snapshot_string(snapshot, route->methods), snapshot_string(snapshot, route->path),
              where);
}

/* A mistake in the configuration disables what it stands in, so it may be the reason behind the
 * reason. */
static void add_problems(GString *text, const Snapshot *snapshot)
{
  for (uint32_t i = 0; i < snapshot->problems.count; i++)
    output_line(text, "problem", STYLE_BAD, "%s",
                snapshot_string(snapshot, snapshot_problem(snapshot, i)->text));
}

/* Where `allow` or `pin-business` stands; other rules have lines of their own. */
static void add_because(GString *text, const Explanation *explanation)
{
  const RouteReason reason = explanation->decision.reason;
  RoutePlace place = route_reason_place(explanation->snapshot, &explanation->decision);
  if (place.file && !explanation->disabled &&
      (reason == ROUTE_PINNED || reason == ROUTE_NOT_ALLOWED))
    output_line(text, "because", STYLE_PLAIN, "%s (%s:%u)", explanation_because(explanation),
                place.file, (unsigned)place.line);
  else
    output_line(text, "because", STYLE_PLAIN, "%s", explanation_because(explanation));
}

static char *as_text(const Explanation *explanation, const char *method, const char *url)
{
  GString *text = g_string_new(NULL);
  g_autofree char *shown = command_printable(url);
  g_autofree char *change = explanation_change(explanation);
  bool refused = explanation->disabled || explanation->decision.reason != ROUTE_TOKEN;
  output_line(text, "url", STYLE_PLAIN, "%s", shown);
  output_line(text, "method", STYLE_PLAIN, "%s", method);
  add_environment(text, explanation);
  output_line(text, "token", refused ? STYLE_BAD : STYLE_GOOD, "%s",
              explanation_token(explanation));
  if (refused)
    add_because(text, explanation);
  add_business(text, explanation);
  add_route(text, explanation);
  if (change)
    output_line(text, "change", STYLE_PLAIN, "%s", change);
  if (refused && explanation->decision.reason >= ROUTE_UNKNOWN_HOST)
    add_problems(text, explanation->snapshot);
  return g_string_free(text, FALSE);
}

/* ---- for programs ---- */

static void add_place(struct json_object *object, const Snapshot *snapshot, uint32_t file,
                      uint32_t line)
{
  output_json_string(object, "file", snapshot_string(snapshot, file));
  json_object_object_add(object, "line", file ? json_object_new_int64(line) : NULL);
}

/* The route and where it stands; without one, where the environment does. */
static void add_rule(struct json_object *object, const Explanation *explanation)
{
  const Snapshot *snapshot = explanation->snapshot;
  const SnapshotEnvironment *env = explanation->environment;
  const SnapshotRoute *route = explanation->route;
  output_json_string(object, "route", route ? snapshot_string(snapshot, route->name) : NULL);
  output_json_string(object, "route_path", route ? snapshot_string(snapshot, route->path) : NULL);
  output_json_string(object, "route_methods",
                     route ? snapshot_string(snapshot, route->methods) : NULL);
  add_place(object, snapshot,
            route ? route->file
            : env ? env->file
                  : 0,
            route ? route->line
            : env ? env->line
                  : 0);
}

static char *as_json(const Explanation *explanation, const char *method, const char *url)
{
  static const char *const sources[] = {
      [BUSINESS_FROM_PATH] = "path",
      [BUSINESS_FROM_PROCESS] = "THRED_BUSINESS_ID",
      [BUSINESS_FROM_ENVIRONMENT] = "environment",
  };
  const SnapshotEnvironment *env = explanation->environment;
  const char *business = explanation->decision.business;
  struct json_object *object = json_object_new_object();
  json_object_object_add(object, "version", json_object_new_int(1));
  output_json_string(object, "url", url);
  output_json_string(object, "method", method);
  output_json_string(object, "environment",
                     env ? snapshot_string(explanation->snapshot, env->name) : NULL);
  output_json_string(object, "token", explanation_token(explanation));
  output_json_string(object, "business_id", *business ? business : NULL);
  output_json_string(object, "business_from", sources[explanation->business_source]);
  add_rule(object, explanation);
  output_json_string(object, "reason", explanation_reason(explanation));
  output_json_string(object, "because", explanation_because(explanation));
  return output_json_line(object);
}

/* ---- the command ---- */

static int explain(const char *method, const char *url, bool json)
{
  Error error = ERROR_INIT;
  const Snapshot *snapshot = config_acquire(&error);
  if (!snapshot)
    return command_error(EXIT_FAILED, "route: %s", error.message);
  Explanation explanation = explanation_make(snapshot, method, url);
  g_autofree char *shown = without_userinfo(url);
  g_autofree char *text =
      json ? as_json(&explanation, method, shown) : as_text(&explanation, method, shown);
  config_release(snapshot);
  return command_output(text, strlen(text))
             ? EXIT_DONE
             : command_error(EXIT_FAILED, "route: cannot write to standard output");
}

int command_route(int argc, char **argv)
{
  g_autofree char *method = NULL;
  gboolean json = FALSE;
  const GOptionEntry entries[] = {
      {"method", 'X', 0, G_OPTION_ARG_STRING, &method, "The request's method (GET)", "METHOD"},
      {"json", 0, 0, G_OPTION_ARG_NONE, &json, "As JSON", NULL},
      {NULL}};
  int status;
  if (!command_options("URL - explain what would be attached to a request",
                       "Says which token, and the rule, file and line that say so; or why none. "
                       "Nothing is sent.\n\n"
                       "Example:\n  thredctl route -X POST "
                       "https://sandbox.thredfi.com/v1/platform/businesses/",
                       entries, REST_ARGUMENTS, &argc, &argv, &status))
    return status;
  if (argc != 2)
    return command_error(EXIT_USAGE, "route: one URL is needed (see 'thredctl route --help')");
  if (method && !is_method(method)) {
    g_autofree char *shown = command_printable(method);
    return command_error(EXIT_USAGE, "route: '%s' is not a method (RFC 9110, 9.1)", shown);
  }
  return explain(method ? method : "GET", argv[1], json);
}
