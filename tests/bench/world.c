/* SPDX-License-Identifier: MIT */
/*
 * world.c - a command in a world of its own: Thred (the emulator), a /dev/shm with a warm cache,
 * and, if asked for, nginx in the place of the API.
 *
 *     bench-world [--nginx] COMMAND...
 *
 * It has THRED_CONF_DIR, BENCH_PORT, BENCH_CA and BENCH_HEADER (a header with the token of the
 * first business) in its environment. Exits with its exit status.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "tests/bench/api.h"
#include "tests/bench/bench.h"
#include "tests/bench/server.h"
#include "tests/integration/harness.h"
#include "tests/integration/process.h"

/* Not process_wait(), whose patience is a test's. */
static int run(const char *const *argv)
{
  int status = 0;
  pid_t pid = process_start(argv, -1, -1);
  bench_require(waitpid(pid, &status, 0) == pid, "the command cannot be waited for");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
  Api api;
  char header[4096];
  bool with_nginx = argc > 1 && strcmp(argv[1], "--nginx") == 0;
  char **command = argv + 1 + with_nginx;
  if (!*command) {
    fprintf(stderr, "usage: bench-world [--nginx] COMMAND...\n");
    return 2;
  }
  harness_require_installation();
  harness_start(NULL);
  if (with_nginx)
    api_start(&api);
  else
    server_prepare();
  server_hard_coded(header, sizeof header, "--business=" FIRST);
  setenv("BENCH_HEADER", header, 1);
  int status = run((const char *const *)command);
  if (with_nginx)
    api_stop(&api);
  harness_stop(NULL);
  return status;
}
