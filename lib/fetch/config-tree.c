/* SPDX-License-Identifier: MIT */
#include "lib/fetch/config-tree.h"

#include <string.h>

#include "lib/fetch/secret-words.h"

/*
 * A file of garbage must not crowd everything else out of the block (SNAPSHOT_MAX), so problems are
 * bounded: by number in one file, by bytes over all.
 */
enum { FILE_PROBLEMS_MAX = 25, PROBLEM_BYTES_MAX = 48 * 1024, QUOTE_MAX = 80 };

static void group_free(ConfigGroup *group)
{
  g_hash_table_unref(group->entries);
  g_hash_table_unref(group->user);
  g_free(group->label);
  g_free(group);
}

static void problem_free(ConfigProblem *problem)
{
  g_free(problem->text);
  g_free(problem);
}

static void source_free(ConfigSource *source)
{
  g_free(source->path);
  g_free(source);
}

void config_entry_free(ConfigEntry *entry)
{
  g_free(entry->key);
  g_free(entry->text);
  g_strfreev(entry->list);
  g_clear_pointer(&entry->words, g_ptr_array_unref);
  g_free(entry);
}

ConfigTree *config_tree_new(void)
{
  ConfigTree *tree = g_new0(ConfigTree, 1);
  tree->strings = g_string_chunk_new(1024);
  tree->groups = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)group_free);
  tree->problems = g_ptr_array_new_with_free_func((GDestroyNotify)problem_free);
  tree->sources = g_ptr_array_new_with_free_func((GDestroyNotify)source_free);
  tree->known_sources = g_hash_table_new(g_str_hash, g_str_equal);
  return tree;
}

void config_tree_free(ConfigTree *tree)
{
  g_hash_table_unref(tree->known_sources);
  g_ptr_array_unref(tree->sources);
  g_ptr_array_unref(tree->problems);
  g_hash_table_unref(tree->groups);
  g_string_chunk_free(tree->strings);
  g_free(tree);
}

static GHashTable *entry_table(void)
{
  return g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)config_entry_free);
}

ConfigGroup *config_tree_group(ConfigTree *tree, ConfigKind kind, const char *label,
                               ConfigPlace place)
{
  ConfigGroup *group = g_hash_table_lookup(tree->groups, label);
  if (group)
    return group;
  group = g_new0(ConfigGroup, 1);
  group->kind = kind;
  group->label = g_strdup(label);
  const char *space = strchr(group->label, ' ');
  group->name = space ? space + 1 : "";
  group->place = place;
  group->entries = entry_table();
  group->user = entry_table();
  g_hash_table_insert(tree->groups, group->label, group);
  return group;
}

static const char *const kinds[] = {"thred", "environment", "credentials", "route"};

ConfigGroup *config_tree_find(const ConfigTree *tree, ConfigKind kind, const char *name)
{
  g_autofree char *label =
      kind == CONFIG_THRED ? g_strdup(kinds[kind]) : g_strconcat(kinds[kind], " ", name, NULL);
  return g_hash_table_lookup(tree->groups, label);
}

static gint by_name(gconstpointer a, gconstpointer b)
{
  const ConfigGroup *const *x = a, *const *y = b;
  return strcmp((*x)->name, (*y)->name);
}

GPtrArray *config_tree_groups(const ConfigTree *tree, ConfigKind kind)
{
  GPtrArray *groups = g_ptr_array_new();
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init(&iter, tree->groups);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    ConfigGroup *group = value;
    if (group->kind == kind && group->defined)
      g_ptr_array_add(groups, group);
  }
  g_ptr_array_sort(groups, by_name);
  return groups;
}

const ConfigEntry *config_group_entry(const ConfigGroup *group, const char *key)
{
  return group ? g_hash_table_lookup(group->entries, key) : NULL;
}

guint32 config_group_number(const ConfigGroup *group, const char *key, guint32 otherwise)
{
  const ConfigEntry *entry = config_group_entry(group, key);
  return entry ? entry->number : otherwise;
}

