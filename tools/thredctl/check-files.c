/* SPDX-License-Identifier: MIT */
/*
 * check-files.c - the files that decide: what the parser and the modules refuse, and what they take
 * though it is unwise.
 */
#include <dirent.h>
#include <grp.h>
#include <string.h>
#include <sys/stat.h>
#include <thred/credential-module.h>
#include <unistd.h>

#include "lib/cache.h"
#include "lib/secure.h"
#include "tools/thredctl/check.h"
#include "tools/thredctl/command.h"

/* ---- mistakes of the configuration ---- */

/* Of a file or directory that was refused, the command that makes it acceptable. */
static char *change_of_file(const char *path)
{
  struct stat st;
  if (stat(path, &st) != 0)
    return g_strdup_printf("see why %s cannot be read", path);
  const char *remedy = secure_remedy(S_ISDIR(st.st_mode) ? SECURE_DIRECTORY : SECURE_CONFIG, &st);
  g_autofree char *quoted = command_quoted(path);
  return remedy ? g_strdup_printf("%s %s", remedy, quoted)
                : g_strdup_printf("mend %s as the sentence above says", path);
}

static char *change_of_problem(const Checkup *checkup, const SnapshotProblem *problem)
{
  const char *file = check_text(checkup, problem->file);
  return problem->line
             ? g_strdup_printf("mend line %u of %s; it counts within a second", problem->line, file)
             : change_of_file(file);
}

static void add_mistake(Checkup *checkup, const SnapshotProblem *problem)
{
  const char *file = check_text(checkup, problem->file);
  g_autofree char *where =
      problem->line ? g_strdup_printf("%s:%u", file, problem->line) : g_strdup(file);
  check_add(checkup->findings, false, where, g_strdup(check_text(checkup, problem->text)),
            change_of_problem(checkup, problem));
  Finding *last = checkup->findings->pdata[checkup->findings->len - 1];
  last->file = file;
  last->line = problem->line;
}

/* Where an environment of one's own would be written. */
static char *change_to_active(const Checkup *checkup)
{
  const char *directory = checkup->paths->origin.admin;
  return g_strdup_printf(
      "set `credentials` in [environment sandbox] or another one, in a file *.conf "
      "of %s",
      directory ? directory : "the administrator's conf.d");
}

/* A mistake switched off those that have credentials, or has hidden them, or none has any. */
static void add_inactive(Checkup *checkup)
{
  const Snapshot *snapshot = checkup->snapshot;
  bool switched_off = false;
  for (uint32_t i = 0; i < snapshot->environments.count; i++)
    switched_off |= snapshot_environment(snapshot, i)->credentials.count > 0;
  const char *what = switched_off ? "a problem above switches off what has credentials"
                     : snapshot->problems.count ? "none that could be read has credentials"
                                                : "none has credentials";
  check_add(checkup->findings, false, "no active environment",
            g_strdup_printf("no environment is active: %s", what),
            snapshot->problems.count ? g_strdup("mend what stands above")
                                     : change_to_active(checkup));
}

void check_configuration(Checkup *checkup)
{
  const Snapshot *snapshot = checkup->snapshot;
  for (uint32_t i = 0; i < snapshot->problems.count; i++)
    add_mistake(checkup, snapshot_problem(snapshot, i));
  if (checkup->environments->len == 0)
    add_inactive(checkup);
}

/* ---- what is legal, and unwise ---- */

static void warn(Checkup *checkup, const char *path, char *what, char *change)
{
  g_autofree char *where = command_printable(path);
  check_add(checkup->findings, true, where, what, change);
}

/* Whoever may write to a folder puts another file in a file's place; not with the sticky bit
 * (unlink(2), EPERM). The rule that files are judged by looks at the file alone. */
static void judge_folder(Checkup *checkup, const char *folder, const char *path)
{
  g_autofree char *quoted = command_quoted(folder);
  struct stat st;
  if (stat(folder, &st) == 0 && (st.st_mode & (S_IWGRP | S_IWOTH)) && !(st.st_mode & S_ISVTX))
    warn(checkup, folder,
         g_strdup_printf(
             "%s: its group or others may put another file in the place of %s (owner %u, "
             "mode %04o)",
             folder, path, (unsigned)st.st_uid, (unsigned)(st.st_mode & 07777)),
         g_strdup_printf("chmod go-w %s", quoted));
}

/* All that lead to `path`, up to one that has been looked at. */
static void judge_folders(Checkup *checkup, GHashTable *seen, const char *path)
{
  g_autofree char *below = g_strdup(path);
  while (strcmp(below, "/") != 0 && strcmp(below, ".") != 0) {
    char *folder = g_path_get_dirname(below);
    if (!g_hash_table_add(seen, g_strdup(folder))) {
      g_free(folder);
      return;
    }
    judge_folder(checkup, folder, below);
    g_free(below);
    below = folder;
  }
}

/* A command that hands out the key is as good as the key. */
static void judge_command(Checkup *checkup, const char *path)
{
  g_autofree char *quoted = command_quoted(path);
  struct stat st;
  if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & S_IXUSR) &&
      secure_remedy(SECURE_CONFIG, &st))
    warn(checkup, path,
         g_strdup_printf("%s: others than root and this user may change it (owner %u, mode %04o)",
                         path, (unsigned)st.st_uid, (unsigned)(st.st_mode & 07777)),
         g_strdup_printf("%s %s", secure_remedy(SECURE_CONFIG, &st), quoted));
}

