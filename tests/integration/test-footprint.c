/* SPDX-License-Identifier: MIT */
/* test-footprint.c - what thred-auth brings into a process, and what it leaves as it was. */
#include <dirent.h>
#include <dlfcn.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client.h"
#include "run-probe.h"

extern char **environ;

/* ---- what is mapped ---- */

static void a_hit_maps_nothing_heavy(void **state)
{
  (void)state;
  Outcome outcome;
  const Probe probe = {.arguments = {"maps", BASE INVOICES}};
  probe_run(&probe, &outcome);
  assert_string_equal(outcome.out, "0 200\nlibglib-2.0\nlibjson-c\nlibthred-fetch\n"
                                   "credentials/file.so\n");
  probe_run(&probe, &outcome);
  assert_string_equal(outcome.out, "0 200\n");
  assert_int_equal(outcome.status, 0);
}

/* A host that is not Thred's costs no configuration either, once it is in the segment. */
static void other_hosts_map_nothing_heavy(void **state)
{
  (void)state;
  Outcome outcome;
  const Probe warm = {.arguments = {"get", BASE INVOICES}};
  const Probe probe = {.arguments = {"maps", "https://evil.example/"}};
  probe_run(&warm, &outcome);
  probe_run(&probe, &outcome);
  assert_string_equal(outcome.out, "0 200\n");
}

/* Shell rather than C: what is wanted is what the dynamic linker says. */
static const char list_needed[] =
    "LC_ALL=C ldd \"$0\" | sed 's/^[[:space:]]*//; s/[[:space:]].*//; s,.*/,,'";

static void the_library_needs_little(void **state)
{
  /* libdl and libpthread are part of libc since glibc 2.34. */
  static const char *const expected[] = {"linux-vdso",   "ld-linux", "libc.so",
                                         "libcrypto.so", "libdl.so", "libpthread.so"};
  (void)state;
  Outcome outcome;
  const char *const argv[] = {"sh", "-c", list_needed, harness_installed("lib/libthred-auth.so.0"),
                              NULL};
  if (SANITIZED)
    skip(); /* it brings libraries of its own */
  process_run(argv, NULL, &outcome);
  assert_int_equal(outcome.status, 0);
  assert_non_null(strstr(outcome.out, "libcrypto.so"));
  for (char *rest, *line = strtok_r(outcome.out, "\n", &rest); line;
       line = strtok_r(NULL, "\n", &rest)) {
    bool known = false;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
      known |= strncmp(line, expected[i], strlen(expected[i])) == 0;
    if (!known)
      fail_msg("libthred-auth needs %s", line);
  }
}

/* ---- what is left as it was ---- */

typedef struct Host {
  char descriptors[4096];
  unsigned threads;
  struct sigaction actions[65];
  sigset_t mask, pending;
  mode_t umask;
  char locale[256], directory[256];
  char **environ;
  char *variables[512];
} Host;

static int by_number(const struct dirent **a, const struct dirent **b)
{
  return atoi((*a)->d_name) - atoi((*b)->d_name);
}

/* "number target" for each; that of the directory itself is the same both times. */
static void list_descriptors(char *to, size_t size)
{
  struct dirent **names;
  int count = scandir("/proc/self/fd", &names, NULL, by_number);
  to[0] = '\0';
  for (int i = 0; i < count; i++) {
    char path[300], target[256] = "";
    snprintf(path, sizeof path, "/proc/self/fd/%s", names[i]->d_name);
    if (readlink(path, target, sizeof target - 1) > 0)
      snprintf(to + strlen(to), size - strlen(to), "%s %s\n", names[i]->d_name, target);
    free(names[i]);
  }
  free(names);
}

static unsigned count_threads(void)
{
  struct dirent **names;
  int count = scandir("/proc/self/task", &names, NULL, NULL);
  for (int i = 0; i < count; i++)
    free(names[i]);
  free(names);
  return (unsigned)count - 2; /* . and .. */
}

static void look(Host *host)
{
  memset(host, 0, sizeof *host);
  dlerror();
  list_descriptors(host->descriptors, sizeof host->descriptors);
  host->threads = count_threads();
  for (int i = 1; i <= 64; i++)
    sigaction(i, NULL, &host->actions[i]);
  sigprocmask(SIG_SETMASK, NULL, &host->mask);
  sigpending(&host->pending);
  host->umask = umask(0);
  umask(host->umask);
  snprintf(host->locale, sizeof host->locale, "%s", setlocale(LC_ALL, NULL));
  assert_non_null(getcwd(host->directory, sizeof host->directory));
  host->environ = environ;
  for (size_t i = 0; environ[i] && i < 511; i++)
    host->variables[i] = environ[i];
}

static bool only_one_thread(void *data)
{
  (void)data;
  return count_threads() == 1; /* libcurl's resolver has threads of its own, for a moment */
}

static void compare(const Host *before)
{
  static Host after;
  wait_until(only_one_thread, NULL);
  assert_null(dlerror()); /* nothing is left there that the program did not cause */
  look(&after);
  assert_string_equal(after.descriptors, before->descriptors);
  assert_int_equal(after.threads, before->threads);
  for (int i = 1; i <= 64; i++) {
    assert_true(after.actions[i].sa_handler == before->actions[i].sa_handler);
    assert_int_equal(after.actions[i].sa_flags, before->actions[i].sa_flags);
  }
  assert_memory_equal(&after.mask, &before->mask, sizeof after.mask);
  assert_memory_equal(&after.pending, &before->pending, sizeof after.pending);
  assert_int_equal(after.umask, before->umask);
  assert_string_equal(after.locale, before->locale);
  assert_string_equal(after.directory, before->directory);
  assert_ptr_equal(after.environ, before->environ);
  for (size_t i = 0; i < 512; i++)
    assert_ptr_equal(after.variables[i], before->variables[i]);
}

/* What libcurl and OpenSSL do once in a process is none of ours. */
static void use_libcurl_alone(Mode mode)
{
  Client client;
  client_open_plain(&client, &emulator, mode, BASE BUSINESSES);
  client_expect(&client, 401);
  client_close(&client);
}

static void the_host_stays_as_it_was(void **state)
{
  static Host before;
  Client client;
  use_libcurl_alone(MODE(state));
  wait_until(only_one_thread, NULL);
  look(&before);
  client_open(&client, MODE(state), BASE INVOICES);
  client_expect(&client, 200);
  control(&emulator, "POST", "revoke?kind=business");
  client_expect(&client, 200);
  control(&emulator, "POST", "fault?path=token:business&action=drop&times=0");
  assert_int_equal(client_run_url(&client, BASE INVOICES_2), CURLE_OK);
  client_close(&client);
  compare(&before);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      IN_MODE(a_hit_maps_nothing_heavy, easy),
      IN_MODE(other_hosts_map_nothing_heavy, easy),
      IN_MODE(the_library_needs_little, easy),
      EASY_AND_MULTI(the_host_stays_as_it_was),
  };
  harness_require_installation();
  return cmocka_run_group_tests(tests, harness_start, harness_stop);
}
