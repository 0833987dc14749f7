/* SPDX-License-Identifier: MIT */
/*
 * row.c - the table for figures that a shell script has taken.
 *
 *     bench-row ID TITLE [NAME VALUE UNIT]...
 *
 * A name that ends with "<=N" (">=N", "=N") has that target.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/bench/bench.h"

/* The target at the end of the name, which it is taken from. */
static void take_target(char *name, BenchRow *row)
{
  char *relation = strpbrk(name, "<>=");
  if (!relation)
    return;
  row->compare = *relation == '<'   ? BENCH_AT_MOST
                 : *relation == '>' ? BENCH_AT_LEAST
                                    : BENCH_EXACTLY;
  row->target = strtod(relation + strspn(relation, "<>="), NULL);
  *relation = 0;
}

int main(int argc, char **argv)
{
  if (argc < 3 || argc % 3) {
    fprintf(stderr, "usage: bench-row ID TITLE [NAME VALUE UNIT]...\n");
    return 2;
  }
  bench_table(argv[1], "%s", argv[2]);
  for (int i = 3; i < argc; i += 3) {
    BenchRow row = {
        .name = argv[i], .unit = argv[i + 2], .figure = bench_count(strtod(argv[i + 1], NULL))};
    take_target(argv[i], &row);
    bench_row(&row);
  }
  return bench_status();
}
