/* SPDX-License-Identifier: MIT */
/* config.h - conf.d to snapshot (miss part). The contract stands in thred.conf(5). */
#ifndef THRED_LIB_FETCH_CONFIG_H
#define THRED_LIB_FETCH_CONFIG_H

#include "lib/fetch-abi.h"

/* FetchApi.load_config */
int config_load(const SnapshotOrigin *origin, void **block, size_t *size, Error *error);

#endif
