/* SPDX-License-Identifier: MIT */
/*
 * pair.h - when libraries of libcurl's names must stand in libcurl's place ($libdir/thred/curl,
 * plugin/preload/pair.h), and whether they may.
 */
#ifndef THREDCTL_PAIR_H
#define THREDCTL_PAIR_H

#include <glib.h>
#include <stdbool.h>

#include "tools/thredctl/elf-file.h"
#include "tools/thredctl/program.h"

/* Why calls of this program to libcurl would pass the shim by, or NULL. A wrapper, of whatever
 * kind, that has the name of an interpreter is taken to end in it. */
char *pair_reason(const Program *program, const ElfFile *file);

/*
 * The folders to put in front of LD_LIBRARY_PATH for the program. NULL with a sentence in *problem:
 * it would get another libcurl than now, or not the pair.
 */
char *pair_folders(const char *path, const ElfFile *file, char **problem);

/* `folders` in front of what LD_LIBRARY_PATH has, once. */
char *pair_library_path(const char *folders);

#endif
