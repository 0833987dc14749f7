/* SPDX-License-Identifier: MIT */
/* config-block.h - the smallest configuration block that the library takes: without any table. */
#ifndef THRED_TESTS_UNIT_CONFIG_BLOCK_H
#define THRED_TESTS_UNIT_CONFIG_BLOCK_H

#include "lib/snapshot.h"

/* Its head. `size` is that of the whole block in bytes, more than a head: the last one must be 0.
 */
static inline Snapshot config_block_head(size_t size)
{
  const SnapshotTable none = {sizeof(Snapshot), 0};
  return (Snapshot){.magic = SNAPSHOT_MAGIC,
                    .layout = SNAPSHOT_LAYOUT,
                    .size = (uint32_t)size,
                    .sources = none,
                    .environments = none,
                    .hosts = none,
                    .routes = none,
                    .stack = none,
                    .options = none,
                    .identities = none,
                    .problems = none,
                    .default_environment = SNAPSHOT_NONE};
}

#endif
