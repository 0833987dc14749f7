/* SPDX-License-Identifier: MIT */
#include "tests/bench/memory-read.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/bench/bench.h"
#include "tests/integration/process.h"

#define PATIENCE_MS 2000u

/* One at a time reads its byte from a pipe of its own: the last one that is ready is no sign that
 * the first one is. */
static pid_t start(const char *const *argv, const char *preload)
{
  int ready[2];
  char byte;
  bench_require(pipe2(ready, O_CLOEXEC) == 0, "no pipe");
  if (preload[0])
    putenv((char *)(uintptr_t)preload);
  pid_t pid = process_start(argv, ready[1], -1);
  unsetenv("LD_PRELOAD");
  close(ready[1]);
  bench_require(read(ready[0], &byte, 1) == 1, argv[0]);
  close(ready[0]);
  return pid;
}

static void add_memory(pid_t pid, MemoryReading *sum)
{
  char path[64], line[128];
  double kib;
  snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
  FILE *file = fopen(path, "re");
  bench_require(file != NULL, path);
  while (fgets(line, sizeof line, file)) {
    if (sscanf(line, "Rss: %lf kB", &kib) == 1)
      sum->rss += kib;
    if (sscanf(line, "Pss: %lf kB", &kib) == 1)
      sum->pss += kib;
  }
  fclose(file);
}

/* Entries of a folder of /proc/PID. */
static unsigned count_of(pid_t pid, const char *folder)
{
  char path[64];
  unsigned count = 0;
  snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, folder);
  DIR *directory = opendir(path);
  bench_require(directory != NULL, path);
  for (const struct dirent *entry; (entry = readdir(directory));)
    count += entry->d_name[0] != '.';
  closedir(directory);
  return count;
}

/* A thread that has done its work may be about to end: nobody waits for that. One that stays is
 * waited for in vain. */
static unsigned threads_that_stay(pid_t pid)
{
  unsigned threads = count_of(pid, "task");
  for (unsigned ms = 0; threads > 1 && ms < PATIENCE_MS; ms += 5) {
    usleep(5000);
    threads = count_of(pid, "task");
  }
  return threads;
}

MemoryReading memory_of(const char *const *argv, const char *preload, unsigned processes)
{
  pid_t pids[MEMORY_PROCESSES_MAX];
  MemoryReading sum = {0};
  for (unsigned i = 0; i < processes; i++)
    pids[i] = start(argv, preload);
  for (unsigned i = 0; i < processes; i++) {
    unsigned threads = threads_that_stay(pids[i]), descriptors = count_of(pids[i], "fd");
    add_memory(pids[i], &sum);
    sum.threads = threads > sum.threads ? threads : sum.threads;
    sum.descriptors = descriptors > sum.descriptors ? descriptors : sum.descriptors;
  }
  for (unsigned i = 0; i < processes; i++)
    process_stop(pids[i]);
  sum.rss /= processes;
  sum.pss /= processes;
  bench_require(sum.rss > 0 && sum.pss > 0, "no memory in smaps_rollup");
  return sum;
}
