/* SPDX-License-Identifier: MIT */
/*
 * test-hostile-server.c - whatever a token endpoint, or the server that a credential module asks,
 * sends or leaves out: one clear error within the time allowed, and the program as it was before.
 *
 * Each case is a process of its own (probe-hostile.c) that meets a server of its own; all of them
 * run beside each other before the first is looked at, since many only wait.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "authority.h"
#include "harness.h"
#include "hostile-cases.h"
#include "isolation.h"
#include "process.h"
#include "under-shim.h"

#define BESIDE     12 /* processes at a time */
#define RUNS_MAX   512
#define CONNECT_S  2 /* as configured; long enough for a good server on a busy machine */
#define TIMEOUT_S  3
#define GRACE_MS   (SANITIZED ? 4000 : 2000)
#define GROWTH_KIB 1024 /* but in the first round, in which libraries are loaded */
#define ROUNDS     4
#define BAD        2 /* the round with the hostile server */

/* One process. */
typedef struct Run {
  Case what;
  By by;
  char name[128], dir[64];
  HostileServer server;
  pid_t pid;
  int out, err;
  Outcome outcome;
  unsigned basics, requests, cookies, connections; /* that the hostile server saw */
} Run;

/* What it says of a round. */
typedef struct Round {
  int code, descriptors, threads, sigpipes, signals_are_as_before;
  long status, kib;
  long long ms;
  char message[1024];
} Round;

static char folder[] = "/tmp/thred-hostile-XXXXXX", ca[64], pems[PEMS][64];
static HostileServer good;
static Run *runs;
static size_t runs_count;

/* ---- certificates ---- */

static void make_certificates(void)
{
  static const char names[] = "DNS:" HOST ",IP:127.0.0.1";
  static const Leaf leaves[PEMS] = {
      [GOOD] = {.names = names},
      [EXPIRED] = {.names = names, .from = -7200, .until = -3600},
      [NOT_YET] = {.names = names, .from = 3600},
      [OTHER_NAME] = {.names = "DNS:evil.example", .common_name = HOST},
      [SELF_SIGNED] = {.names = names, .self_signed = true},
      [FOREIGN] = {.names = names},
      [FORGED] = {.names = names},
      [ESCAPES] = {.names = "email:x@evil.example", .common_name = "\x1b[2J\n<0>forged\xc2\x9b"},
  };
  Authority ours, foreign, forged;
  authority_make(&ours, "our authority");
  authority_make(&foreign, "another authority");
  authority_make(&forged, "our authority");
  snprintf(ca, sizeof ca, "%s/ca.pem", folder);
  authority_write(&ours, ca);
  for (int i = 0; i < PEMS; i++) {
    snprintf(pems[i], sizeof pems[i], "%s/%d.pem", folder, i);
    authority_issue(i == FOREIGN ? &foreign : i == FORGED ? &forged : &ours, &leaves[i], pems[i]);
  }
  authority_free(&ours);
  authority_free(&foreign);
  authority_free(&forged);
}

/* ---- one process ---- */

static void configure(Run *run)
{
  char path[96];
  bool by_module = run->by == BY_VAULT || run->by == BY_AWS;
  snprintf(path, sizeof path, "%s/50-test.conf", run->dir);
  FILE *file = fopen(path, "we");
  assert_non_null(file);
  fprintf(file,
          "[environment sandbox]\nca-file = %s\nconnect-to = ::127.0.0.1:%u\n"
          "connect-timeout = %d\ntimeout = %d\n",
          ca, by_module ? good.port : run->server.port, CONNECT_S, TIMEOUT_S);
  if (run->by == BY_VAULT)
    fprintf(file,
            "credentials = env vault\n[credentials vault]\naddress = https://127.0.0.1:%u\n"
            "ca-file = %s\npath = thred/api\n",
            run->server.port, ca);
  else if (run->by == BY_AWS)
    fprintf(file,
            "credentials = env aws-secrets-manager\n[credentials aws-secrets-manager]\n"
            "endpoint = https://127.0.0.1:%u\nca-file = %s\nsecret-id = thred\n"
            "region = eu-central-1\n",
            run->server.port, ca);
  else
    fprintf(file, "credentials = env\n");
  assert_int_equal(fclose(file), 0);
}

