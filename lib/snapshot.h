/* SPDX-License-Identifier: MIT */
/*
 * snapshot.h - reading the configuration block (snapshot-layout.h).
 *
 * A Snapshot is the process's own copy of a block that has passed snapshot_check(), so that the
 * accessors need no further bounds checks. It is immutable; any thread may read it.
 */
#ifndef THRED_LIB_SNAPSHOT_H
#define THRED_LIB_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"
#include "lib/snapshot-layout.h"

typedef SnapshotHeader Snapshot;

/*
 * Which directories a process reads: they decide, with the sources' identities, whether a block
 * made by one process is right for another. NULL: this level does not exist for the process.
 */
typedef struct {
  const char *shipped; /* $prefix/lib/thred/conf.d */
  const char *admin;   /* $sysconfdir/thred/conf.d, or THRED_CONF_DIR */
  const char *user;    /* ~/.config/thred/conf.d; NULL for root, AT_SECURE, THRED_CONF_DIR */
  const char *modules; /* the module directory: identities come from modules */
  uint32_t uid;        /* effective: owner of what may be read beside root's */
  uint32_t at_secure;  /* 1: environment variables do not count */
} SnapshotOrigin;

/* Every offset, index and string of the block lies inside it and every enum has a known value. Safe
 * on hostile bytes. `bytes` must be 8-byte aligned. */
bool snapshot_check(const void *bytes, size_t size);

/* Every source still is what the block recorded: one stat(2) each. */
bool snapshot_is_current(const Snapshot *snapshot);

static inline const char *snapshot_string(const Snapshot *snapshot, uint32_t offset)
{
  return offset ? (const char *)snapshot + offset : NULL;
}

/* Of a string that snapshot_check() has found set: never NULL, whatever becomes of the block. */
static inline const char *snapshot_text(const Snapshot *snapshot, uint32_t offset)
{
  return offset ? (const char *)snapshot + offset : "";
}

#define SNAPSHOT_TABLE_ACCESSOR(function, type, table)                                             \
  static inline const type *function(const Snapshot *snapshot, uint32_t index)                     \
  {                                                                                                \
    return (const type *)(const void *)((const char *)snapshot + snapshot->table.offset) + index;  \
  }
SNAPSHOT_TABLE_ACCESSOR(snapshot_source, SnapshotSource, sources)
SNAPSHOT_TABLE_ACCESSOR(snapshot_environment, SnapshotEnvironment, environments)
SNAPSHOT_TABLE_ACCESSOR(snapshot_host, SnapshotHost, hosts)
SNAPSHOT_TABLE_ACCESSOR(snapshot_route, SnapshotRoute, routes)
SNAPSHOT_TABLE_ACCESSOR(snapshot_stack, SnapshotStackEntry, stack)
SNAPSHOT_TABLE_ACCESSOR(snapshot_option, SnapshotOption, options)
SNAPSHOT_TABLE_ACCESSOR(snapshot_identity, SnapshotIdentity, identities)
SNAPSHOT_TABLE_ACCESSOR(snapshot_problem, SnapshotProblem, problems)
#undef SNAPSHOT_TABLE_ACCESSOR

/* Some module could not tell its identity when the block was made: perhaps for a reason of that
 * process's own, so it is not for others, and not for long. */
bool snapshot_is_provisional(const Snapshot *snapshot);

/* The environment called `name`, or SNAPSHOT_NONE. */
uint32_t snapshot_find_environment(const Snapshot *snapshot, const char *name);

/* What a stat(2) of `path` says, in the form that SnapshotSource keeps (its path stays 0). */
SnapshotSource snapshot_stat(const char *path);

#endif
