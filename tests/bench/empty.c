/* SPDX-License-Identifier: MIT */
/* empty.c - an object for LD_PRELOAD with nothing in it: what any at all costs. */
extern const char bench_empty;
const char bench_empty = 0;
