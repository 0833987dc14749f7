/* SPDX-License-Identifier: MIT */
/* config.h - conf.d to snapshot (miss part). The contract stands in thred.conf(5). */
#ifndef THRED_LIB_FETCH_CONFIG_H
#define THRED_LIB_FETCH_CONFIG_H

#include "lib/fetch-abi.h"
#include "lib/fetch/config-tree.h"
#include "lib/fetch/snapshot-build.h"

/* FetchApi.load_config */
int config_load(const SnapshotOrigin *origin, void **block, size_t *size, Error *error);

/* Its first part: reads, merges and judges all files, and writes what they say, but for sources and
 * problems, to `build` and *header. */
int config_gather(ConfigTree *tree, SnapshotBuild *build, const SnapshotOrigin *origin,
                  SnapshotHeader *header, Error *error);

/* FetchApi.explain_config */
int config_explain(const SnapshotOrigin *origin, const FetchExplain *each, void *data,
                   Error *error);

#endif
