/* SPDX-License-Identifier: MIT */
#include "run-plain.h"

#include <stdio.h>

#include "under-shim.h"

void plain_run(const Plain *plain, Outcome *outcome)
{
  const char *argv[16], *environment[12];
  char port[32], ca[128], home[96];
  size_t n = 0, e = 0;
  for (; plain->wrapper[n]; n++)
    argv[n] = plain->wrapper[n];
  argv[n++] = harness_beside(plain->program ? plain->program : "probe-plain");
  argv[n++] = plain->multi ? "multi" : "easy";
  argv[n++] = plain->scenario;
  argv[n] = NULL;
  snprintf(port, sizeof port, "PROBE_PORT=%u", plain->port);
  snprintf(ca, sizeof ca, "PROBE_CA=%s", plain->authority->ca);
  snprintf(home, sizeof home, "HOME=%s", plain->authority->dir);
  environment[e++] = port;
  environment[e++] = ca;
  environment[e++] = home;
  if (plain->shim)
    environment[e++] = shim_variable();
  for (size_t i = 0; i < 4 && plain->environment[i]; i++)
    environment[e++] = plain->environment[i];
  environment[e] = NULL;
  process_run(argv, environment, outcome);
}
