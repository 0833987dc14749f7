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
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  host->message(host, text);
  return status;
}

static char **slot_of(const ModuleRule *rule, void *instance)
{
  return (char **)(void *)((char *)instance + rule->offset);
}

/* "a, b, c" of the rules' keys, or of words. */
static void list(char *to, size_t size, const ModuleRule *rules, const char *const *words)
{
  size_t used = 0;
  to[0] = 0;
  for (size_t i = 0; used < size && (rules ? rules[i].key : words[i]); i++)
    used += (size_t)snprintf(to + used, size - used, "%s%s", i ? ", " : "",
                             rules ? rules[i].key : words[i]);
}

static bool is_word(const char *const *words, const char *value)
{
  for (; *words; words++)
    if (strcmp(*words, value) == 0)
      return true;
  return false;
}

static bool take(const ThredModuleHost *host, const ModuleRule *rule, void *instance,
                 const ThredModuleOption *option)
{
  char **slot = slot_of(rule, instance), known[200];
  if (rule->kind == MODULE_PATH && option->value[0] != '/') {
    module_says(host, THRED_CREDENTIAL_UNAVAIL, "%s:%u: %s: '%.128s' is not absolute", option->file,
                option->line, option->key, option->value);
    return false;
  }
  if (rule->kind == MODULE_WORD && !is_word(rule->words, option->value)) {
    list(known, sizeof known, NULL, rule->words);
    module_says(host, THRED_CREDENTIAL_UNAVAIL, "%s:%u: %s: '%.64s' is none of: %s", option->file,
                option->line, option->key, option->value, known);
    return false;
  }
  if (!option->value[0]) {
    module_says(host, THRED_CREDENTIAL_UNAVAIL, "%s:%u: %s is empty", option->file, option->line,
                option->key);
    return false;
  }
  free(*slot);
  *slot = strdup(option->value);
  if (!*slot)
    module_says(host, THRED_CREDENTIAL_UNAVAIL, "out of memory");
  return *slot != NULL;
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
  char known[240];
  for (size_t i = 0; i < n_options; i++) {
    const ModuleRule *rule = find(rules, options[i].key);
    if (rule && !take(host, rule, instance, &options[i]))
      return false;
    if (rule)
      continue;
    list(known, sizeof known, rules, NULL);
    const bool is_shown = !secret_words_look_encoded(options[i].key);
    module_says(host, THRED_CREDENTIAL_UNAVAIL,
                "%s:%u: the module %s has no %s%.64s%s (it has: %s)", options[i].file,
                options[i].line, module, is_shown ? "option '" : "such option",
                is_shown ? options[i].key : "", is_shown ? "'" : "", known);
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
