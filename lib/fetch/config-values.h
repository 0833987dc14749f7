/* SPDX-License-Identifier: MIT */
/* config-values.h - which keys there are, and how the value of each is read. */
#ifndef THRED_LIB_FETCH_CONFIG_VALUES_H
#define THRED_LIB_FETCH_CONFIG_VALUES_H

#include "lib/fetch/config-tree.h"

/* What holds where nothing is set; ConfigKey.standard says it in words. */
enum {
  CONFIG_DEFAULT_LOG = SNAPSHOT_LOG_WARNING,
  CONFIG_DEFAULT_SEAL = SNAPSHOT_SEAL_AUTO,
  CONFIG_DEFAULT_ENTRIES = 1024,
  CONFIG_DEFAULT_ALLOW = SNAPSHOT_ALLOW_PARTNER | SNAPSHOT_ALLOW_BUSINESS,
  CONFIG_DEFAULT_REFRESH_BEFORE = 300,
  CONFIG_DEFAULT_CONNECT_TIMEOUT = 5,
  CONFIG_DEFAULT_TIMEOUT = 15
};

/* Reads `value` into `entry`; NULL, or one sentence on what is wrong, freed by the caller. */
typedef struct ConfigKey ConfigKey;
typedef char *(*ConfigParse)(const ConfigKey *key, GKeyFile *value, ConfigEntry *entry);

struct ConfigKey {
  ConfigKind kind;
  const char *name;
  ConfigParse parse;
  guint minimum, maximum;     /* integers */
  const char *const *choices; /* words; the index is the number */
  bool limited;               /* a user's file may not widen it (config-limits.h) */
  const char *standard;       /* what holds where it is not set, as it would be written; or NULL */
};

/* NULL: no such key. Any key is an option of a module in [credentials NAME]. */
const ConfigKey *config_key_find(ConfigKind kind, const char *name);

/* The keys of a kind one by one, NULL first and last. */
const ConfigKey *config_key_next(ConfigKind kind, const ConfigKey *before);

/* "hosts, credentials, ...", for messages; freed by the caller. */
char *config_key_names(ConfigKind kind);

/* Parses what stands after the '='. Returns as ConfigParse does; on failure entry->list may hold
 * what was right in it, and nothing else in `entry` counts. */
char *config_key_parse(const ConfigKey *key, const char *raw, ConfigEntry *entry);

/* For parsers elsewhere: the value with its escapes undone, NULL if they are wrong; the same as a
 * list of stripped, non-empty words, NULL if there is none or one is empty. */
char *config_value_string(GKeyFile *value);
char **config_value_list(GKeyFile *value);

#endif
