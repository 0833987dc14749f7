/* SPDX-License-Identifier: MIT */
/* config-files.h - which files of conf.d are read, in which order, and which are refused. */
#ifndef THRED_LIB_FETCH_CONFIG_FILES_H
#define THRED_LIB_FETCH_CONFIG_FILES_H

#include "lib/fetch/config-tree.h"

/*
 * Reads all files of the origin's directories into the tree, sorted by name over all of them, and
 * records every directory and file as a source. What is refused or cannot be read becomes a
 * problem; in a directory of the system's it also leaves the tree incomplete. False: there
 * was no memory, or no descriptor, and what the tree has may lack what forbids.
 */
bool config_files_read(ConfigTree *tree, const SnapshotOrigin *origin);

#endif
