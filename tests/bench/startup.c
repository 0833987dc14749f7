/* SPDX-License-Identifier: MIT */
/*
 * startup.c - what preloaded objects add to the start of a program that never uses libcurl.
 *
 *     startup ROUNDS OBJECT...
 *
 * In each round runs /bin/true without and with each OBJECT in LD_PRELOAD, in turns and pinned to
 * one CPU, and prints for each the median of the differences to the bare run of the same round, in
 * microseconds: what drifts on a shared machine drifts for both.
 */
#include <sched.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

#define PROGRAM     "/bin/true"
#define OBJECTS_MAX 8

static int64_t now_ns(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Nanoseconds from the start of the program to its end. `preload` is "LD_PRELOAD=..." or NULL. */
static int64_t run_once(char *preload)
{
  char *argv[] = {(char *)(uintptr_t)PROGRAM, NULL}, *environment[] = {preload, NULL};
  pid_t pid;
  int status;
  int64_t start = now_ns();
  if (posix_spawn(&pid, PROGRAM, NULL, NULL, argv, environment) != 0 ||
      waitpid(pid, &status, 0) != pid || status != 0) {
    fprintf(stderr, "startup: %s failed with %s\n", PROGRAM, preload ? preload : "nothing");
    exit(1);
  }
  return now_ns() - start;
}

static int compare(const void *a, const void *b)
{
  int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
  return (left > right) - (left < right);
}

static double at_us(const int64_t *sorted, size_t count, double part)
{
  return (double)sorted[(size_t)(part * (double)(count - 1))] / 1000;
}

/* results[0]: the bare times; results[i]: what object i adds. The order turns from round to round.
 */
static void run_rounds(int64_t **results, char (*preloads)[4096], size_t objects, size_t rounds)
{
  for (size_t round = 0; round < rounds; round++) {
    for (size_t i = 0; i <= objects; i++) {
      size_t which = (i + round) % (objects + 1);
      results[which][round] = run_once(which ? preloads[which] : NULL);
    }
    for (size_t i = 1; i <= objects; i++)
      results[i][round] -= results[0][round];
  }
}

int main(int argc, char **argv)
{
  static char preloads[OBJECTS_MAX + 1][4096];
  int64_t *results[OBJECTS_MAX + 1];
  cpu_set_t one;
  long rounds = argc > 2 ? atol(argv[1]) : 0;
  size_t objects = argc > 2 ? (size_t)(argc - 2) : 0, count = (size_t)rounds;
  if (rounds < 1 || objects > OBJECTS_MAX) {
    fprintf(stderr, "usage: startup ROUNDS OBJECT... (at most %d)\n", OBJECTS_MAX);
    return 2;
  }
  CPU_ZERO(&one);
  CPU_SET(0, &one);
  sched_setaffinity(0, sizeof one, &one); /* where it may not, the figures are only noisier */
  for (size_t i = 0; i <= objects; i++) {
    results[i] = calloc(count, sizeof **results);
    if (!results[i])
      return 1;
    if (i)
      snprintf(preloads[i], sizeof preloads[i], "LD_PRELOAD=%s", argv[i + 1]);
  }
  run_rounds(results, preloads, objects, count);
  for (size_t i = 0; i <= objects; i++) {
    qsort(results[i], count, sizeof **results, compare);
    printf("%-60s median %8.1f us, p25 %8.1f, p75 %8.1f\n", i ? argv[i + 1] : PROGRAM " alone",
           at_us(results[i], count, 0.5), at_us(results[i], count, 0.25),
           at_us(results[i], count, 0.75));
    free(results[i]);
  }
  return 0;
}
