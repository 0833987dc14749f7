/* SPDX-License-Identifier: MIT */
/*
 * requests.c - a request with the correct bearer over a kept connection, each way to have it.
 *
 *     bench-requests [--quick] [--then COMMAND]
 *
 * Requests are made by programs that run for the whole of it, each with a connection that is kept,
 * and are asked by turns for BATCH of them. The cache is warm. COMMAND is run at the end, while the
 * servers are there: with this program and five words for each variant, see
 * requests-instructions.sh.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/bench.h"
#include "tests/bench/requests-pairs.h"
#include "tests/bench/requests-servers.h"
#include "tests/bench/requests-team.h"
#include "tests/integration/harness.h"

#define ROUNDS      900u
#define PAIR_ROUNDS 160u
#define QUICK       20u /* a part of the rounds */
#define OTHER       "https://evil.example/"

/* ---- what is compared ---- */

enum {
  OWN,
  ATTACH,
  SHIM,
  BY_HAND,
  DAEMON,
  OIDC_AGENT,
  NGINX,
  HAPROXY,
  OWN_NEW,
  ATTACH_NEW,
  SHIM_NEW,
  ELSEWHERE,
  ELSEWHERE_SHIM,
  COUNT
};

typedef struct {
  const char *name, *way, *url;
  bool shim, is_missing;
  pid_t beside;
  int base;      /* what its CPU time is compared with; itself: nothing */
  double most;   /* microseconds more than that; 0: no target */
  bool in_quick; /* its instructions, too */
} Request;

static Request requests[COUNT] = {
    [OWN] = {"hard-coded header", "own", .in_quick = true, .base = OWN},
    [ATTACH] = {"thred_curl_attach()", "attach", .in_quick = true, .base = OWN, .most = 0.5},
    [SHIM] = {"under the shim", "bare", .in_quick = true, .shim = true, .base = OWN},
    [BY_HAND] = {"a token cache by hand in the program", "by-hand", .base = OWN},
    [DAEMON] = {"the least token daemon: one round trip on a socket", "daemon", .base = OWN},
    [OIDC_AGENT] = {"oidc-agent, asked by liboidc-agent", "oidc-agent", .base = OWN},
    [NGINX] = {"a sidecar that adds it: nginx", "bare", .base = OWN},
    [HAPROXY] = {"a sidecar that adds it: HAProxy", "bare", .base = OWN},
    [OWN_NEW] = {"a new URL each time, hard-coded header", "own-new", .in_quick = true,
                 .base = OWN_NEW},
    [ATTACH_NEW] = {"a new URL each time, thred_curl_attach()", "attach-new", .in_quick = true,
                    .base = OWN_NEW, .most = 1},
    [SHIM_NEW] = {"a new URL each time, under the shim", "bare-new", .shim = true, .base = OWN_NEW},
    [ELSEWHERE] = {"another host, without the shim", "bare", .url = OTHER, .base = ELSEWHERE},
    [ELSEWHERE_SHIM] = {"another host, under the shim", "bare", .url = OTHER, .shim = true,
                        .base = ELSEWHERE, .most = 0.3},
};

static char *sidecar_path(const Sidecar *sidecar)
{
  char *url;
  bench_require(asprintf(&url, "%s" INVOICES, sidecar->url) > 0, "no memory");
  return url;
}

static void complete_requests(const Servers *servers)
{
  for (size_t i = 0; i < COUNT; i++)
    if (!requests[i].url)
      requests[i].url = BASE INVOICES;
  requests[NGINX].url = sidecar_path(&servers->nginx);
  requests[NGINX].beside = servers->nginx.pid;
  requests[HAPROXY].url = sidecar_path(&servers->haproxy);
  requests[HAPROXY].beside = servers->haproxy.pid;
  requests[HAPROXY].is_missing = servers->haproxy.pid == 0;
  requests[DAEMON].beside = servers->daemon;
  requests[OIDC_AGENT].beside = servers->agent.agent;
  requests[OIDC_AGENT].is_missing = servers->agent.why[0] != 0;
}

/* ---- that they do what they say ---- */

/* The header that arrives is a token of this business's, and thred-auth's is the cache's. */
static void verify(const Request *request, Team *team, const Servers *servers)
{
  if (strcmp(request->url, OTHER) == 0)
    return;
  const char *value = team_arrives(team);
  bench_require(servers_accept(value), request->name);
  bool may_differ = strcmp(request->way, "by-hand") == 0;
  bench_require(may_differ || strcmp(value, servers->value) == 0, request->name);
}

/* That a request without a bearer is refused, by the API and by the emulator: else all this could
 * not fail. */
static void verify_refusal(void)
{
  Way way;
  way_open(&way, "bare", BASE INVOICES);
  bench_require(!way_request(&way), "a request without a bearer was granted");
  way_close(&way);
  bench_require(!servers_accept("Bearer not-a-token-of-the-emulator"), "any bearer is granted");
}

