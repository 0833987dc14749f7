/* SPDX-License-Identifier: MIT */
/*
 * snapshot-build.h - writes the flat block of lib/snapshot-layout.h.
 *
 * Strings and records are added in any order; the block is laid out at the end as header, strings,
 * tables. Past SNAPSHOT_MAX nothing more is taken in, and finishing fails. One thread at a time.
 */
#ifndef THRED_LIB_FETCH_SNAPSHOT_BUILD_H
#define THRED_LIB_FETCH_SNAPSHOT_BUILD_H

#include <glib.h>

#include "lib/error.h"
#include "lib/snapshot-layout.h"

typedef struct SnapshotBuild SnapshotBuild;

typedef enum {
  SNAPSHOT_BUILD_SOURCES,
  SNAPSHOT_BUILD_ENVIRONMENTS,
  SNAPSHOT_BUILD_HOSTS,
  SNAPSHOT_BUILD_ROUTES,
  SNAPSHOT_BUILD_STACK,
  SNAPSHOT_BUILD_OPTIONS,
  SNAPSHOT_BUILD_IDENTITIES,
  SNAPSHOT_BUILD_PROBLEMS,
  SNAPSHOT_BUILD_TABLES
} SnapshotBuildTable;

SnapshotBuild *snapshot_build_new(void);
void snapshot_build_free(SnapshotBuild *build);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SnapshotBuild, snapshot_build_free)

/* The offset of `text` in the block; equal strings are stored once. 0 for NULL. */
uint32_t snapshot_build_string(SnapshotBuild *build, const char *text);

/* Adds one record of the type that belongs to `table`. */
void snapshot_build_add(SnapshotBuild *build, SnapshotBuildTable table, const void *record);

/* How many records `table` has, which is the index of its next one. */
uint32_t snapshot_build_count(const SnapshotBuild *build, SnapshotBuildTable table);

/*
 * Lays the block out, with the values of `header` that are neither sizes nor tables. On THRED_OK
 * *block is malloc'ed, the caller's, and passes snapshot_check(). Else THRED_E_CONFIG (too large)
 * or THRED_E_NO_MEMORY, and *block is untouched.
 */
int snapshot_build_finish(SnapshotBuild *build, const SnapshotHeader *header, void **block,
                          size_t *size, Error *error);

#endif
