/* SPDX-License-Identifier: MIT */
/*
 * A method, a default business and a URL, a line each, under the shipped configuration and under
 * one that says all it can. Where a token is decided, libcurl's own URL parser must agree to the
 * letter that it goes where it may.
 */
#include "lib/route.h"
#include "lib/shown-url.h"
#include "tests/fuzz/conf.h"
#include "tests/fuzz/fuzz.h"

#define BUSINESS "3c90c3cc-0d44-4b50-8888-8dd25736052a"

static Snapshot *snapshots[2];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
  static Conf conf;
  size_t size;
  (void)argc, (void)argv;
  conf_make(&conf);
  conf_write_shipped(&conf, "[environment sandbox]\ncredentials = env\n"
                            "[environment production]\ncredentials = env\n");
  snapshots[0] = conf_load(&conf.origin, &size);
  conf_write_shipped(&conf,
                     "[environment sandbox]\ncredentials = env\nbusiness = " BUSINESS
                     "\npin-business = yes\n"
                     "[environment production]\ncredentials = env\nallow = business;\n"
                     "[environment odd]\ncredentials = env\n"
                     "hosts = thredfi.com;a.a.thredfi.com;com.thredfi.com;xn--a.thredfi.com;\n"
                     "[route all]\npath = /**\ntoken = business\n"
                     "[route root]\npath = /\ntoken = partner\n"
                     "[route one]\npath = /*/{business_id}/*\nmethod = GET;\ntoken = business\n"
                     "[route two]\npath = /v1/{business_id}/**\nmethod = PUT;A-B;\n"
                     "token = partner\n");
  snapshots[1] = conf_load(&conf.origin, &size);
  return 0;
}

static char *part(CURLU *url, CURLUPart which, unsigned flags)
{
  char *text = NULL;
  return curl_url_get(url, which, &text, flags) ? NULL : text;
}

/* https, port 443, no user, and exactly the host that was found in the configuration. */
static void check_authority(CURLU *url, const char *host)
{
  static const CURLUPart none[] = {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_OPTIONS,
                                   CURLUPART_ZONEID};
  char *scheme = part(url, CURLUPART_SCHEME, 0),
       *port = part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
  char *name = part(url, CURLUPART_HOST, 0);
  FUZZ_TRUE(scheme && port && name && !strcmp(scheme, "https") && !strcmp(port, "443"));
  FUZZ_SAYS(strcasecmp(name, host) == 0, name);
  size_t length = strlen(name), ceiling = strlen(ROUTE_CEILING);
  FUZZ_SAYS(length >= ceiling && !strcasecmp(name + length - ceiling, ROUTE_CEILING), name);
  FUZZ_SAYS(length == ceiling || name[length - ceiling - 1] == '.', name);
  for (size_t i = 0; i < sizeof none / sizeof *none; i++)
    FUZZ_TRUE(!part(url, none[i], 0));
  curl_free(scheme);
  curl_free(port);
  curl_free(name);
}

/* libcurl takes nothing out of the path, and nothing in it means anything else once decoded. */
static void check_path(const char *text, const RouteDecision *decision, const SnapshotRoute *route,
                       const Snapshot *snapshot)
{
  CURLU *url = curl_url();
  FUZZ_SAYS(!curl_url_set(url, CURLUPART_URL, text, CURLU_PATH_AS_IS), text);
  char *written = part(url, CURLUPART_PATH, 0),
       *decoded = part(url, CURLUPART_PATH, CURLU_URLDECODE);
  FUZZ_SAYS(!curl_url_set(url, CURLUPART_URL, text, 0), text);
  char *sent = part(url, CURLUPART_PATH, 0);
  FUZZ_TRUE(written && sent && decoded && strcmp(written, sent) == 0);
  FUZZ_TRUE(!strstr(decoded, "//") && !strstr(decoded, "/../") && !strstr(decoded, "/./"));
  FUZZ_TRUE(fuzz_is_tame(decoded) && !strchr(sent, ' '));
  /* The business that the path names is the one whose token goes there. */
  if (strstr(snapshot_string(snapshot, route->path), "{business_id}"))
    FUZZ_TRUE(decision->business[0] && strcasestr(sent, decision->business));
  curl_free(written);
  curl_free(decoded);
  curl_free(sent);
  curl_url_cleanup(url);
}

static void check_token(const Snapshot *snapshot, const RouteDecision *decision, const char *text)
{
  const SnapshotEnvironment *env = snapshot_environment(snapshot, decision->environment);
  const SnapshotRoute *route = snapshot_route(snapshot, decision->route);
  const char *own = snapshot_string(snapshot, env->business);
  bool partner = decision->token == SNAPSHOT_TOKEN_PARTNER;
  FUZZ_TRUE(env->active && decision->token != SNAPSHOT_TOKEN_NONE &&
            route->token == decision->token);
  FUZZ_TRUE(env->allow & (partner ? SNAPSHOT_ALLOW_PARTNER : SNAPSHOT_ALLOW_BUSINESS));
  FUZZ_TRUE(partner || route_parse_uuid(decision->business, strlen(decision->business), NULL));
  FUZZ_TRUE(!env->pin_business || !decision->business[0] || !strcmp(own, decision->business));
  FUZZ_TRUE(fuzz_is_tame(text));
  CURLU *url = curl_url();
  FUZZ_SAYS(!curl_url_set(url, CURLUPART_URL, text, 0), text);
  check_authority(url, snapshot_string(snapshot, snapshot_host(snapshot, decision->host)->name));
  curl_url_cleanup(url);
  check_path(text, decision, route, snapshot);
}

/* What logs show of a URL has no user or password left that libcurl would find. */
static void check_shown(const char *text)
{
  CURLU *url = curl_url(), *again = curl_url();
  ShownUrl shown = shown_url(text);
  char *plain = NULL;
  FUZZ_TRUE(asprintf(&plain, "%.*s%s", shown.scheme_length, shown.scheme, shown.rest) >= 0);
  if (!curl_url_set(url, CURLUPART_URL, text, CURLU_GUESS_SCHEME) &&
      !curl_url_set(again, CURLUPART_URL, plain, CURLU_GUESS_SCHEME)) {
    char *user = part(again, CURLUPART_USER, 0), *password = part(again, CURLUPART_PASSWORD, 0);
    FUZZ_SAYS(!user && !password, plain);
  }
  free(plain);
  curl_url_cleanup(url);
  curl_url_cleanup(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  FuzzInput input = {data, data + size};
  char *method = fuzz_line(&input, '\n'), *business = fuzz_line(&input, '\n');
  char *url = fuzz_line(&input, 0);
  for (size_t i = 0; i < 2; i++) {
    RouteDecision decision =
        route_decide(snapshots[i], thred_curl_api(), method, url, *business ? business : NULL);
    FUZZ_TRUE(route_reason_text(decision.reason)[0]);
    FUZZ_TRUE((decision.environment == SNAPSHOT_NONE) ==
              (decision.reason < ROUTE_INACTIVE && decision.reason != ROUTE_TOKEN));
    if (decision.reason == ROUTE_TOKEN)
      check_token(snapshots[i], &decision, url);
  }
  check_shown(url);
  free(method);
  free(business);
  free(url);
  return 0;
}
