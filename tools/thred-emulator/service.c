/* SPDX-License-Identifier: MIT */
#include "service.h"

#include "files.h"
#include "git.h"
#include "script.h"

void service_init(Service *service, const Options *options)
{
  *service = (Service){.options = options, .proxy.fd = -1};
  for (unsigned i = 0; i < FAMILIES; i++)
    service->https[i].fd = service->http[i].fd = -1;
}

static bool find_repositories(Service *service, GError **error)
{
  const char *git = service->options->git;
  if (git)
    service->emulator->git_root = git_find_root(git, error);
  return !git || service->emulator->git_root;
}

bool service_prepare(Service *service, const char *dir, GError **error)
{
  const Options *options = service->options;
  service->emulator = emulator_new(options->api_key);
  if (!service->emulator) {
    g_set_error_literal(error, G_FILE_ERROR, G_FILE_ERROR_FAILED,
                        "OpenSSL has no random numbers, or no descriptor is left");
    return false;
  }
  service->dir = files_prepare(dir, error);
  return service->dir && find_repositories(service, error) &&
         (!options->faults || script_read(service->emulator, options->faults, error)) &&
         certificates_make(&service->certificates, options->names, options->expired, error);
}

bool service_listen(Service *service, GError **error)
{
  const Options *options = service->options;
  return listener_open(&service->https[0], options->host, options->port, error) &&
         (!options->plain_http ||
          listener_open_next(&service->http[0], options->host, options->port, error)) &&
         (!options->proxy ||
          listener_open_next(&service->proxy, options->host, options->port, error));
}

void service_adopt(Service *service, const int *https, const int *http, unsigned families)
{
  static const char *const addresses[FAMILIES] = {"127.0.0.1", "[::1]"};
  for (unsigned i = 0; i < families && i < FAMILIES; i++) {
    service->https[i] =
        (Listener){.fd = https[i], .port = 443, .address = g_strdup(addresses[i]), .foreign = true};
    service->http[i] =
        (Listener){.fd = http[i], .port = 80, .address = g_strdup(addresses[i]), .foreign = true};
    if (!service->options->plain_http) {
      listener_clear(&service->http[i]);
      service->http[i].port = 0;
    }
  }
}

bool service_is_on_443(const Service *service)
{
  return service->https[0].foreign;
}

bool service_publish(Service *service, GError **error)
{
  Leaflet leaflet = {.certificates = &service->certificates,
                     .partner = settings_partner(service->emulator->settings),
                     .api_key = settings_first_key(service->emulator->settings),
                     .address = service->https[0].address,
                     .port = service->https[0].port,
                     .proxy_port = service->proxy.port,
                     .every_environment = service->options->command != NULL,
                     .on_443 = service_is_on_443(service)};
  return files_write(service->dir, &leaflet, error);
}

/* Starts nothing, and succeeds, where there is no socket. */
static bool start_server(Service *service, unsigned slot, Listener *listener, bool tls)
{
  if (listener->fd < 0)
    return true;
  service->servers[slot] =
      server_start(service->emulator, listener, tls ? &service->certificates : NULL);
  return service->servers[slot] != NULL;
}

static bool start_proxy(Service *service)
{
  ProxyWays ways = {.emulator = service->emulator,
                    .https = &service->https[0],
                    .http = service->http[0].port ? &service->http[0] : NULL};
  if (service->proxy.fd < 0)
    return true;
  service->proxy_server = proxy_start(&ways, &service->proxy);
  return service->proxy_server != NULL;
}

static bool write_port(const Service *service, const char *name, unsigned port, GError **error)
{
  return port == 0 || files_write_port(service->dir, name, port, error);
}

bool service_start(Service *service, GError **error)
{
  bool started = true;
  for (unsigned i = 0; i < FAMILIES; i++)
    started = started && start_server(service, 2 * i, &service->https[i], true) &&
              start_server(service, 2 * i + 1, &service->http[i], false);
  if (!started || !start_proxy(service)) {
    g_set_error_literal(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "cannot start the HTTP server");
    return false;
  }
  /* "port" comes last: whoever sees it may connect and finds every other file. */
  return write_port(service, "http-port", service->http[0].port, error) &&
         write_port(service, "proxy-port", service->proxy.port, error) &&
         write_port(service, "port", service->https[0].port, error);
}

void service_stop(Service *service)
{
  if (service->dir)
    (void)files_remove_ports(service->dir, NULL);
  if (service->emulator)
    emulator_stop(service->emulator);
  proxy_stop(service->proxy_server);
  for (unsigned i = 0; i < 2 * FAMILIES; i++)
    server_stop(service->servers[i]);
  for (unsigned i = 0; i < FAMILIES; i++) {
    listener_clear(&service->https[i]);
    listener_clear(&service->http[i]);
  }
  listener_clear(&service->proxy);
  certificates_clear(&service->certificates);
  emulator_free(service->emulator);
  g_free(service->dir);
}
