/* SPDX-License-Identifier: MIT */
/*
 * memory-scan.h - looks for bytes in the memory of a child process, from outside, so that looking
 * leaves nothing there.
 *
 * Left out is what is meant to hold tokens: the segment of the cache (sealed), and the process's
 * copies of what is in it. The latter are told by their mapping's flag that fork(2) wipes it
 * (proc(5): VmFlags "wf"), which nobody else in these programs asks for.
 */
#ifndef TESTS_INTEGRATION_MEMORY_SCAN_H
#define TESTS_INTEGRATION_MEMORY_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

/* How often `secret` stands in writable memory of `pid`; each place is told to `tell`, if it is not
 * NULL. `cache`: look into what is meant to hold tokens, and nowhere else. */
size_t memory_count(pid_t pid, const char *secret, bool cache, FILE *tell);

#endif
