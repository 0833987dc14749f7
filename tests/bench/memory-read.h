/* SPDX-License-Identifier: MIT */
/* memory-read.h - what processes take that have done their work, and wait. */
#ifndef THRED_TESTS_BENCH_MEMORY_READ_H
#define THRED_TESTS_BENCH_MEMORY_READ_H

typedef struct {
  double rss, pss;               /* KiB, of each on average */
  unsigned threads, descriptors; /* of the one that has most */
} MemoryReading;

#define MEMORY_PROCESSES_MAX 8u

/*
 * Of so many processes of argv at once; `preload` is "LD_PRELOAD=..." or "". Each writes a byte to
 * its stdout when it is to be read, and is ended then. One that does not ends the benchmark.
 *
 * RSS counts every page that is mapped. PSS counts one that N processes map as 1/N.
 */
MemoryReading memory_of(const char *const *argv, const char *preload, unsigned processes);

#endif
