/* SPDX-License-Identifier: MIT */
#include "h2.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "process.h"

typedef struct Server {
  pid_t pid;
  unsigned port;
} Server;

static Server h2, tls_proxy;

static struct sockaddr_in loopback(unsigned at)
{
  return (struct sockaddr_in){
      .sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_port = htons((uint16_t)at)};
}

/* A port that was free a moment ago: nghttpx cannot say which one it took. */
static unsigned free_port(void)
{
  struct sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(fd >= 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
  assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
  close(fd);
  return ntohs(address.sin_port);
}

static bool is_over_or_listening(void *data)
{
  Server *server = data;
  struct sockaddr_in address = loopback(server->port);
  if (waitpid(server->pid, NULL, WNOHANG) == server->pid) {
    server->pid = 0;
    return true;
  }
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool connected = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
  close(fd);
  return connected;
}

static void start(Server *server, const char *mode, const char *backend)
{
  char frontend[64], pem[96];
  server->port = free_port();
  snprintf(frontend, sizeof frontend, "--frontend=127.0.0.1,%u", server->port);
  snprintf(pem, sizeof pem, "%s/server.pem", emulator.dir);
  const char *argv[] = {
      "nghttpx",     "--conf=/dev/null",           frontend, backend, mode, "--no-location-rewrite",
      "--workers=1", "--no-add-x-forwarded-proto", pem,      pem,     NULL};
  int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
  server->pid = process_start(argv, quiet, quiet);
  close(quiet);
  wait_until(is_over_or_listening, server);
}

static unsigned port_of(Server *server, const char *mode, const char *backend)
{
  if (!process_has("nghttpx"))
    skip();
  for (int i = 0; !server->pid && i < 5; i++)
    start(server, mode, backend);
  assert_true(server->pid > 0);
  return server->port;
}

static void stop(Server *server)
{
  if (server->pid > 0)
    process_stop(server->pid);
  server->pid = 0;
}

unsigned h2_port(void)
{
  char backend[128];
  snprintf(backend, sizeof backend, "--backend=127.0.0.1,%u;;tls;sni=" HOST, emulator.port);
  return port_of(&h2, "--insecure", backend);
}

void h2_stop(void)
{
  stop(&h2);
}

unsigned tls_proxy_start(unsigned proxy_port)
{
  char backend[64];
  snprintf(backend, sizeof backend, "--backend=127.0.0.1,%u", proxy_port);
  return port_of(&tls_proxy, "--http2-proxy", backend);
}

void tls_proxy_stop(void)
{
  stop(&tls_proxy);
}
