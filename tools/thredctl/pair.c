/* SPDX-License-Identifier: MIT */
#include "tools/thredctl/pair.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "tools/thredctl/libcurls.h"
#include "tools/thredctl/loader.h"

/* ---- who needs it ---- */

/* Programs that run other people's code, which calls C functions by name. */
static const struct {
  const char *pattern, *by;
} by_name[] = {
    {"python*", "ctypes and cffi"},
    {"pypy*", "ctypes and cffi"},
    {"ruby*", "ffi (ethon, typhoeus)"},
    {"luajit*", "ffi.load"},
    {"node", "ffi modules"},
    {"nodejs", "ffi modules"},
    {"java", "JNA and the like"},
    {"guile*", "its FFI"},
    {"sbcl", "CFFI"},
    {"racket", "its FFI"},
    {"julia", "ccall"},
    {"mono*", "P/Invoke"},
    {"dotnet", "P/Invoke"},
};

static const char *ffi_of_name(const char *path)
{
  g_autofree char *name = g_path_get_basename(path);
  for (size_t i = 0; i < G_N_ELEMENTS(by_name); i++)
    if (g_pattern_match_simple(by_name[i].pattern, name))
      return by_name[i].by;
  return NULL;
}

/* By its name, or that of the file which a link leads to. */
static const char *ffi_of(const char *path)
{
  g_autofree char *real = realpath(path, NULL);
  const char *by = ffi_of_name(path);
  return by || !real ? by : ffi_of_name(real);
}

/* A program that opens libcurl itself has its name in it. */
static bool names_libcurl(const char *path)
{
  static const char *const names[] = {"libcurl.so", "libcurl-gnutls.so"};
  for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree char *found = elf_file_find_text(path, names[i]);
    if (found)
      return true;
  }
  return false;
}

char *pair_reason(const Program *program, const ElfFile *file)
{
  for (guint i = program->chain->len; i-- > 0;) {
    const char *path = program->chain->pdata[i], *by = ffi_of(path);
    if (by)
      return g_strdup_printf("%s can call libcurl by its functions' names (%s)", path, by);
  }
  for (guint i = 0; i < file->needed->len; i++)
    if (libcurl_is_name(file->needed->pdata[i]))
      return NULL;
  if (file->opens_objects && names_libcurl(program_path(program)))
    return g_strdup_printf("%s opens libcurl itself (dlopen)", program_path(program));
  return NULL;
}

/* ---- what it leads to ---- */

/* The path that the one of the pair with this name needs, if it is there. */
static char *target_of(const char *name)
{
  g_autofree char *path = g_build_filename(THRED_PAIR_DIR, name, NULL);
  g_autofree char *error = NULL;
  g_autoptr(ElfFile) file = elf_file_read(path, &error);
  for (guint i = 0; file && i < file->needed->len; i++)
    if (libcurl_is_name(file->needed->pdata[i]))
      return g_strdup(file->needed->pdata[i]);
  return NULL;
}

static bool is_same_file(const char *a, const char *b)
{
  struct stat first, second;
  return a && b && stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

#define NAMES "libcurl.so.4:libcurl-gnutls.so.4"
#define LINK  "libcurl.so"

/* libcurl.so, which -dev packages bring, is either flavour's: a folder for each has the name. */
static const struct {
  const char *name, *link_folder;
} members[] = {
    {"libcurl.so.4", THRED_PAIR_DIR "/openssl"},
    {"libcurl-gnutls.so.4", THRED_PAIR_DIR "/gnutls"},
};

/* What the program finds under these names. The loader looks for what is to be preloaded as it does
 * for what dlopen is asked for; it lists a file once, under the first of its names. */
static GPtrArray *present(const char *path, const char *names, const char *library_path)
{
  g_autofree char *complaints = NULL;
  return loader_list(path, names, library_path, &complaints);
}

static const char *path_of(const GPtrArray *objects, const char *name)
{
  const LoadedObject *object = loader_find(objects, name);
  return object ? object->path : NULL;
}

/* The folder that has libcurl.so for what the program finds under that name now. */
static const char *link_folder(const char *now)
{
  for (size_t i = 0; now && i < G_N_ELEMENTS(members); i++) {
    g_autofree char *target = target_of(members[i].name);
    if (is_same_file(now, target))
      return members[i].link_folder;
  }
  return NULL;
}

/* Each that the program finds now must be what the pair leads to. */
static bool leads_to(const GPtrArray *now, char **problem)
{
  bool any = false;
  for (size_t i = 0; i < G_N_ELEMENTS(members); i++) {
    g_autofree char *target = target_of(members[i].name);
    const char *path = path_of(now, members[i].name);
    any |= target && path;
    if (!target || !path || is_same_file(path, target))
      continue;
    *problem = g_strdup_printf("it finds %s at %s, and what stands in its place leads to %s",
                               members[i].name, path, target);
    return false;
  }
  if (!any)
    *problem =
        g_strdup("there is no libcurl that it could open by name, or nothing in " THRED_PAIR_DIR
                 " that stands in its place");
  return any;
}

char *pair_library_path(const char *folders)
{
  const char *others = getenv("LD_LIBRARY_PATH");
  GString *list = g_string_new(folders);
  g_auto(GStrv) entries = g_strsplit_set(others ? others : "", ":;", -1);
  for (char **entry = entries; others && *others && *entry; entry++)
    if (!g_str_has_prefix(*entry, THRED_PAIR_DIR))
      g_string_append_printf(list, ":%s", *entry);
  return g_string_free(list, FALSE);
}

/* With the folders in front, the program must get the pair: a DT_RPATH of its own comes before. */
static bool is_found(const char *path, const GPtrArray *now, const char *folders, char **problem)
{
  g_autofree char *library_path = pair_library_path(folders);
  g_autoptr(GPtrArray) then = present(path, NAMES, library_path);
  for (size_t i = 0; i < G_N_ELEMENTS(members); i++) {
    g_autofree char *target = target_of(members[i].name);
    g_autofree char *wanted = g_build_filename(THRED_PAIR_DIR, members[i].name, NULL);
    const char *got = then ? path_of(then, members[i].name) : NULL;
    if (!target || !path_of(now, members[i].name) || is_same_file(got, wanted))
      continue;
    *problem = g_strdup_printf("it finds %s at %s before LD_LIBRARY_PATH (DT_RPATH)",
                               members[i].name, got ? got : "no place");
    return false;
  }
  return true;
}

char *pair_folders(const char *path, const ElfFile *file, char **problem)
{
  /* As it is without us, also inside a program that has it in front already. */
  g_autofree char *before = pair_library_path("");
  const char *others = before[0] ? before + 1 : NULL;
  g_autoptr(GPtrArray) now = present(path, NAMES, others);
  g_autoptr(GPtrArray) linked = present(path, LINK, others);
  if (!now) {
    *problem = g_strdup("the loader does not tell which libcurl it would find");
    return NULL;
  }
  if (!leads_to(now, problem))
    return NULL;
  const char *link = link_folder(path_of(linked, LINK));
  char *folders = link ? g_strdup_printf("%s:%s", THRED_PAIR_DIR, link) : g_strdup(THRED_PAIR_DIR);
  if (file->rpath && !is_found(path, now, folders, problem))
    g_clear_pointer(&folders, g_free);
  return folders;
}
