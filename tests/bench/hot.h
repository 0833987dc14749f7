/* SPDX-License-Identifier: MIT */
/*
 * hot.h - hot paths, each called by itself for callgrind to count: instructions.sh runs these
 * programs under it.
 *
 *     valgrind --tool=callgrind --zero-before=hot_batch --dump-after=hot_batch PROGRAM
 *
 * A dump holds what one batch took; a line "NAME CALLS" on stdout, for each dump in turn, says what
 * that was. Not for threads.
 */
#ifndef THRED_TESTS_BENCH_HOT_H
#define THRED_TESTS_BENCH_HOT_H

typedef void (*HotCalls)(void *data, unsigned count); /* calls the path `count` times */

/* What callgrind waits for, by its name. */
void hot_batch(HotCalls calls, void *data, unsigned count);

/* Some batches of `count` calls, after one that makes tables and binds symbols. Of their dumps the
 * least one counts: what is done once a second is in some of them. */
#define HOT_BATCHES 7u
void hot_count(const char *name, HotCalls calls, void *data, unsigned count);

/* The same for a request: more batches, of one each. Where the answer is late libcurl comes around
 * once more, and passes our hooks. */
void hot_count_requests(const char *name, HotCalls calls, void *data);

/* One batch: of what is done once in a process, or after something that is not to be counted. */
void hot_count_once(const char *name, HotCalls calls, void *data, unsigned count);

#endif
