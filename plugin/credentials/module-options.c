/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fetch/secret-words.h"
#include "plugin/credentials/module.h"

ThredCredentialStatus module_says(const ThredModuleHost *host, ThredCredentialStatus status,
                                  const char *format, ...)
{
  char text[480];
  va_list args;
  va_start(args, format);
  (void)vsnprintf(text, sizeof text, format, args);
  va_end(args);
  host->message(host, text);
  return status;
}

static char **slot_of(const ModuleRule *rule, void *instance)
{
  return (char **)(void *)((char *)instance + rule->offset);
}

typedef struct {
  char text[240]; /* "a, b, c", cut off if it is longer */
  size_t used;
} List;

static void add(List *list, const char *word)
{
  if (list->used < sizeof list->text)
    list->used += (size_t)snprintf(list->text + list->used, sizeof list->text - list->used, "%s%s",
                                   list->used ? ", " : "", word);
}

static bool is_word(const char *const *words, const char *value)
{
  for (; *words; words++)
    if (strcmp(*words, value) == 0)
      return true;
  return false;
}

static const char *shown(const char *value)
{
  return secret_words_look_encoded(value) ? SECRET_WORDS_HIDDEN : value;
}

static bool take(const ThredModuleHost *host, const ModuleRule *rule, void *instance,
                 const ThredModuleOption *option)
{
  char **slot = slot_of(rule, instance);
  if (rule->kind == MODULE_PATH && option->value[0] != '/') {
    module_says(host, THRED_CREDENTIAL_UNAVAIL, "%s:%u: %s: '%.128s' is not absolute", option->file,
                option->line, option->key, shown(option->value));
    return false;
  }
  if (rule->kind == MODULE_WORD && !is_word(rule->words, option->value)) {
    List known = {0};
    for (const char *const *word = rule->words; *word; word++)
      add(&known, *word);
    module_says(host, THRED_CREDENTIAL_UNAVAIL, "%s:%u: %s: '%.64s' is none of: %s", option->file,
                option->line, option->key, shown(option->value), known.text);
    return false;
  }
  if (!option->value[0]) {
    module_says(host, THRED_CREDENTIAL_UNAVAIL, "%s:%u: %s is empty", option->file, option->line,
                option->key);
    return false;
  }
  char *value = strdup(option->value);
  if (!value) {
    module_says(host, THRED_CREDENTIAL_UNAVAIL, "out of memory");
    return false;
  }
  free(*slot);
  *slot = value;
  return true;
}

static const ModuleRule *find(const ModuleRule *rules, const char *key)
{
  for (; rules->key; rules++)
    if (strcmp(rules->key, key) == 0)
      return rules;
  return NULL;
}

bool module_read(const ThredModuleHost *host, const char *module, const ModuleRule *rules,
                 void *instance, const ThredModuleOption *options, size_t n_options)
{
  for (size_t i = 0; i < n_options; i++) {
    const ModuleRule *rule = find(rules, options[i].key);
    if (rule && !take(host, rule, instance, &options[i]))
      return false;
    if (rule)
      continue;
    List known = {0};
    for (const ModuleRule *each = rules; each->key; each++)
      add(&known, each->key);
    const bool is_shown = !secret_words_look_encoded(options[i].key);
    module_says(host, THRED_CREDENTIAL_UNAVAIL,
                "%s:%u: the module %s has no %s%.64s%s (it has: %s)", options[i].file,
                options[i].line, module, is_shown ? "option '" : "such option",
                is_shown ? options[i].key : "", is_shown ? "'" : "", known.text);
    return false;
  }
  return true;
}

void module_free(const ModuleRule *rules, void *instance)
{
  if (!instance)
    return;
  for (; rules->key; rules++)
    free(*slot_of(rules, instance));
  free(instance);
}
