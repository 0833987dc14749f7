/* SPDX-License-Identifier: MIT */
#include "tests/bench/requests-servers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/bench.h"
#include "tests/bench/own-cache.h"
#include "tests/bench/server.h"
#include "tests/integration/harness.h"
#include "tests/integration/process.h"
#include "tests/integration/under-shim.h"

#define PATIENCE_US (10 * 1000000)
#define STEP_US     10000

static void start_daemon(Servers *servers)
{
  char path[sizeof servers->api.dir + 16];
  const char *argv[] = {"/proc/self/exe", "daemon", NULL};
  snprintf(path, sizeof path, "%s/token.sock", servers->api.dir);
  setenv("BENCH_SOCKET", path, 1);
  servers->daemon = api_beside(&servers->api, "daemon", argv, 0);
  for (int us = 0; access(path, F_OK) != 0; us += STEP_US) {
    bench_require(us < PATIENCE_US, "the token daemon did not start");
    usleep(STEP_US);
  }
}

void servers_start(Servers *servers)
{
  api_start(&servers->api);
  server_hard_coded(servers->header, sizeof servers->header, "--business=" FIRST);
  servers->value = strchr(servers->header, ' ') + 1;
  setenv("BENCH_HEADER", servers->header, 1);
  setenv("BENCH_PRELOAD", strchr(shim_variable(), '=') + 1, 1);
  own_cache_prepare();
  start_daemon(servers);
  sidecar_nginx(&servers->nginx, &servers->api, servers->value);
  sidecar_haproxy(&servers->haproxy, &servers->api, servers->value);
  oidc_agent_start(&servers->agent, &servers->api, strchr(servers->value, ' ') + 1);
}

void servers_stop(Servers *servers)
{
  oidc_agent_stop(&servers->agent);
  sidecar_stop(&servers->haproxy);
  sidecar_stop(&servers->nginx);
  process_stop(servers->daemon);
  api_stop(&servers->api);
}

bool servers_accept(const char *value)
{
  char to[64], header[WAY_HEADER_SIZE];
  struct curl_slist *lists[2];
  long status = 0;
  snprintf(header, sizeof header, "Authorization: %s", value);
  snprintf(to, sizeof to, "::127.0.0.1:%u", emulator.port);
  CURL *curl = server_handle(BASE INVOICES, header, lists);
  struct curl_slist *there = curl_slist_append(NULL, to);
  curl_easy_setopt(curl, CURLOPT_CONNECT_TO, there);
  if (curl_easy_perform(curl) == CURLE_OK)
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_cleanup(curl);
  curl_slist_free_all(there);
  curl_slist_free_all(lists[0]);
  curl_slist_free_all(lists[1]);
  return status == 200;
}
