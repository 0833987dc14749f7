/* SPDX-License-Identifier: MIT */
/*
 * memory.c - the memory, threads and descriptors of processes with the shim or the library, beside
 * the same ones without.
 *
 *     bench-memory [--quick]
 *
 * Processes of one kind run at a time, 1 and then MANY of them. Beside them is what a machine has
 * anyway: this program, nginx and the emulator map libc, libcurl and libcrypto, too.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/api.h"
#include "tests/bench/bench.h"
#include "tests/bench/memory-read.h"
#include "tests/bench/preloads.h"
#include "tests/bench/server.h"
#include "tests/integration/harness.h"
#include "tests/integration/process.h"

#define ROUNDS       5u
#define ROUNDS_QUICK 2u
#define MANY         MEMORY_PROCESSES_MAX
#define KINDS        5u
#define OTHER        "https://evil.example/"

typedef struct {
  char name[80];
  const char *argv[5], *preload;
  bool ours; /* something of thred-auth's is in it */
  bool cold; /* it must fetch its token first */
  MemoryReading alone, each;
  unsigned threads, descriptors; /* the most */
} Kind;

/* The first one is what the others are compared with. */
typedef struct {
  const char *id, *title, *word;
  Kind kind[KINDS];
  size_t count;
} Group;

/* ---- samples ---- */

static void note_most(Kind *kind, const MemoryReading *reading)
{
  if (reading->threads > kind->threads)
    kind->threads = reading->threads;
  if (reading->descriptors > kind->descriptors)
    kind->descriptors = reading->descriptors;
}

/* How it came to its token decides what it has opened, so that is checked. */
static MemoryReading read_kind(Kind *kind, unsigned processes)
{
  if (kind->cold)
    harness_fresh(NULL);
  int before = counter(&emulator, "token_requests.business");
  MemoryReading reading = memory_of(kind->argv, kind->preload, processes);
  int fetched = counter(&emulator, "token_requests.business") - before;
  bench_require(fetched == (kind->cold ? 1 : 0), "a token came from elsewhere than it was to");
  note_most(kind, &reading);
  return reading;
}

static double sample_rss(void *data)
{
  Kind *kind = data;
  kind->alone = read_kind(kind, 1);
  return kind->alone.rss;
}

/* Of the process that has just been read. */
static double sample_pss(void *data)
{
  const Kind *kind = data;
  return kind->alone.pss;
}

static double sample_each(void *data)
{
  Kind *kind = data;
  kind->each = read_kind(kind, MANY);
  return kind->each.pss;
}

/* ---- the tables ---- */

static void rows(const Group *group, const BenchVariant *of, size_t measures)
{
  for (size_t i = 0; i < group->count; i++) {
    const BenchVariant *one = &of[i * measures];
    if (one->rounds == 0)
      continue;
    BenchRow row = {.name = group->kind[i].name,
                    .unit = "KiB",
                    .figure = bench_figures(one),
                    .ratio = bench_ratio(one, of)};
    BenchRow more = {.name = "  more", .unit = "KiB", .figure = bench_difference(one, of)};
    bench_row(&row);
    if (i > 0)
      bench_row(&more);
  }
}

/* Of ours alone: what others leave open is theirs. */
static void count_row(const char *what, const char *word, const Kind *kind, unsigned count,
                      unsigned without)
{
  char name[128];
  snprintf(name, sizeof name, "%s: %s, %s", word, kind->name, what);
  BenchRow row = {.name = name,
                  .unit = "",
                  .figure = bench_count((double)count - (double)without),
                  .compare = BENCH_EXACTLY,
                  .decides = true};
  if (kind->ours)
    bench_row(&row);
}

static void print_left(const Group *groups, size_t count)
{
  bench_table("memory-left", "Threads and descriptors that are more than without, afterwards");
  for (size_t i = 0; i < count; i++)
    for (size_t j = 1; j < groups[i].count; j++) {
      const Kind *kind = &groups[i].kind[j], *without = &groups[i].kind[0];
      count_row("threads", groups[i].word, kind, kind->threads, without->threads);
      count_row("descriptors", groups[i].word, kind, kind->descriptors, without->descriptors);
    }
}

