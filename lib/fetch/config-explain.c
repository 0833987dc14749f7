/* SPDX-License-Identifier: MIT */
/* config-explain.c - the merged configuration, value by value, with where each one came from. */
#include <string.h>

#include "lib/fetch/config-environments.h"
#include "lib/fetch/config-hidden.h"
#include "lib/fetch/config-stack.h"
#include "lib/fetch/config-trace.h"
#include "lib/fetch/config-values.h"
#include "lib/fetch/config.h"
#include "lib/fetch/secret-words.h"

typedef struct {
  const ConfigTree *tree;
  const FetchExplain *each;
  void *data;
  const ConfigGroup *only_active; /* the environment that is the default one by being alone */
} Telling;

static const char *const levels[] = {
    [CONFIG_SHIPPED] = "shipped", [CONFIG_ADMIN] = "administrator", [CONFIG_USER] = "user"};

static void tell_files(const Telling *telling)
{
  static const char *const fates[] = {[CONFIG_FILE_READ] = "read",
                                      [CONFIG_FILE_MASKED] = "masked",
                                      [CONFIG_FILE_REPLACED] = "replaced",
                                      [CONFIG_FILE_REFUSED] = "refused",
                                      [CONFIG_FILE_MISSING] = "missing"};
  const GPtrArray *files = telling->tree->trace->files;
  for (guint i = 0; i < files->len; i++) {
    const ConfigTracedFile *file = g_ptr_array_index(files, i);
    const FetchFile one = {file->path, levels[file->level], fates[file->fate], file->why};
    telling->each->file(&one, telling->data);
  }
}

static void tell_problems(const Telling *telling)
{
  for (guint i = 0; i < telling->tree->problems->len; i++) {
    const ConfigProblem *problem = g_ptr_array_index(telling->tree->problems, i);
    telling->each->problem(problem->place.file, problem->place.line, problem->text, telling->data);
  }
}

/* ---- one key ---- */

static void tell_value(const Telling *telling, ConfigKind kind, const char *key, FetchValue value)
{
  value.key = kind == CONFIG_CREDENTIALS && secret_words_look_encoded(key) ? NULL : key;
  if (value.value && strcmp(value.level, "default") != 0 &&
      config_is_hidden(telling->tree, kind, key, value.value)) {
    value.value = NULL;
    value.hidden = true;
  }
  telling->each->value(&value, telling->data);
}

/* An error in a group is no reason for every value of it not to count (config.c, config-routes.c);
 * but here the default holds. */
static bool is_void(const ConfigGroup *group, const ConfigEntry *entry)
{
  if (!entry || !group->disabled)
    return false;
  if (group->kind == CONFIG_THRED)
    return strcmp(entry->key, "seal") != 0 || entry->number != SNAPSHOT_SEAL_REQUIRED;
  return group->kind == CONFIG_ROUTE && strcmp(entry->key, "token") == 0;
}

/* What holds in place of a value, as it would be written; or NULL. */
static const char *standard_of(const Telling *telling, const ConfigGroup *group,
                               const ConfigKey *key)
{
  if (key->kind == CONFIG_THRED && strcmp(key->name, "environment") == 0)
    return telling->only_active ? telling->only_active->name : NULL;
  if (key->kind == CONFIG_CREDENTIALS)
    return strcmp(key->name, "module") == 0 ? group->name : NULL;
  if (key->kind == CONFIG_ROUTE && group->disabled && strcmp(key->name, "token") == 0)
    return "none";
  return key->standard;
}

static const char *fate_of(const ConfigGroup *group, const char *key,
                           const ConfigTracedValue *traced, const ConfigEntry *entry)
{
  if (entry && entry->order == traced->order)
    return "disabled";
  const ConfigEntry *user = g_hash_table_lookup(group->user, key);
  if (user && user->refused && user->order == traced->order)
    return "refused";
  return traced->replaced ? "replaced" : "overridden";
}

static FetchValue value_of(const ConfigTracedValue *traced, const char *fate)
{
  return (FetchValue){.value = traced->value,
                      .fate = fate,
                      .level = levels[traced->level],
                      .file = traced->place.file,
                      .line = traced->place.line};
}

