/* SPDX-License-Identifier: MIT */
/*
 * config-lines.h - one file of conf.d, line by line, into the tree.
 *
 * GKeyFile has no line numbers and drops a whole file for one bad line. So the lines are told apart
 * here, and only the values of well-formed ones go through GKeyFile (config-values.h).
 */
#ifndef THRED_LIB_FETCH_CONFIG_LINES_H
#define THRED_LIB_FETCH_CONFIG_LINES_H

#include "lib/fetch/config-tree.h"

typedef enum { CONFIG_SHIPPED, CONFIG_ADMIN, CONFIG_USER, CONFIG_LEVELS } ConfigLevel;

typedef struct {
  char *name; /* in its directory: what files are sorted and replaced by */
  char *path;
  ConfigLevel level;
  bool replaced; /* by a user's file: it still counts where a user may not widen */
} ConfigFile;

/*
 * Reads `text` (any bytes) into the tree. Every error becomes a problem and disables the group that
 * it stands in.
 */
void config_lines_read(ConfigTree *tree, const ConfigFile *file, const char *text, gsize size);

/* Disables every group that `text` has a header of, and takes nothing else from it. */
void config_lines_disable(ConfigTree *tree, const ConfigFile *file, const char *text, gsize size);

#endif
