/* SPDX-License-Identifier: MIT */
/*
 * config-hidden.h - which values of conf.d are not shown to anyone.
 *
 * No secret belongs there. But what a module's option means only the module knows, and whoever
 * types a key into the wrong place reads `thredctl config` next, perhaps with others who watch. So
 * an option is hidden if its name says that it is a secret, or if its value looks like one.
 */
#ifndef THRED_LIB_FETCH_CONFIG_HIDDEN_H
#define THRED_LIB_FETCH_CONFIG_HIDDEN_H

#include "lib/fetch/config-tree.h"

bool config_is_hidden(const ConfigTree *tree, ConfigKind kind, const char *key, const char *value);

#endif
