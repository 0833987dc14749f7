/* SPDX-License-Identifier: MIT */
/*
 * config-tree.h - what the files of conf.d say, merged, before it becomes a block.
 *
 * A tree lives for one config_load() and belongs to one thread. Strings handed out belong to it.
 */
#ifndef THRED_LIB_FETCH_CONFIG_TREE_H
#define THRED_LIB_FETCH_CONFIG_TREE_H

#include <glib.h>
#include <stdbool.h>

#include "lib/snapshot.h"

typedef enum { CONFIG_THRED, CONFIG_ENVIRONMENT, CONFIG_CREDENTIALS, CONFIG_ROUTE } ConfigKind;

/* Where something was written; line 0: the whole file. */
typedef struct {
  const char *file;
  guint line;
} ConfigPlace;

/* One key with its value, parsed once, when it was read; which fields count depends on the key. */
typedef struct {
  char *key;
  ConfigPlace place;
  guint order;      /* later in reading order is greater */
  bool replaced;    /* from a file that a user's file of the same name replaces */
  bool refused;     /* a user's, which would widen what the system's files say */
  guint32 number;   /* integers, yes and no, enums, allow */
  char *text;       /* strings, methods, paths */
  char **list;      /* hosts */
  GPtrArray *words; /* ConfigStackWord */
} ConfigEntry;

typedef struct {
  ConfigKind kind;
  char *label;      /* "environment sandbox", as between the brackets */
  const char *name; /* "sandbox"; "" for [thred] */
  ConfigPlace place;
  bool defined;        /* some file that counts has it */
  bool disabled;       /* by an error in it */
  ConfigPlace reason;  /* of the first such error */
  GHashTable *entries; /* key -> ConfigEntry, the last one in reading order */
  GHashTable *user;    /* the same for limited keys in the user's files (config-limits.h) */
} ConfigGroup;

typedef struct {
  ConfigPlace place;
  char *text;
} ConfigProblem;

typedef struct {
  char *path;
  SnapshotSource identity;
} ConfigSource;

typedef struct {
  GStringChunk *strings;
  GHashTable *groups;  /* label -> ConfigGroup */
  GPtrArray *problems; /* ConfigProblem */
  gsize problem_bytes;
  const char *problem_file;  /* of the last problem */
  guint file_problems;       /* in a row, of that file */
  GPtrArray *sources;        /* ConfigSource */
  GHashTable *known_sources; /* their paths */
  bool incomplete; /* something of the system's could not be read: no environment is active */
  guint order;
  struct ConfigTrace *trace; /* the owner of the tree's; NULL: nobody asks (config-trace.h) */
} ConfigTree;

ConfigTree *config_tree_new(void);
void config_tree_free(ConfigTree *tree);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ConfigTree, config_tree_free)

void config_entry_free(ConfigEntry *entry);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ConfigEntry, config_entry_free)

/* The group, made at `place` if it is new. `label` is valid (config_group_label()). */
ConfigGroup *config_tree_group(ConfigTree *tree, ConfigKind kind, const char *label,
                               ConfigPlace place);
/* The group, or NULL: `kind` with its name ("" for [thred]). */
ConfigGroup *config_tree_find(const ConfigTree *tree, ConfigKind kind, const char *name);
/* All defined groups of a kind, in name order; to be released with g_ptr_array_unref(). */
GPtrArray *config_tree_groups(const ConfigTree *tree, ConfigKind kind);

/* The entry of a key, or NULL; its number, or what holds when it is not set. */
const ConfigEntry *config_group_entry(const ConfigGroup *group, const char *key);
guint32 config_group_number(const ConfigGroup *group, const char *key, guint32 otherwise);
const char *config_group_text(const ConfigGroup *group, const char *key);

/*
 * "environment  sandbox" -> "environment sandbox" and its kind; NULL if no group is called so.
 * Freed by the caller.
 */
char *config_group_label(const char *text, ConfigKind *kind);

/* [A-Za-z0-9_-]+, what groups, modules and the words of a stack are called. */
bool config_is_name(const char *text);

/* Disables `group` (may be NULL) because of what stands at `place`. */
void config_disable(ConfigGroup *group, ConfigPlace place);

/* Adds "FILE:LINE: [label] key: MESSAGE"; label and key may be NULL. Bounded in number and size. */
void config_problem(ConfigTree *tree, ConfigPlace place, const char *label, const char *key,
                    const char *format, ...) G_GNUC_PRINTF(5, 6);

/*
 * Records `path` as something the block depends on, as it is now. Called before it is opened:
 * whatever happens to it from then on makes the block stale.
 */
void config_tree_source(ConfigTree *tree, const char *path);

/* `text` in quotes, short, without control characters: fit for a log line. One that may be a key,
 * put in its place by mistake, is not shown. Freed by the caller. */
char *config_quote(const char *text);

#endif