static void start(Run *run)
{
  char token_port[16], resources_port[16];
  const char *argv[] = {run->by == BY_SHIM ? "probe-hostile-plain" : "probe-hostile",
                        run->by == BY_SHIM       ? "plain"
                        : run->by == BY_ATTACHED ? "attached"
                                                 : "token",
                        token_port,
                        resources_port,
                        ca,
                        run->by == BY_DEFAULT                      ? "default"
                        : run->by == BY_VAULT || run->by == BY_AWS ? "module"
                                                                   : NULL,
                        NULL};
  hostile_start(&run->server, &run->what.how, pems[GOOD], pems[run->what.pem]);
  snprintf(run->dir, sizeof run->dir, "%s/%zu", folder, (size_t)(run - runs));
  assert_int_equal(mkdir(run->dir, 0700), 0);
  configure(run);
  snprintf(token_port, sizeof token_port, "%u", run->server.port);
  snprintf(resources_port, sizeof resources_port, "%u", good.port);
  argv[0] = strdup(harness_beside(argv[0]));
  run->out = memfd_create("stdout", MFD_CLOEXEC);
  run->err = memfd_create("stderr", MFD_CLOEXEC);
  assert_true(run->out >= 0 && run->err >= 0);
  setenv("THRED_CONF_DIR", run->dir, 1);
  if (run->by == BY_SHIM)
    putenv((char *)(uintptr_t)shim_variable());
  run->pid = process_start(argv, run->out, run->err);
  unsetenv("LD_PRELOAD");
  free((char *)(uintptr_t)argv[0]);
}

static void read_back(int fd, char *text, size_t size)
{
  ssize_t length = pread(fd, text, size - 1, 0);
  assert_true(length >= 0);
  text[length] = '\0';
  close(fd);
}

static void end(Run *run)
{
  run->outcome.status = process_wait(run->pid);
  read_back(run->out, run->outcome.out, sizeof run->outcome.out);
  read_back(run->err, run->outcome.err, sizeof run->outcome.err);
  run->basics = hostile_count(&run->server, "authorization: basic");
  run->requests = hostile_count(&run->server, "oauth2/token/");
  run->cookies = hostile_count(&run->server, "\ncookie:");
  run->connections = atomic_load(&run->server.connections);
  hostile_stop(&run->server);
}

/* ---- all of them ---- */

