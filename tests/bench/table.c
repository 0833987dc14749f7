/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/bench.h"

#define NAME_WIDTH   58
#define NUMBER_WIDTH 9
#define UNIT_WIDTH   5
#define NUMBERS      5
#define CELL         64

static int status;

/* The table that rows belong to. */
static struct {
  char id[64], title[200];
  bool has_columns;
} table;

/* ---- as Markdown ---- */

void bench_table(const char *id, const char *title, ...)
{
  va_list args;
  snprintf(table.id, sizeof table.id, "%s", id);
  va_start(args, title);
  vsnprintf(table.title, sizeof table.title, title, args);
  va_end(args);
  table.has_columns = false;
  printf("\n#### %s\n", table.title);
}

void bench_note(const char *format, ...)
{
  va_list args;
  putchar('\n');
  va_start(args, format);
  vprintf(format, args);
  va_end(args);
  putchar('\n');
  table.has_columns = false;
  fflush(stdout);
}

static void print_columns(void)
{
  static const char *const names[NUMBERS] = {"median", "p25", "p75", "p99", "ratio"};
  static const char line[] = "----------------------------------------------------------------";
  if (table.has_columns)
    return;
  table.has_columns = true;
  printf("\n| %-*s |", NAME_WIDTH, "");
  for (size_t i = 0; i < NUMBERS; i++)
    printf(" %*s |", NUMBER_WIDTH, names[i]);
  printf(" %-*s | target |\n|-%.*s-|", UNIT_WIDTH, "", NAME_WIDTH, line);
  for (size_t i = 0; i < NUMBERS; i++)
    printf("-%.*s:|", NUMBER_WIDTH, line);
  printf("-%.*s-|--------|\n", UNIT_WIDTH, line);
}

/* Three digits that say something, and no part of a thing that is counted. */
static void print_number(double value, const char *after)
{
  char cell[CELL];
  bool whole = value == floor(value) && fabs(value) < 1e12;
  int digits = whole || fabs(value) >= 100 ? 0 : fabs(value) >= 10 ? 1 : 2;
  snprintf(cell, sizeof cell, "%.*f%s", digits, value, after);
  printf(" %*s |", NUMBER_WIDTH, cell);
}

static void print_spread(const BenchSpread *figure)
{
  print_number(figure->median, "");
  if (figure->count > 1) {
    print_number(figure->p25, "");
    print_number(figure->p75, "");
    print_number(figure->p99, "");
  } else {
    printf(" %*s | %*s | %*s |", NUMBER_WIDTH, "", NUMBER_WIDTH, "", NUMBER_WIDTH, "");
  }
}

static bool is_met(const BenchRow *row)
{
  switch (row->compare) {
  case BENCH_AT_MOST:
    return row->figure.median <= row->target;
  case BENCH_AT_LEAST:
    return row->figure.median >= row->target;
  case BENCH_EXACTLY:
    return row->figure.median >= row->target && row->figure.median <= row->target;
  default:
    return true;
  }
}

static void print_target(const BenchRow *row)
{
  static const char *const relation[] = {"", "<=", ">=", "="};
  bool met = is_met(row);
  if (row->compare != BENCH_NO_TARGET)
    printf(" %s %g: %s", relation[row->compare], row->target, met ? "met" : "**MISSED**");
  if (!met && row->decides)
    status = 1;
}

/* ---- as data ---- */

/* ID, title, name, unit, the number of samples, p25, median, p75, p99, ratio; tabs between them. */
static void append_data(const BenchRow *row)
{
  const char *path = getenv("BENCH_DATA");
  FILE *file = path ? fopen(path, "ae") : NULL;
  bench_require(file || !path, "BENCH_DATA");
  if (!file)
    return;
  const BenchSpread *figure = &row->figure;
  fprintf(file, "%s\t%s\t%s\t%s\t%zu\t%.9g\t%.9g\t%.9g\t%.9g\t%.9g\n", table.id, table.title,
          row->name, row->unit, figure->count, figure->p25, figure->median, figure->p75,
          figure->p99, row->ratio.count ? row->ratio.median : 0);
  bench_require(fclose(file) == 0, "BENCH_DATA");
}

/* ---- a row ---- */

void bench_row(const BenchRow *row)
{
  size_t indent = strspn(row->name, " ");
  print_columns();
  /* Markdown drops spaces at the start of a cell. */
  printf("| %s%-*s |", indent ? "– " : "", NAME_WIDTH - (indent ? 2 : 0), row->name + indent);
  print_spread(&row->figure);
  if (row->ratio.count)
    print_number(row->ratio.median, "x");
  else
    printf(" %*s |", NUMBER_WIDTH, "");
  printf(" %-*s |", UNIT_WIDTH, row->unit);
  print_target(row);
  printf(" |\n");
  fflush(stdout);
  append_data(row);
}

void bench_count_row(const char *name, double value, double exactly)
{
  const bool decides = exactly >= 0;
  bench_row(&(BenchRow){.name = name,
                        .unit = "",
                        .figure = bench_count(value),
                        .compare = decides ? BENCH_EXACTLY : BENCH_NO_TARGET,
                        .target = exactly,
                        .decides = decides});
}

int bench_status(void)
{
  return status;
}