/* ---- by processes ---- */

static void row(const char *name, BenchSpread figure, double target, BenchSpread ratio)
{
  BenchRow line = {.name = name,
                   .unit = "us",
                   .figure = figure,
                   .compare = target > 0 ? BENCH_AT_MOST : BENCH_NO_TARGET,
                   .target = target,
                   .ratio = ratio};
  bench_row(&line);
}

static void note_missing(const Servers *servers)
{
  if (requests[HAPROXY].is_missing)
    bench_note("HAProxy is not in it: it is not installed.");
  if (requests[OIDC_AGENT].is_missing)
    bench_note("oidc-agent is not in it: %s.", servers->agent.why);
}

static const BenchSpread none = {0};

/* Figures that were taken beside those of a variant, as another. */
static BenchVariant figures_of(double *samples, size_t rounds)
{
  return (BenchVariant){.samples = samples, .rounds = rounds};
}

static void print_walls(const Team *teams, const BenchVariant *variants, size_t rounds)
{
  bench_table("requests-wall",
              "A request with the correct bearer over a kept connection: by the clock");
  for (size_t i = 0; i < COUNT; i++)
    if (!requests[i].is_missing)
      row(requests[i].name, bench_spread(teams[i].walls, rounds * BATCH), 0,
          i == OWN ? none : bench_ratio(&variants[i], &variants[OWN]));
  bench_note("Over all requests; the ratio is that of the medians of %u requests.", BATCH);
}

static void print_cpu(const Team *teams, size_t rounds)
{
  bench_table("requests-cpu", "The same requests: CPU time in the program");
  for (size_t i = 0; i < COUNT; i++) {
    const Request *request = &requests[i];
    if (request->is_missing)
      continue;
    BenchVariant own = figures_of(teams[i].cpus, rounds),
                 base = figures_of(teams[request->base].cpus, rounds),
                 beside = figures_of(teams[i].besides, rounds);
    row(request->name, bench_figures(&own), 0, none);
    if (request->base != (int)i)
      row("  more", bench_difference(&own, &base), request->most, none);
    if (request->beside)
      row("  and in what stands beside it", bench_figures(&beside), 0, none);
  }
  bench_note(
      "What a sidecar takes off the program is TLS, which it then does itself. thred-auth looks "
      "at its configuration's files once a second: a process that had no turn for so long has "
      "that in its next %u requests.",
      BATCH);
}

static void measure_processes(const Servers *servers, size_t rounds)
{
  Team teams[COUNT] = {0};
  BenchVariant variants[COUNT], present[COUNT];
  size_t count = 0, places[COUNT];
  for (size_t i = 0; i < COUNT; i++) {
    const Request *request = &requests[i];
    if (request->is_missing)
      continue;
    team_start(&teams[i], request->url, request->way, request->shim, request->beside, rounds);
    verify(request, &teams[i], servers);
    places[count] = i;
    present[count++] = (BenchVariant){.sample = team_sample, .data = &teams[i]};
  }
  bench_interleave(present, count, rounds);
  for (size_t i = 0; i < count; i++)
    variants[places[i]] = present[i];
  print_walls(teams, variants, rounds);
  print_cpu(teams, rounds);
  bench_free(present, count);
  for (size_t i = 0; i < count; i++)
    team_stop(&teams[places[i]]);
}

/* ---- the command ---- */

static void run_command(const char *command, bool quick)
{
  const char *argv[3 + 5 * COUNT] = {command, server_self()};
  size_t count = 2;
  if (quick)
    bench_note("The instructions of the rest: without --quick.");
  for (size_t i = 0; i < COUNT; i++) {
    const Request *base = &requests[requests[i].base];
    if (requests[i].is_missing || (quick && !requests[i].in_quick))
      continue;
    argv[count++] = requests[i].name;
    argv[count++] = requests[i].way;
    argv[count++] = requests[i].url;
    argv[count++] = requests[i].shim ? "shim" : "";
    argv[count++] = base == &requests[i] ? "" : base->name;
  }
  server_command(argv);
}

int main(int argc, char **argv)
{
  int status;
  const char *command = NULL;
  size_t part = 1;
  Servers servers;
  if (requests_program(argc, argv, &status))
    return status;
  for (int i = 1; i < argc; i++) {
    part = strcmp(argv[i], "--quick") == 0 ? QUICK : part;
    command = i > 1 && strcmp(argv[i - 1], "--then") == 0 ? argv[i] : command;
  }
  harness_require_installation();
  harness_start(NULL);
  servers_start(&servers);
  complete_requests(&servers);
  verify_refusal();
  measure_processes(&servers, ROUNDS / part);
  measure_pairs(requests[OIDC_AGENT].is_missing, PAIR_ROUNDS / part);
  note_missing(&servers);
  if (command)
    run_command(command, part > 1);
  servers_stop(&servers);
  harness_stop(NULL);
  return bench_status();
}
