/* SPDX-License-Identifier: MIT */
/* config-limits.h - what a user's file may not widen: seal, allow, pin-business, a pinned business.
 */
#ifndef THRED_LIB_FETCH_CONFIG_LIMITS_H
#define THRED_LIB_FETCH_CONFIG_LIMITS_H

#include "lib/fetch/config-tree.h"

/*
 * Merges the user's values of the limited keys into the groups, after all files were read: what the
 * system's files say counts wherever they sort. A value that would widen makes a problem and is
 * left out; it disables nothing, for what is in force is right.
 */
void config_limits_apply(ConfigTree *tree);

#endif
