/* SPDX-License-Identifier: MIT */
/* config-routes.h - [route NAME] groups: what a path may look like, and which route comes first. */
#ifndef THRED_LIB_FETCH_CONFIG_ROUTES_H
#define THRED_LIB_FETCH_CONFIG_ROUTES_H

#include "lib/fetch/config-tree.h"
#include "lib/fetch/snapshot-build.h"

/*
 * A list of methods (NULL: the value was no list) to "*" or "GET;POST;"; a path to its form without
 * trailing slash. Return NULL, or what is wrong (to free).
 */
char *config_route_methods(char **methods, char **result);
char *config_route_path(const char *path, char **result);

/* Judges the routes as wholes and writes them, most specific first: the first match wins. */
void config_routes_write(ConfigTree *tree, SnapshotBuild *build);

#endif
