/* SPDX-License-Identifier: MIT */
/*
 * credentials-fixture.h - a stack in a hand-made snapshot, and copies of the modules.
 *
 * The modules are copied into a directory of the test's own, so that the modes that the build gave
 * them do not matter and a test may spoil them.
 */
#ifndef THRED_TESTS_UNIT_CREDENTIALS_FIXTURE_H
#define THRED_TESTS_UNIT_CREDENTIALS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/fetch/credentials.h"

#define PATH_SIZE 512
#define SOON      (clock_monotonic_ms() + 60000)

static char fixture_dir[PATH_SIZE]; /* of this run; removed at its end */

/* DIR/NAME of the fixture, in one of a few static buffers. */
__attribute__((format(printf, 1, 2), unused)) static const char *at(const char *format, ...)
{
  static char buffers[8][2 * PATH_SIZE];
  static unsigned next;
  char *buffer = buffers[next++ % 8], name[PATH_SIZE];
  va_list args;
  va_start(args, format);
  vsnprintf(name, sizeof name, format, args);
  va_end(args);
  snprintf(buffer, sizeof buffers[0], "%s/%s", fixture_dir, name);
  return buffer;
}

__attribute__((unused)) static const char *write_file(const char *path, const void *bytes,
                                                      size_t length, mode_t mode)
{
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, length, file), length);
  assert_int_equal(fclose(file), 0);
  assert_int_equal(chmod(path, mode), 0);
  return path;
}

__attribute__((unused)) static void copy_file(const char *from, const char *to)
{
  FILE *file = fopen(from, "r");
  if (!file)
    fail_msg("%s is not there: THRED_TEST_MODULES and THRED_TEST_REAL_MODULES name the modules",
             from);
  size_t size = 0, n;
  char *bytes = NULL, block[65536];
  while ((n = fread(block, 1, sizeof block, file)) > 0) {
    bytes = realloc(bytes, size + n);
    assert_non_null(bytes);
    memcpy(bytes + size, block, n);
    size += n;
  }
  fclose(file);
  write_file(to, bytes, size, 0755);
  free(bytes);
}

/* A directory of the fixture with a copy of one module, or none. */
__attribute__((unused)) static const char *module_dir_with(const char *name, const char *variable,
                                                           const char *module)
{
  const char *from = getenv(variable), *dir = at("%s", name);
  if (!from)
    fail_msg("%s is not set", variable);
  mkdir(dir, 0755);
  assert_int_equal(chmod(dir, 0755), 0);
  if (module) {
    char source[2 * PATH_SIZE];
    snprintf(source, sizeof source, "%s/%s.so", from, module);
    copy_file(source, at("%s/%s.so", name, module));
  }
  return dir;
}

__attribute__((unused)) static int fixture_set_up(void **state)
{
  (void)state;
  const char *tmp = getenv("TMPDIR");
  snprintf(fixture_dir, sizeof fixture_dir, "%s/thred-credentials-XXXXXX", tmp ? tmp : "/tmp");
  if (!mkdtemp(fixture_dir))
    return -1;
  return chmod(fixture_dir, 0755);
}

__attribute__((unused)) static int fixture_tear_down(void **state)
{
  (void)state;
  char command[2 * PATH_SIZE + 32];
  snprintf(command, sizeof command, "chmod -R u+rwx '%s'; rm -rf '%s'", fixture_dir, fixture_dir);
  return system(command);
}

/* ---- a snapshot that is nothing but a stack ---- */

#define STACK_ENTRIES 8
#define STACK_OPTIONS 64

typedef struct {
  SnapshotHeader header;
  SnapshotStackEntry stack[STACK_ENTRIES];
  SnapshotOption options[STACK_OPTIONS];
  uint64_t used; /* of strings */
  char strings[16384];
} Stack;

__attribute__((unused)) static uint32_t stack_string(Stack *s, const char *text, size_t length)
{
  assert_true(s->used + length + 1 < sizeof s->strings);
  char *to = s->strings + s->used;
  memcpy(to, text, length);
  to[length] = 0;
  s->used += length + 1;
  return (uint32_t)(to - (char *)s);
}

__attribute__((unused)) static void stack_init(Stack *s)
{
  memset(s, 0, sizeof *s);
  SnapshotTable none = {sizeof(SnapshotHeader), 0};
  s->header = (SnapshotHeader){.magic = SNAPSHOT_MAGIC,
                               .layout = SNAPSHOT_LAYOUT,
                               .size = sizeof *s,
                               .sources = none,
                               .environments = none,
                               .hosts = none,
                               .routes = none,
                               .identities = none,
                               .problems = none,
                               .stack = {offsetof(Stack, stack), 0},
                               .options = {offsetof(Stack, options), 0},
                               .default_environment = SNAPSHOT_NONE};
}

