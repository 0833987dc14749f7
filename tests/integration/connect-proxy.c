/* SPDX-License-Identifier: MIT */
#include "connect-proxy.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
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

typedef struct Connection {
  ConnectProxy *proxy;
  int client;
  char head[8192];
} Connection;

/* False: the proxy is to stop, or nothing came. */
static bool wait_readable(const ConnectProxy *proxy, int fd)
{
  struct pollfd fds[] = {{proxy->stop[0], POLLIN, 0}, {fd, POLLIN, 0}};
  return poll(fds, 2, 30000) > 0 && !fds[0].revents && fds[1].revents;
}

/* A whole head; the client sends no tunnel's bytes behind it before the answer. */
static bool read_head(Connection *connection)
{
  size_t used = 0;
  while (used < sizeof connection->head - 1 &&
         wait_readable(connection->proxy, connection->client)) {
    ssize_t length =
        read(connection->client, connection->head + used, sizeof connection->head - 1 - used);
    if (length <= 0)
      return false;
    used += (size_t)length;
    connection->head[used] = '\0';
    if (strstr(connection->head, "\r\n\r\n"))
      return true;
  }
  return false;
}

static void keep_head(const Connection *connection, bool tunnel)
{
  ConnectProxy *proxy = connection->proxy;
  pthread_mutex_lock(&proxy->lock);
  size_t used = strlen(proxy->heads);
  snprintf(proxy->heads + used, sizeof proxy->heads - used, "%s", connection->head);
  proxy->tunnels += tunnel;
  pthread_mutex_unlock(&proxy->lock);
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

/* CONNECT is answered; "GET http://host/path" goes on as "GET /path". */
static bool begin(const Connection *connection, bool tunnel, int server)
{
  static const char established[] = "HTTP/1.1 200 Connection established\r\n\r\n";
  if (tunnel)
    return send(connection->client, established, sizeof established - 1, MSG_NOSIGNAL) > 0;
  const char *url = strstr(connection->head, " http://"), *path = url ? strchr(url + 8, '/') : NULL;
  if (!path)
    return false;
  return send(server, connection->head, (size_t)(url + 1 - connection->head), MSG_NOSIGNAL) > 0 &&
         send(server, path, strlen(path), MSG_NOSIGNAL) > 0;
}

static void serve(Connection *connection)
{
  ConnectProxy *proxy = connection->proxy;
  if (!read_head(connection))
    return;
  bool tunnel = strncmp(connection->head, "CONNECT ", 8) == 0;
  const char *end = strstr(connection->head, " HTTP/1.");
  bool plain = !tunnel || (end && end - connection->head > 3 && strncmp(end - 3, ":80", 3) == 0);
  struct sockaddr_in address = loopback(plain && proxy->plain ? proxy->plain : proxy->target);
  int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (server >= 0 && connect(server, (struct sockaddr *)&address, sizeof address) == 0) {
    keep_head(connection, tunnel);
    if (begin(connection, tunnel, server))
      relay(proxy, connection->client, server);
  }
  if (server >= 0)
    close(server);
}

static void *run_one(void *data)
{
  Connection *connection = data;
  ConnectProxy *proxy = connection->proxy;
  serve(connection);
  close(connection->client);
  free(connection);
  atomic_fetch_sub(&proxy->serving, 1);
  return NULL;
}

static void begin_serving(ConnectProxy *proxy, int client)
{
  pthread_t thread;
  Connection *connection = calloc(1, sizeof *connection);
  if (!connection) {
    close(client);
    return;
  }
  connection->proxy = proxy;
  connection->client = client;
  atomic_fetch_add(&proxy->serving, 1);
  if (pthread_create(&thread, NULL, run_one, connection) == 0)
    pthread_detach(thread);
  else
    run_one(connection);
}

static void *run(void *data)
{
  ConnectProxy *proxy = data;
  for (;;) {
    struct pollfd fds[] = {{proxy->stop[0], POLLIN, 0}, {proxy->listener, POLLIN, 0}};
    if (poll(fds, 2, -1) < 0 || fds[0].revents)
      return NULL;
    int client = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC);
    if (client >= 0)
      begin_serving(proxy, client);
  }
}

static bool is_idle(void *data)
{
  return atomic_load(&((ConnectProxy *)data)->serving) == 0;
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
  pthread_mutex_init(&proxy->lock, NULL);
  assert_int_equal(pthread_create(&proxy->thread, NULL, run, proxy), 0);
}

void connect_proxy_stop(ConnectProxy *proxy)
{
  close(proxy->stop[1]);
  assert_int_equal(pthread_join(proxy->thread, NULL), 0);
  wait_until(is_idle, proxy);
  pthread_mutex_destroy(&proxy->lock);
  close(proxy->stop[0]);
  close(proxy->listener);
}