/* The caller's to free. */
static char *group_of(const struct stat *st)
{
  /* cppcheck-suppress getgrgidCalled ; no other thread of this program asks for groups */
  const struct group *group = getgrgid(st->st_gid);
  return group ? g_strdup(group->gr_name) : g_strdup_printf("%u", (unsigned)st->st_gid);
}

/* A key that a whole group may read is known to whoever joins it. */
static void judge_secret(Checkup *checkup, const char *path)
{
  g_autofree char *quoted = command_quoted(path), *group = NULL;
  struct stat st;
  if (stat(path, &st) != 0 || !S_ISREG(st.st_mode) || (st.st_mode & S_IXUSR) ||
      !(st.st_mode & S_IRGRP) || secure_remedy(SECURE_SECRET, &st))
    return;
  group = group_of(&st);
  warn(checkup, path,
       g_strdup_printf("%s: all of group %s may read it (owner 0, mode %04o)", path, group,
                       (unsigned)(st.st_mode & 07777)),
       g_strdup_printf(
           "right if that group is for the programs that need the key; else chmod 600 %s", quoted));
}

static void judge_stack(Checkup *checkup, GHashTable *seen, SnapshotTable stack)
{
  const Snapshot *snapshot = checkup->snapshot;
  for (uint32_t i = 0; i < stack.count; i++) {
    const SnapshotStackEntry *entry = snapshot_stack(snapshot, stack.offset + i);
    const bool is_command = strcmp(check_text(checkup, entry->module), "exec") == 0;
    for (uint32_t k = 0; k < entry->identities.count; k++) {
      const SnapshotIdentity *identity = snapshot_identity(snapshot, entry->identities.offset + k);
      const char *path = check_text(checkup, identity->text);
      if (identity->kind != THRED_IDENTITY_FILE || !g_path_is_absolute(path) ||
          g_hash_table_contains(seen, path))
        continue;
      g_hash_table_add(seen, g_strdup(path));
      if (is_command)
        judge_command(checkup, path);
      else
        judge_secret(checkup, path);
      judge_folders(checkup, seen, path);
    }
  }
}

/* ---- files that have no say ---- */

static bool is_mask(const char *path)
{
  g_autofree char *target = g_file_read_link(path, NULL);
  return g_strcmp0(target, "/dev/null") == 0;
}

static void judge_entry(Checkup *checkup, const char *directory, const char *name)
{
  g_autofree char *path = g_build_filename(directory, name, NULL), *quoted = command_quoted(path);
  if (g_str_has_suffix(name, ".conf") && is_mask(path))
    warn(checkup, path,
         g_strdup_printf("%s is a link to /dev/null: the files called %s of less important "
                         "directories do not count",
                         path, name),
         g_strdup_printf("if that was not meant: rm %s", quoted));
  else if (name[0] != '.' && !g_str_has_suffix(name, ".conf") &&
           !g_file_test(path, G_FILE_TEST_IS_DIR))
    warn(checkup, path, g_strdup_printf("%s is not read: its name does not end in .conf", path),
         g_strdup("rename it, or take it out of the directory"));
}

static int by_name(const void *a, const void *b)
{
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void judge_directory(Checkup *checkup, const char *directory)
{
  DIR *stream = directory ? opendir(directory) : NULL;
  if (!stream)
    return; /* that is no mistake, or has been told */
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
  const struct dirent *entry;
  while ((entry = readdir(stream)))
    g_ptr_array_add(names, g_strdup(entry->d_name));
  closedir(stream);
  g_ptr_array_sort(names, by_name);
  for (guint i = 0; i < names->len; i++)
    judge_entry(checkup, directory, names->pdata[i]);
}

/* ---- the cache ---- */

static void judge_cache(Checkup *checkup)
{
  const Cache *cache =
      cache_create(checkup->snapshot->entries, (SnapshotSeal)checkup->snapshot->seal);
  if (cache && !cache_is_shared(cache))
    check_add(checkup->findings, true, "the cache",
              g_strdup("no segment can be had in /dev/shm: each process fetches tokens of its own"),
              g_strdup("give this machine or container a writable tmpfs at /dev/shm; with seal = "
                       "required, the kernel's keyring too"));
}

void check_files(Checkup *checkup)
{
  const SnapshotOrigin *origin = &checkup->paths->origin;
  g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  judge_directory(checkup, origin->admin);
  judge_directory(checkup, origin->user);
  for (guint i = 0; i < checkup->snapshot->sources.count; i++) {
    const SnapshotSource *source = snapshot_source(checkup->snapshot, i);
    if (source->present)
      judge_folders(checkup, seen, check_text(checkup, source->path));
  }
  for (guint i = 0; i < checkup->environments->len; i++) {
    const SnapshotEnvironment *environment =
        g_array_index(checkup->environments, CheckedEnvironment, i).environment;
    judge_stack(checkup, seen, environment->credentials);
    judge_stack(checkup, seen, environment->next);
    if (environment->ca_file)
      judge_folders(checkup, seen, check_text(checkup, environment->ca_file));
  }
  judge_cache(checkup);
}
