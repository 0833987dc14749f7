/* SPDX-License-Identifier: MIT */
#include "lib/fetch/config-hidden.h"

#include <string.h>

#include "lib/fetch/config-stack.h"
#include "lib/fetch/secret-words.h"

/* Where a word may begin in a name: "client-secret", "VAULT_TOKEN", "apiKey"; a long one anywhere,
 * as in "clientsecret". */
static bool begins_word(const char *name, const char *at, const char *word)
{
  return at == name || !g_ascii_isalnum(at[-1]) ||
         (g_ascii_isupper(*at) && g_ascii_islower(at[-1])) || strlen(word) > 4;
}

/* The last word decides, for a token-file, a key-field or a secret-id-file says where the secret
 * is. */
static bool names_secret(const char *text, gsize length)
{
  static const char *const words[] = {"password",   "passwd",        "passphrase", "pass", "pin",
                                      "secret",     "secrets",       "token",      "key",  "apikey",
                                      "credential", "authorization", "bearer",     "jwt"};
  g_autofree char *name = g_strndup(text, length);
  for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
    const gsize size = strlen(words[i]);
    const char *at = length < size ? NULL : name + length - size;
    if (at && g_ascii_strcasecmp(at, words[i]) == 0 && begins_word(name, at, words[i]))
      return true;
  }
  return false;
}

/* Paths and addresses have slashes between words, base64 has them inside. */
static bool looks_secret(const char *word)
{
  if (*word != '/' && !strstr(word, "://") && !g_str_has_prefix(word, "arn:"))
    return secret_words_look_encoded(word);
  if (strstr(word, "://") && strchr(word, '@')) /* RFC 3986, 3.2.1: a password may come before it */
    return true;
  g_auto(GStrv) segments = g_strsplit(word, "/", -1);
  for (char **segment = segments; *segment; segment++)
    if (secret_words_look_encoded(*segment))
      return true;
  return false;
}

/* "--token=x", "TOKEN=x", "--token x", "Authorization: x". */
static bool introduces_secret(const char *word)
{
  const char *name = word + strspn(word, "\"'-");
  gsize length = strcspn(name, "=:");
  bool is_option = *word == '-' || name[length];
  return is_option && names_secret(name, length) && name[length + (name[length] != 0)] != '/';
}

/* "-u NAME:PASSWORD", as curl has it; a name alone is none. */
static bool is_password_of(const char *option, const char *word)
{
  return strchr(word, ':') && (strcmp(option, "-u") == 0 || strcmp(option, "--user") == 0 ||
                               strcmp(option, "--proxy-user") == 0);
}

static bool option_is_hidden(const char *key, const char *value)
{
  bool is_path = *value == '/';
  if (secret_words_look_encoded(key) || (names_secret(key, strlen(key)) && !is_path))
    return true;
  g_auto(GStrv) words = g_strsplit_set(value, " \t\n\r", -1);
  for (char **word = words; *word; word++)
    if (looks_secret(*word) || introduces_secret(*word) ||
        (word > words && is_password_of(word[-1], *word)))
      return true;
  return false;
}

/* The name of a source may be long; a group that is called so was not typed by mistake. */
static bool stack_is_hidden(const ConfigTree *tree, const char *value)
{
  GPtrArray *words = NULL;
  g_autofree char *why = config_stack_parse(value, &words);
  if (why)
    return true;
  bool hidden = false;
  for (guint i = 0; i < words->len; i++) {
    const char *name = ((const ConfigStackWord *)g_ptr_array_index(words, i))->name;
    hidden |= secret_words_look_encoded(name) && !config_tree_find(tree, CONFIG_CREDENTIALS, name);
  }
  g_ptr_array_unref(words);
  return hidden;
}

bool config_is_hidden(const ConfigTree *tree, ConfigKind kind, const char *key, const char *value)
{
  if (kind == CONFIG_CREDENTIALS)
    return strcmp(key, "module") == 0 ? secret_words_look_encoded(value)
                                      : option_is_hidden(key, value);
  if (kind == CONFIG_ENVIRONMENT && (strcmp(key, "credentials") == 0 || strcmp(key, "next") == 0))
    return stack_is_hidden(tree, value);
  if (kind == CONFIG_THRED && strcmp(key, "environment") == 0)
    return secret_words_look_encoded(value) && !config_tree_find(tree, CONFIG_ENVIRONMENT, value);
  if (kind == CONFIG_ROUTE && strcmp(key, "path") == 0)
    return looks_secret(value);
  return false; /* numbers, words of a list, hosts, UUIDs, dates, names of files */
}
