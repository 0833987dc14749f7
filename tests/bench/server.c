/* SPDX-License-Identifier: MIT */
#include "tests/bench/server.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/bench.h"
#include "tests/integration/harness.h"
#include "tests/integration/process.h"
#include "tests/integration/under-shim.h"

extern char **environ;

/* ---- the program ---- */

static size_t ignore(char *data, size_t size, size_t count, void *to)
{
  (void)data, (void)to;
  return size * count;
}

CURL *server_handle(const char *url, const char *header, struct curl_slist **lists)
{
  char to[64];
  CURL *curl = curl_easy_init();
  snprintf(to, sizeof to, "::127.0.0.1:%s", getenv("BENCH_PORT"));
  lists[0] = curl_slist_append(NULL, to);
  lists[1] = header[0] ? curl_slist_append(NULL, header) : NULL;
  curl_easy_setopt(curl, CURLOPT_CAINFO, getenv("BENCH_CA"));
  curl_easy_setopt(curl, CURLOPT_CONNECT_TO, lists[0]);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, lists[1]);
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ignore);
  curl_easy_setopt(curl, CURLOPT_URL, url);
  return curl;
}

int server_serve(double (*figure)(void *data), void *data)
{
  char line[16];
  while (fgets(line, sizeof line, stdin)) {
    printf("%.4f\n", figure(data));
    fflush(stdout);
  }
  return 0;
}

/* ---- the benchmark ---- */

void server_prepare(void)
{
  char port[32];
  snprintf(port, sizeof port, "%u", emulator.port);
  setenv("BENCH_PORT", port, 1);
  setenv("BENCH_CA", emulator.ca, 1);
}

Server server_start(const char *url, const char *header, bool shim)
{
  int in[2], out[2];
  posix_spawn_file_actions_t actions;
  char *argv[] = {(char *)(uintptr_t) "bench", (char *)(uintptr_t) "serve", (char *)(uintptr_t)url,
                  (char *)(uintptr_t)header, NULL};
  Server server;
  bench_require(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0, "no pipe");
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  if (shim)
    putenv((char *)(uintptr_t)shim_variable());
  bench_require(posix_spawn(&server.pid, "/proc/self/exe", &actions, NULL, argv, environ) == 0,
                "no process");
  unsetenv("LD_PRELOAD");
  posix_spawn_file_actions_destroy(&actions);
  close(in[0]);
  close(out[1]);
  server.ask = fdopen(in[1], "w");
  server.answer = fdopen(out[0], "r");
  return server;
}

double server_ask(Server *server)
{
  char line[64] = "";
  fputs("go\n", server->ask);
  fflush(server->ask);
  bench_require(fgets(line, sizeof line, server->answer) != NULL, "a program has ended");
  double figure = strtod(line, NULL);
  bench_require(figure > 0, "a request failed");
  return figure;
}

void server_stop(Server *server)
{
  fclose(server->ask);
  fclose(server->answer);
  waitpid(server->pid, NULL, 0);
}

void server_hard_coded(char *header, size_t size, const char *argument)
{
  static Outcome outcome;
  char *program = strdup(harness_installed("bin/thredctl"));
  const char *argv[] = {program, "token", "--header", argument, NULL};
  process_run(argv, NULL, &outcome);
  bench_require(outcome.status == 0, "no token");
  outcome.out[strcspn(outcome.out, "\n")] = 0;
  snprintf(header, size, "%s", outcome.out);
  free(program);
}

void server_command(const char *const *argv)
{
  pid_t pid;
  int status = -1;
  fflush(stdout);
  bench_require(posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)(uintptr_t)argv, environ) ==
                        0 &&
                    waitpid(pid, &status, 0) == pid && status == 0,
                argv[0]);
}

const char *server_self(void)
{
  static char path[4096];
  ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
  bench_require(length > 0, "/proc/self/exe");
  path[length] = 0;
  return path;
}
