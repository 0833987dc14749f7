/* SPDX-License-Identifier: MIT */
/* config-environments.h - [environment NAME] groups as wholes: which are active, and what they say.
 */
#ifndef THRED_LIB_FETCH_CONFIG_ENVIRONMENTS_H
#define THRED_LIB_FETCH_CONFIG_ENVIRONMENTS_H

#include "lib/fetch/config-tree.h"
#include "lib/fetch/snapshot-build.h"

/*
 * Judges and writes all environments with their hosts and stacks. Returns the index of the default
 * one: `[thred] environment`, else the only active one, else SNAPSHOT_NONE.
 */
uint32_t config_environments_write(ConfigTree *tree, SnapshotBuild *build,
                                   const SnapshotOrigin *origin);

/* Of one that has been judged: it has what it needs, and no error is in the way. */
bool config_environment_is_active(const ConfigTree *tree, const ConfigGroup *group);

#endif
