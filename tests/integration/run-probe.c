/* SPDX-License-Identifier: MIT */
#include "run-probe.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness.h"

#define WORDS 16

static void make_argv(const Probe *probe, const char *argv[WORDS])
{
  size_t n = 0;
  for (size_t i = 0; probe->wrapper[i]; i++)
    argv[n++] = probe->wrapper[i];
  argv[n++] = harness_beside("probe");
  for (size_t i = 0; probe->arguments[i]; i++)
    argv[n++] = probe->arguments[i];
  argv[n] = NULL;
}

static void set_addresses(void)
{
  char port[16];
  snprintf(port, sizeof port, "%u", emulator.port);
  setenv("PROBE_PORT", port, 1);
  setenv("PROBE_CA", emulator.ca, 1);
}

void probe_run(const Probe *probe, Outcome *outcome)
{
  const char *argv[WORDS];
  make_argv(probe, argv);
  set_addresses();
  process_run(argv, probe->environment, outcome);
}

pid_t probe_start(const Probe *probe)
{
  const char *argv[WORDS];
  make_argv(probe, argv);
  set_addresses();
  int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
  pid_t pid = process_start(argv, quiet, -1);
  close(quiet);
  return pid;
}
