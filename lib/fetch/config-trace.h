/* SPDX-License-Identifier: MIT */
/*
 * config-trace.h - what the files of conf.d say beside what is in force: which became of each file,
 * and every value with its place, those that another one overrides included.
 *
 * Kept for `thredctl config` alone: in a program ConfigTree.trace is NULL, and all of this does
 * nothing.
 */
#ifndef THRED_LIB_FETCH_CONFIG_TRACE_H
#define THRED_LIB_FETCH_CONFIG_TRACE_H

#include "lib/fetch/config-lines.h"

typedef enum {
  CONFIG_FILE_READ,
  CONFIG_FILE_MASKED,   /* by a link to /dev/null */
  CONFIG_FILE_REPLACED, /* by a more important directory's */
  CONFIG_FILE_REFUSED,  /* or cannot be read */
  CONFIG_FILE_MISSING   /* a directory: it is not there */
} ConfigFate;

typedef struct {
  char *path;
  ConfigLevel level;
  ConfigFate fate;
  char *why; /* NULL: it was read */
} ConfigTracedFile;

typedef struct {
  char *value; /* as it counts; as it was written, where that is no text */
  ConfigPlace place;
  ConfigLevel level;
  guint order; /* of its ConfigEntry */
  bool replaced, wrong;
} ConfigTracedValue;

typedef struct ConfigTrace {
  GPtrArray *files;   /* ConfigTracedFile, in reading order */
  GHashTable *values; /* "label\nkey" -> GPtrArray of ConfigTracedValue, in reading order */
} ConfigTrace;

ConfigTrace *config_trace_new(void);
void config_trace_free(ConfigTrace *trace);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ConfigTrace, config_trace_free)

/* `why` may be NULL. */
void config_trace_file(const ConfigTree *tree, ConfigLevel level, const char *path, ConfigFate fate,
                       const char *why);

/* A value that has just been parsed: `raw` to `entry`; `wrong`: it was not what its key takes. */
void config_trace_value(const ConfigTree *tree, const ConfigFile *file, const ConfigGroup *group,
                        const ConfigEntry *entry, const char *raw, bool wrong);

/* All values of a key; NULL: none. */
const GPtrArray *config_trace_values(const ConfigTrace *trace, const ConfigGroup *group,
                                     const char *key);

#endif
