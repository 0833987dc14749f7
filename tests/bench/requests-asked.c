/* SPDX-License-Identifier: MIT */
#include "tests/bench/requests-asked.h"

#include <dlfcn.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/bench.h"
#include "tests/bench/oidc-agent.h"

#define CLIENTS  64
#define QUESTION "business"

static int open_socket(struct sockaddr_un *address)
{
  int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  *address = (struct sockaddr_un){.sun_family = AF_UNIX};
  snprintf(address->sun_path, sizeof address->sun_path, "%s", getenv("BENCH_SOCKET"));
  bench_require(fd >= 0, "no socket");
  return fd;
}

/* ---- the least ---- */

bool asked_daemon(char *header, size_t size)
{
  static int fd = -1;
  struct sockaddr_un address;
  if (fd < 0) {
    fd = open_socket(&address);
    bench_require(connect(fd, (struct sockaddr *)&address, sizeof address) == 0, "no token daemon");
  }
  if (send(fd, QUESTION, sizeof QUESTION, MSG_NOSIGNAL) < 0)
    return false;
  ssize_t length = recv(fd, header, size - 1, 0);
  header[length > 0 ? length : 0] = 0;
  return length > 0;
}

/* Answers whoever has asked; a client that has gone leaves its place to the last one. */
static void answer(struct pollfd *fds, nfds_t *count, const char *header)
{
  char question[64];
  for (nfds_t i = 1; i < *count; i++) {
    if (!fds[i].revents)
      continue;
    if (recv(fds[i].fd, question, sizeof question, 0) <= 0) {
      close(fds[i].fd);
      fds[i--] = fds[--*count];
    } else {
      (void)send(fds[i].fd, header, strlen(header), MSG_NOSIGNAL);
    }
  }
}

int asked_serve(void)
{
  struct sockaddr_un address;
  struct pollfd fds[CLIENTS + 1] = {{.fd = open_socket(&address), .events = POLLIN}};
  nfds_t count = 1;
  bench_require(bind(fds[0].fd, (struct sockaddr *)&address, sizeof address) == 0 &&
                    listen(fds[0].fd, CLIENTS) == 0,
                address.sun_path);
  while (poll(fds, count, -1) > 0) {
    answer(fds, &count, getenv("BENCH_HEADER"));
    if (fds[0].revents && count <= CLIENTS)
      fds[count++] = (struct pollfd){.fd = accept(fds[0].fd, NULL, NULL), .events = POLLIN};
  }
  return 1;
}

/* ---- oidc-agent ---- */

/* As in <oidc-agent/api.h>. Opened, so that a build needs no package of it. */
static char *(*get_access_token)(const char *account, time_t min_valid_period, const char *scope,
                                 const char *application_hint, const char *audience);
static void (*sec_free)(void *data);

static void open_library(void)
{
  void *library = dlopen("liboidc-agent.so.4", RTLD_NOW);
  bench_require(library != NULL, "liboidc-agent.so.4 is not installed");
  *(void **)&get_access_token = dlsym(library, "getAccessToken3");
  *(void **)&sec_free = dlsym(library, "_secFree");
  bench_require(get_access_token && sec_free, "liboidc-agent.so.4 has other functions");
}

bool asked_oidc_agent(char *header, size_t size)
{
  if (!get_access_token)
    open_library();
  char *token = get_access_token(OIDC_ACCOUNT, OIDC_MIN_VALID_S, NULL, "bench", NULL);
  if (!token)
    return false;
  snprintf(header, size, "Authorization: Bearer %s", token);
  sec_free(token);
  return true;
}
