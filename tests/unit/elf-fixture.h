/* SPDX-License-Identifier: MIT */
/* elf-fixture.h - broken copies of a real program: this test, which is linked with libcurl. */
#ifndef TESTS_UNIT_ELF_FIXTURE_H
#define TESTS_UNIT_ELF_FIXTURE_H

#include <stdbool.h>

/* Calls `look` with the path of each: cut off at many places, and with bytes changed where the
 * headers, the segments and the dynamic section are. */
void elf_each_broken(void (*look)(const char *path));

/* How many descriptors this process has. */
unsigned elf_descriptors(void);

#endif
