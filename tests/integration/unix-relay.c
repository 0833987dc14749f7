/* SPDX-License-Identifier: MIT */
#include "unix-relay.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness.h"

static bool pass_on(int from, int to)
{
  char buffer[16384];
  ssize_t length = read(from, buffer, sizeof buffer);
  return length > 0 && send(to, buffer, (size_t)length, MSG_NOSIGNAL) == length;
}

static void relay_bytes(const UnixRelay *relay, int client, int server)
{
  struct pollfd fds[] = {{relay->stop[0], POLLIN, 0}, {client, POLLIN, 0}, {server, POLLIN, 0}};
  while (poll(fds, 3, 30000) > 0 && !fds[0].revents) {
    if ((fds[1].revents && !pass_on(client, server)) ||
        (fds[2].revents && !pass_on(server, client)))
      return;
  }
}

static void serve(UnixRelay *relay, int client)
{
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_addr = {htonl(INADDR_LOOPBACK)},
                                .sin_port = htons((uint16_t)relay->target)};
  int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  relay->connections++;
  if (server >= 0 && connect(server, (struct sockaddr *)&address, sizeof address) == 0)
    relay_bytes(relay, client, server);
  if (server >= 0)
    close(server);
}

static void *run(void *data)
{
  UnixRelay *relay = data;
  for (;;) {
    struct pollfd fds[] = {{relay->stop[0], POLLIN, 0}, {relay->listener, POLLIN, 0}};
    if (poll(fds, 2, -1) < 0 || fds[0].revents)
      return NULL;
    int client = accept4(relay->listener, NULL, NULL, SOCK_CLOEXEC);
    if (client >= 0) {
      serve(relay, client);
      close(client);
    }
  }
}

void unix_relay_start(UnixRelay *relay, const char *path, unsigned target)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  bool is_abstract = path[0] == '@';
  *relay = (UnixRelay){.target = target};
  assert_true(strlen(path) < sizeof relay->path);
  strcpy(relay->path, path);
  memcpy(address.sun_path, path, strlen(path) + 1);
  if (is_abstract)
    address.sun_path[0] = 0;
  relay->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(relay->listener >= 0);
  assert_int_equal(bind(relay->listener, (struct sockaddr *)&address,
                        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path))),
                   0);
  assert_int_equal(listen(relay->listener, 8), 0);
  assert_int_equal(pipe(relay->stop), 0);
  assert_int_equal(pthread_create(&relay->thread, NULL, run, relay), 0);
}

void unix_relay_stop(UnixRelay *relay)
{
  close(relay->stop[1]);
  assert_int_equal(pthread_join(relay->thread, NULL), 0);
  close(relay->stop[0]);
  close(relay->listener);
  if (relay->path[0] != '@')
    unlink(relay->path);
}
