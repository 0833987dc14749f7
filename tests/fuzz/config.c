/* SPDX-License-Identifier: MIT */
/*
 * Files of conf.d, as any bytes, to a snapshot: lines, keys, groups, stacks, routes, limits, and
 * the options of the modules.
 *
 * An input is several files: a line "@@X" begins another one, and X says which directory it lies
 * in, which of three names it has, and whether it is an honest one, one that others may write, or a
 * link to /dev/null.
 */
#include "lib/route.h"
#include "tests/fuzz/conf.h"
#include "tests/fuzz/fuzz.h"

static Conf conf;
static const char *const names[] = {"10-first.conf", "50.conf", "90-last.conf"};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
  (void)argc, (void)argv;
  conf_make(&conf);
  return 0;
}

static void write_one(unsigned which, const uint8_t *bytes, size_t size)
{
  ConfLevel level = (ConfLevel)(which % 3);
  const char *name = names[which / 3 % 3];
  conf_remove(&conf, level, name);
  if (which / 9 == 2)
    conf_mask(&conf, level, name);
  else
    conf_write(&conf, level, name, bytes, size, which / 9 ? 0622 : 0600);
}

/* "\n@@X", or NULL. */
static const uint8_t *next_mark(const uint8_t *at, const uint8_t *end)
{
  while ((at = memmem(at, (size_t)(end - at), "\n@@", 3)) &&
         !(at + 3 < end && at[3] >= 'A' && at[3] <= 'Z'))
    at += 3;
  return at;
}

static void write_files(const uint8_t *data, size_t size)
{
  const uint8_t *end = data + size;
  for (unsigned which = CONF_ADMIN; data; which = data ? (unsigned)(data[-1] - 'A') : 0) {
    const uint8_t *mark = next_mark(data, end);
    write_one(which, data, (size_t)((mark ? mark : end) - data));
    data = mark ? mark + 4 : NULL;
  }
}

/* "FILE:LINE: ", in one line, and of a file that is there. */
static void check_problem(const Snapshot *snapshot, const SnapshotProblem *problem)
{
  char place[160];
  const char *text = snapshot_string(snapshot, problem->text);
  const char *file = snapshot_string(snapshot, problem->file);
  FUZZ_SAYS(file && fuzz_is_tame(text), text);
  if (problem->line)
    snprintf(place, sizeof place, "%s:%u: ", file, problem->line);
  else
    snprintf(place, sizeof place, "%s: ", file);
  FUZZ_SAYS(strncmp(text, place, strlen(place)) == 0 && text[strlen(place)], text);
}

/* Below the ceiling, and nobody else's. */
static void check_host(const Snapshot *snapshot, uint32_t index)
{
  const SnapshotHost *host = snapshot_host(snapshot, index);
  const char *name = snapshot_string(snapshot, host->name);
  size_t length = strlen(name), ceiling = strlen(ROUTE_CEILING);
  FUZZ_SAYS(length >= ceiling && strcmp(name + length - ceiling, ROUTE_CEILING) == 0, name);
  FUZZ_SAYS(length == ceiling || name[length - ceiling - 1] == '.', name);
  FUZZ_SAYS(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") == length, name);
  for (uint32_t i = 0; i < snapshot->hosts.count; i++)
    FUZZ_SAYS(i == index ||
                  strcmp(snapshot_string(snapshot, snapshot_host(snapshot, i)->name), name),
              name);
}

static void check_environment(const Snapshot *snapshot, uint32_t index)
{
  const SnapshotEnvironment *env = snapshot_environment(snapshot, index);
  const char *business = snapshot_string(snapshot, env->business);
  char lower[UUID_LENGTH + 1];
  if (!env->active)
    return;
  FUZZ_TRUE(env->credentials.count > 0 && env->allow != 0 && (!env->pin_business || business));
  FUZZ_TRUE(!business ||
            (route_parse_uuid(business, strlen(business), lower) && !strcmp(lower, business)));
  for (uint32_t i = 0; i < env->host_count; i++) {
    FUZZ_TRUE(snapshot_host(snapshot, env->first_host + i)->environment == index);
    check_host(snapshot, env->first_host + i);
  }
}

static void check_route(const Snapshot *snapshot, const SnapshotRoute *route)
{
  const char *path = snapshot_string(snapshot, route->path);
  const char *methods = snapshot_string(snapshot, route->methods);
  size_t length = strlen(methods);
  FUZZ_SAYS(strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                         "/-._~{}*") == strlen(path),
            path);
  FUZZ_SAYS(strcmp(methods, "*") == 0 || (length > 1 && methods[length - 1] == ';'), methods);
}

static void check(const Snapshot *snapshot)
{
  for (uint32_t i = 0; i < snapshot->problems.count; i++)
    check_problem(snapshot, snapshot_problem(snapshot, i));
  for (uint32_t i = 0; i < snapshot->environments.count; i++)
    check_environment(snapshot, i);
  for (uint32_t i = 0; i < snapshot->routes.count; i++)
    check_route(snapshot, snapshot_route(snapshot, i));
  FUZZ_TRUE(snapshot->default_environment == SNAPSHOT_NONE ||
            snapshot_environment(snapshot, snapshot->default_environment)->active);
}

