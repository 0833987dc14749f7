/* SPDX-License-Identifier: MIT */
#include "lib/fetch/snapshot-build.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/snapshot.h"

struct SnapshotBuild {
  GByteArray *strings; /* as they will stand behind the header */
  GHashTable *offsets; /* text -> its offset in the block */
  GArray *tables[SNAPSHOT_BUILD_TABLES];
  size_t size; /* of everything so far */
  bool full;
};

/* By SnapshotBuildTable: what a record takes, and where the header keeps the table. */
static const struct {
  guint record;
  size_t header;
} tables[SNAPSHOT_BUILD_TABLES] = {
    {sizeof(SnapshotSource), offsetof(SnapshotHeader, sources)},
    {sizeof(SnapshotEnvironment), offsetof(SnapshotHeader, environments)},
    {sizeof(SnapshotHost), offsetof(SnapshotHeader, hosts)},
    {sizeof(SnapshotRoute), offsetof(SnapshotHeader, routes)},
    {sizeof(SnapshotStackEntry), offsetof(SnapshotHeader, stack)},
    {sizeof(SnapshotOption), offsetof(SnapshotHeader, options)},
    {sizeof(SnapshotIdentity), offsetof(SnapshotHeader, identities)},
    {sizeof(SnapshotProblem), offsetof(SnapshotHeader, problems)},
};

SnapshotBuild *snapshot_build_new(void)
{
  SnapshotBuild *build = g_new0(SnapshotBuild, 1);
  build->strings = g_byte_array_new();
  build->offsets = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < SNAPSHOT_BUILD_TABLES; i++)
    build->tables[i] = g_array_new(FALSE, FALSE, tables[i].record);
  /* The header, and what padding the tables and the last NUL can take. */
  build->size = sizeof(SnapshotHeader) + 8 * (SNAPSHOT_BUILD_TABLES + 2);
  return build;
}

void snapshot_build_free(SnapshotBuild *build)
{
  for (guint i = 0; i < SNAPSHOT_BUILD_TABLES; i++)
    g_array_unref(build->tables[i]);
  g_hash_table_unref(build->offsets);
  g_byte_array_unref(build->strings);
  g_free(build);
}

/* Whether `size` more bytes still fit; they count as taken then. */
static bool take(SnapshotBuild *build, size_t size)
{
  if (build->full || size > SNAPSHOT_MAX - build->size) {
    build->full = true;
    return false;
  }
  build->size += size;
  return true;
}

uint32_t snapshot_build_string(SnapshotBuild *build, const char *text)
{
  if (!text)
    return 0;
  gpointer known = g_hash_table_lookup(build->offsets, text);
  if (known)
    return GPOINTER_TO_UINT(known);
  size_t length = strlen(text) + 1;
  if (!take(build, length))
    return 0;
  uint32_t offset = (uint32_t)(sizeof(SnapshotHeader) + build->strings->len);
  g_byte_array_append(build->strings, (const guint8 *)text, (guint)length);
  g_hash_table_insert(build->offsets, g_strdup(text), GUINT_TO_POINTER(offset));
  return offset;
}

void snapshot_build_add(SnapshotBuild *build, SnapshotBuildTable table, const void *record)
{
  if (take(build, tables[table].record))
    g_array_append_vals(build->tables[table], record, 1);
}

uint32_t snapshot_build_count(const SnapshotBuild *build, SnapshotBuildTable table)
{
  return build->tables[table]->len;
}

static size_t aligned(size_t offset)
{
  return (offset + 7) & ~(size_t)7;
}

int snapshot_build_finish(SnapshotBuild *build, const SnapshotHeader *header, void **block,
                          size_t *size, Error *error)
{
  if (build->full)
    return error_set(error, THRED_E_CONFIG,
                     "the configuration is larger than the %u KiB that it may take once it is read",
                     SNAPSHOT_MAX / 1024);
  /* Zeroed: the padding, and the NUL that ends the block, which the tables alone would not. */
  char *bytes = calloc(1, build->size);
  if (!bytes)
    return error_set(error, THRED_E_NO_MEMORY, "no memory for the configuration");
  SnapshotHeader head = *header;
  head.magic = SNAPSHOT_MAGIC;
  head.layout = SNAPSHOT_LAYOUT;
  size_t at = sizeof head;
  if (build->strings->len)
    memcpy(bytes + at, build->strings->data, build->strings->len);
  at += build->strings->len;
  for (guint i = 0; i < SNAPSHOT_BUILD_TABLES; i++) {
    at = aligned(at);
    SnapshotTable table = {(uint32_t)at, build->tables[i]->len};
    memcpy((char *)&head + tables[i].header, &table, sizeof table);
    size_t length = (size_t)table.count * tables[i].record;
    if (length)
      memcpy(bytes + at, build->tables[i]->data, length);
    at += length;
  }
  head.size = (uint32_t)(aligned(at) + 8);
  memcpy(bytes, &head, sizeof head);
  if (!snapshot_check(bytes, head.size)) {
    free(bytes);
    return error_set(error, THRED_E_CONFIG, "the configuration does not fit the block's layout");
  }
  *block = bytes;
  *size = head.size;
  return THRED_OK;
}
