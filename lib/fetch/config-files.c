/* SPDX-License-Identifier: MIT */
#include "lib/fetch/config-files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/fetch/config-trace.h"
#include "lib/secure.h"

/* Far above what anyone writes by hand; they bound time and memory inside the host program. */
enum {
  FILES_MAX = 512,
  FILE_BYTES_MAX = 256 * 1024,
  ALL_BYTES_MAX = 4 * 1024 * 1024,
  WHY_SIZE = 1024
};

typedef struct {
  ConfigTree *tree;
  GPtrArray *files; /* ConfigFile, of all directories, in any order */
  char *buffer;     /* FILE_BYTES_MAX + 1 */
  gsize total;
  bool starved; /* of descriptors or memory: what was not read may be what forbids */
} Files;

static void file_free(ConfigFile *file)
{
  g_free(file->name);
  g_free(file->path);
  g_free(file);
}

/* What follows from a file or directory that is there and is not taken. */
typedef enum {
  LEFT_OUT,        /* nothing else */
  GROUPS_OFF,      /* the groups that it names are disabled */
  ENVIRONMENTS_OFF /* what it names is unknown: no environment is active */
} Consequence;

/*
 * The system's files may forbid what others allow (`allow = business`, a route without token,
 * another key), so one that is refused must not silently loosen anything: what it stands for is
 * switched off until it is mended. A user's files cannot forbid anything to anyone but himself, and
 * a file that the system keeps from a user by its mode was not meant for him: those are left out,
 * with a problem.
 */
static void not_taken(Files *files, ConfigLevel level, const char *path, const char *why,
                      Consequence consequence)
{
  static const char *const texts[] = {
      "; it is left out", "; the groups that it names are disabled until it is mended",
      "; what it forbids is unknown, so no environment is active until it is mended"};
  ConfigPlace whole = {path, 0};
  gsize length = strlen(path);
  /* secure_open() begins its sentence with the path, as config_problem() does. */
  if (strncmp(why, path, length) == 0 && strncmp(why + length, ": ", 2) == 0)
    why += length + 2;
  if (level == CONFIG_USER)
    consequence = LEFT_OUT;
  config_problem(files->tree, whole, NULL, NULL, "%s%s", why, texts[consequence]);
  g_autofree char *told = g_strconcat(why, texts[consequence], NULL);
  config_trace_file(files->tree, level, path, CONFIG_FILE_REFUSED, told);
  if (consequence == ENVIRONMENTS_OFF)
    files->tree->incomplete = true;
}

/* Of the program, and over in a moment: it says nothing about the file. */
static bool is_shortage(int error)
{
  return error == EMFILE || error == ENFILE || error == ENOMEM;
}

/* What follows from the errno that secure_open() has left: EPERM is its rule. */
static Consequence consequence_of(int error, Consequence of_refusal)
{
  if (error == EPERM)
    return of_refusal;
  return error == EACCES || error == ENOENT || error == ENOTDIR ? LEFT_OUT : ENVIRONMENTS_OFF;
}

static bool is_conf_name(const char *name)
{
  gsize length = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
  return name[length] == 0 && length > strlen(".conf");
}

static void list_entry(Files *files, ConfigLevel level, const char *directory, const char *name)
{
  if (!g_str_has_suffix(name, ".conf"))
    return;
  if (!is_conf_name(name)) {
    g_autofree char *quoted = config_quote(name);
    ConfigPlace whole = {directory, 0};
    config_problem(files->tree, whole, NULL, NULL,
                   "%s is not read; the name of a file has letters, digits, . _ and - before .conf",
                   quoted);
    g_autofree char *path = g_build_filename(directory, name, NULL);
    config_trace_file(files->tree, level, path, CONFIG_FILE_REFUSED,
                      "its name has other characters than letters, digits, . _ and -");
    return;
  }
  ConfigFile *file = g_new0(ConfigFile, 1);
  file->name = g_strdup(name);
  file->path = g_build_filename(directory, name, NULL);
  file->level = level;
  g_ptr_array_add(files->files, file);
}

static void list_directory(Files *files, ConfigLevel level, const char *path)
{
  struct stat st;
  char why[WHY_SIZE];
  config_tree_source(files->tree, path);
  int fd = secure_open(path, SECURE_DIRECTORY, &st, why, sizeof why);
  if (fd < 0) {
    const int error = errno;
    if (is_shortage(error))
      files->starved = true;
    else if (error != ENOENT)
      not_taken(files, level, path, why, consequence_of(error, ENVIRONMENTS_OFF));
    else
      config_trace_file(files->tree, level, path, CONFIG_FILE_MISSING,
                        "there is no such directory");
    return;
  }
  DIR *directory = fdopendir(fd);
  if (!directory) {
    close(fd);
    files->starved = true;
    return;
  }
  const struct dirent *entry;
  while (errno = 0, (entry = readdir(directory)) && files->files->len <= FILES_MAX)
    list_entry(files, level, path, entry->d_name);
  if (!entry && errno)
    not_taken(files, level, path, "it cannot be listed", ENVIRONMENTS_OFF);
  closedir(directory);
}

/* By name, and of one name the most important directory's first. */
static gint compare_files(gconstpointer a, gconstpointer b)
{
  const ConfigFile *const *x = a, *const *y = b;
  int order = strcmp((*x)->name, (*y)->name);
  return order ? order : (int)(*y)->level - (int)(*x)->level;
}

