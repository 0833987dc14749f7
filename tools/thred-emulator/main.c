/* SPDX-License-Identifier: MIT */
/* thred-emulator - a local Thred to develop and test against. */
#include "ca.h"
#include "emulator.h"
#include "files.h"
#include "git.h"
#include "listener.h"
#include "options.h"
#include "proxy.h"
#include "server.h"

#include <json-c/json.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

/* Everything that was started, so that one place can stop it. */
typedef struct Run {
  char *dir; /* absolute */
  Certificates certificates;
  Listener https, http, proxy;
  Emulator *emulator;
  Server *https_server, *http_server;
  Proxy *proxy_server;
} Run;

/* A descriptor for each of a thousand clients and more; the soft limit is often 1,024. */
static void raise_descriptor_limit(void)
{
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static bool open_listeners(Run *run, const Options *options, GError **error)
{
  return listener_open(&run->https, options->host, options->port, error) &&
         (!options->plain_http ||
          listener_open_next(&run->http, options->host, options->port, error)) &&
         (!options->proxy || listener_open_next(&run->proxy, options->host, options->port, error));
}

static bool start_servers(Run *run, const Options *options, GError **error)
{
  run->https_server = server_start(run->emulator, &run->https, &run->certificates);
  if (options->plain_http)
    run->http_server = server_start(run->emulator, &run->http, NULL);
  ProxyWays ways = {.emulator = run->emulator,
                    .https = &run->https,
                    .http = options->plain_http ? &run->http : NULL};
  if (options->proxy)
    run->proxy_server = proxy_start(&ways, &run->proxy);
  if (run->https_server && (run->http_server || !options->plain_http) &&
      (run->proxy_server || !options->proxy))
    return true;
  g_set_error_literal(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "cannot start the HTTP server");
  return false;
}

static bool find_repositories(Run *run, const Options *options, GError **error)
{
  if (options->git)
    run->emulator->git_root = git_find_root(options->git, error);
  return !options->git || run->emulator->git_root;
}

/* "port" comes last: whoever sees it may connect and finds every other file. */
static bool write_ports(const Run *run, const Options *options, GError **error)
{
  return (!options->plain_http || files_write_port(run->dir, "http-port", run->http.port, error)) &&
         (!options->proxy || files_write_port(run->dir, "proxy-port", run->proxy.port, error)) &&
         files_write_port(run->dir, "port", run->https.port, error);
}

static bool start(Run *run, const Options *options, GError **error)
{
  run->dir = files_prepare(options->dir, error);
  if (!run->dir || !find_repositories(run, options, error) ||
      !open_listeners(run, options, error) ||
      !certificates_make(&run->certificates, options->names, options->expired, error))
    return false;
  Leaflet leaflet = {.certificates = &run->certificates,
                     .partner = settings_partner(run->emulator->settings),
                     .api_key = settings_first_key(run->emulator->settings),
                     .address = run->https.address,
                     .port = run->https.port,
                     .proxy_port = options->proxy ? run->proxy.port : 0};
  return files_write(run->dir, &leaflet, error) && start_servers(run, options, error) &&
         write_ports(run, options, error);
}

static void stop(Run *run)
{
  if (run->dir)
    (void)files_remove_ports(run->dir, NULL);
  if (run->emulator)
    emulator_stop(run->emulator);
  proxy_stop(run->proxy_server);
  server_stop(run->https_server);
  server_stop(run->http_server);
  listener_clear(&run->https);
  listener_clear(&run->http);
  listener_clear(&run->proxy);
  certificates_clear(&run->certificates);
  emulator_free(run->emulator);
  g_free(run->dir);
}

/* Blocked before any thread is made, so that every thread has them blocked and sigwait gets them.
 */
static void block_signals(sigset_t *set)
{
  sigemptyset(set);
  sigaddset(set, SIGTERM);
  sigaddset(set, SIGINT);
  (void)pthread_sigmask(SIG_BLOCK, set, NULL);
  /* A client that goes away in the middle of an answer is no reason to die. */
  (void)signal(SIGPIPE, SIG_IGN);
}

int main(int argc, char **argv)
{
  Options options;
  switch (options_parse(&options, &argc, &argv)) {
  case OPTIONS_DONE:
    return 0;
  case OPTIONS_BAD:
    return 2;
  case OPTIONS_RUN:
    break;
  }
  int status = 1, received = 0;
  sigset_t signals;
  GError *error = NULL;
  Run run = {.https.fd = -1, .http.fd = -1, .proxy.fd = -1};
  block_signals(&signals);
  raise_descriptor_limit();
  run.emulator = emulator_new(options.api_key);
  if (run.emulator && start(&run, &options, &error)) {
    printf("thred-emulator: https://%s:%u dir %s\n", run.https.address, run.https.port, run.dir);
    (void)fflush(stdout);
    sigwait(&signals, &received);
    status = 0;
  }
  if (error)
    fprintf(stderr, "thred-emulator: %s\n", error->message);
  g_clear_error(&error);
  stop(&run);
  options_clear(&options);
  return status;
}
