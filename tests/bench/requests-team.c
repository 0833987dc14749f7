/* SPDX-License-Identifier: MIT */
#include "tests/bench/requests-team.h"

#include <stdlib.h>
#include <time.h>

#include "tests/bench/bench.h"
#include "tests/bench/requests-way.h"

void team_ask(Server *server, const char *question, void *answer, size_t size)
{
  fprintf(server->ask, "%s\n", question);
  fflush(server->ask);
  bench_require(fread(answer, size, 1, server->answer) == 1, "a program has ended");
}

/* ---- what stands beside ---- */

/* The process, and its children (proc(5), .../children). */
static void find_beside(Team *team, pid_t pid)
{
  char path[64];
  size_t count = 0;
  int child;
  if (pid == 0)
    return;
  team->beside[count++] = pid;
  snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
  FILE *file = fopen(path, "re");
  while (file && count < TEAM_BESIDE && fscanf(file, "%d", &child) == 1)
    team->beside[count++] = child;
  if (file)
    fclose(file);
}

static double beside_us(const Team *team)
{
  double us = 0;
  for (size_t i = 0; i < TEAM_BESIDE && team->beside[i]; i++) {
    clockid_t clock;
    struct timespec now;
    bench_require(clock_getcpuclockid(team->beside[i], &clock) == 0 &&
                      clock_gettime(clock, &now) == 0,
                  "a server has ended");
    us += (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
  }
  return us;
}

/* ---- the programs ---- */

static double *new_figures(size_t count)
{
  double *figures = calloc(count, sizeof *figures);
  bench_require(figures != NULL, "no memory");
  return figures;
}

static Batch ask_next(Team *team)
{
  Batch batch;
  team_ask(&team->copies[team->turn++ % TEAM_COPIES], "go", &batch, sizeof batch);
  bench_require(batch.good, "a request failed");
  return batch;
}

void team_start(Team *team, const char *url, const char *way, bool shim, pid_t beside,
                size_t rounds)
{
  *team = (Team){.rounds = rounds,
                 .walls = new_figures(rounds * BATCH),
                 .cpus = new_figures(rounds),
                 .besides = new_figures(rounds)};
  for (unsigned i = 0; i < TEAM_COPIES; i++)
    team->copies[i] = server_start(url, way, shim);
  for (unsigned i = 0; i < TEAM_COPIES; i++)
    ask_next(team); /* connects, and opens what is opened once */
  find_beside(team, beside);
}

void team_stop(Team *team)
{
  for (unsigned i = 0; i < TEAM_COPIES; i++)
    server_stop(&team->copies[i]);
  free(team->walls);
  free(team->cpus);
  free(team->besides);
}

const char *team_arrives(Team *team)
{
  static char text[WAY_HEADER_SIZE];
  team_ask(&team->copies[0], "arrives", text, sizeof text);
  return text;
}

double team_sample(void *data)
{
  Team *team = data;
  double since = beside_us(team);
  Batch batch = ask_next(team);
  size_t round = team->done++ % team->rounds;
  team->besides[round] = (beside_us(team) - since) / BATCH;
  team->cpus[round] = batch.cpu_us;
  for (size_t i = 0; i < BATCH; i++)
    team->walls[round * BATCH + i] = batch.wall_us[i];
  return bench_spread(batch.wall_us, BATCH).median;
}
