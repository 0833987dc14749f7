/* SPDX-License-Identifier: MIT */
#include "tools/thredctl/explanation.h"

#include <glib.h>
#include <thred/thred.h>

#include "lib/process.h"

/* Which of the three the library would take; its order is that of lib/request.c. */
static BusinessSource business_source(const RouteDecision *decision, const RouteDecision *bare,
                                      const char *of_process)
{
  if (!decision->business[0])
    return BUSINESS_UNKNOWN;
  if (bare->business[0])
    return BUSINESS_FROM_PATH;
  return of_process ? BUSINESS_FROM_PROCESS : BUSINESS_FROM_ENVIRONMENT;
}

Explanation explanation_make(const Snapshot *snapshot, const char *method, const char *url)
{
  const ThredCurlApi *api = thred_curl_api();
  const char *business = process_env("THRED_BUSINESS_ID");
  RouteDecision decision = route_decide(snapshot, api, method, url, business);
  /* A default that is no UUID is not passed over for the environment's: what is left then is what
   * the path names. */
  RouteDecision bare = route_decide(snapshot, api, method, url, "");
  Explanation explanation = {.snapshot = snapshot,
                             .decision = decision,
                             .business_source = business_source(&decision, &bare, business),
                             .disabled = process_disabled()};
  if (decision.environment != SNAPSHOT_NONE)
    explanation.environment = snapshot_environment(snapshot, decision.environment);
  if (decision.route != SNAPSHOT_NONE)
    explanation.route = snapshot_route(snapshot, decision.route);
  return explanation;
}

const char *explanation_token(const Explanation *explanation)
{
  if (explanation->disabled || explanation->decision.reason != ROUTE_TOKEN)
    return "none";
  return explanation->decision.token == SNAPSHOT_TOKEN_PARTNER ? "partner" : "business";
}

const char *explanation_reason(const Explanation *explanation)
{
  return explanation->disabled ? "disabled" : route_reason_word(explanation->decision.reason);
}

const char *explanation_because(const Explanation *explanation)
{
  return explanation->disabled ? "THRED_DISABLE=1 switches thred-auth off"
                               : route_reason_text(explanation->decision.reason);
}

/* ---- what would change it ---- */

/* `what` "in [environment NAME], in a file of DIRECTORY". */
static char *in_environment(const Explanation *explanation, const char *directory, const char *what)
{
  const char *name = snapshot_string(explanation->snapshot, explanation->environment->name);
  return g_strdup_printf("%s in [environment %s], in a file of %s", what, name, directory);
}

static char *name_business(const Explanation *explanation, const char *directory)
{
  if (process_env("THRED_BUSINESS_ID"))
    return g_strdup("THRED_BUSINESS_ID is not a UUID: set it to one, or unset it");
  return in_environment(explanation, directory,
                        "the path names no business: set THRED_BUSINESS_ID, or `business`");
}

static char *unpin(const Explanation *explanation, const char *directory)
{
  const char *pinned = snapshot_string(explanation->snapshot, explanation->environment->business);
  g_autofree char *what =
      pinned
          ? g_strdup_printf("only %s is let through: change `business` or `pin-business`", pinned)
          : g_strdup("no business is let through: set `business`");
  return in_environment(explanation, directory, what);
}

/* One that has credentials was switched off by a mistake. */
static char *activate(const Explanation *explanation, const char *directory)
{
  if (explanation->environment->credentials.count == 0)
    return in_environment(explanation, directory, "set `credentials`");
  const char *name = snapshot_string(explanation->snapshot, explanation->environment->name);
  return g_strdup_printf("mend the problem below that switches [environment %s] off", name);
}

static char *add_route(const Explanation *explanation, const char *directory)
{
  if (explanation->snapshot->routes.count == 0)
    return g_strdup(
        "there are no routes at all: 'thredctl check' says whether their file is masked");
  return g_strdup_printf("add a [route ...] for this method and path, in a file of %s", directory);
}

/* What is wrong with the URL itself, or with asking for a token for it. */
static const char *change_url(RouteReason reason)
{
  switch (reason) {
  case ROUTE_NOT_THRED:
    return "nothing: tokens go to thredfi.com and the hosts below it alone";
  case ROUTE_BAD_URL:
    return "write it as https://HOST/PATH";
  case ROUTE_NOT_HTTPS:
    return "write https:// in the URL";
  case ROUTE_USERINFO:
    return "take user and password out of the URL";
  case ROUTE_BAD_PORT:
    return "leave the port out; curl --connect-to (CURLOPT_CONNECT_TO) leads to another";
  case ROUTE_BAD_HOST:
    return "write the host as the configuration does: no dot at its end, no escapes";
  case ROUTE_BAD_PATH:
    return "write the path without ., .., // and without escapes that are not needed";
  case ROUTE_TOKENLESS:
    return "nothing, if the program brings its own authorisation, as token endpoints want it; else "
           "set `token` in that route";
  default:
    return NULL;
  }
}

static char *change_in(const Explanation *explanation, const char *directory)
{
  bool partner = explanation->decision.token == SNAPSHOT_TOKEN_PARTNER;
  switch (explanation->decision.reason) {
  case ROUTE_UNKNOWN_HOST:
    return g_strdup_printf("add the host to `hosts` in an [environment ...], in a file of %s",
                           directory);
  case ROUTE_INACTIVE:
    return activate(explanation, directory);
  case ROUTE_UNROUTED:
    return add_route(explanation, directory);
  case ROUTE_NO_BUSINESS:
    return name_business(explanation, directory);
  case ROUTE_PINNED:
    return unpin(explanation, directory);
  case ROUTE_NOT_ALLOWED:
    return in_environment(explanation, directory,
                          partner ? "add partner to `allow`" : "add business to `allow`");
  default:
    return g_strdup(change_url(explanation->decision.reason));
  }
}

char *explanation_change(const Explanation *explanation)
{
  ProcessPaths paths;
  if (explanation->disabled)
    return g_strdup("unset THRED_DISABLE");
  char *change = process_paths(&paths) ? change_in(explanation, paths.origin.admin) : NULL;
  process_paths_clear(&paths);
  return change;
}
