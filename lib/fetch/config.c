/* SPDX-License-Identifier: MIT */
#include "lib/fetch/config.h"

#include "lib/fetch/config-environments.h"
#include "lib/fetch/config-files.h"
#include "lib/fetch/config-limits.h"
#include "lib/fetch/config-routes.h"
#include "lib/fetch/config-values.h"
#include "lib/fetch/snapshot-build.h"

static void write_sources(const ConfigTree *tree, SnapshotBuild *build)
{
  for (guint i = 0; i < tree->sources->len; i++) {
    const ConfigSource *source = g_ptr_array_index(tree->sources, i);
    SnapshotSource record = source->identity;
    record.path = snapshot_build_string(build, source->path);
    snapshot_build_add(build, SNAPSHOT_BUILD_SOURCES, &record);
  }
}

static void write_problems(const ConfigTree *tree, SnapshotBuild *build)
{
  for (guint i = 0; i < tree->problems->len; i++) {
    const ConfigProblem *problem = g_ptr_array_index(tree->problems, i);
    SnapshotProblem record = {snapshot_build_string(build, problem->place.file),
                              problem->place.line, snapshot_build_string(build, problem->text)};
    snapshot_build_add(build, SNAPSHOT_BUILD_PROBLEMS, &record);
  }
}

/*
 * [thred]. An error in it puts the defaults in force, with one exception: `seal = required` stays,
 * for a mistake in another key must not take a protection away.
 */
static void set_process_wide(const ConfigTree *tree, SnapshotHeader *header)
{
  const ConfigGroup *thred = config_tree_find(tree, CONFIG_THRED, "");
  header->seal = config_group_number(thred, "seal", CONFIG_DEFAULT_SEAL);
  if (thred && thred->disabled) {
    if (header->seal != SNAPSHOT_SEAL_REQUIRED)
      header->seal = CONFIG_DEFAULT_SEAL;
    thred = NULL;
  }
  header->log = config_group_number(thred, "log", CONFIG_DEFAULT_LOG);
  header->entries = config_group_number(thred, "entries", CONFIG_DEFAULT_ENTRIES);
}

int config_gather(ConfigTree *tree, SnapshotBuild *build, const SnapshotOrigin *origin,
                  SnapshotHeader *header, Error *error)
{
  if (!config_files_read(tree, origin))
    return error_set(error, THRED_E_NO_MEMORY,
                     "no memory, or no descriptor, to read the configuration");
  if (origin->modules)
    config_tree_source(tree, origin->modules);
  config_limits_apply(tree);
  set_process_wide(tree, header);
  header->default_environment = config_environments_write(tree, build, origin);
  config_routes_write(tree, build);
  return THRED_OK;
}

int config_load(const SnapshotOrigin *origin, void **block, size_t *size, Error *error)
{
  g_autoptr(ConfigTree) tree = config_tree_new();
  g_autoptr(SnapshotBuild) build = snapshot_build_new();
  SnapshotHeader header = {0};
  int code = config_gather(tree, build, origin, &header, error);
  if (code)
    return code;
  write_sources(tree, build);
  write_problems(tree, build);
  return snapshot_build_finish(build, &header, block, size, error);
}
