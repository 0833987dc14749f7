/* SPDX-License-Identifier: MIT */
#include "tests/bench/sidecars.h"

#include <stdio.h>

#include "tests/integration/harness.h"
#include "tests/integration/process.h"

#define PATH_SIZE 128

/* Its upstream connections are closed after 1,000 requests and by 1.19.10's keepalive_time unless
 * told. */
static const char nginx[] =
    "daemon off; master_process off; pid sidecar.pid; error_log stderr crit;\n"
    "events { worker_connections 256; }\n"
    "http {\n"
    "  access_log off; keepalive_requests 1000000000; keepalive_timeout 1h;\n"
    "  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;\n"
    "  uwsgi_temp_path uwsgi; scgi_temp_path scgi;\n"
    "  upstream api {\n"
    "    server 127.0.0.1:%u; keepalive 16; keepalive_requests 1000000000; keepalive_timeout 1h;\n"
    "  }\n"
    "  server {\n"
    "    listen 127.0.0.1:%u;\n"
    "    location / {\n"
    "      proxy_pass https://api; proxy_http_version 1.1;\n"
    "      proxy_set_header Connection ''; proxy_set_header Host " HOST ";\n"
    "      proxy_set_header Authorization '%s';\n"
    "      proxy_ssl_server_name on; proxy_ssl_name " HOST ";\n"
    "      proxy_ssl_verify on; proxy_ssl_trusted_certificate ca.pem;\n"
    "    }\n"
    "  }\n"
    "}\n";

static const char haproxy[] =
    "global\n"
    "  nbthread 1\n"
    "  maxconn 256\n"
    "defaults\n"
    "  mode http\n"
    "  timeout connect 5s\n"
    "  timeout client 1h\n"
    "  timeout server 1h\n"
    "  http-reuse always\n"
    "frontend program\n"
    "  bind 127.0.0.1:%u\n"
    "  http-request set-header Host " HOST "\n"
    "  http-request set-header Authorization \"%s\"\n"
    "  default_backend api\n"
    "backend api\n"
    "  server api 127.0.0.1:%u ssl verify required ca-file %s sni str(" HOST ") verifyhost " HOST
    " pool-purge-delay 1h\n";

static unsigned place(Sidecar *sidecar)
{
  unsigned port = api_free_port();
  *sidecar = (Sidecar){.pid = 0};
  snprintf(sidecar->url, sizeof sidecar->url, "http://127.0.0.1:%u", port);
  return port;
}

void sidecar_nginx(Sidecar *sidecar, const Api *api, const char *value)
{
  char path[PATH_SIZE];
  unsigned port = place(sidecar);
  api_write(api, "sidecar.conf", path, sizeof path, nginx, api->port, port, value);
  const char *argv[] = {"nginx", "-p", api->dir, "-c", path, "-e", "stderr", NULL};
  sidecar->pid = api_beside(api, "sidecar-nginx", argv, port);
}

void sidecar_haproxy(Sidecar *sidecar, const Api *api, const char *value)
{
  char path[PATH_SIZE];
  unsigned port = place(sidecar);
  if (!process_has("haproxy"))
    return;
  api_write(api, "haproxy.cfg", path, sizeof path, haproxy, port, value, api->port, api->ca);
  const char *argv[] = {"haproxy", "-db", "-q", "-f", path, NULL};
  sidecar->pid = api_beside(api, "sidecar-haproxy", argv, port);
}

void sidecar_stop(Sidecar *sidecar)
{
  if (sidecar->pid)
    process_stop(sidecar->pid);
  sidecar->pid = 0;
}
