/* SPDX-License-Identifier: MIT */
#include "lib/fetch/config-lines.h"

#include <string.h>

#include "lib/fetch/config-trace.h"
#include "lib/fetch/config-values.h"
#include "lib/fetch/secret-words.h"

enum { LINE_MAX_BYTES = 4096 };

typedef struct {
  ConfigTree *tree;
  const ConfigFile *file;
  ConfigPlace place;  /* of the line being read */
  ConfigGroup *group; /* that it stands in, or NULL */
  bool skipping;      /* up to the next header: the last one was no good, and that was said */
  GHashTable *seen;   /* "group\nkey" -> its line in this file */
} Reader;

static void problem(Reader *reader, const char *key, const char *message)
{
  config_problem(reader->tree, reader->place, reader->group ? reader->group->label : NULL, key,
                 "%s", message);
  config_disable(reader->group, reader->place);
}

/* A line that is neither comment, blank, header nor key = value. Its text may be a secret that was
 * pasted there: it is not shown. */
static void malformed(Reader *reader, const char *message)
{
  if (!reader->skipping)
    problem(reader, NULL, message);
}

/*
 * "[environment sandbox" and the like: what follows belongs to a group that cannot be told for
 * sure, so it is skipped. It is likely the one that the line seems to name: that one is disabled
 * too.
 */
static void broken_header(Reader *reader, const char *text, const char *message)
{
  problem(reader, NULL, message);
  g_autofree char *guess = g_strndup(text + 1, strcspn(text + 1, "[]"));
  ConfigKind kind;
  g_autofree char *label = config_group_label(guess, &kind);
  if (label) {
    ConfigGroup *group = config_tree_group(reader->tree, kind, label, reader->place);
    config_disable(group, reader->place);
  }
  reader->group = NULL;
  reader->skipping = true;
}

static void read_header(Reader *reader, char *line)
{
  gsize length = strlen(line);
  if (length < 3 || line[length - 1] != ']' || strcspn(line + 1, "[]") != length - 2) {
    broken_header(reader, line, "a line that starts with [ must be a group's name in brackets");
    return;
  }
  g_autofree char *text = g_strndup(line + 1, length - 2);
  ConfigKind kind;
  g_autofree char *label = config_group_label(text, &kind);
  reader->group = NULL;
  reader->skipping = !label;
  if (!label) {
    g_autofree char *quoted = config_quote(text);
    config_problem(reader->tree, reader->place, NULL, NULL,
                   "%s is not a group; [thred], [environment NAME], [credentials NAME] and "
                   "[route NAME] are, with letters, digits, _ and - in NAME",
                   quoted);
    return;
  }
  reader->group = config_tree_group(reader->tree, kind, label, reader->place);
  if (!reader->file->replaced && !reader->group->defined) {
    reader->group->defined = true;
    reader->group->place = reader->place;
  }
}

/* Puts a value where it counts. A user's value of a limited key waits for config_limits_apply(). */
static void merge(Reader *reader, const ConfigKey *key, ConfigEntry *entry)
{
  if (reader->file->replaced && !key->limited)
    config_entry_free(entry);
  else if (reader->file->level == CONFIG_USER && key->limited)
    g_hash_table_replace(reader->group->user, entry->key, entry);
  else
    g_hash_table_replace(reader->group->entries, entry->key, entry);
}

/*
 * A wrong value disables the group. Beyond that: a disabled environment goes on claiming the hosts
 * that were right, so that no other takes them over unnoticed; a disabled route (which stays, with
 * the token `none`) stands for all methods if its own cannot be known; and whoever mistypes `seal`
 * has the strictest until it is mended.
 */
static void bad_value(Reader *reader, const ConfigKey *key, ConfigEntry *entry, const char *why)
{
  problem(reader, entry->key, why);
  if (entry->list && entry->list[0]) {
    merge(reader, key, entry);
    return;
  }
  if (reader->group->kind == CONFIG_THRED && strcmp(entry->key, "seal") == 0) {
    entry->number = SNAPSHOT_SEAL_REQUIRED;
    merge(reader, key, entry);
    return;
  }
  if (reader->group->kind == CONFIG_ROUTE && strcmp(entry->key, "method") == 0)
    g_hash_table_remove(reader->group->entries, "method");
  config_entry_free(entry);
}

static bool seen_before(Reader *reader, const char *key)
{
  char *id = g_strconcat(reader->group->label, "\n", key, NULL);
  guint first = GPOINTER_TO_UINT(g_hash_table_lookup(reader->seen, id));
  if (!first) {
    g_hash_table_insert(reader->seen, id, GUINT_TO_POINTER(reader->place.line));
    return false;
  }
  g_free(id);
  g_autofree char *message =
      g_strdup_printf("is given twice in this file, in line %u before; once is right", first);
  problem(reader, key, message);
  return true;
}

