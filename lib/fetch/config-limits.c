/* SPDX-License-Identifier: MIT */
#include "lib/fetch/config-limits.h"

#include <string.h>

#include "lib/fetch/config-values.h"

static void refuse(ConfigTree *tree, const ConfigGroup *group, ConfigEntry *user,
                   const char *in_force)
{
  user->refused = true;
  config_problem(tree, user->place, group->label, user->key,
                 "refused: a user's file may only tighten this; %s stays in force", in_force);
}

/* Takes the user's value over in place of what the group has. */
static void take_over(ConfigGroup *group, const char *key)
{
  gpointer entry = NULL;
  if (g_hash_table_steal_extended(group->user, key, NULL, &entry))
    g_hash_table_replace(group->entries, ((ConfigEntry *)entry)->key, entry);
}

static void limit_allow(ConfigTree *tree, ConfigGroup *group)
{
  ConfigEntry *user = g_hash_table_lookup(group->user, "allow");
  guint32 system = config_group_number(group, "allow", CONFIG_DEFAULT_ALLOW);
  if (user && (user->number & ~system))
    refuse(tree, group, user, system == SNAPSHOT_ALLOW_PARTNER ? "partner;" : "business;");
  else if (user)
    take_over(group, "allow");
}

static void limit_pin(ConfigTree *tree, ConfigGroup *group, bool pinned)
{
  ConfigEntry *user = g_hash_table_lookup(group->user, "pin-business");
  if (user && pinned && !user->number)
    refuse(tree, group, user, "yes");
  else if (user)
    take_over(group, "pin-business");
}

/* Another business than the pinned one would be a way around pin-business. */
static void limit_business(ConfigTree *tree, ConfigGroup *group, bool pinned)
{
  const ConfigEntry *system = config_group_entry(group, "business");
  ConfigEntry *user = g_hash_table_lookup(group->user, "business");
  if (system && pinned) {
    if (user && strcmp(user->text, system->text) != 0)
      refuse(tree, group, user, system->text);
    return;
  }
  /* Not pinned: a key like any other, so the later file counts and a replaced one does not. */
  if (user && (!system || user->order > system->order))
    take_over(group, "business");
  else if (system && system->replaced)
    g_hash_table_remove(group->entries, "business");
}

static void limit_seal(ConfigTree *tree, ConfigGroup *group)
{
  static const int strength[] = {
      [SNAPSHOT_SEAL_OFF] = 0, [SNAPSHOT_SEAL_AUTO] = 1, [SNAPSHOT_SEAL_REQUIRED] = 2};
  ConfigEntry *user = g_hash_table_lookup(group->user, "seal");
  guint32 system = config_group_number(group, "seal", CONFIG_DEFAULT_SEAL);
  if (user && strength[user->number] < strength[system])
    refuse(tree, group, user, system == SNAPSHOT_SEAL_REQUIRED ? "required" : "auto");
  else if (user)
    take_over(group, "seal");
}

void config_limits_apply(ConfigTree *tree)
{
  ConfigGroup *thred = config_tree_find(tree, CONFIG_THRED, "");
  if (thred)
    limit_seal(tree, thred);
  g_autoptr(GPtrArray) groups = config_tree_groups(tree, CONFIG_ENVIRONMENT);
  for (guint i = 0; i < groups->len; i++) {
    ConfigGroup *group = g_ptr_array_index(groups, i);
    bool pinned = config_group_number(group, "pin-business", 0);
    limit_allow(tree, group);
    limit_business(tree, group, pinned);
    limit_pin(tree, group, pinned);
  }
}
