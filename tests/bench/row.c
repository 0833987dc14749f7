/* SPDX-License-Identifier: MIT */
/*
 * row.c - the table for figures that a shell script has taken.
 *
 *     bench-row TITLE [NAME VALUE UNIT]...
 */
#include <stdlib.h>

#include "tests/bench/bench.h"

int main(int argc, char **argv)
{
  if (argc < 2 || (argc - 2) % 3) {
    fprintf(stderr, "usage: bench-row TITLE [NAME VALUE UNIT]...\n");
    return 2;
  }
  bench_title("%s", argv[1]);
  for (int i = 2; i < argc; i += 3) {
    BenchRow row = {
        .name = argv[i], .unit = argv[i + 2], .figure = bench_count(strtod(argv[i + 1], NULL))};
    bench_row(&row);
  }
  return bench_status();
}
