/* SPDX-License-Identifier: MIT */
#include "connect-proxy.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"

static struct sockaddr_in loopback(unsigned port)
{
  return (struct sockaddr_in){.sin_family = AF_INET,
                              .sin_addr = {htonl(INADDR_LOOPBACK)},
                              .sin_port = htons((uint16_t)port)};
}

/* False: the proxy is to stop, or nothing came. */
static bool wait_readable(const ConnectProxy *proxy, int fd)
{
  struct pollfd fds[] = {{proxy->stop[0], POLLIN, 0}, {fd, POLLIN, 0}};
  return poll(fds, 2, 30000) > 0 && !fds[0].revents && fds[1].revents;
}

/* Appends the head to proxy->heads; the client sends nothing behind it before the answer. */
static bool read_head(ConnectProxy *proxy, int client)
{
  size_t start = strlen(proxy->heads), used = start;
  while (used < sizeof proxy->heads - 1 && wait_readable(proxy, client)) {
    ssize_t length = read(client, proxy->heads + used, sizeof proxy->heads - 1 - used);
    if (length <= 0)
      return false;
    used += (size_t)length;
    proxy->heads[used] = '\0';
    if (strstr(proxy->heads + start, "\r\n\r\n"))
      return true;
  }
  return false;
}

static bool pass_on(int from, int to)
{
  char buffer[16384];
  ssize_t length = read(from, buffer, sizeof buffer);
  for (ssize_t sent = 0; sent < length;) {
    ssize_t n = send(to, buffer + sent, (size_t)(length - sent), MSG_NOSIGNAL);
    if (n <= 0)
      return false;
    sent += n;
  }
  return length > 0;
}

static void relay(const ConnectProxy *proxy, int client, int server)
{
  struct pollfd fds[] = {{proxy->stop[0], POLLIN, 0}, {client, POLLIN, 0}, {server, POLLIN, 0}};
  while (poll(fds, 3, 30000) > 0 && !fds[0].revents) {
    if (fds[1].revents && !pass_on(client, server))
      return;
    if (fds[2].revents && !pass_on(server, client))
      return;
  }
}

static void serve(ConnectProxy *proxy, int client)
{
  static const char established[] = "HTTP/1.1 200 Connection established\r\n\r\n";
  struct sockaddr_in address = loopback(proxy->target);
  int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (server >= 0 && read_head(proxy, client) &&
      connect(server, (struct sockaddr *)&address, sizeof address) == 0 &&
      send(client, established, sizeof established - 1, MSG_NOSIGNAL) > 0) {
    proxy->tunnels++;
    relay(proxy, client, server);
  }
  if (server >= 0)
    close(server);
}

static void *run(void *data)
{
  ConnectProxy *proxy = data;
  for (;;) {
    struct pollfd fds[] = {{proxy->stop[0], POLLIN, 0}, {proxy->listener, POLLIN, 0}};
    if (poll(fds, 2, -1) < 0 || fds[0].revents)
      return NULL;
    int client = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC);
    if (client >= 0) {
      serve(proxy, client);
      close(client);
    }
  }
}

void connect_proxy_start(ConnectProxy *proxy, unsigned target)
{
  struct sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  *proxy = (ConnectProxy){.target = target};
  proxy->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(proxy->listener >= 0);
  assert_int_equal(bind(proxy->listener, (struct sockaddr *)&address, size), 0);
  assert_int_equal(listen(proxy->listener, 8), 0);
  assert_int_equal(getsockname(proxy->listener, (struct sockaddr *)&address, &size), 0);
  proxy->port = ntohs(address.sin_port);
  assert_int_equal(pipe(proxy->stop), 0);
  assert_int_equal(pthread_create(&proxy->thread, NULL, run, proxy), 0);
}

void connect_proxy_stop(ConnectProxy *proxy)
{
  close(proxy->stop[1]);
  assert_int_equal(pthread_join(proxy->thread, NULL), 0);
  close(proxy->stop[0]);
  close(proxy->listener);
}