static bool is_mask(const ConfigFile *file)
{
  char target[16];
  ssize_t length = readlink(file->path, target, sizeof target);
  return length == (ssize_t)strlen("/dev/null") && memcmp(target, "/dev/null", (size_t)length) == 0;
}

/* Everything up to the end, for the size of fstat may be old already; -1 if it cannot be read. */
static gssize read_all(int fd, char *buffer, gsize size)
{
  gsize length = 0;
  while (length < size) {
    ssize_t got = read(fd, buffer + length, size - length);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return -1;
    if (got == 0)
      break;
    length += (gsize)got;
  }
  return (gssize)length;
}

/* A file that the rule refused: nothing in it counts but the names of its groups, which go off. */
static void read_refused(Files *files, const ConfigFile *file)
{
  struct stat st;
  int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  files->starved |= fd < 0 && is_shortage(errno);
  if (fd < 0)
    return;
  if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
    gssize length = read_all(fd, files->buffer, FILE_BYTES_MAX);
    config_lines_disable(files->tree, file, files->buffer, length < 0 ? 0 : (gsize)length);
  }
  close(fd);
}

static void read_file(Files *files, const ConfigFile *file)
{
  struct stat st;
  char why[WHY_SIZE];
  config_tree_source(files->tree, file->path);
  int fd = secure_open(file->path, SECURE_CONFIG, &st, why, sizeof why);
  if (fd < 0) {
    const int error = errno;
    if (is_shortage(error))
      files->starved = true;
    else
      not_taken(files, file->level, file->path, why, consequence_of(error, GROUPS_OFF));
    if (error == EPERM && file->level != CONFIG_USER)
      read_refused(files, file);
    return;
  }
  gssize length = read_all(fd, files->buffer, FILE_BYTES_MAX + 1);
  close(fd);
  if (length < 0)
    not_taken(files, file->level, file->path, "it cannot be read", ENVIRONMENTS_OFF);
  else if (length > FILE_BYTES_MAX)
    not_taken(files, file->level, file->path, "it is larger than the 256 KiB that a file may have",
              ENVIRONMENTS_OFF);
  else if ((files->total += (gsize)length) > ALL_BYTES_MAX)
    not_taken(files, file->level, file->path,
              "with it the files are larger than the 4 MiB that they may have together",
              ENVIRONMENTS_OFF);
  else {
    if (!file->replaced)
      config_trace_file(files->tree, file->level, file->path, CONFIG_FILE_READ, NULL);
    config_lines_read(files->tree, file, files->buffer, (gsize)length);
  }
}

static void trace_replaced(Files *files, guint first, guint n)
{
  const ConfigFile *by = g_ptr_array_index(files->files, first);
  for (guint i = first + 1; i < first + n; i++) {
    const ConfigFile *file = g_ptr_array_index(files->files, i);
    g_autofree char *why = g_strdup_printf("%s has its name%s", by->path,
                                           by->level == CONFIG_USER && i == first + 1
                                               ? "; what a user may not widen still counts"
                                               : "");
    config_trace_file(files->tree, file->level, file->path, CONFIG_FILE_REPLACED, why);
  }
}

/*
 * The files of one name, the most important first: it replaces the others, unread or refused as
 * well, for the one below it is not what its owner meant. But what a user's file replaces is still
 * read for the keys that a user may not widen, or replacing would be the way to widen them.
 */
static void read_name(Files *files, guint first, guint n)
{
  ConfigFile *file = g_ptr_array_index(files->files, first);
  if (files->tree->trace)
    trace_replaced(files, first, n);
  if (file->level == CONFIG_USER && n > 1) {
    ConfigFile *below = g_ptr_array_index(files->files, first + 1);
    below->replaced = true;
    if (!is_mask(below))
      read_file(files, below);
  }
  if (!is_mask(file))
    read_file(files, file);
  else
    config_trace_file(files->tree, file->level, file->path, CONFIG_FILE_MASKED,
                      "it is a link to /dev/null");
}

static void read_files(Files *files)
{
  GPtrArray *all = files->files;
  g_ptr_array_sort(all, compare_files);
  for (guint first = 0, next; first < all->len; first = next) {
    const ConfigFile *file = g_ptr_array_index(all, first);
    for (next = first + 1; next < all->len; next++)
      if (strcmp(((ConfigFile *)g_ptr_array_index(all, next))->name, file->name) != 0)
        break;
    read_name(files, first, next - first);
  }
}

bool config_files_read(ConfigTree *tree, const SnapshotOrigin *origin)
{
  const char *const directories[CONFIG_LEVELS] = {origin->shipped, origin->admin, origin->user};
  Files files = {.tree = tree, .buffer = g_try_malloc(FILE_BYTES_MAX + 1)};
  if (!files.buffer)
    return false;
  files.files = g_ptr_array_new_with_free_func((GDestroyNotify)file_free);
  for (int level = CONFIG_SHIPPED; level < CONFIG_LEVELS; level++)
    if (directories[level])
      list_directory(&files, (ConfigLevel)level, directories[level]);
  if (files.files->len > FILES_MAX) {
    const ConfigFile *last = g_ptr_array_index(files.files, files.files->len - 1);
    g_autofree char *directory = g_path_get_dirname(last->path);
    /* Which ones would be left out depends on readdir(3): none is read. */
    not_taken(&files, CONFIG_ADMIN, directory, "with it there are more than 512 files",
              ENVIRONMENTS_OFF);
  } else {
    read_files(&files);
  }
  g_ptr_array_unref(files.files);
  g_free(files.buffer);
  return !files.starved;
}
