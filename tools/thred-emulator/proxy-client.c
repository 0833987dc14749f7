/* SPDX-License-Identifier: MIT */
#include "proxy-client.h"

#include "await.h"
#include "connect-head.h"
#include "tunnel.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define HEAD_LIMIT      ((size_t)16 * 1024)
/* Seconds. */
#define HEAD_PATIENCE   30
#define SERVER_PATIENCE 10
#define LINGER          2

typedef struct Client {
  const ProxyWays *ways;
  int fd;
  size_t length; /* of what was read */
  char head[HEAD_LIMIT + 1];
} Client;

static const struct Refusal {
  unsigned status;
  const char *reason;
  const char *text;
} refusals[] = {
    {400, "Bad Request", "This is no request, or its head is longer than 16 KiB."},
    {403, "Forbidden",
     "CONNECT leads to ports 443 and 80 (if there is plain HTTP), and to the emulator's own."},
    {405, "Method Not Allowed", "This proxy knows CONNECT alone."},
    {408, "Request Timeout", "The head of the request did not come."},
    {502, "Bad Gateway", "The emulator does not answer."},
};

static bool await_client(const Client *client, gint64 deadline)
{
  return await_descriptor(client->fd, POLLIN, deadline, client->ways->emulator->stop_event);
}

/*
 * The status of a refusal, or 0 when there is nobody to refuse; 200 with a head up to *end. What is
 * no text is given up at once: a TLS handshake, say, has no empty line to wait for.
 */
static unsigned read_head(Client *client, size_t *end)
{
  gint64 deadline = await_deadline(HEAD_PATIENCE);
  while (client->length < HEAD_LIMIT) {
    if (!await_client(client, deadline))
      return 408;
    ssize_t got = recv(client->fd, client->head + client->length, HEAD_LIMIT - client->length, 0);
    if (got < 0 && errno == EAGAIN)
      continue;
    if (got <= 0)
      return got == 0 && client->length > 0 ? 400 : 0;
    client->length += (size_t)got;
    client->head[client->length] = '\0';
    *end = connect_head_end(client->head);
    if (*end > 0)
      return 200;
    if (!g_ascii_isalpha(client->head[0]) || strlen(client->head) < client->length)
      return 400;
  }
  return 400;
}

/*
 * NULL: refused. The emulator's own ports are there for who honours https_proxy and connect-to of
 * 50-emulator.conf at once: libcurl then asks the proxy for the address that connect-to names.
 */
static const Listener *find_way(const ProxyWays *ways, unsigned port)
{
  if (port == 443 || port == ways->https->port)
    return ways->https;
  if (ways->http && (port == 80 || port == ways->http->port))
    return ways->http;
  return NULL;
}

/* Reads and judges; what lies behind *end is for the server. */
static unsigned examine(Client *client, const Listener **server, size_t *end)
{
  const ProxyWays *ways = client->ways;
  unsigned status = read_head(client, end);
  g_autofree char *text = g_strndup(client->head, *end > 0 ? *end : client->length);
  ConnectHead head = connect_head_read(text);
  if (head.authorization)
    counters_add(ways->emulator->counters, COUNT_CONNECT_AUTHORIZATION);
  if (status != 200)
    return status;
  if (head.kind != CONNECT_TUNNEL)
    return head.kind == CONNECT_OTHER_METHOD ? 405 : 400;
  *server = find_way(ways, head.port);
  return *server ? 200 : 403;
}

/* Closing with something unread would make TCP take the answer back: so the client closes first. */
static void linger(Client *client)
{
  gint64 deadline = await_deadline(LINGER);
  (void)shutdown(client->fd, SHUT_WR);
  while (await_client(client, deadline) && recv(client->fd, client->head, HEAD_LIMIT, 0) > 0)
    continue;
}

static void refuse(Client *client, unsigned status)
{
  for (size_t i = 0; i < G_N_ELEMENTS(refusals); i++) {
    const struct Refusal *refusal = &refusals[i];
    if (refusal->status != status)
      continue;
    g_autofree char *answer =
        g_strdup_printf("HTTP/1.1 %u %s\r\n%sContent-Type: text/plain\r\nContent-Length: %zu\r\n"
                        "Connection: close\r\n\r\n%s\n",
                        status, refusal->reason, status == 405 ? "Allow: CONNECT\r\n" : "",
                        strlen(refusal->text) + 1, refusal->text);
    /* The first bytes on this connection: they fit into its send buffer. */
    (void)send(client->fd, answer, strlen(answer), MSG_NOSIGNAL);
    linger(client);
  }
}

/* Small writes go out at once, as they came in. */
static void set_no_delay(int fd)
{
  int on = 1;
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static int connect_to(const Listener *listener, int stop_event)
{
  int error = 0;
  socklen_t size = sizeof error;
  int fd = listener_connect(listener);
  if (fd < 0)
    return -1;
  set_no_delay(fd);
  if (await_descriptor(fd, POLLOUT, await_deadline(SERVER_PATIENCE), stop_event) &&
      getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0)
    return fd;
  close(fd);
  return -1;
}

static void lead_to(Client *client, const Listener *listener, size_t head_end)
{
  static const char established[] = "HTTP/1.1 200 Connection established\r\n\r\n";
  Emulator *emulator = client->ways->emulator;
  int server = connect_to(listener, emulator->stop_event);
  if (server < 0) {
    refuse(client, 502);
    return;
  }
  counters_add(emulator->counters, COUNT_CONNECTS);
  Tunnel tunnel = {.client = client->fd,
                   .server = server,
                   .stop_event = emulator->stop_event,
                   .to_client = established,
                   .to_client_length = sizeof established - 1,
                   .to_server = client->head + head_end,
                   .to_server_length = client->length - head_end};
  tunnel_run(&tunnel);
  close(server);
}

void proxy_client_serve(const ProxyWays *ways, int fd)
{
  Client client = {.ways = ways, .fd = fd};
  const Listener *server = NULL;
  size_t end = 0;
  set_no_delay(fd);
  unsigned status = examine(&client, &server, &end);
  if (status == 200)
    lead_to(&client, server, end);
  else
    refuse(&client, status);
}
