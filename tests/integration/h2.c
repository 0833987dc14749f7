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

static pid_t pid;
static unsigned port;

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
  struct sockaddr_in address = loopback(port);
  (void)data;
  if (waitpid(pid, NULL, WNOHANG) == pid) {
    pid = 0;
    return true;
  }
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool connected = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
  close(fd);
  return connected;
}

static void start(void)
{
  char frontend[64], backend[128], pem[96];
  port = free_port();
  snprintf(frontend, sizeof frontend, "--frontend=127.0.0.1,%u", port);
  snprintf(backend, sizeof backend, "--backend=127.0.0.1,%u;;tls;sni=" HOST, emulator.port);
  snprintf(pem, sizeof pem, "%s/server.pem", emulator.dir);
  const char *argv[] = {"nghttpx",     "--conf=/dev/null",
                        frontend,      backend,
                        "--insecure",  "--no-location-rewrite",
                        "--workers=1", "--no-add-x-forwarded-proto",
                        pem,           pem,
                        NULL};
  int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
  pid = process_start(argv, quiet, quiet);
  close(quiet);
  wait_until(is_over_or_listening, NULL);
}

unsigned h2_port(void)
{
  if (!process_has("nghttpx"))
    skip();
  for (int i = 0; !pid && i < 5; i++)
    start();
  assert_true(pid > 0);
  return port;
}

void h2_stop(void)
{
  if (pid > 0)
    process_stop(pid);
  pid = 0;
}
