/* SPDX-License-Identifier: MIT */
/*
 * audience-proxy.c - what the proxy says: CONNECT and requests for http:// (RFC 9110, RFC 9112),
 * SOCKS 4 and 4a, SOCKS 5 (RFC 1928). Which of them is told by the first byte. What is for the
 * right server's port 443 leads there; an address with another port is that; all else leads
 * elsewhere.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "audience.h"

typedef CaptureConnection Connection;

/* Where the client wants to go. */
typedef struct Target {
  char host[256];
  unsigned port;
} Target;

static bool has(Connection *connection, size_t length)
{
  while (connection->length < length)
    if (!capture_receive(connection))
      return false;
  return true;
}

static void take(Connection *connection, size_t length)
{
  connection->length -= length;
  memmove(connection->bytes, connection->bytes + length, connection->length + 1);
}

static unsigned port_at(const char *bytes)
{
  return (unsigned)(unsigned char)bytes[0] << 8 | (unsigned char)bytes[1];
}

/* ---- SOCKS ---- */

/* 4, 1, port, address, user, 0; with 4a, behind an address 0.0.0.x, a name and another 0. */
static bool socks_4(Connection *connection, Target *target)
{
  if (!has(connection, 9))
    return false;
  char *user = connection->bytes + 8, *name = user + strlen(user) + 1;
  bool named = memcmp(connection->bytes + 4, "\0\0\0", 3) == 0;
  target->port = port_at(connection->bytes + 2);
  if (named)
    snprintf(target->host, sizeof target->host, "%s", name);
  else
    inet_ntop(AF_INET, connection->bytes + 4, target->host, sizeof target->host);
  take(connection, connection->length);
  return capture_send(connection, "\0\x5a\0\0\0\0\0\0", 8);
}

static bool socks_5(Connection *connection, Target *target)
{
  static const char granted[] = {5, 0, 0, 1, 0, 0, 0, 0, 0, 0};
  if (!has(connection, 2) || !has(connection, 2 + (size_t)(unsigned char)connection->bytes[1]))
    return false;
  take(connection, connection->length);
  if (!capture_send(connection, "\5\0", 2) || !has(connection, 10))
    return false;
  char kind = connection->bytes[3];
  size_t length = kind == 1 ? 4 : kind == 4 ? 16 : (unsigned char)connection->bytes[4];
  const char *address = connection->bytes + (kind == 3 ? 5 : 4);
  if (!has(connection, (size_t)(address - connection->bytes) + length + 2))
    return false;
  if (kind == 3)
    snprintf(target->host, sizeof target->host, "%.*s", (int)length, address);
  else
    inet_ntop(kind == 1 ? AF_INET : AF_INET6, address, target->host, sizeof target->host);
  target->port = port_at(address + length);
  take(connection, connection->length);
  return capture_send(connection, granted, sizeof granted);
}

/* ---- HTTP ---- */

static bool http(Connection *connection, Target *target)
{
  static const char established[] = "HTTP/1.1 200 Connection established\r\n\r\n";
  char *end;
  while (!(end = strstr(connection->bytes, "\r\n\r\n")))
    if (!capture_receive(connection))
      return false;
  if (sscanf(connection->bytes, "CONNECT %255[^: ]:%u", target->host, &target->port) != 2) {
    snprintf(target->host, sizeof target->host, "plain");
    return true; /* it goes on as it is: elsewhere takes whatever comes */
  }
  take(connection, (size_t)(end + 4 - connection->bytes));
  return capture_send(connection, established, sizeof established - 1);
}

/* ---- the way on ---- */

static unsigned port_for(const Target *target)
{
  bool local = strcmp(target->host, "127.0.0.1") == 0;
  if (local && target->port != 443)
    return target->port;
  bool right = local || strcasecmp(target->host, HOST) == 0 ||
               strcasecmp(target->host, SIBLING) == 0 || strcasecmp(target->host, STAGING) == 0;
  return right && target->port == 443 ? world.right : world.elsewhere.port;
}

static int connect_to(unsigned port)
{
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_addr = {htonl(INADDR_LOOPBACK)},
                                .sin_port = htons((uint16_t)port)};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
  if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
    return fd;
  close(fd);
  return -1;
}

static bool send_on(Connection *connection, int fd)
{
  ssize_t sent = send(fd, connection->bytes, connection->length, MSG_NOSIGNAL);
  bool good = sent == (ssize_t)connection->length;
  connection->length = 0;
  return good;
}

static bool send_back(const Connection *connection, int fd)
{
  char buffer[16384];
  ssize_t length = read(fd, buffer, sizeof buffer);
  return length > 0 && capture_send(connection, buffer, (size_t)length);
}

static void relay(Connection *connection, int fd)
{
  struct pollfd fds[] = {
      {connection->fd, POLLIN, 0}, {fd, POLLIN, 0}, {connection->capture->stop[0], POLLIN, 0}};
  if (connection->length && !send_on(connection, fd))
    return;
  while ((connection->ssl && SSL_pending(connection->ssl)) || poll(fds, 3, 20000) > 0) {
    bool more = connection->ssl && SSL_pending(connection->ssl);
    if (fds[2].revents)
      return;
    if ((more || fds[0].revents) && (!capture_receive(connection) || !send_on(connection, fd)))
      return;
    if (!more && fds[1].revents && !send_back(connection, fd))
      return;
  }
}

void audience_proxy_speak(Connection *connection)
{
  Target target = {.port = 0};
  if (!has(connection, 1))
    return;
  bool known = connection->bytes[0] == 4   ? socks_4(connection, &target)
               : connection->bytes[0] == 5 ? socks_5(connection, &target)
                                           : http(connection, &target);
  int fd = known ? connect_to(port_for(&target)) : -1;
  if (fd < 0)
    return;
  relay(connection, fd);
  close(fd);
}
