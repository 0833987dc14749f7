/* SPDX-License-Identifier: MIT */
#include "listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A test that starts a thousand clients at once must not lose any of them to a short queue. */
#define BACKLOG    4096
/* How many ports after the given one are tried for the other listeners. */
#define NEXT_PORTS 1000

bool listener_parse(const char *text, char **host, unsigned *port)
{
  const char *colon = strrchr(text, ':');
  if (!colon || colon == text)
    return false;
  guint64 number = 0;
  if (!g_ascii_string_to_unsigned(colon + 1, 10, 0, 65535, &number, NULL))
    return false;
  g_autofree char *name = g_strndup(text, (gsize)(colon - text));
  size_t length = strlen(name);
  bool bracketed = length > 2 && name[0] == '[' && name[length - 1] == ']';
  /* An IPv6 address without brackets: where its last group ends is a guess. */
  if (!bracketed && strchr(name, ':'))
    return false;
  *host = bracketed ? g_strndup(name + 1, length - 2) : g_strdup(name);
  *port = (unsigned)number;
  return true;
}

static int bind_and_listen(const struct addrinfo *info)
{
  int fd = socket(info->ai_family, info->ai_socktype | SOCK_CLOEXEC, info->ai_protocol);
  if (fd < 0)
    return -1;
  int on = 1;
  (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
    return fd;
  int saved = errno;
  close(fd);
  errno = saved;
  return -1;
}

/* A wildcard address is no place to connect to: the loopback of its family stands in for it. */
static void make_reachable(struct sockaddr_storage *bound)
{
  if (bound->ss_family == AF_INET) {
    struct sockaddr_in v4;
    memcpy(&v4, bound, sizeof v4);
    if (v4.sin_addr.s_addr == htonl(INADDR_ANY))
      v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    memcpy(bound, &v4, sizeof v4);
  } else if (bound->ss_family == AF_INET6) {
    struct sockaddr_in6 v6;
    memcpy(&v6, bound, sizeof v6);
    if (IN6_IS_ADDR_UNSPECIFIED(&v6.sin6_addr))
      v6.sin6_addr = in6addr_loopback;
    memcpy(bound, &v6, sizeof v6);
  }
}

static bool describe(Listener *listener)
{
  struct sockaddr *where = (struct sockaddr *)&listener->where;
  listener->where_size = sizeof listener->where;
  if (getsockname(listener->fd, where, &listener->where_size) != 0)
    return false;
  make_reachable(&listener->where);
  char host[NI_MAXHOST], service[NI_MAXSERV];
  if (getnameinfo(where, listener->where_size, host, sizeof host, service, sizeof service,
                  NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return false;
  listener->port = (unsigned)g_ascii_strtoull(service, NULL, 10);
  listener->address = where->sa_family == AF_INET6 ? g_strdup_printf("[%s]", host) : g_strdup(host);
  return true;
}

bool listener_open(Listener *listener, const char *host, unsigned port, GError **error)
{
  *listener = (Listener){.fd = -1};
  g_autofree char *service = g_strdup_printf("%u", port);
  struct addrinfo hints = {
      .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
  struct addrinfo *found = NULL;
  int status = getaddrinfo(host, service, &hints, &found);
  if (status != 0) {
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "cannot listen on %s: %s", host,
                gai_strerror(status));
    return false;
  }
  int reason = 0;
  for (struct addrinfo *at = found; at && listener->fd < 0; at = at->ai_next) {
    listener->fd = bind_and_listen(at);
    if (listener->fd < 0)
      reason = errno;
  }
  freeaddrinfo(found);
  if (listener->fd >= 0 && !describe(listener)) {
    reason = errno;
    listener_clear(listener);
  }
  if (listener->fd >= 0)
    return true;
  g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(reason),
              "cannot listen on %s port %u: %s", host, port, g_strerror(reason));
  return false;
}

bool listener_open_next(Listener *listener, const char *host, unsigned port, GError **error)
{
  if (port == 0)
    return listener_open(listener, host, 0, error);
  for (unsigned at = port + 1; at <= 65535 && at <= port + NEXT_PORTS; at++)
    if (listener_open(listener, host, at, NULL))
      return true;
  g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED,
              "cannot listen on %s: no free port after %u", host, port);
  return false;
}

int listener_connect(const Listener *listener)
{
  int fd = socket(listener->where.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return -1;
  if (connect(fd, (const struct sockaddr *)&listener->where, listener->where_size) == 0 ||
      errno == EINPROGRESS)
    return fd;
  int saved = errno;
  close(fd);
  errno = saved;
  return -1;
}

void listener_clear(Listener *listener)
{
  if (listener->fd >= 0)
    close(listener->fd);
  listener->fd = -1;
  g_clear_pointer(&listener->address, g_free);
}
