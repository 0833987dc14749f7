/* SPDX-License-Identifier: MIT */
#include "tests/bench/requests-program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/bench/bench.h"
#include "tests/bench/requests-asked.h"
#include "tests/bench/requests-way.h"

#define WARM 5u /* requests: connects, and opens what is opened once */

static int64_t cpu_ns(void)
{
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void answer(const void *data, size_t size)
{
  fwrite(data, size, 1, stdout);
  fflush(stdout);
}

/* ---- one way ---- */

static void run_batch(Way *way)
{
  Batch batch = {.good = true};
  int64_t since = cpu_ns();
  for (unsigned i = 0; i < BATCH; i++) {
    int64_t start = bench_now_ns();
    batch.good &= way_request(way);
    batch.wall_us[i] = (double)(bench_now_ns() - start) / 1000;
  }
  batch.cpu_us = (double)(cpu_ns() - since) / BATCH / 1000;
  answer(&batch, sizeof batch);
}

static int serve(const char *url, const char *kind)
{
  Way way;
  char line[16];
  way_open(&way, kind, url);
  while (fgets(line, sizeof line, stdin)) {
    if (strcmp(line, "go\n") == 0) {
      run_batch(&way);
    } else {
      char text[WAY_HEADER_SIZE] = "";
      if (!way_arrives(&way, text, sizeof text))
        snprintf(text, sizeof text, "refused");
      answer(text, sizeof text);
    }
  }
  way_close(&way);
  return 0;
}

bool requests_steady(Way *way, unsigned long count)
{
  bool good = true;
  for (unsigned long i = 0; i < count; i++)
    good &= way_request(way);
  return good;
}

static int perform(const char *url, const char *kind, unsigned long count)
{
  Way way;
  way_open(&way, kind, url);
  bool good = true;
  for (unsigned i = 0; i < WARM; i++)
    good &= way_request(&way);
  good = requests_steady(&way, count) && good;
  way_close(&way);
  return good ? 0 : 1;
}

/* ---- two ways by turns ---- */

static double request_us(Way *way, bool *good)
{
  int64_t since = cpu_ns();
  *good &= way_request(way);
  return (double)(cpu_ns() - since) / 1000;
}

static void run_pairs(Way *ways, Pairs *pairs)
{
  double more[PAIRS], us[2];
  for (unsigned i = 0; i < WARM; i++)
    pairs->good &= way_request(&ways[0]) && way_request(&ways[1]);
  for (unsigned i = 0; i < PAIRS; i++) {
    unsigned first = i % 2;
    us[first] = request_us(&ways[first], &pairs->good);
    us[!first] = request_us(&ways[!first], &pairs->good);
    more[i] = us[1] - us[0];
  }
  pairs->more_us = bench_spread(more, PAIRS).median;
}

/* New handles and connections each time, opened in another order: where memory has put them makes
 * one of them faster as long as it lives. */
static int serve_pairs(const char *url, const char *const *kinds)
{
  char line[16];
  for (unsigned turn = 0; fgets(line, sizeof line, stdin); turn++) {
    Way ways[2];
    Pairs pairs = {.good = true};
    unsigned first = turn % 2;
    way_open(&ways[first], kinds[first], url);
    way_open(&ways[!first], kinds[!first], url);
    run_pairs(ways, &pairs);
    way_close(&ways[0]);
    way_close(&ways[1]);
    answer(&pairs, sizeof pairs);
  }
  return 0;
}

bool requests_program(int argc, char **argv, int *status)
{
  if (argc == 2 && strcmp(argv[1], "daemon") == 0) {
    *status = asked_serve();
  } else if (argc == 5 && strcmp(argv[1], "perform") == 0) {
    *status = perform(argv[2], argv[3], strtoul(argv[4], NULL, 10));
  } else if (argc == 4 && strcmp(argv[1], "serve") == 0 && strchr(argv[3], ',')) {
    char *second = strchr(argv[3], ',');
    *second++ = 0;
    *status = serve_pairs(argv[2], (const char *const[]){argv[3], second});
  } else if (argc == 4 && strcmp(argv[1], "serve") == 0) {
    *status = serve(argv[2], argv[3]);
  } else {
    return false;
  }
  return true;
}
