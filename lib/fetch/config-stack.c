/* SPDX-License-Identifier: MIT */
#include "lib/fetch/config-stack.h"

#include <stdlib.h>
#include <string.h>

#include "lib/fetch/credentials.h"

enum { WORDS_MAX = 32 };
#define BLANK " \t"

static void word_free(ConfigStackWord *word)
{
  g_free(word->name);
  g_free(word);
}

static const char *const statuses[] = {"SUCCESS", "NOTFOUND", "UNAVAIL", "TRYAGAIN"};
static const char *const actions[] = {"RETURN", "CONTINUE"};

/* The index of `text` in `words`, in any case, or -1. */
static int find_word(const char *const *words, guint n_words, const char *text)
{
  for (guint i = 0; i < n_words; i++)
    if (g_ascii_strcasecmp(words[i], text) == 0)
      return (int)i;
  return -1;
}

/* One STATUS=ACTION or !STATUS=ACTION. */
static char *parse_action(const char *text, ConfigStackWord *word)
{
  g_autofree char *quoted = config_quote(text);
  g_auto(GStrv) halves = g_strsplit(text, "=", 2);
  if (!halves[0] || !halves[1])
    return g_strdup_printf("%s is not STATUS=ACTION, as UNAVAIL=return is", quoted);
  bool others = halves[0][0] == '!';
  int status = find_word(statuses, G_N_ELEMENTS(statuses), halves[0] + others);
  int action = find_word(actions, G_N_ELEMENTS(actions), halves[1]);
  if (status < 0)
    return g_strdup_printf("%s: the statuses are SUCCESS, NOTFOUND, UNAVAIL and TRYAGAIN", quoted);
  if (action < 0)
    return g_strdup_printf("%s: the actions are return and continue", quoted);
  for (int i = 0; i < (int)G_N_ELEMENTS(statuses); i++)
    if ((i == status) != others)
      word->action[i] = (guint32)action;
  return NULL;
}

/* What stands between '[' and ']': actions for `word`, which is NULL if none came before. */
static char *parse_bracket(const char *text, gsize length, ConfigStackWord *word)
{
  if (!word)
    return g_strdup("an action in brackets has no source before it");
  g_autofree char *inside = g_strndup(text, length);
  g_auto(GStrv) parts = g_strsplit_set(inside, BLANK, -1);
  guint found = 0;
  for (char **part = parts; *part; part++) {
    if (!**part)
      continue;
    char *why = parse_action(*part, word);
    if (why)
      return why;
    found++;
  }
  return found ? NULL : g_strdup("[] is empty; it takes STATUS=ACTION, as UNAVAIL=return");
}

static char *parse_source(const char *text, gsize length, GPtrArray *words)
{
  g_autofree char *name = g_strndup(text, length);
  if (!config_is_name(name)) {
    g_autofree char *quoted = config_quote(name);
    return g_strdup_printf("%s is not the name of a source; letters, digits, _ and - make one",
                           quoted);
  }
  if (words->len == WORDS_MAX)
    return g_strdup_printf("more than %d sources", WORDS_MAX);
  ConfigStackWord *word = g_new0(ConfigStackWord, 1);
  word->name = g_steal_pointer(&name);
  word->action[THRED_CREDENTIAL_SUCCESS] = SNAPSHOT_ACTION_RETURN;
  for (guint i = THRED_CREDENTIAL_NOTFOUND; i <= THRED_CREDENTIAL_TRYAGAIN; i++)
    word->action[i] = SNAPSHOT_ACTION_CONTINUE;
  g_ptr_array_add(words, word);
  return NULL;
}

char *config_stack_parse(const char *line, GPtrArray **result)
{
  g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func((GDestroyNotify)word_free);
  for (const char *at = line + strspn(line, BLANK); *at; at += strspn(at, BLANK)) {
    char *why;
    if (*at == '[') {
      const char *end = strchr(at, ']');
      if (!end)
        return g_strdup("a bracket is not closed");
      ConfigStackWord *last = words->len ? g_ptr_array_index(words, words->len - 1) : NULL;
      why = parse_bracket(at + 1, (gsize)(end - at - 1), last);
      at = end + 1;
    } else {
      gsize length = strcspn(at, BLANK "[");
      why = parse_source(at, length, words);
      at += length;
    }
    if (why)
      return why;
  }
  if (!words->len)
    return g_strdup("names no source; it takes words like: env systemd file");
  *result = g_steal_pointer(&words);
  return NULL;
}

bool config_stack_check(ConfigTree *tree, const ConfigGroup *environment, const ConfigEntry *stack)
{
  bool usable = true;
  for (guint i = 0; stack && i < stack->words->len; i++) {
    const ConfigStackWord *word = g_ptr_array_index(stack->words, i);
    const ConfigGroup *group = config_tree_find(tree, CONFIG_CREDENTIALS, word->name);
    if (!group || !group->disabled)
      continue;
    config_problem(tree, stack->place, environment->label, stack->key,
                   "[%s] is disabled by the error in %s:%u; the environment is disabled with it, "
                   "for the other sources could hold another key than the one meant",
                   group->label, group->reason.file, group->reason.line);
    usable = false;
  }
  return usable;
}