const char *config_group_text(const ConfigGroup *group, const char *key)
{
  const ConfigEntry *entry = config_group_entry(group, key);
  return entry ? entry->text : NULL;
}

bool config_is_name(const char *text)
{
  if (!*text)
    return false;
  for (; *text; text++)
    if (!g_ascii_isalnum(*text) && *text != '_' && *text != '-')
      return false;
  return true;
}

char *config_group_label(const char *text, ConfigKind *kind)
{
  g_autofree char *copy = g_strstrip(g_strdup(text));
  char *rest = strpbrk(copy, " \t");
  if (rest) {
    *rest++ = 0;
    g_strstrip(rest);
  }
  for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
    if (strcmp(copy, kinds[i]) != 0)
      continue;
    *kind = (ConfigKind)i;
    if (i == CONFIG_THRED)
      return rest ? NULL : g_strdup(copy);
    return rest && config_is_name(rest) ? g_strconcat(copy, " ", rest, NULL) : NULL;
  }
  return NULL;
}

void config_disable(ConfigGroup *group, ConfigPlace place)
{
  if (!group || group->disabled)
    return;
  group->disabled = true;
  group->reason = place;
}

static void add_problem(ConfigTree *tree, ConfigPlace place, const char *label, const char *key,
                        const char *message)
{
  GString *text = g_string_new(place.file);
  if (place.line)
    g_string_append_printf(text, ":%u", place.line);
  g_string_append(text, ": ");
  if (label)
    g_string_append_printf(text, "[%s]%s", label, key ? " " : ": ");
  if (key)
    g_string_append_printf(text, "%s: ", key);
  g_string_append(text, message);
  ConfigProblem *problem = g_new0(ConfigProblem, 1);
  problem->place = place;
  tree->problem_bytes += text->len + 1;
  problem->text = g_string_free(text, FALSE);
  g_ptr_array_add(tree->problems, problem);
}

void config_problem(ConfigTree *tree, ConfigPlace place, const char *label, const char *key,
                    const char *format, ...)
{
  place.file = g_string_chunk_insert_const(tree->strings, place.file);
  if (place.file != tree->problem_file)
    tree->file_problems = 0;
  tree->problem_file = place.file;
  if (tree->problem_bytes > PROBLEM_BYTES_MAX || tree->file_problems > FILE_PROBLEMS_MAX)
    return;
  ConfigPlace whole = {place.file, 0};
  if (tree->file_problems++ == FILE_PROBLEMS_MAX) {
    add_problem(tree, whole, NULL, NULL, "the further problems of this file are not listed");
    return;
  }
  va_list args;
  va_start(args, format);
  g_autofree char *message = g_strdup_vprintf(format, args);
  va_end(args);
  /* A module's sentence may come from anywhere; a problem is one line. */
  for (char *at = message; *at; at++)
    if (g_ascii_iscntrl(*at))
      *at = ' ';
  add_problem(tree, place, label, key, message);
  if (tree->problem_bytes > PROBLEM_BYTES_MAX)
    add_problem(tree, whole, NULL, NULL, "the further problems, of all files, are not listed");
}

void config_tree_source(ConfigTree *tree, const char *path)
{
  if (g_hash_table_contains(tree->known_sources, path))
    return;
  ConfigSource *source = g_new0(ConfigSource, 1);
  source->path = g_strdup(path);
  source->identity = snapshot_stat(path);
  g_ptr_array_add(tree->sources, source);
  g_hash_table_add(tree->known_sources, source->path);
}

char *config_quote(const char *text)
{
  gsize length = strlen(text);
  gsize shown = MIN(length, QUOTE_MAX);
  if (secret_words_look_encoded(text)) /* a key where it does not belong, perhaps */
    return g_strdup("\"" SECRET_WORDS_HIDDEN "\"");
  GString *quoted = g_string_new("\"");
  for (gsize i = 0; i < shown; i++)
    g_string_append_c(quoted, g_ascii_isprint(text[i]) ? text[i] : '?');
  g_string_append(quoted, shown < length ? "...\"" : "\"");
  return g_string_free(quoted, FALSE);
}