/* Adds an entry with the default actions. `options`: "key=value|key=value", or NULL. */
__attribute__((unused)) static SnapshotStackEntry *
stack_add(Stack *s, const char *name, const char *module, const char *options)
{
  assert_true(s->header.stack.count < STACK_ENTRIES);
  SnapshotStackEntry *entry = &s->stack[s->header.stack.count++];
  entry->name = stack_string(s, name, strlen(name));
  entry->module = stack_string(s, module, strlen(module));
  entry->action[THRED_CREDENTIAL_SUCCESS] = SNAPSHOT_ACTION_RETURN;
  for (int i = 1; i < 4; i++)
    entry->action[i] = SNAPSHOT_ACTION_CONTINUE;
  entry->options.offset = s->header.options.count;
  while (options && *options) {
    size_t key = strcspn(options, "="), length = strcspn(options, "|");
    assert_true(s->header.options.count < STACK_OPTIONS);
    SnapshotOption *option = &s->options[s->header.options.count++];
    option->key = stack_string(s, options, key);
    option->value = stack_string(s, options + key + 1, length - key - 1);
    option->file = stack_string(s, "50-test.conf", 12);
    option->line = 10 + entry->options.count++;
    options += length + (options[length] == '|');
  }
  return entry;
}

/* The first `count` entries, asked for a minute at most. */
__attribute__((unused)) static CredentialsQuestion stack_question(const Stack *s, uint32_t count,
                                                                  const char *module_dir)
{
  return (CredentialsQuestion){
      .snapshot = &s->header, .stack = {0, count}, .module_dir = module_dir, .deadline_ms = SOON};
}

__attribute__((unused)) static int stack_get(const Stack *s, const char *module_dir,
                                             int64_t deadline_ms, Credential *credential,
                                             Error *error)
{
  assert_true(snapshot_check(s, sizeof *s));
  CredentialsQuestion question = stack_question(s, s->header.stack.count, module_dir);
  question.deadline_ms = deadline_ms;
  *error = (Error)ERROR_INIT;
  return credentials_get(&question, credential, error);
}

/* ---- one module, asked ---- */

typedef struct {
  ThredCredentialStatus status;
  char said[ERROR_MESSAGE_SIZE];
  char notes[4096]; /* what it had written to the log, a line each */
  Credential credential;
} Heard;

static char fixture_notes[sizeof((Heard *)0)->notes];

__attribute__((unused)) static void fixture_note(const char *text)
{
  size_t used = strlen(fixture_notes);
  snprintf(fixture_notes + used, sizeof fixture_notes - used, "%s\n", text);
}

__attribute__((unused)) static void fixture_hear(const CredentialsAnswer *answer, void *data)
{
  Heard *heard = data;
  heard->status = answer->status;
  snprintf(heard->said, sizeof heard->said, "%s", answer->said);
}

/* Through the stack that loads it. It has `ms` for its answer. */
__attribute__((unused)) static Heard module_ask_for(const char *module_dir, const char *module,
                                                    const char *options, int at_secure, int refused,
                                                    int64_t ms)
{
  Stack s;
  Heard heard = {0};
  Error error = ERROR_INIT;
  stack_init(&s);
  stack_add(&s, module, module, options);
  CredentialsQuestion question = stack_question(&s, 1, module_dir);
  question.deadline_ms = clock_monotonic_ms() + 2 * ms; /* half of it is the token request's */
  question.at_secure = at_secure;
  question.refused = refused;
  question.note = fixture_note;
  question.each = fixture_hear;
  question.each_data = &heard;
  fixture_notes[0] = 0;
  credentials_get(&question, &heard.credential, &error);
  snprintf(heard.notes, sizeof heard.notes, "%s", fixture_notes);
  return heard;
}

__attribute__((unused)) static Heard module_ask(const char *module_dir, const char *module,
                                                const char *options)
{
  return module_ask_for(module_dir, module, options, 0, 0, 30000);
}

__attribute__((unused)) static void fixture_remember(ThredIdentityKind kind, const char *text,
                                                     void *data)
{
  char *seen = data;
  size_t used = strlen(seen);
  snprintf(seen + used, 512 - used, "%d %s;", (int)kind, text);
}

/* What `identity` names, "kind text;" each, or what it says. */
__attribute__((unused)) static const char *
module_identity(const char *module_dir, const char *module, const char *options, int at_secure)
{
  static char seen[ERROR_MESSAGE_SIZE];
  Stack s;
  Error error = ERROR_INIT;
  ThredModuleOption list[8];
  stack_init(&s);
  SnapshotStackEntry *entry = stack_add(&s, module, module, options);
  for (uint32_t i = 0; i < entry->options.count; i++) {
    const SnapshotOption *option = &s.options[entry->options.offset + i];
    list[i] = (ThredModuleOption){(char *)&s + option->key, (char *)&s + option->value,
                                  (char *)&s + option->file, option->line};
  }
  seen[0] = 0;
  if (credentials_identity(module_dir, module, list, entry->options.count, at_secure,
                           fixture_remember, seen, &error) != THRED_CREDENTIAL_SUCCESS)
    snprintf(seen, sizeof seen, "%s", error.message);
  return seen;
}

#define expect_heard(heard, wanted, says)                                                          \
  do {                                                                                             \
    if ((heard).status != (wanted) || !strstr((heard).said, says))                                 \
      fail_msg("%d, not %d: '%s', not '%s'", (int)(heard).status, (int)(wanted), (heard).said,     \
               says);                                                                              \
  } while (0)

#define assert_says(error, text)                                                                   \
  do {                                                                                             \
    if (!strstr((error).message, text))                                                            \
      fail_msg("'%s' is not in: %s", text, (error).message);                                       \
  } while (0)

#define assert_silent_about(error, text)                                                           \
  do {                                                                                             \
    if (strstr((error).message, text))                                                             \
      fail_msg("'%s' is in: %s", text, (error).message);                                           \
  } while (0)

#endif
