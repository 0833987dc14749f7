/* SPDX-License-Identifier: MIT */
#include "tunnel.h"

#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

/* More than the longest delay that the control API takes: that is an hour. */
#define IDLE_MS (70 * 60 * 1000)

/* One direction. It reads only when all that it read was written. */
typedef struct Flow {
  int from, to;
  char *buffer;
  size_t start, end; /* what of the buffer is to be written */
  bool ended;        /* `from` will say no more, and `to` knows */
} Flow;

static void flow_open(Flow *flow, int from, int to, const char *first, size_t length)
{
  *flow = (Flow){.from = from, .to = to, .buffer = g_malloc(TUNNEL_BUFFER), .end = length};
  if (length > 0)
    memcpy(flow->buffer, first, length);
}

static bool is_pending(const Flow *flow)
{
  return flow->start < flow->end;
}

static bool is_reading(const Flow *flow)
{
  return !flow->ended && !is_pending(flow);
}

static bool would_block(void)
{
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

/* As much as goes without waiting; false when a socket is broken. */
static bool flow_move(Flow *flow)
{
  if (is_reading(flow)) {
    ssize_t length = recv(flow->from, flow->buffer, TUNNEL_BUFFER, 0);
    if (length < 0)
      return would_block();
    if (length == 0) {
      flow->ended = true;
      return shutdown(flow->to, SHUT_WR) == 0;
    }
    flow->start = 0;
    flow->end = (size_t)length;
  }
  while (is_pending(flow)) {
    ssize_t sent =
        send(flow->to, flow->buffer + flow->start, flow->end - flow->start, MSG_NOSIGNAL);
    if (sent < 0)
      return would_block();
    flow->start += (size_t)sent;
  }
  return true;
}

/* A socket that nothing is wanted of is left out: poll(2) would go on telling that it hung up. */
static struct pollfd watch(int fd, const Flow *out_of, const Flow *into)
{
  int events = (is_reading(out_of) ? POLLIN : 0) | (is_pending(into) ? POLLOUT : 0);
  return (struct pollfd){events ? fd : -1, (short)events, 0};
}

void tunnel_run(const Tunnel *tunnel)
{
  Flow up, down;
  flow_open(&up, tunnel->client, tunnel->server, tunnel->to_server, tunnel->to_server_length);
  flow_open(&down, tunnel->server, tunnel->client, tunnel->to_client, tunnel->to_client_length);
  bool running = true;
  while (running && !(up.ended && down.ended)) {
    struct pollfd fds[] = {{tunnel->stop_event, POLLIN, 0},
                           watch(tunnel->client, &up, &down),
                           watch(tunnel->server, &down, &up)};
    running = poll(fds, G_N_ELEMENTS(fds), IDLE_MS) > 0 && !fds[0].revents && flow_move(&up) &&
              flow_move(&down);
  }
  g_free(up.buffer);
  g_free(down.buffer);
}
