/* SPDX-License-Identifier: MIT */
/*
 * file - the credential from a file of KEY=value lines.
 *
 *     # comment
 *     THRED_PARTNER_UUID=3c90c3cc-0d44-4b50-8888-8dd25736052a
 *     THRED_API_KEY=...
 *
 * Option: path (absolute). Values are verbatim, quotes included, but for blanks at both ends. No
 * message quotes a line: half a key may stand in any of them.
 */
#include <config.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thred/credential-module.h>
#include <unistd.h>

#include "lib/secure.h"

#define FILE_MAX  (16u * 1024u) /* bytes */
#define UUID_NAME "THRED_PARTNER_UUID"
#define KEY_NAME  "THRED_API_KEY"

typedef struct {
  const char *at;
  size_t length;
} Span;

typedef struct {
  Span uuid, key;
} Found;

__attribute__((format(printf, 2, 3))) static ThredCredentialStatus
unavailable(const ThredModuleHost *host, const char *format, ...)
{
  char text[480];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  host->message(host, text);
  return THRED_CREDENTIAL_UNAVAIL;
}

static ThredCredentialStatus file_open(const ThredModuleHost *host,
                                       const ThredModuleOption *options, size_t n_options,
                                       void **instance)
{
  const char *path = THRED_DEFAULT_CREDENTIALS;
  for (size_t i = 0; i < n_options; i++) {
    const ThredModuleOption *option = &options[i];
    if (strcmp(option->key, "path") != 0)
      return unavailable(host, "%s:%u: the module file has no option '%.64s' (it has: path)",
                         option->file, option->line, option->key);
    if (option->value[0] != '/')
      return unavailable(host, "%s:%u: path: '%.128s' is not absolute", option->file, option->line,
                         option->value);
    path = option->value;
  }
  *instance = strdup(path);
  return *instance ? THRED_CREDENTIAL_SUCCESS : unavailable(host, "out of memory");
}

static ThredCredentialStatus file_identity(void *instance, const ThredModuleHost *host)
{
  host->identity(host, THRED_IDENTITY_FILE, instance);
  return THRED_CREDENTIAL_SUCCESS;
}

static void file_close(void *instance)
{
  free(instance);
}

static bool blank(char c)
{
  return c == ' ' || c == '\t' || c == '\r';
}

static Span trimmed(const char *at, size_t length)
{
  while (length > 0 && blank(*at))
    at++, length--;
  while (length > 0 && blank(at[length - 1]))
    length--;
  return (Span){at, length};
}

static bool is_word(Span span, const char *word)
{
  return span.length == strlen(word) && memcmp(span.at, word, span.length) == 0;
}

/* Returns what is wrong with the line, or NULL. */
static const char *parse_line(Span line, Found *found)
{
  if (memchr(line.at, 0, line.length))
    return "a NUL byte";
  Span text = trimmed(line.at, line.length);
  if (text.length == 0 || text.at[0] == '#')
    return NULL;
  const char *equals = memchr(text.at, '=', text.length);
  if (!equals)
    return "no '=' in the line (KEY=value)";
  size_t before = (size_t)(equals - text.at);
  Span key = trimmed(text.at, before);
  Span *slot = is_word(key, UUID_NAME) ? &found->uuid : is_word(key, KEY_NAME) ? &found->key : NULL;
  if (!slot)
    return "an unknown key (known: " UUID_NAME ", " KEY_NAME ")";
  if (slot->at)
    return slot == &found->uuid ? UUID_NAME " a second time" : KEY_NAME " a second time";
  *slot = trimmed(equals + 1, text.length - before - 1);
  if (slot->length == 0)
    return slot == &found->uuid ? UUID_NAME " is empty" : KEY_NAME " is empty";
  return NULL;
}

static ThredCredentialStatus deliver(const ThredModuleHost *host, const char *path,
                                     const char *bytes, size_t length)
{
  Found found = {{NULL, 0}, {NULL, 0}};
  const char *at = bytes, *end = bytes + length;
  for (unsigned number = 1; at < end; number++) {
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    Span line = {at, (size_t)((newline ? newline : end) - at)};
    const char *problem = parse_line(line, &found);
    if (problem)
      return unavailable(host, "%.400s:%u: %s", path, number, problem);
    at = newline ? newline + 1 : end;
  }
  if (!found.uuid.at || !found.key.at)
    return unavailable(host, "%.400s: %s is missing", path, found.uuid.at ? KEY_NAME : UUID_NAME);
  return host->credential(host, found.uuid.at, found.uuid.length, found.key.at, found.key.length)
             ? THRED_CREDENTIAL_UNAVAIL
             : THRED_CREDENTIAL_SUCCESS;
}

/* Up to `size` bytes; -1 with errno. Regular files only (secure_open): it does not block. */
static ssize_t read_all(int fd, char *to, size_t size)
{
  size_t used = 0;
  while (used < size) {
    ssize_t n = read(fd, to + used, size - used);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return -1;
    if (n == 0)
      break;
    used += (size_t)n;
  }
  return (ssize_t)used;
}

/* Under AT_SECURE a file of the person who started the program is not the administrator's word. */
static bool is_callers(const ThredModuleHost *host, const struct stat *st)
{
  return host->at_secure && st->st_uid != 0 && st->st_uid == getuid();
}

static ThredCredentialStatus file_get(void *instance, const ThredModuleHost *host,
                                      int64_t deadline_ms)
{
  (void)deadline_ms; /* a local file does not wait */
  const char *path = instance;
  char why[480];
  struct stat st;
  int fd = secure_open(path, SECURE_SECRET, &st, why, sizeof why);
  if (fd < 0) {
    int missing = errno == ENOENT;
    host->message(host, why);
    return missing ? THRED_CREDENTIAL_NOTFOUND : THRED_CREDENTIAL_UNAVAIL;
  }

  /* On the heap: some host programs give their threads very small stacks. */
  char *bytes = NULL;
  ThredCredentialStatus status;
  ssize_t length;
  if (is_callers(host, &st))
    status = unavailable(host,
                         "%.400s: refused: it belongs to the calling user (%u), whose "
                         "files do not count in a program with AT_SECURE",
                         path, (unsigned)st.st_uid);
  else if (!(bytes = malloc(FILE_MAX + 1)))
    status = unavailable(host, "out of memory");
  else if ((length = read_all(fd, bytes, FILE_MAX + 1)) < 0)
    status = unavailable(host, "%.300s: %s", path, strerror_r(errno, why, sizeof why));
  else if (length > (ssize_t)FILE_MAX)
    status = unavailable(host, "%.400s: is larger than 16 KiB", path);
  else
    status = deliver(host, path, bytes, (size_t)length);

  secure_wipe(bytes, FILE_MAX + 1);
  free(bytes);
  close(fd);
  return status;
}

const ThredCredentialModule thred_credential_module = {
    .abi = THRED_CREDENTIAL_MODULE_ABI,
    .struct_size = sizeof(ThredCredentialModule),
    .name = "file",
    .open = file_open,
    .identity = file_identity,
    .get = file_get,
    .close = file_close,
};