/* What the user's files may not widen: the same without them is the measure. */
static void check_limits(const Snapshot *with, const Snapshot *without)
{
  static const int strength[] = {
      [SNAPSHOT_SEAL_OFF] = 0, [SNAPSHOT_SEAL_AUTO] = 1, [SNAPSHOT_SEAL_REQUIRED] = 2};
  FUZZ_TRUE(strength[with->seal] >= strength[without->seal]);
  for (uint32_t i = 0; i < without->environments.count; i++) {
    const SnapshotEnvironment *system = snapshot_environment(without, i), *user;
    uint32_t index = snapshot_find_environment(with, snapshot_string(without, system->name));
    if (index == SNAPSHOT_NONE || !(user = snapshot_environment(with, index))->active)
      continue;
    FUZZ_TRUE(!(user->allow & ~system->allow));
    FUZZ_TRUE(!system->pin_business || user->pin_business);
    FUZZ_TRUE(
        !system->pin_business || !system->business ||
        !strcmp(snapshot_string(with, user->business), snapshot_string(without, system->business)));
  }
}

/* ---- what `thredctl config` tells is what the block has ---- */

typedef struct {
  const Snapshot *snapshot;
  const SnapshotEnvironment *environment; /* that the values belong to now, or NULL */
  bool in_thred;
  uint32_t environments, problems;
} Told;

static void told_file(const FetchFile *file, void *data)
{
  (void)data;
  FUZZ_SAYS(!file->why == !strcmp(file->fate, "read"), file->path);
}

static void told_group(const FetchGroup *group, void *data)
{
  Told *told = data;
  told->environment = NULL;
  told->in_thred = strcmp(group->kind, "thred") == 0;
  if (strcmp(group->kind, "environment") != 0)
    return;
  uint32_t index = snapshot_find_environment(told->snapshot, group->name);
  FUZZ_SAYS(index != SNAPSHOT_NONE, group->name);
  told->environment = snapshot_environment(told->snapshot, index);
  FUZZ_SAYS(told->environment->active == !strcmp(group->state, "active"), group->name);
  told->environments++;
}

static void told_number(const FetchValue *value, const char *key, uint32_t number)
{
  if (strcmp(value->key, key) == 0)
    FUZZ_SAYS(strtoul(value->value, NULL, 10) == number, key);
}

static void told_word(const FetchValue *value, const char *key, const char *word)
{
  if (strcmp(value->key, key) == 0)
    FUZZ_SAYS(word ? value->value && !strcmp(value->value, word) : !value->value, key);
}

static void told_allow(const FetchValue *value, uint32_t allow)
{
  if (strcmp(value->key, "allow") != 0)
    return;
  FUZZ_TRUE(!strstr(value->value, "partner") == !(allow & SNAPSHOT_ALLOW_PARTNER));
  FUZZ_TRUE(!strstr(value->value, "business") == !(allow & SNAPSHOT_ALLOW_BUSINESS));
}

static void told_value(const FetchValue *value, void *data)
{
  static const char *const logs[] = {"error", "warning", "info", "debug"};
  static const char *const seals[] = {"auto", "required", "off"};
  const Told *told = data;
  const SnapshotEnvironment *env = told->environment;
  const bool is_default = strcmp(value->level, "default") == 0;
  FUZZ_TRUE(is_default ? !value->file && !value->line : value->file && value->line);
  FUZZ_TRUE(!value->hidden || !value->value);
  FUZZ_TRUE(value->key || value->hidden);
  if (!value->key || value->hidden || strcmp(value->fate, "in-force") != 0)
    return;
  if (told->in_thred) {
    told_word(value, "log", logs[told->snapshot->log]);
    told_word(value, "seal", seals[told->snapshot->seal]);
    told_number(value, "entries", told->snapshot->entries);
  }
  if (!env)
    return;
  told_number(value, "timeout", env->timeout);
  told_number(value, "connect-timeout", env->connect_timeout);
  told_number(value, "refresh-before", env->refresh_before);
  told_word(value, "business", snapshot_string(told->snapshot, env->business));
  told_word(value, "key-created", snapshot_string(told->snapshot, env->key_created));
  told_word(value, "ca-file", snapshot_string(told->snapshot, env->ca_file));
  told_word(value, "connect-to", snapshot_string(told->snapshot, env->connect_to));
  told_allow(value, env->allow);
}

static void told_problem(const char *file, uint32_t line, const char *text, void *data)
{
  Told *told = data;
  (void)file, (void)line;
  FUZZ_TRUE(told->problems < told->snapshot->problems.count);
  const SnapshotProblem *problem = snapshot_problem(told->snapshot, told->problems++);
  FUZZ_SAYS(strcmp(snapshot_string(told->snapshot, problem->text), text) == 0, text);
}

static void check_explained(const Snapshot *snapshot, const SnapshotOrigin *origin)
{
  static const FetchExplain each = {told_file, told_group, told_value, told_problem};
  Error error = ERROR_INIT;
  Told told = {.snapshot = snapshot};
  FUZZ_SAYS(config_explain(origin, &each, &told, &error) == THRED_OK, error.message);
  FUZZ_TRUE(told.environments == snapshot->environments.count);
  FUZZ_TRUE(told.problems == snapshot->problems.count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  size_t length;
  SnapshotOrigin system = conf.origin;
  system.user = NULL;
  write_files(data, size);
  Snapshot *with = conf_load(&conf.origin, &length), *without = conf_load(&system, &length);
  check(with);
  check(without);
  check_limits(with, without);
  check_explained(with, &conf.origin);
  free(with);
  free(without);
  for (unsigned which = 0; which < 9; which++)
    conf_remove(&conf, (ConfLevel)(which % 3), names[which / 3]);
  return 0;
}
