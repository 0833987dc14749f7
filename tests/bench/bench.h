/* SPDX-License-Identifier: MIT */
/*
 * bench.h - the frame of all figures.
 *
 * What is compared is measured in turns, A B C A B C ..., in one process and one run: what drifts
 * on a shared machine drifts for all of them, and a ratio is taken round by round. A figure is a
 * median with its quarters. No time decides anything; a count that must be exact does.
 *
 * What is printed is Markdown, since docs/benchmarks.md is made of it.
 *
 * Not for threads. What cannot be had (memory, a process) ends the program.
 */
#ifndef THRED_TESTS_BENCH_BENCH_H
#define THRED_TESTS_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* ---- measuring ---- */

typedef struct {
  double (*sample)(void *data); /* one figure of any unit */
  void *data;
  double *samples; /* one a round, by bench_interleave() */
  size_t rounds;
} BenchVariant;

/* Each round takes one sample of each variant, in their order. */
void bench_interleave(BenchVariant *variants, size_t count, size_t rounds);
void bench_free(BenchVariant *variants, size_t count);

int64_t bench_now_ns(void);

/* Nanoseconds a call of what `calls` does `count` times. For a sample; the loop itself is a variant
 * of its own (bench_loop) that bench_difference() takes off. */
double bench_ns_per_call(void (*calls)(void *data, unsigned count), void *data, unsigned count);

/* What a `calls` function does when it calls nothing. */
void bench_loop(void *data, unsigned count);

/* ---- summing up ---- */

typedef struct {
  size_t count; /* of samples; 1: a number that was counted and not measured */
  double p25, median, p75, p99;
} BenchSpread;

BenchSpread bench_spread(const double *samples, size_t count);
BenchSpread bench_count(double value);
/* Round by round: of the figures, of one less another, of one over another. */
BenchSpread bench_figures(const BenchVariant *variant);
BenchSpread bench_difference(const BenchVariant *variant, const BenchVariant *less);
BenchSpread bench_ratio(const BenchVariant *over, const BenchVariant *under);

/* ---- tables: table.c ---- */

typedef enum { BENCH_NO_TARGET, BENCH_AT_MOST, BENCH_AT_LEAST, BENCH_EXACTLY } BenchTarget;

typedef struct {
  const char *name, *unit; /* a name that begins with two spaces is of what stands above it */
  BenchSpread figure;
  BenchTarget compare;
  double target;
  bool decides;      /* the exit status: for what does not depend on the machine's speed */
  BenchSpread ratio; /* to what the table compares with, by bench_ratio(); count 0: none */
} BenchRow;

/* Begins a table; its columns come with its first row. `id` names it among all tables (and its
 * plot, ID.svg: letters, digits, "-"). Rows are also appended to the file that BENCH_DATA names. */
void bench_table(const char *id, const char *title, ...) __attribute__((format(printf, 2, 3)));
void bench_row(const BenchRow *row);
/* A number without a unit; below 0 `exactly` asks for nothing, else it decides. */
void bench_count_row(const char *name, double value, double exactly);
/* A paragraph above or under the rows. A row after it begins the columns anew. */
void bench_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* 1 if a row that decides missed its target; for main() to return. */
int bench_status(void);

/* Ends the program with status 1 where a figure cannot be had at all. */
void bench_require(bool condition, const char *what);

#endif
