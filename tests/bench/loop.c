/* SPDX-License-Identifier: MIT */
/*
 * loop.c - how long the shim holds an event loop up.
 *
 *     bench-loop [--quick]
 *
 * A program keeps OTHERS transfers to another host going in a multi handle, and adds one for Thred
 * whose token takes 500 ms. Its figure is the longest call of a curl_multi function from then to
 * the end of that transfer. Beside it the same program with a hard-coded header and without the
 * shim: a call of libcurl's own takes time, too (a TLS handshake).
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/bench.h"
#include "tests/bench/server.h"
#include "tests/integration/harness.h"

#define OTHERS    3u
#define ROUNDS    20u
#define QUICK     10u
#define SLOW_MS   500 /* a token */
#define OTHER_MS  20  /* an answer of the other host */
#define TARGET_MS 10
#define OTHER     "https://evil.example/"

/* ---- the program ---- */

typedef struct {
  CURL *curl;
  struct curl_slist *lists[2];
} Transfer;

typedef struct {
  const char *url, *header;
  CURLM *multi;
  Transfer thred, others[OTHERS];
  int64_t longest_ns;
  unsigned answers; /* of the other host */
  bool done, good;
} Program;

static void note_time(Program *program, int64_t since_ns)
{
  int64_t took = bench_now_ns() - since_ns;
  if (took > program->longest_ns)
    program->longest_ns = took;
}

static void open_transfer(Transfer *transfer, const char *url, const char *header)
{
  transfer->curl = server_handle(url, header, transfer->lists);
}

static void close_transfer(Program *program, Transfer *transfer)
{
  curl_multi_remove_handle(program->multi, transfer->curl);
  curl_easy_cleanup(transfer->curl);
  curl_slist_free_all(transfer->lists[0]);
  curl_slist_free_all(transfer->lists[1]);
}

static void add(Program *program, CURL *curl)
{
  int64_t since = bench_now_ns();
  curl_multi_add_handle(program->multi, curl);
  note_time(program, since);
}

/* One for the other host begins again. */
static void take_message(Program *program, const CURLMsg *message)
{
  long status = 0;
  CURL *curl = message->easy_handle;
  bool good = message->data.result == CURLE_OK;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  program->good &= good && status == 200;
  curl_multi_remove_handle(program->multi, curl);
  if (curl == program->thred.curl) {
    program->done = true;
    return;
  }
  program->answers++;
  add(program, curl);
}

static void step(Program *program)
{
  int running, left;
  CURLMsg *message;
  int64_t since = bench_now_ns();
  curl_multi_perform(program->multi, &running);
  note_time(program, since);
  do {
    since = bench_now_ns();
    message = curl_multi_info_read(program->multi, &left);
    note_time(program, since);
    if (message)
      take_message(program, message);
  } while (message);
  curl_multi_poll(program->multi, NULL, 0, 1000, NULL);
}

/* Milliseconds of the longest call; 0: a request failed. */
static double longest_call(void *data)
{
  Program *program = data;
  program->multi = curl_multi_init();
  program->thred.curl = NULL;
  program->done = false;
  program->good = true;
  program->answers = 0;
  for (unsigned i = 0; i < OTHERS; i++) {
    open_transfer(&program->others[i], OTHER, "");
    add(program, program->others[i].curl);
  }
  while (program->answers < 2 * OTHERS)
    step(program);
  open_transfer(&program->thred, program->url, program->header);
  program->longest_ns = 0;
  add(program, program->thred.curl);
  while (!program->done)
    step(program);
  double longest_ms = (double)program->longest_ns / 1000000;
  close_transfer(program, &program->thred);
  for (unsigned i = 0; i < OTHERS; i++)
    close_transfer(program, &program->others[i]);
  curl_multi_cleanup(program->multi);
  return program->good ? longest_ms : 0;
}

/* ---- asking it ---- */

/* A program of its own, as it is when the token is cold. */
typedef struct {
  bool shim, configure;
} Cold;

static double sample_cold(void *data)
{
  const Cold *cold = data;
  char header[4096] = "";
  if (!cold->shim)
    server_hard_coded(header, sizeof header, "--partner");
  emulator_forget_tokens(&emulator);
  if (cold->configure)
    emulator_configure(&emulator, "90-new.conf", "# so that all is read anew\n");
  Server server = server_start(BASE BUSINESSES, header, cold->shim);
  double ms = server_ask(&server);
  server_stop(&server);
  if (cold->configure)
    emulator_unconfigure(&emulator, "90-new.conf");
  return ms;
}

/* One that has run for a while; its token is refused. */
static double sample_refused(void *data)
{
  Server *server = data;
  emulator_forget_tokens(&emulator);
  usleep(1100000); /* the handle is new each time; the credentials are looked at once a second */
  server_ask(server);
  control(&emulator, "POST", "revoke");
  return server_ask(server);
}

static void rows(const char *name, const BenchVariant *variant)
{
  BenchSpread figure = bench_figures(variant);
  double most = 0;
  for (size_t i = 0; i < variant->rounds; i++)
    if (variant->samples[i] > most)
      most = variant->samples[i];
  BenchRow row = {.name = name, .unit = "ms", .figure = figure};
  bench_row(&row);
  row =
      (BenchRow){.name = "  the longest of all rounds", .unit = "ms", .figure = bench_count(most)};
  row.compare = BENCH_AT_MOST;
  row.target = TARGET_MS;
  bench_row(&row);
}

static void measure(size_t rounds)
{
  Cold own = {false, false}, known = {true, false}, unknown = {true, true};
  Server server = server_start(BASE BUSINESSES, "", true);
  BenchVariant variants[] = {{.sample = sample_cold, .data = &own},
                             {.sample = sample_cold, .data = &known},
                             {.sample = sample_cold, .data = &unknown},
                             {.sample = sample_refused, .data = &server}};
  bench_interleave(variants, 4, rounds);
  bench_table("loop", "The longest call in an event loop; a token takes %d ms", SLOW_MS);
  rows("hard-coded header, without the shim", &variants[0]);
  rows("the shim, a new process, no token", &variants[1]);
  rows("the same, and the configuration has changed", &variants[2]);
  rows("the shim, a 401 to the token", &variants[3]);
  bench_free(variants, 4);
  server_stop(&server);
}

int main(int argc, char **argv)
{
  if (argc == 4 && strcmp(argv[1], "serve") == 0) {
    Program program = {.url = argv[2], .header = argv[3]};
    return server_serve(longest_call, &program);
  }
  bool quick = argc == 2 && strcmp(argv[1], "--quick") == 0;
  harness_require_installation();
  harness_start(NULL);
  server_prepare();
  control(&emulator, "POST", "set?delay_ms=%d", SLOW_MS);
  control(&emulator, "POST", "fault?host=evil.example&action=delay&delay_ms=%d&times=0", OTHER_MS);
  measure(quick ? ROUNDS / QUICK : ROUNDS);
  harness_stop(NULL);
  return bench_status();
}
