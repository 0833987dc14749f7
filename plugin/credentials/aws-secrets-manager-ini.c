/* SPDX-License-Identifier: MIT */
/*
 * The two shared files as text (the reference, "Shared config and credentials files", and where it
 * is silent what AWS's own SDK for JavaScript does): sections, `key = value`, comments after # or ;
 * and under a key without a value indented lines of its own, which are none of ours.
 */
#include <string.h>
#include <strings.h>

#include "plugin/credentials/aws-secrets-manager.h"

static bool blank(char c)
{
  return c == ' ' || c == '\t' || c == '\r';
}

static AwsSpan trimmed(AwsSpan span)
{
  while (span.length > 0 && blank(span.at[0]))
    span.at++, span.length--;
  while (span.length > 0 && blank(span.at[span.length - 1]))
    span.length--;
  return span;
}

static bool next_line(AwsSpan *text, AwsSpan *line)
{
  if (text->length == 0)
    return false;
  const char *newline = memchr(text->at, '\n', text->length);
  *line = (AwsSpan){text->at, newline ? (size_t)(newline - text->at) : text->length};
  size_t used = line->length + (newline ? 1 : 0);
  text->at += used;
  text->length -= used;
  return true;
}

/* A comment begins the line, or comes after a blank: secret access keys have no blanks. */
static AwsSpan without_comment(AwsSpan line)
{
  for (size_t i = 0; i < line.length; i++)
    if ((line.at[i] == '#' || line.at[i] == ';') && (i == 0 || blank(line.at[i - 1])))
      line.length = i;
  return trimmed(line);
}

static bool is_word(AwsSpan span, const char *word)
{
  return span.length == strlen(word) && strncasecmp(span.at, word, span.length) == 0;
}

static bool is_name(AwsSpan span, const char *name)
{
  if (span.length >= 2 && (span.at[0] == '"' || span.at[0] == '\'') &&
      span.at[span.length - 1] == span.at[0])
    span = (AwsSpan){span.at + 1, span.length - 2};
  return span.length == strlen(name) && memcmp(span.at, name, span.length) == 0;
}

/* "[NAME]" in the credentials; in the config "[profile NAME]", and "[default]". */
static bool is_section_of(AwsFile file, AwsSpan line, const char *profile)
{
  AwsSpan name = trimmed((AwsSpan){line.at + 1, line.length - 2});
  if (file == AWS_CREDENTIALS_FILE || is_name(name, "default"))
    return is_name(name, profile);
  const size_t word = strlen("profile");
  if (name.length <= word || memcmp(name.at, "profile", word) != 0 || !blank(name.at[word]))
    return false;
  return is_name(trimmed((AwsSpan){name.at + word, name.length - word}), profile);
}

bool aws_ini_find(AwsFile file, AwsSpan text, const char *profile, const char *key, AwsSpan *value)
{
  bool inside = false, below = false, found = false;
  AwsSpan line;
  while (next_line(&text, &line)) {
    bool indented = line.length > 0 && blank(line.at[0]);
    AwsSpan words = without_comment(line);
    if (words.length >= 2 && words.at[0] == '[' && words.at[words.length - 1] == ']') {
      inside = is_section_of(file, words, profile);
      below = false;
      found = found || (inside && !key);
      continue;
    }
    const char *equals = words.length ? memchr(words.at, '=', words.length) : NULL;
    if (!inside || !key || !equals || (below && indented))
      continue;
    size_t before = (size_t)(equals - words.at);
    AwsSpan each = trimmed((AwsSpan){equals + 1, words.length - before - 1});
    below = each.length == 0;
    if (!below && is_word(trimmed((AwsSpan){words.at, before}), key)) {
      *value = each;
      found = true;
    }
  }
  return found;
}
