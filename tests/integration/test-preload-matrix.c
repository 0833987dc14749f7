/* SPDX-License-Identifier: MIT */
/*
 * test-preload-matrix.c - redirects of an unchanged program: every journey, with every option that
 * has made libcurl lose a secret, over every kind of connection. The judge is the emulator's log of
 * requests, and what a proxy was told: the token is seen where it belongs, and nowhere else.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "connect-proxy.h"
#include "h2.h"
#include "preload-client.h"

#define EVIL "evil.example"

#define THRED_URL   BASE BUSINESSES
#define EVIL_URL    "https://" EVIL BUSINESSES
#define SIBLING_URL "https://" SIBLING BUSINESSES
#define PORT_URL    "https://" HOST ":8443" BUSINESSES
#define PLAIN_URL   "http://" HOST BUSINESSES

/* ---- the axes ---- */

/* One request: what the log says of it, and where its answer leads. */
typedef struct Hop {
  const char *scheme, *host;
  bool token; /* if the program authorises nothing itself */
  const char *to;
} Hop;

typedef struct Journey {
  const char *name, *url;
  const char *target; /* whose password a netrc file may have */
  Hop hops[4];
} Journey;

#define AT_THRED(to) "https", HOST, true, to

static const Journey journeys[] = {
    {"to another host", THRED_URL, EVIL, {{AT_THRED(EVIL_URL)}, {"https", EVIL, false, NULL}}},
    {"to the sibling",
     THRED_URL,
     SIBLING,
     {{AT_THRED(SIBLING_URL)}, {"https", SIBLING, false, NULL}}},
    {"to another port", THRED_URL, HOST, {{AT_THRED(PORT_URL)}, {"https", HOST, false, NULL}}},
    {"to plain HTTP", THRED_URL, HOST, {{AT_THRED(PLAIN_URL)}, {"http", HOST, false, NULL}}},
    {"to another host and back",
     THRED_URL,
     EVIL,
     {{AT_THRED(EVIL_URL)}, {"https", EVIL, false, THRED_URL}, {"https", HOST, false, NULL}}},
    {"to the sibling and back",
     THRED_URL,
     SIBLING,
     {{AT_THRED(SIBLING_URL)}, {"https", SIBLING, false, THRED_URL}, {"https", HOST, false, NULL}}},
    {"from another host",
     EVIL_URL,
     HOST,
     {{"https", EVIL, false, THRED_URL}, {"https", HOST, false, NULL}}},
    {"from the sibling, which gets its own",
     SIBLING_URL,
     HOST,
     {{"https", SIBLING, true, THRED_URL}, {"https", HOST, false, NULL}}},
    {"from another port",
     PORT_URL,
     HOST,
     {{"https", HOST, false, THRED_URL}, {"https", HOST, false, NULL}}},
    {"from plain HTTP",
     PLAIN_URL,
     HOST,
     {{"http", HOST, false, THRED_URL}, {"https", HOST, false, NULL}}},
    {"on the origin", THRED_URL, EVIL, {{AT_THRED(INVOICES)}, {AT_THRED(NULL)}}},
};

#define JOURNEYS (sizeof journeys / sizeof journeys[0])

typedef enum Netrc { NO_NETRC, MACHINE, DEFAULT_ENTRY } Netrc;

typedef struct Settings {
  const char *name;
  long unrestricted_auth;
  Netrc netrc;
} Settings;

static const Settings settings[] = {
    {"nothing", 0, NO_NETRC},
    {"UNRESTRICTED_AUTH", 1, NO_NETRC},
    {"a netrc entry", 0, MACHINE},
    {"a netrc entry and UNRESTRICTED_AUTH", 1, MACHINE},
    {"a netrc default entry", 0, DEFAULT_ENTRY},
    {"a netrc default entry and UNRESTRICTED_AUTH", 1, DEFAULT_ENTRY},
};

#define SETTINGS (sizeof settings / sizeof settings[0])

/* PROXY: CONNECT for https, and requests for http as they are. TUNNEL: CONNECT for both. */
typedef enum Path { DIRECT, PROXY, TUNNEL } Path;
static const char *const path_names[] = {"direct", "proxy", "tunnel"};

/* ---- one of them ---- */

static void write_netrc(char *path, size_t size, const Journey *journey, Netrc netrc)
{
  char text[256];
  snprintf(path, size, "%s/netrc", emulator.dir);
  snprintf(text, sizeof text, "%s%s login someone password theirs\n",
           netrc == MACHINE ? "machine " : "default", netrc == MACHINE ? journey->target : "");
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
  close(fd);
}

static void prepare(const Journey *journey)
{
  harness_fresh(NULL);
  control(&emulator, "POST", "set?www_authenticate=no"); /* a 401 is where the journey ends */
  for (const Hop *hop = journey->hops; hop->to; hop++)
    control_redirect(&emulator, hop->host, BUSINESSES, hop->to);
}

static void use_proxy(Client *client, const ConnectProxy *proxy, Path path)
{
  char url[64];
  snprintf(url, sizeof url, "http://127.0.0.1:%u", proxy->port);
  curl_easy_setopt(client->curl, CURLOPT_CONNECT_TO, NULL);
  curl_easy_setopt(client->curl, CURLOPT_PROXY, url);
  curl_easy_setopt(client->curl, CURLOPT_HTTPPROXYTUNNEL, (long)(path == TUNNEL));
}

