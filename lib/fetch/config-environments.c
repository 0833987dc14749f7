/* SPDX-License-Identifier: MIT */
#include "lib/fetch/config-environments.h"

#include <string.h>

#include "lib/fetch/config-stack.h"
#include "lib/fetch/config-values.h"

/* Whose tokens such a host would get, nobody can say: an error in both, and both are disabled. */
static void claim_hosts(ConfigTree *tree, ConfigGroup *group, GHashTable *owners)
{
  const ConfigEntry *hosts = config_group_entry(group, "hosts");
  for (char **host = hosts ? hosts->list : NULL; host && *host; host++) {
    ConfigGroup *other = g_hash_table_lookup(owners, *host);
    if (!other) {
      g_hash_table_insert(owners, *host, group);
      continue;
    }
    const ConfigEntry *theirs = config_group_entry(other, "hosts");
    config_problem(tree, theirs->place, other->label, "hosts",
                   "%s is named in [%s] (%s:%u) too; both are disabled, for a host belongs to one "
                   "environment",
                   *host, group->label, hosts->place.file, hosts->place.line);
    config_problem(tree, hosts->place, group->label, "hosts",
                   "%s is named in [%s] (%s:%u) too; both are disabled, for a host belongs to one "
                   "environment",
                   *host, other->label, theirs->place.file, theirs->place.line);
    config_disable(group, hosts->place);
    config_disable(other, theirs->place);
  }
}

/* What only shows when all files are merged. */
static void judge(ConfigTree *tree, ConfigGroup *group)
{
  const ConfigEntry *credentials = config_group_entry(group, "credentials");
  const ConfigEntry *next = config_group_entry(group, "next");
  const ConfigEntry *pin = config_group_entry(group, "pin-business");
  if (pin && pin->number && !config_group_entry(group, "business")) {
    config_problem(tree, pin->place, group->label, "pin-business",
                   "is yes, but there is no business to pin; set business to its UUID");
    config_disable(group, pin->place);
  }
  if (credentials && !group->disabled && !config_group_entry(group, "hosts")) {
    config_problem(tree, credentials->place, group->label, "hosts",
                   "is missing; an environment with credentials needs a host like "
                   "sandbox.thredfi.com;");
    config_disable(group, credentials->place);
  }
  /* Both are looked at, so that both are told of. */
  bool usable = config_stack_check(tree, group, credentials);
  if (!config_stack_check(tree, group, next) || !usable)
    config_disable(group, credentials ? credentials->place : next->place);
}

static SnapshotTable write_hosts(SnapshotBuild *build, const ConfigGroup *group, uint32_t index)
{
  SnapshotTable run = {snapshot_build_count(build, SNAPSHOT_BUILD_HOSTS), 0};
  const ConfigEntry *hosts = config_group_entry(group, "hosts");
  for (; hosts && hosts->list[run.count]; run.count++) {
    SnapshotHost record = {snapshot_build_string(build, hosts->list[run.count]), index};
    snapshot_build_add(build, SNAPSHOT_BUILD_HOSTS, &record);
  }
  return run;
}

/* Where `key` was set, for messages. */
static void write_place(SnapshotBuild *build, const ConfigGroup *group, const char *key,
                        uint32_t *file, uint32_t *line)
{
  const ConfigEntry *entry = config_group_entry(group, key);
  *file = entry ? snapshot_build_string(build, entry->place.file) : 0;
  *line = entry ? entry->place.line : 0;
}

bool config_environment_is_active(const ConfigTree *tree, const ConfigGroup *group)
{
  return config_group_entry(group, "credentials") && config_group_entry(group, "hosts") &&
         !group->disabled && !tree->incomplete;
}

