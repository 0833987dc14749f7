/* SPDX-License-Identifier: MIT */
#include "lib/fetch/config-trace.h"

static void file_free(ConfigTracedFile *file)
{
  g_free(file->path);
  g_free(file->why);
  g_free(file);
}

static void value_free(ConfigTracedValue *value)
{
  g_free(value->value);
  g_free(value);
}

ConfigTrace *config_trace_new(void)
{
  ConfigTrace *trace = g_new0(ConfigTrace, 1);
  trace->files = g_ptr_array_new_with_free_func((GDestroyNotify)file_free);
  trace->values =
      g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_ptr_array_unref);
  return trace;
}

void config_trace_free(ConfigTrace *trace)
{
  g_ptr_array_unref(trace->files);
  g_hash_table_unref(trace->values);
  g_free(trace);
}

void config_trace_file(const ConfigTree *tree, ConfigLevel level, const char *path, ConfigFate fate,
                       const char *why)
{
  if (!tree->trace)
    return;
  ConfigTracedFile *file = g_new0(ConfigTracedFile, 1);
  file->path = g_strdup(path);
  file->level = level;
  file->fate = fate;
  file->why = g_strdup(why);
  g_ptr_array_add(tree->trace->files, file);
}

/* No key and no label has a newline in it. */
static char *id_of(const ConfigGroup *group, const char *key)
{
  return g_strconcat(group->label, "\n", key, NULL);
}

/* What is left of a list after the words that were wrong. */
static char *what_counts(const ConfigEntry *entry, const char *raw, bool wrong)
{
  if (entry->text)
    return g_strdup(entry->text);
  if (!wrong || !entry->list)
    return g_strdup(raw);
  g_autofree char *joined = g_strjoinv(";", entry->list);
  return g_strconcat(joined, *joined ? ";" : "", NULL);
}

void config_trace_value(const ConfigTree *tree, const ConfigFile *file, const ConfigGroup *group,
                        const ConfigEntry *entry, const char *raw, bool wrong)
{
  if (!tree->trace)
    return;
  ConfigTracedValue *value = g_new0(ConfigTracedValue, 1);
  value->value = what_counts(entry, raw, wrong);
  value->place = entry->place;
  value->level = file->level;
  value->order = entry->order;
  value->replaced = entry->replaced;
  value->wrong = wrong;
  g_autofree char *id = id_of(group, entry->key);
  GPtrArray *all = g_hash_table_lookup(tree->trace->values, id);
  if (!all) {
    all = g_ptr_array_new_with_free_func((GDestroyNotify)value_free);
    g_hash_table_insert(tree->trace->values, g_steal_pointer(&id), all);
  }
  g_ptr_array_add(all, value);
}

const GPtrArray *config_trace_values(const ConfigTrace *trace, const ConfigGroup *group,
                                     const char *key)
{
  g_autofree char *id = id_of(group, key);
  return g_hash_table_lookup(trace->values, id);
}
