/* SPDX-License-Identifier: MIT */
#include <config.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/errno-text.h"
#include "plugin/credentials/module.h"

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

bool module_is_callers(const ThredModuleHost *host, const struct stat *st)
{
  return host->at_secure && st->st_uid != 0 && st->st_uid == getuid();
}

static ThredCredentialStatus read_open(const ThredModuleHost *host, const char *path, int fd,
                                       const struct stat *st, size_t max, ModuleSecret *secret)
{
  char why[128];
  if (module_is_callers(host, st))
    return module_says(host, THRED_CREDENTIAL_UNAVAIL,
                       "%.400s: refused: it belongs to the calling user (%u), whose "
                       "files do not count in a program with AT_SECURE",
                       path, (unsigned)st->st_uid);
  /* On the heap: some host programs give their threads very small stacks. */
  secret->bytes = malloc(max + 2);
  if (!secret->bytes)
    return module_says(host, THRED_CREDENTIAL_UNAVAIL, "out of memory");
  secret->room = max + 2;
  ssize_t length = read_all(fd, secret->bytes, max + 1);
  if (length < 0)
    return module_says(host, THRED_CREDENTIAL_UNAVAIL, "%.300s: %s", path,
                       errno_text(errno, why, sizeof why));
  if (length > (ssize_t)max)
    return module_says(host, THRED_CREDENTIAL_UNAVAIL, "%.400s: is larger than %zu KiB", path,
                       max / 1024);
  secret->length = (size_t)length;
  secret->bytes[length] = 0;
  return THRED_CREDENTIAL_SUCCESS;
}

ThredCredentialStatus module_read_file(const ThredModuleHost *host, const char *path,
                                       SecureRule rule, size_t max, ModuleSecret *secret)
{
  char why[480];
  struct stat st;
  *secret = (ModuleSecret){0};
  int fd = secure_open(path, rule, &st, why, sizeof why);
  if (fd < 0) {
    int missing = errno == ENOENT;
    host->message(host, why);
    return missing ? THRED_CREDENTIAL_NOTFOUND : THRED_CREDENTIAL_UNAVAIL;
  }
  ThredCredentialStatus status = read_open(host, path, fd, &st, max, secret);
  close(fd);
  return status;
}

ThredCredentialStatus module_read_secret(const ThredModuleHost *host, const char *path,
                                         ModuleSecret *secret)
{
  return module_read_file(host, path, SECURE_SECRET, MODULE_FILE_MAX, secret);
}

void module_trim_secret(ModuleSecret *secret)
{
  while (secret->length > 0 && strchr(" \t\r\n", secret->bytes[secret->length - 1]) &&
         secret->bytes[secret->length - 1])
    secret->bytes[--secret->length] = 0;
}

void module_secret_clear(ModuleSecret *secret)
{
  secure_wipe(secret->bytes, secret->room);
  free(secret->bytes);
  *secret = (ModuleSecret){0};
}

/* ---- the credential as text ---- */

typedef struct {
  const char *at;
  size_t length;
} Span;

typedef struct {
  Span uuid, key;
} Found;

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
  Span *slot = is_word(key, MODULE_UUID_NAME)  ? &found->uuid
               : is_word(key, MODULE_KEY_NAME) ? &found->key
                                               : NULL;
  if (!slot)
    return "an unknown key (known: " MODULE_UUID_NAME ", " MODULE_KEY_NAME ")";
  if (slot->at)
    return slot == &found->uuid ? MODULE_UUID_NAME " a second time"
                                : MODULE_KEY_NAME " a second time";
  *slot = trimmed(equals + 1, text.length - before - 1);
  if (slot->length == 0)
    return slot == &found->uuid ? MODULE_UUID_NAME " is empty" : MODULE_KEY_NAME " is empty";
  return NULL;
}

ThredCredentialStatus module_deliver_lines(const ThredModuleHost *host, const char *where,
                                           const char *text, size_t length)
{
  Found found = {{NULL, 0}, {NULL, 0}};
  const char *at = text, *end = text + length;
  for (unsigned number = 1; at < end; number++) {
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    Span line = {at, (size_t)((newline ? newline : end) - at)};
    const char *problem = parse_line(line, &found);
    if (problem)
      return module_says(host, THRED_CREDENTIAL_UNAVAIL, "%.400s:%u: %s", where, number, problem);
    at = newline ? newline + 1 : end;
  }
  if (!found.uuid.at || !found.key.at)
    return module_says(host, THRED_CREDENTIAL_UNAVAIL, "%.400s: %s is missing", where,
                       found.uuid.at ? MODULE_KEY_NAME : MODULE_UUID_NAME);
  return module_deliver(host, found.uuid.at, found.uuid.length, found.key.at, found.key.length);
}

ThredCredentialStatus module_deliver(const ThredModuleHost *host, const char *uuid,
                                     size_t uuid_length, const char *key, size_t key_length)
{
  return host->credential(host, uuid, uuid_length, key, key_length) ? THRED_CREDENTIAL_UNAVAIL
                                                                    : THRED_CREDENTIAL_SUCCESS;
}

ThredCredentialStatus module_deliver_file(const ThredModuleHost *host, const char *path)
{
  ModuleSecret secret;
  ThredCredentialStatus status = module_read_secret(host, path, &secret);
  if (status == THRED_CREDENTIAL_SUCCESS)
    status = module_deliver_lines(host, path, secret.bytes, secret.length);
  module_secret_clear(&secret);
  return status;
}

ThredCredentialStatus module_deliver_files(const ThredModuleHost *host, const char *uuid_path,
                                           const char *key_path)
{
  ModuleSecret uuid, key = {0};
  ThredCredentialStatus status = module_read_secret(host, uuid_path, &uuid);
  if (status == THRED_CREDENTIAL_SUCCESS)
    status = module_read_secret(host, key_path, &key);
  if (status == THRED_CREDENTIAL_SUCCESS) {
    module_trim_secret(&uuid);
    module_trim_secret(&key);
    status = module_deliver(host, uuid.bytes, uuid.length, key.bytes, key.length);
  }
  module_secret_clear(&uuid);
  module_secret_clear(&key);
  return status;
}
