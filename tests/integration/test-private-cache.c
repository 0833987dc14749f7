/* SPDX-License-Identifier: MIT */
/* test-private-cache.c - where /dev/shm cannot be used, a process caches for itself. */
#include <string.h>

#include "client.h"
#include "run-probe.h"

/* In a mount namespace of its own, where /dev/shm is what `options` say. */
#define ISOLATED(script) "unshare", "-m", "sh", "-c", script " && exec \"$@\"", "sh"

static const Probe read_only = {.arguments = {"get", BASE INVOICES, "3"},
                                .environment = {"THRED_LOG"},
                                .wrapper = {ISOLATED("mount -t tmpfs -o ro none /dev/shm")}};
static const Probe full = {.arguments = {"get", BASE INVOICES, "3"},
                           .environment = {"THRED_LOG"},
                           .wrapper = {ISOLATED("mount -t tmpfs -o size=16k none /dev/shm")}};
static const Probe no_proc = {.arguments = {"get", BASE INVOICES, "3"},
                              .environment = {"THRED_LOG"},
                              .wrapper = {ISOLATED("mount -t tmpfs none /proc")}};

static void require_namespaces(void)
{
  Outcome outcome;
  const char *const argv[] = {"unshare", "-m", "mount", "-t", "tmpfs", "none", "/dev/shm", NULL};
  process_run(argv, NULL, &outcome);
  if (outcome.status != 0)
    skip();
}

static void run_alone(const Probe *probe)
{
  Outcome outcome;
  require_namespaces();
  for (int i = 1; i <= 2; i++) {
    probe_run(probe, &outcome);
    assert_string_equal(outcome.out, "0 200\n0 200\n0 200\n");
    assert_string_equal(outcome.err, "");
    expect_counter(&emulator, "token_requests.partner", i);
    expect_counter(&emulator, "token_requests.business", i);
  }
}

static void a_read_only_file_system(void **state)
{
  (void)state;
  run_alone(&read_only);
}

static void a_full_file_system(void **state)
{
  (void)state;
  run_alone(&full);
}

static void no_proc_file_system(void **state)
{
  (void)state;
  if (SANITIZED)
    skip(); /* it reads /proc itself */
  run_alone(&no_proc);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      IN_MODE(a_read_only_file_system, easy),
      IN_MODE(a_full_file_system, easy),
      IN_MODE(no_proc_file_system, easy),
  };
  harness_require_installation();
  return cmocka_run_group_tests(tests, harness_start, harness_stop);
}