static gint by_order(gconstpointer a, gconstpointer b)
{
  const ConfigEntry *const *x = a, *const *y = b;
  return (*x)->order < (*y)->order ? -1 : (*x)->order > (*y)->order;
}

GPtrArray *config_stack_options(const ConfigGroup *group)
{
  GPtrArray *entries = g_ptr_array_new();
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init(&iter, group->entries);
  while (g_hash_table_iter_next(&iter, NULL, &value))
    if (strcmp(((ConfigEntry *)value)->key, "module") != 0)
      g_ptr_array_add(entries, value);
  g_ptr_array_sort(entries, by_order);
  return entries;
}

/* As a module gets them; without a group none. Strings stay the tree's. */
static GArray *module_options(const ConfigGroup *group)
{
  GArray *options = g_array_new(FALSE, FALSE, sizeof(ThredModuleOption));
  g_autoptr(GPtrArray) entries = group ? config_stack_options(group) : g_ptr_array_new();
  for (guint i = 0; i < entries->len; i++) {
    const ConfigEntry *entry = g_ptr_array_index(entries, i);
    ThredModuleOption one = {entry->key, entry->text, entry->place.file, entry->place.line};
    g_array_append_val(options, one);
  }
  return options;
}

static SnapshotTable write_options(SnapshotBuild *build, const GArray *options)
{
  SnapshotTable run = {snapshot_build_count(build, SNAPSHOT_BUILD_OPTIONS), 0};
  for (; run.count < options->len; run.count++) {
    const ThredModuleOption *one = &g_array_index(options, ThredModuleOption, run.count);
    SnapshotOption record = {snapshot_build_string(build, one->key),
                             snapshot_build_string(build, one->value),
                             snapshot_build_string(build, one->file), one->line};
    snapshot_build_add(build, SNAPSHOT_BUILD_OPTIONS, &record);
  }
  return run;
}

typedef struct {
  SnapshotBuild *build;
  GArray *found; /* SnapshotIdentity */
} Identities;

enum { IDENTITIES_MAX = 256 };

static void add_identity(ThredIdentityKind kind, const char *text, void *data)
{
  Identities *identities = data;
  if (identities->found->len == IDENTITIES_MAX)
    return;
  SnapshotIdentity record = {(uint32_t)kind, snapshot_build_string(identities->build, text)};
  g_array_append_val(identities->found, record);
}

/* What the answers of `module` depend on; an empty run and a problem if it cannot say (*failed). */
static SnapshotTable write_identities(ConfigTree *tree, SnapshotBuild *build,
                                      const SnapshotOrigin *origin, const char *module,
                                      const GArray *options, const ConfigGroup *environment,
                                      const ConfigEntry *stack, uint32_t *failed)
{
  SnapshotTable run = {snapshot_build_count(build, SNAPSHOT_BUILD_IDENTITIES), 0};
  g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(SnapshotIdentity));
  Identities identities = {build, found};
  Error error = ERROR_INIT;
  char *path = credentials_module_path(origin->modules, module);
  if (path)
    config_tree_source(tree, path);
  free(path);
  ThredCredentialStatus status = credentials_identity(
      origin->modules, module, (const ThredModuleOption *)(const void *)options->data, options->len,
      (int)origin->at_secure, add_identity, &identities, &error);
  if (status == THRED_CREDENTIAL_SUCCESS && found->len < IDENTITIES_MAX) {
    for (; run.count < found->len; run.count++)
      snapshot_build_add(build, SNAPSHOT_BUILD_IDENTITIES,
                         &g_array_index(found, SnapshotIdentity, run.count));
    return run;
  }
  const char *why = status == THRED_CREDENTIAL_SUCCESS ? "it names too many identities"
                    : *error.message                   ? error.message
                                                       : "the module did not say why";
  config_problem(tree, stack->place, environment->label, stack->key, "module %s cannot be used: %s",
                 module, why);
  *failed = 1;
  return run;
}

SnapshotTable config_stack_write(ConfigTree *tree, SnapshotBuild *build,
                                 const SnapshotOrigin *origin, const ConfigGroup *environment,
                                 const ConfigEntry *stack, bool active)
{
  SnapshotTable run = {snapshot_build_count(build, SNAPSHOT_BUILD_STACK), 0};
  for (; stack && run.count < stack->words->len; run.count++) {
    const ConfigStackWord *word = g_ptr_array_index(stack->words, run.count);
    const ConfigGroup *group = config_tree_find(tree, CONFIG_CREDENTIALS, word->name);
    const char *named = config_group_text(group, "module");
    const char *module = named ? named : word->name;
    g_autoptr(GArray) options = module_options(group);
    SnapshotStackEntry record = {.name = snapshot_build_string(build, word->name),
                                 .module = snapshot_build_string(build, module)};
    memcpy(record.action, word->action, sizeof record.action);
    record.options = write_options(build, options);
    record.identities.offset = snapshot_build_count(build, SNAPSHOT_BUILD_IDENTITIES);
    if (active)
      record.identities = write_identities(tree, build, origin, module, options, environment, stack,
                                           &record.unidentified);
    snapshot_build_add(build, SNAPSHOT_BUILD_STACK, &record);
  }
  return run;
}
