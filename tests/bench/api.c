/* SPDX-License-Identifier: MIT */
#include "tests/bench/api.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/bench.h"
#include "tests/integration/harness.h"
#include "tests/integration/process.h"

#define PATIENCE_MS 10000
#define PATH_SIZE   128

/* ---- files and ports ---- */

void api_write(const Api *api, const char *name, char *path, size_t size, const char *format, ...)
{
  va_list args;
  snprintf(path, size, "%s/%s", api->dir, name);
  FILE *file = fopen(path, "we");
  bench_require(file != NULL, path);
  va_start(args, format);
  vfprintf(file, format, args);
  va_end(args);
  bench_require(fclose(file) == 0, path);
}

static struct sockaddr_in loopback(unsigned port)
{
  return (struct sockaddr_in){.sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port),
                              .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
}

unsigned api_free_port(void)
{
  struct sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bench_require(fd >= 0 && bind(fd, (struct sockaddr *)&address, size) == 0 &&
                    getsockname(fd, (struct sockaddr *)&address, &size) == 0,
                "no free port");
  close(fd);
  return ntohs(address.sin_port);
}

static bool listens(unsigned port)
{
  struct sockaddr_in address = loopback(port);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool connected = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
  close(fd);
  return connected;
}

pid_t api_beside(const Api *api, const char *name, const char *const *argv, unsigned port)
{
  char path[PATH_SIZE];
  snprintf(path, sizeof path, "%s/%s.log", api->dir, name);
  int log = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  bench_require(log >= 0, path);
  pid_t pid = process_start(argv, log, log);
  close(log);
  for (int64_t end = now_ms() + PATIENCE_MS; port && !listens(port);) {
    bench_require(now_ms() < end && waitpid(pid, NULL, WNOHANG) == 0, name);
    usleep(5000);
  }
  return pid;
}

/* ---- its certificate ---- */

/* One that has signed itself is its own authority. */
static void make_certificate(const Api *api)
{
  static Outcome outcome;
  char key[PATH_SIZE];
  snprintf(key, sizeof key, "%s/key.pem", api->dir);
  const char *argv[] = {"openssl",
                        "req",
                        "-x509",
                        "-newkey",
                        "ec",
                        "-pkeyopt",
                        "ec_paramgen_curve:P-256",
                        "-nodes",
                        "-days",
                        "2",
                        "-subj",
                        "/CN=bench",
                        "-addext",
                        "subjectAltName=DNS:" HOST ",DNS:" SIBLING
                        ",DNS:evil.example,DNS:localhost",
                        "-keyout",
                        key,
                        "-out",
                        api->ca,
                        NULL};
  process_run(argv, NULL, &outcome);
  bench_require(outcome.status == 0, outcome.err);
}

/* The token server's certificate is the emulator's, this one's is another: both are good. */
static void trust(const Api *api)
{
  char both[PATH_SIZE], command[3 * PATH_SIZE], text[2 * PATH_SIZE], port[32];
  snprintf(both, sizeof both, "%s/both.pem", api->dir);
  snprintf(command, sizeof command, "cat '%s' '%s' >'%s'", emulator.ca, api->ca, both);
  bench_require(system(command) == 0, "no list of certificates");
  snprintf(text, sizeof text, "[environment sandbox]\nca-file = %s\n", both);
  emulator_configure(&emulator, "90-bench.conf", text);
  snprintf(port, sizeof port, "%u", api->port);
  setenv("BENCH_PORT", port, 1);
  setenv("BENCH_CA", both, 1);
}

/* ---- nginx ---- */

/* One process: a worker of a master that was killed, as by a benchmark that failed, would stay. */
static const char configuration[] =
    "daemon off; master_process off;\n"
    "pid nginx.pid;\n"
    "error_log stderr crit;\n"
    "events { worker_connections 4096; }\n"
    "http {\n"
    "  access_log off;\n"
    "  keepalive_requests 1000000000;\n"
    "  keepalive_timeout 1h;\n"
    "  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;\n"
    "  uwsgi_temp_path uwsgi; scgi_temp_path scgi;\n"
    "  ssl_certificate ca.pem; ssl_certificate_key key.pem;\n"
    "  map $http_authorization $granted { default 0; '~^Bearer [-A-Za-z0-9._~+/]{20,}=*$' 1; }\n"
    "  server {\n"
    "    listen 127.0.0.1:%u ssl; server_name " HOST " " SIBLING ";\n"
    "    if ($granted = 0) { return 401 '{\"detail\":\"Unauthorized\"}'; }\n"
    "    location / { return 200 '{\"data\":[]}'; }\n"
    "    location ~ /" API_SHOWS "$ { return 200 '$http_authorization'; }\n"
    "  }\n"
    "  server {\n"
    "    listen 127.0.0.1:%u ssl; server_name evil.example;\n"
    "    location / { return 200 '{\"data\":[]}'; }\n"
    "  }\n"
    "}\n";

void api_start(Api *api)
{
  char path[PATH_SIZE];
  *api = (Api){.port = api_free_port()};
  strcpy(api->dir, "/tmp/thred-bench-XXXXXX");
  bench_require(mkdtemp(api->dir) != NULL, "no folder");
  snprintf(api->ca, sizeof api->ca, "%s/ca.pem", api->dir);
  make_certificate(api);
  api_write(api, "nginx.conf", path, sizeof path, configuration, api->port, api->port);
  const char *argv[] = {"nginx", "-p", api->dir, "-c", path, "-e", "stderr", NULL};
  api->pid = api_beside(api, "nginx", argv, api->port);
  trust(api);
}

void api_stop(Api *api)
{
  char command[PATH_SIZE];
  process_stop(api->pid);
  snprintf(command, sizeof command, "rm -r '%s'", api->dir);
  bench_require(system(command) == 0, "the folder stays");
}