static bool write_environment(ConfigTree *tree, SnapshotBuild *build, const SnapshotOrigin *origin,
                              const ConfigGroup *group)
{
  uint32_t index = snapshot_build_count(build, SNAPSHOT_BUILD_ENVIRONMENTS);
  SnapshotTable hosts = write_hosts(build, group, index);
  const ConfigEntry *credentials = config_group_entry(group, "credentials");
  const ConfigEntry *next = config_group_entry(group, "next");
  bool active = config_environment_is_active(tree, group);
  ConfigPlace place = credentials ? credentials->place : group->place;
  SnapshotEnvironment record = {
      .name = snapshot_build_string(build, group->name),
      .active = active,
      .first_host = hosts.offset,
      .host_count = hosts.count,
      .business = snapshot_build_string(build, config_group_text(group, "business")),
      .pin_business = config_group_number(group, "pin-business", 0),
      .allow = config_group_number(group, "allow", CONFIG_DEFAULT_ALLOW),
      .existing_authorization =
          config_group_number(group, "existing-authorization", SNAPSHOT_EXISTING_KEEP),
      .refresh_before = config_group_number(group, "refresh-before", CONFIG_DEFAULT_REFRESH_BEFORE),
      .connect_timeout =
          config_group_number(group, "connect-timeout", CONFIG_DEFAULT_CONNECT_TIMEOUT),
      .timeout = config_group_number(group, "timeout", CONFIG_DEFAULT_TIMEOUT),
      .key_created = snapshot_build_string(build, config_group_text(group, "key-created")),
      .ca_file = snapshot_build_string(build, config_group_text(group, "ca-file")),
      .connect_to = snapshot_build_string(build, config_group_text(group, "connect-to")),
      .file = snapshot_build_string(build, place.file),
      .line = place.line,
  };
  write_place(build, group, "allow", &record.allow_file, &record.allow_line);
  write_place(build, group, "pin-business", &record.pin_file, &record.pin_line);
  record.credentials = config_stack_write(tree, build, origin, group, credentials, active);
  record.next = config_stack_write(tree, build, origin, group, next, active);
  snapshot_build_add(build, SNAPSHOT_BUILD_ENVIRONMENTS, &record);
  return active;
}

/* `active` by index; the default environment is chosen among these. */
static uint32_t choose_default(ConfigTree *tree, const GPtrArray *groups, const bool *active)
{
  const ConfigGroup *thred = config_tree_find(tree, CONFIG_THRED, "");
  const ConfigEntry *wanted = config_group_entry(thred, "environment");
  uint32_t only = SNAPSHOT_NONE;
  guint n_active = 0;
  for (guint i = 0; i < groups->len; i++) {
    const ConfigGroup *group = g_ptr_array_index(groups, i);
    if (wanted && strcmp(group->name, wanted->text) == 0) {
      /* [thred] itself is disabled: another one than the wanted must not slip in as the default. */
      if (thred->disabled)
        return SNAPSHOT_NONE;
      if (active[i])
        return i;
      /* One that a mistake disables has been told of, by that mistake. */
      if (!group->disabled && !tree->incomplete)
        config_problem(tree, wanted->place, thred->label, wanted->key,
                       "[%s] is not active: set its credentials, or name another one",
                       group->label);
      return SNAPSHOT_NONE;
    }
    if (active[i]) {
      only = i;
      n_active++;
    }
  }
  if (wanted && !thred->disabled)
    config_problem(tree, wanted->place, thred->label, wanted->key,
                   "there is no [environment %s]; name one that there is", wanted->text);
  return !wanted && n_active == 1 ? only : SNAPSHOT_NONE;
}

uint32_t config_environments_write(ConfigTree *tree, SnapshotBuild *build,
                                   const SnapshotOrigin *origin)
{
  g_autoptr(GPtrArray) groups = config_tree_groups(tree, CONFIG_ENVIRONMENT);
  g_autoptr(GHashTable) owners = g_hash_table_new(g_str_hash, g_str_equal);
  for (guint i = 0; i < groups->len; i++)
    claim_hosts(tree, g_ptr_array_index(groups, i), owners);
  for (guint i = 0; i < groups->len; i++)
    judge(tree, g_ptr_array_index(groups, i));
  g_autofree bool *active = g_new0(bool, groups->len + 1);
  for (guint i = 0; i < groups->len; i++)
    active[i] = write_environment(tree, build, origin, g_ptr_array_index(groups, i));
  /* clang's analyzer does not know g_autofree. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
  return choose_default(tree, groups, active);
}