static bool has_ended(const Run *run)
{
  siginfo_t info = {0};
  return waitid(P_PID, (id_t)run->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid;
}

static void run_all(void)
{
  size_t begun = 0, ended = 0;
  Run *at_work[BESIDE] = {NULL};
  while (ended < runs_count) {
    for (size_t i = 0; i < BESIDE; i++) {
      if (at_work[i] && has_ended(at_work[i])) {
        end(at_work[i]);
        at_work[i] = NULL;
        ended++;
      }
      if (!at_work[i] && begun < runs_count)
        start(at_work[i] = &runs[begun++]);
    }
    poll(NULL, 0, 2);
  }
}

static void list_runs(void)
{
  static const char *const words[BY_MAX] = {"",       ", SIGPIPE ends it", ", attached",
                                            ", shim", ", vault",           ", aws"};
  for (size_t i = 0; i < hostile_cases_count; i++)
    for (int by = 0; by < BY_MAX; by++) {
      Case what = hostile_cases[i];
      if (by != BY_TOKEN && !(what.by & 1u << by))
        continue;
      assert_true(runs_count < RUNS_MAX);
      hostile_cases_complete(&what);
      runs[runs_count].what = what;
      runs[runs_count].by = (By)by;
      snprintf(runs[runs_count].name, sizeof runs[0].name, "%s%s", what.name, words[by]);
      runs_count++;
    }
}

static int set_up(void **state)
{
  (void)state;
  setenv("THRED_LOG", "warning", 1);
  setenv("VAULT_TOKEN", "hvs.token-of-the-test", 1);
  setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
  setenv("AWS_SECRET_ACCESS_KEY", "secret-of-the-test", 1);
  make_certificates();
  hostile_start(&good, NULL, pems[GOOD], NULL);
  run_all();
  return 0;
}

/* ---- what is asserted ---- */

static void parse(const Run *run, Round rounds[ROUNDS])
{
  char text[sizeof run->outcome.out], *rest = text;
  memcpy(text, run->outcome.out, sizeof text);
  memset(rounds, 0, ROUNDS * sizeof *rounds);
  for (int i = 0; i < ROUNDS; i++) {
    const char *line = strsep(&rest, "\n");
    Round *round = &rounds[i];
    int at = 0;
    if (!line || sscanf(line, "%d %ld %lld %ld %d %d %d %d %n", &round->code, &round->status,
                        &round->ms, &round->kib, &round->descriptors, &round->threads,
                        &round->sigpipes, &round->signals_are_as_before, &at) < 8)
      fail_msg("%s: status %d, and it said:\n%s%s", run->name, run->outcome.status,
               run->outcome.out, run->outcome.err);
    snprintf(round->message, sizeof round->message, "%s", line + at);
  }
}

static bool is_tame(const char *text)
{
  for (const unsigned char *at = (const unsigned char *)text; *at; at++)
    if ((*at < 0x20 && *at != '\n') || *at == 0x7f || *at >= 0x80)
      return false;
  return true;
}

#define expect(condition)                                                                          \
  do {                                                                                             \
    if (!(condition))                                                                              \
      fail_msg("%s: not so: %s; it said:\n%s%s", run->name, #condition, run->outcome.out,          \
               run->outcome.err);                                                                  \
  } while (0)

/* The program that asks for a token is told; the one whose transfer goes on without it, its log. */
static void expect_sentence(const Run *run, const Round *bad)
{
  const Case *what = &run->what;
  bool by_module = run->by == BY_VAULT || run->by == BY_AWS;
  bool by_transfer = run->by == BY_ATTACHED || run->by == BY_SHIM;
  const char *told = by_transfer ? run->outcome.err : bad->message;
  expect(is_tame(run->outcome.out) && is_tame(run->outcome.err));
  expect(strlen(bad->message) < 500); /* not cut */
  if (by_transfer)
    expect(bad->code == 0 && bad->status == 401);
  else if (by_module)
    expect(bad->code == THRED_E_CREDENTIALS || bad->code == THRED_E_TIMEOUT);
  else
    expect(bad->code == what->code);
  if (by_module) {
    expect(strstr(told, run->by == BY_VAULT ? "vault" : "aws-secrets-manager"));
    expect(strstr(told, "127.0.0.1"));
  } else {
    expect(strstr(told, HOST));
    expect(strstr(told, "token") || strstr(told, "partner UUID and API key"));
    expect(strstr(told, what->says));
  }
}

static void expect_unharmed(const Run *run, const Round rounds[ROUNDS])
{
  expect(run->outcome.status == 0);
  for (int i = 0; i < ROUNDS; i++) {
    expect(rounds[i].sigpipes == 0);
    expect(rounds[i].signals_are_as_before);
    expect(rounds[i].threads == 1);
    expect(rounds[i].ms <= TIMEOUT_S * 1000 + GRACE_MS);
    expect(i == 0 || rounds[i].descriptors == rounds[1].descriptors);
    expect(i == 0 || SANITIZED || rounds[i].kib <= GROWTH_KIB);
  }
}

static void one_clear_error(void **state)
{
  const Run *run = *state;
  Round rounds[ROUNDS];
  parse(run, rounds);
  bool by_transfer = run->by == BY_ATTACHED || run->by == BY_SHIM;
  for (int i = 0; i < ROUNDS; i++)
    if (i != BAD || !run->what.code)
      expect(rounds[i].code == 0 && rounds[i].status > 0 &&
             (!by_transfer || rounds[i].status == 200));
  if (run->what.code)
    expect_sentence(run, &rounds[BAD]);
  expect_unharmed(run, rounds);
  expect(run->connections <= (run->what.connections ? run->what.connections : 1));
  /* The Basic header goes to the token endpoint and nowhere else; and nothing is remembered. */
  expect(run->basics == run->requests);
  expect(run->cookies == 0);
}

static int remove_all(void **state)
{
  char command[128];
  (void)state;
  hostile_stop(&good);
  snprintf(command, sizeof command, "rm -rf %s", folder);
  return system(command);
}

int main(void)
{
  struct CMUnitTest tests[RUNS_MAX] = {{0}};
  harness_require_installation();
  isolate_cache();
  if (!mkdtemp(folder) || !(runs = calloc(RUNS_MAX, sizeof *runs)))
    return EXIT_FAILURE;
  list_runs();
  for (size_t i = 0; i < runs_count; i++)
    tests[i] = (struct CMUnitTest){runs[i].name, one_clear_error, NULL, NULL, &runs[i]};
  return _cmocka_run_group_tests("hostile server", tests, runs_count, set_up, remove_all);
}
