/* SPDX-License-Identifier: MIT */
/*
 * config-stack.h - stacks of credential sources: `credentials = env [NOTFOUND=return] file`.
 *
 * The grammar is that of nsswitch.conf(5): words, each followed by any number of
 * [STATUS=ACTION ...] or [!STATUS=ACTION ...], case-insensitive.
 */
#ifndef THRED_LIB_FETCH_CONFIG_STACK_H
#define THRED_LIB_FETCH_CONFIG_STACK_H

#include "lib/fetch/config-tree.h"
#include "lib/fetch/snapshot-build.h"

typedef struct {
  char *name;
  guint32 action[4]; /* SnapshotAction by ThredCredentialStatus */
} ConfigStackWord;

/* A stack line to an array of ConfigStackWord. Returns NULL, or what is wrong with it (to free). */
char *config_stack_parse(const char *line, GPtrArray **result);

/*
 * False, with a problem, if `stack` (an entry of `environment`; NULL is fine) names a
 * [credentials NAME] group that is disabled: the sources that remain could deliver another key than
 * the one that was meant.
 */
bool config_stack_check(ConfigTree *tree, const ConfigGroup *environment, const ConfigEntry *stack);

/* The entries of a [credentials NAME] group that are its module's, in reading order: all but
 * `module`. Entries (ConfigEntry) stay the tree's, the array is the caller's. */
GPtrArray *config_stack_options(const ConfigGroup *group);

/*
 * Writes the entries of `stack` (NULL: an empty run). For an active environment every module is
 * asked what its answers depend on, and becomes a source of the block; one that cannot say keeps
 * its entry, without identities, and makes a problem.
 */
SnapshotTable config_stack_write(ConfigTree *tree, SnapshotBuild *build,
                                 const SnapshotOrigin *origin, const ConfigGroup *environment,
                                 const ConfigEntry *stack, bool active);

#endif