static void read_value(Reader *reader, const char *name, const char *raw)
{
  const ConfigKey *key = config_key_find(reader->group->kind, name);
  if (!key) {
    g_autofree char *names = config_key_names(reader->group->kind);
    g_autofree char *message = g_strdup_printf("unknown key; here are %s", names);
    /* An API key that ends in "=" is a key without a value, too. */
    problem(reader, secret_words_look_encoded(name) ? NULL : name, message);
    return;
  }
  if (seen_before(reader, name))
    return;
  ConfigEntry *entry = g_new0(ConfigEntry, 1);
  entry->key = g_strdup(name);
  entry->place = reader->place;
  entry->order = ++reader->tree->order;
  entry->replaced = reader->file->replaced;
  g_autofree char *why = config_key_parse(key, raw, entry);
  if (!reader->file->replaced || key->limited)
    config_trace_value(reader->tree, reader->file, reader->group, entry, raw, why != NULL);
  if (why)
    bad_value(reader, key, entry, why);
  else
    merge(reader, key, entry);
}

static bool is_key(const char *text)
{
  return *text && text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                    "0123456789-")] == 0;
}

static void read_pair(Reader *reader, char *line)
{
  char *equals = strchr(line, '=');
  if (!equals) {
    malformed(reader, "a line must be key = value, a [group], or a comment that starts with #");
    return;
  }
  *equals = 0;
  g_strchomp(line);
  if (!is_key(line)) {
    malformed(reader, "a key has letters, digits and - only");
    return;
  }
  if (reader->group)
    read_value(reader, line, g_strchug(equals + 1));
  else if (!reader->skipping)
    problem(reader, line, "stands before any [group]");
}

/* `line` is without its newline. */
static void read_line(Reader *reader, const char *line, gsize length)
{
  while (length && g_ascii_isspace(*line))
    line++, length--;
  while (length && g_ascii_isspace(line[length - 1]))
    length--;
  if (!length || *line == '#')
    return;
  const char *wrong = length > LINE_MAX_BYTES   ? "the line is longer than 4096 bytes"
                      : memchr(line, 0, length) ? "the line has a NUL byte"
                      : !g_utf8_validate(line, (gssize)length, NULL)
                          ? "the line is not UTF-8; save the file in that encoding"
                          : NULL;
  g_autofree char *copy = g_strndup(line, MIN(length, LINE_MAX_BYTES));
  if (wrong && *line == '[')
    broken_header(reader, copy, wrong);
  else if (wrong)
    malformed(reader, wrong);
  else if (*line == '[')
    read_header(reader, copy);
  else
    read_pair(reader, copy);
}

typedef void (*LineFunc)(Reader *reader, const char *line, gsize length);

static void each_line(Reader *reader, const char *text, gsize size, LineFunc take)
{
  const char *end = text + size;
  /* Some editors put a byte order mark in front of UTF-8. */
  if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
    text += 3;
  while (text < end) {
    const char *newline = memchr(text, '\n', (gsize)(end - text));
    gsize length = (gsize)((newline ? newline : end) - text);
    reader->place.line++;
    take(reader, text, length);
    text += length + 1;
  }
}

void config_lines_read(ConfigTree *tree, const ConfigFile *file, const char *text, gsize size)
{
  Reader reader = {.tree = tree, .file = file};
  reader.place.file = g_string_chunk_insert_const(tree->strings, file->path);
  reader.seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  each_line(&reader, text, size, read_line);
  g_hash_table_unref(reader.seen);
}

/* Generous in what counts as a header: switching off too much is the safe side. */
static void disable_line(Reader *reader, const char *line, gsize length)
{
  g_autofree char *copy = g_strndup(line, MIN(length, LINE_MAX_BYTES));
  g_strstrip(copy);
  if (copy[0] != '[')
    return;
  copy[1 + strcspn(copy + 1, "[]")] = 0;
  ConfigKind kind;
  g_autofree char *label = config_group_label(copy + 1, &kind);
  if (label)
    config_disable(config_tree_group(reader->tree, kind, label, reader->place), reader->place);
}

void config_lines_disable(ConfigTree *tree, const ConfigFile *file, const char *text, gsize size)
{
  Reader reader = {.tree = tree, .file = file};
  reader.place.file = g_string_chunk_insert_const(tree->strings, file->path);
  each_line(&reader, text, size, disable_line);
}
