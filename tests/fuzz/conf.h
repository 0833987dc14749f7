/* SPDX-License-Identifier: MIT */
/* conf.h - the three conf.d directories in a temporary one, which goes away with the process. */
#ifndef THRED_TESTS_FUZZ_CONF_H
#define THRED_TESTS_FUZZ_CONF_H

#include "lib/fetch/config.h"

typedef enum { CONF_SHIPPED, CONF_ADMIN, CONF_USER, CONF_LEVELS } ConfLevel;

typedef struct {
  char directory[CONF_LEVELS][64];
  char modules[64];
  SnapshotOrigin origin;
} Conf;

/* Its paths have the same length each time, so that a block made from it has, too. Once only. */
void conf_make(Conf *conf);

void conf_write(const Conf *conf, ConfLevel level, const char *name, const void *bytes, size_t size,
                unsigned mode);
/* .. with a link to /dev/null in its place. */
void conf_mask(const Conf *conf, ConfLevel level, const char *name);
void conf_remove(const Conf *conf, ConfLevel level, const char *name);

/* The configuration that is shipped, and `text` as the administrator's. */
void conf_write_shipped(const Conf *conf, const char *text);

/* What config_load() makes of it, to be freed; the block is sound. */
Snapshot *conf_load(const SnapshotOrigin *origin, size_t *size);

#endif