static void set(Client *client, const Journey *journey, const Settings *how)
{
  char path[128];
  curl_easy_setopt(client->curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(client->curl, CURLOPT_UNRESTRICTED_AUTH, how->unrestricted_auth);
  if (how->netrc == NO_NETRC)
    return;
  write_netrc(path, sizeof path, journey, how->netrc);
  curl_easy_setopt(client->curl, CURLOPT_NETRC, (long)CURL_NETRC_OPTIONAL);
  curl_easy_setopt(client->curl, CURLOPT_NETRC_FILE, path);
}

/* ---- the judge ---- */

static bool is_token_request(json_object *log, size_t i)
{
  return strstr(log_text(log, i, "target"), "/oauth2/token/") != NULL;
}

/* A password for the host where it all begins is the program's authorisation. */
static bool authorises_itself(const Journey *journey, const Settings *how)
{
  return how->netrc == DEFAULT_ENTRY ||
         (how->netrc == MACHINE && strcmp(journey->target, journey->hops[0].host) == 0);
}

/* The token or, at most, the password of the program's own netrc file. */
static bool is_as_it_should(json_object *log, size_t i, const Hop *hop, const Settings *how,
                            bool token)
{
  const char *kind = log_text(log, i, "kind");
  if (strcmp(log_text(log, i, "scheme"), hop->scheme) != 0 ||
      strcmp(log_text(log, i, "host"), hop->host) != 0)
    return false;
  if (token)
    return (strcmp(kind, "partner") == 0 || strcmp(kind, "business") == 0) &&
           log_authorizations(log, i) == 1;
  return log_authorizations(log, i) == 0 ||
         (how->netrc != NO_NETRC && strncmp(log_authorization(log, i), "Basic ", 6) == 0);
}

static bool is_good_log(const Journey *journey, const Settings *how)
{
  json_object *log = request_log(&emulator);
  const Hop *hop = journey->hops;
  bool aside = authorises_itself(journey, how), good = true;
  for (size_t i = 0; i < json_object_array_length(log); i++) {
    if (is_token_request(log, i))
      good &= journey->hops[0].token && !aside;
    else if (hop->host)
      good &= is_as_it_should(log, i, hop, how, hop->token && !aside), hop++;
    else
      good = false;
  }
  json_object_put(log);
  return good && !hop->host;
}

static void show_log(void)
{
  json_object *log = request_log(&emulator);
  for (size_t i = 0; i < json_object_array_length(log); i++)
    print_error("  %s://%s%s %s\n", log_text(log, i, "scheme"), log_text(log, i, "host"),
                log_text(log, i, "target"), log_text(log, i, "kind"));
  json_object_put(log);
}

/* Of the program's own, a password that plain HTTP shows. */
static bool is_good_proxy(const ConnectProxy *proxy, Path path, const Settings *how)
{
  if (path == DIRECT)
    return true;
  if (!proxy->heads[0] || strcasestr(proxy->heads, "bearer"))
    return false;
  return how->netrc != NO_NETRC || !strcasestr(proxy->heads, "authorization");
}

static bool is_good_version(const Client *client, const Journey *journey, Mode mode)
{
  long version = 0;
  const Hop *last = journey->hops;
  while (last->to)
    last++;
  curl_easy_getinfo(client->curl, CURLINFO_HTTP_VERSION, &version);
  bool h2 = mode.h2 && strcmp(last->scheme, "https") == 0;
  return version == (h2 ? CURL_HTTP_VERSION_2_0 : CURL_HTTP_VERSION_1_1);
}

static bool travel(Mode mode, Path path, const Journey *journey, const Settings *how)
{
  Client client;
  ConnectProxy proxy = {0};
  prepare(journey);
  if (path != DIRECT) {
    connect_proxy_start(&proxy, mode.h2 ? h2_port() : emulator.port);
    proxy.plain = emulator.http_port;
  }
  client_open_plain(&client, &emulator, mode, journey->url);
  if (path != DIRECT)
    use_proxy(&client, &proxy, path);
  set(&client, journey, how);
  CURLcode code = client_run(&client);
  bool good = code == CURLE_OK && is_good_version(&client, journey, mode);
  client_close(&client);
  if (path != DIRECT)
    connect_proxy_stop(&proxy);
  good &= is_good_log(journey, how) && is_good_proxy(&proxy, path, how);
  if (!good) {
    print_error("%s, %s, with %s: %s\n%s", journey->name, path_names[path], how->name,
                curl_easy_strerror(code), proxy.heads);
    show_log();
  }
  return good;
}

static void travel_all(Mode mode, Path path)
{
  unsigned wrong = 0;
  for (size_t i = 0; i < JOURNEYS; i++)
    for (size_t k = 0; k < SETTINGS; k++) {
      wrong += !travel(mode, path, &journeys[i], &settings[k]);
      if (settings[k].netrc == NO_NETRC)
        expect_no_leak(&emulator);
    }
  assert_int_equal(wrong, 0);
}

static void direct(void **state)
{
  travel_all(MODE(state), DIRECT);
}

static void through_a_proxy(void **state)
{
  travel_all(MODE(state), PROXY);
}

static void through_tunnels(void **state)
{
  travel_all(MODE(state), TUNNEL);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      ALL_MODES(direct),
      ALL_MODES(through_a_proxy),
      ALL_MODES(through_tunnels),
  };
  return PRELOAD_MAIN_RUN(tests);
}
