/* SPDX-License-Identifier: MIT */
#include "proxy.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#define MAX_CLIENTS 4096

struct Proxy {
  ProxyWays ways;
  int fd;
  pthread_t thread;   /* accepts */
  GPtrArray *clients; /* that thread's; after its end, proxy_stop()'s */
};

typedef struct Client {
  const ProxyWays *ways;
  int fd;
  pthread_t thread;
  atomic_bool finished; /* its thread does nothing more */
} Client;

static void *serve(void *data)
{
  Client *client = data;
  proxy_client_serve(client->ways, client->fd);
  close(client->fd);
  atomic_store(&client->finished, true);
  return NULL;
}

static void welcome(Proxy *proxy, int fd)
{
  Client *client = g_new0(Client, 1);
  client->ways = &proxy->ways;
  client->fd = fd;
  if (proxy->clients->len < MAX_CLIENTS &&
      pthread_create(&client->thread, NULL, serve, client) == 0) {
    g_ptr_array_add(proxy->clients, client);
    return;
  }
  close(fd);
  g_free(client);
}

/* The array's free function: waits for the thread. */
static void dismiss(void *data)
{
  Client *client = data;
  (void)pthread_join(client->thread, NULL);
  g_free(client);
}

static void dismiss_finished(Proxy *proxy)
{
  for (guint i = proxy->clients->len; i-- > 0;) {
    Client *client = g_ptr_array_index(proxy->clients, i);
    if (atomic_load(&client->finished))
      g_ptr_array_remove_index_fast(proxy->clients, i);
  }
}

static void *accept_clients(void *data)
{
  Proxy *proxy = data;
  for (;;) {
    struct pollfd fds[] = {{proxy->ways.emulator->stop_event, POLLIN, 0}, {proxy->fd, POLLIN, 0}};
    /* Each second: threads that ended hold their stacks until they are joined. */
    (void)poll(fds, G_N_ELEMENTS(fds), proxy->clients->len > 0 ? 1000 : -1);
    if (fds[0].revents)
      return NULL;
    dismiss_finished(proxy);
    int fd = fds[1].revents ? accept4(proxy->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK) : -1;
    if (fd >= 0)
      welcome(proxy, fd);
    else if (fds[1].revents && (errno == EMFILE || errno == ENFILE))
      emulator_pause(proxy->ways.emulator, 100); /* the client stays in the queue */
  }
}

Proxy *proxy_start(const ProxyWays *ways, Listener *listener)
{
  Proxy *proxy = g_new0(Proxy, 1);
  proxy->ways = *ways;
  proxy->fd = listener->fd;
  proxy->clients = g_ptr_array_new_with_free_func(dismiss);
  /* accept(2) must not wait for a client that went away since poll(2). */
  if (fcntl(proxy->fd, F_SETFL, O_NONBLOCK) != 0 ||
      pthread_create(&proxy->thread, NULL, accept_clients, proxy) != 0) {
    g_ptr_array_unref(proxy->clients);
    g_free(proxy);
    return NULL;
  }
  listener->fd = -1;
  return proxy;
}

void proxy_stop(Proxy *proxy)
{
  if (!proxy)
    return;
  (void)pthread_join(proxy->thread, NULL);
  g_ptr_array_unref(proxy->clients);
  close(proxy->fd);
  g_free(proxy);
}