/* The one in force, or what holds without one; its traced form, or NULL. */
static const ConfigTracedValue *tell_in_force(const Telling *telling, const ConfigGroup *group,
                                              const ConfigKey *key, const char *name,
                                              const ConfigEntry *entry, const GPtrArray *all)
{
  for (guint i = 0; entry && all && i < all->len; i++) {
    const ConfigTracedValue *traced = g_ptr_array_index(all, i);
    if (traced->order != entry->order)
      continue;
    FetchValue value = value_of(traced, "in-force");
    if (traced->wrong && group->kind == CONFIG_THRED)
      value.value = "required"; /* what a mistyped `seal` counts as */
    tell_value(telling, group->kind, name, value);
    return traced;
  }
  const FetchValue value = {
      .value = standard_of(telling, group, key), .fate = "in-force", .level = "default"};
  tell_value(telling, key->kind, name, value);
  return NULL;
}

static void tell_key(const Telling *telling, const ConfigGroup *group, const ConfigKey *key,
                     const char *name)
{
  const ConfigEntry *entry = config_group_entry(group, name);
  const GPtrArray *all = config_trace_values(telling->tree->trace, group, name);
  const ConfigTracedValue *in_force =
      tell_in_force(telling, group, key, name, is_void(group, entry) ? NULL : entry, all);
  for (guint i = all ? all->len : 0; i > 0; i--) {
    const ConfigTracedValue *traced = g_ptr_array_index(all, i - 1);
    if (traced != in_force && !traced->wrong) /* a problem tells what is wrong with it */
      tell_value(telling, group->kind, name, value_of(traced, fate_of(group, name, traced, entry)));
  }
}

/* ---- groups ---- */

static const char *state_of(const Telling *telling, const ConfigGroup *group)
{
  if (group->disabled)
    return "disabled";
  if (group->kind != CONFIG_ENVIRONMENT)
    return "in-force";
  return config_environment_is_active(telling->tree, group) ? "active" : "inactive";
}

/* Keys that are in no table: the options of a module. */
static void tell_options(const Telling *telling, const ConfigGroup *group)
{
  g_autoptr(GPtrArray) entries = config_stack_options(group);
  for (guint i = 0; i < entries->len; i++) {
    const ConfigEntry *entry = g_ptr_array_index(entries, i);
    tell_key(telling, group, config_key_find(CONFIG_CREDENTIALS, entry->key), entry->key);
  }
}

static void tell_group(const Telling *telling, const ConfigGroup *group)
{
  static const char *const kinds[] = {[CONFIG_THRED] = "thred",
                                      [CONFIG_ENVIRONMENT] = "environment",
                                      [CONFIG_CREDENTIALS] = "credentials",
                                      [CONFIG_ROUTE] = "route"};
  const bool disabled = group->disabled;
  const FetchGroup one = {.kind = kinds[group->kind],
                          .name = group->name,
                          .state = state_of(telling, group),
                          .file = disabled ? group->reason.file : NULL,
                          .line = disabled ? group->reason.line : 0};
  telling->each->group(&one, telling->data);
  for (const ConfigKey *key = NULL; (key = config_key_next(group->kind, key));)
    tell_key(telling, group, key, key->name);
  if (group->kind == CONFIG_CREDENTIALS)
    tell_options(telling, group);
}

static void tell_groups(const Telling *telling)
{
  ConfigGroup *thred = config_tree_find(telling->tree, CONFIG_THRED, "");
  tell_group(telling, thred);
  for (ConfigKind kind = CONFIG_ENVIRONMENT; kind <= CONFIG_ROUTE; kind++) {
    g_autoptr(GPtrArray) groups = config_tree_groups(telling->tree, kind);
    for (guint i = 0; i < groups->len; i++)
      tell_group(telling, g_ptr_array_index(groups, i));
  }
}

int config_explain(const SnapshotOrigin *origin, const FetchExplain *each, void *data, Error *error)
{
  g_autoptr(ConfigTree) tree = config_tree_new();
  g_autoptr(ConfigTrace) trace = config_trace_new();
  g_autoptr(SnapshotBuild) build = snapshot_build_new();
  SnapshotHeader header = {0};
  tree->trace = trace;
  int code = config_gather(tree, build, origin, &header, error);
  if (code)
    return code;
  /* It is told of where no file has it, too. */
  config_tree_group(tree, CONFIG_THRED, "thred", (ConfigPlace){0});
  g_autoptr(GPtrArray) environments = config_tree_groups(tree, CONFIG_ENVIRONMENT);
  Telling telling = {.tree = tree, .each = each, .data = data};
  if (header.default_environment != SNAPSHOT_NONE)
    telling.only_active = g_ptr_array_index(environments, header.default_environment);
  tell_files(&telling);
  tell_groups(&telling);
  tell_problems(&telling);
  return THRED_OK;
}
