/* SPDX-License-Identifier: MIT */
#include "tests/bench/store.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/bench/bench.h"

#define PATIENCE_MS 10000

void store_await(const char *path)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  bool listens = false;
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  for (int ms = 0; !listens && ms < PATIENCE_MS; ms += 5) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    listens = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    close(fd);
    if (!listens)
      usleep(5000);
  }
  bench_require(listens, path);
}

void store_token(uint32_t number, char *token)
{
  memset(token, 'a' + (int)(number % 26), STORE_TOKEN);
  token[STORE_TOKEN] = 0;
}

/* By hand: snprintf() would be a good part of what the fastest store takes. */
const char *store_key(uint32_t number)
{
  static const char digits[] = "0123456789abcdef";
  static char key[] = "3c90c3cc-0d44-4b50-8888-8dd200000000"; /* like a business's id */
  for (char *at = key + sizeof key - 2; at >= key + sizeof key - 9; at--, number >>= 4)
    *at = digits[number & 15];
  return key;
}
