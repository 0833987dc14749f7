/* SPDX-License-Identifier: MIT */
/*
 * readers.h - processes that look tokens up, of keys at random, as fast as they can.
 *
 * They stay; in a slot of time all of them do the same kind of lookup. They are spread over the
 * CPUs by force: the scheduler may leave all of them on one for longer than a slot, and then nobody
 * contends.
 */
#ifndef THRED_TESTS_BENCH_READERS_H
#define THRED_TESTS_BENCH_READERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define READERS_MAX 64u

typedef struct ReadersShared ReadersShared;

typedef struct {
  unsigned processes; /* at most READERS_MAX */
  uint32_t keys;      /* numbers are below it */
  long slot_ms;
  /* In each process: first of all; and one lookup. False: the token is not there. */
  void (*enter)(void *data);
  bool (*look_up)(void *data, unsigned kind, uint32_t number);
  void *data;
  /* Of all slots until now. */
  uint64_t misses, cpu_ns, wall_ns;
  /* readers.c's own. */
  ReadersShared *shared;
  pid_t pid[READERS_MAX];
} Readers;

typedef struct {
  uint64_t hits, misses;
  int64_t slot_ns;    /* how long the slot was */
  uint64_t worked_ns; /* of all processes, each from its first lookup to the end of its last */
} ReadersSlot;

/* Begins the processes, and waits until each has entered. */
void readers_start(Readers *readers);
ReadersSlot readers_run(Readers *readers, unsigned kind);
/* As often as `lookups` says in each process: caches are full afterwards. Counts nothing. */
void readers_warm(Readers *readers, unsigned kind, uint64_t lookups);
void readers_finish(Readers *readers);

/* CPUs that this process may use. */
unsigned readers_cpus(void);

#endif