static void measure(Group *group, bool quick)
{
  enum { RSS, PSS, MEASURES };
  BenchVariant alone[KINDS * MEASURES] = {0}, each[KINDS] = {0};
  size_t rounds = quick ? ROUNDS_QUICK : ROUNDS, warm = 0;
  char id[64];
  for (size_t i = 0; i < group->count; i++) {
    alone[i * MEASURES + RSS] = (BenchVariant){.sample = sample_rss, .data = &group->kind[i]};
    alone[i * MEASURES + PSS] = (BenchVariant){.sample = sample_pss, .data = &group->kind[i]};
    if (!group->kind[i].cold) /* one fetches for all of them; those stand last */
      each[warm++] = (BenchVariant){.sample = sample_each, .data = &group->kind[i]};
  }
  bench_interleave(alone, group->count * MEASURES, rounds);
  bench_interleave(each, warm, rounds);
  snprintf(id, sizeof id, "%s-rss", group->id);
  bench_table(id, "%s: RSS", group->title);
  preloads_tell_missing();
  rows(group, &alone[RSS], MEASURES);
  snprintf(id, sizeof id, "%s-pss", group->id);
  bench_table(id, "%s: PSS of one", group->title);
  rows(group, &alone[PSS], MEASURES);
  snprintf(id, sizeof id, "%s-pss-%u", group->id, MANY);
  bench_table(id, "%s: PSS of each of %u", group->title, MANY);
  rows(group, each, 1);
  bench_free(alone, group->count * MEASURES);
  bench_free(each, warm);
}

/* ---- the kinds ---- */

static char idle_path[PATH_MAX], curl_path[PATH_MAX], library_path[PATH_MAX];

static void find_programs(void)
{
  char self[PATH_MAX];
  ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
  bench_require(length > 0, "/proc/self/exe");
  self[length] = 0;
  *strrchr(self, '/') = 0;
  snprintf(idle_path, sizeof idle_path, "%.4000s/bench-memory-idle", self);
  snprintf(curl_path, sizeof curl_path, "%.4000s/bench-memory-curl", self);
  snprintf(library_path, sizeof library_path, "%s", harness_installed("lib/libthred-auth.so.0"));
}

static void add(Group *group, Kind kind)
{
  group->kind[group->count++] = kind;
}

static void add_preloads(Group *group, const Preload *preloads, size_t count, Kind kind)
{
  for (size_t i = 0; i < count; i++) {
    snprintf(kind.name, sizeof kind.name, "%s", preloads[i].name);
    kind.preload = preloads[i].variable;
    kind.ours = i == PRELOAD_SHIM;
    add(group, kind);
  }
}

static void add_thred(Group *group, const Preload *preloads, const char *header)
{
  const char *shim = preloads[PRELOAD_SHIM].variable, *url = BASE INVOICES;
  add(group, (Kind){"a hard-coded header", {curl_path, url, header, ""}, ""});
  add(group, (Kind){"the shim, token from the cache", {curl_path, url, "", ""}, shim, true, false});
  add(group,
      (Kind){
          "attached, token from the cache", {curl_path, url, "", library_path}, "", true, false});
  add(group, (Kind){"the shim, token fetched by it", {curl_path, url, "", ""}, shim, true, true});
  add(group,
      (Kind){"attached, token fetched by it", {curl_path, url, "", library_path}, "", true, true});
}

int main(int argc, char **argv)
{
  static Group groups[] = {
      {.id = "memory-idle", .title = "A program that does not use libcurl", .word = "no libcurl"},
      {.id = "memory-elsewhere",
       .title = "A program after a request to another host",
       .word = "another host"},
      {.id = "memory-thred", .title = "A program after a request to Thred", .word = "Thred"}};
  static Preload preloads[PRELOADS];
  Api api;
  char header[4096];
  bool quick = argc == 2 && strcmp(argv[1], "--quick") == 0;
  harness_require_installation();
  harness_start(NULL);
  api_start(&api);
  server_hard_coded(header, sizeof header, "--business=" FIRST);
  find_programs();
  size_t count = preloads_find(preloads);
  add_preloads(&groups[0], preloads, count, (Kind){.argv = {idle_path}});
  add_preloads(&groups[1], preloads, count, (Kind){.argv = {curl_path, OTHER, "", ""}});
  add_thred(&groups[2], preloads, header);
  for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
    measure(&groups[i], quick);
  print_left(groups, sizeof groups / sizeof groups[0]);
  api_stop(&api);
  harness_stop(NULL);
  return bench_status();
}
