/* SPDX-License-Identifier: MIT */
#include "tools/thredctl/loader.h"

#include <link.h>
#include <stdint.h>
#include <string.h>

/* The first object is the program. */
static int note_interpreter(struct dl_phdr_info *info, size_t size, void *data)
{
  const char **path = data;
  (void)size;
  for (unsigned i = 0; i < info->dlpi_phnum; i++)
    if (info->dlpi_phdr[i].p_type == PT_INTERP)
      *path = (const char *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
  return 1;
}

const char *loader_path(void)
{
  const char *path = NULL;
  dl_iterate_phdr(note_interpreter, &path);
  return path;
}

static void free_object(void *data)
{
  LoadedObject *object = data;
  g_free(object->name);
  g_free(object->path);
  g_free(object);
}

/* "\tNAME => PATH (0x...)" or "\tPATH (0x...)"; the vDSO has no path. */
static void note_line(GPtrArray *objects, char *line)
{
  char *name = g_strchug(line), *arrow = strstr(name, " => ");
  char *path = arrow ? arrow + 4 : name, *address = strstr(path, " (0x");
  if (!address || path[0] != '/')
    return;
  *address = 0;
  if (arrow)
    *arrow = 0;
  LoadedObject *object = g_new0(LoadedObject, 1);
  object->name = g_strdup(name);
  object->path = g_strdup(path);
  g_ptr_array_add(objects, object);
}

static char **environment_with(const char *preload, const char *library_path)
{
  char **all = g_get_environ();
  /* The loader's own switches would make it print something else. */
  static const char *const switches[] = {
      "LD_DEBUG",   "LD_DEBUG_OUTPUT", "LD_VERBOSE",      "LD_WARN",      "LD_BIND_NOW",
      "LD_PROFILE", "LD_PRELOAD",      "LD_LIBRARY_PATH", "LD_SHOW_AUXV", "LD_USE_LOAD_BIAS"};
  for (size_t i = 0; i < G_N_ELEMENTS(switches); i++)
    all = g_environ_unsetenv(all, switches[i]);
  if (preload)
    all = g_environ_setenv(all, "LD_PRELOAD", preload, TRUE);
  if (library_path)
    all = g_environ_setenv(all, "LD_LIBRARY_PATH", library_path, TRUE);
  return all;
}

GPtrArray *loader_list(const char *program, const char *preload, const char *library_path,
                       char **complaints)
{
  const char *loader = loader_path();
  char *argv[] = {(char *)(uintptr_t)loader, (char *)(uintptr_t) "--list",
                  (char *)(uintptr_t)program, NULL};
  g_auto(GStrv) environment = environment_with(preload, library_path);
  g_autofree char *out = NULL;
  int status = 0;
  *complaints = NULL;
  if (!loader || !g_spawn_sync(NULL, argv, environment, G_SPAWN_DEFAULT, NULL, NULL, &out,
                               complaints, &status, NULL))
    return NULL;
  GPtrArray *objects = g_ptr_array_new_with_free_func(free_object);
  g_auto(GStrv) lines = g_strsplit(out, "\n", -1);
  for (char **line = lines; *line; line++)
    note_line(objects, *line);
  if (status != 0)
    g_clear_pointer(&objects, g_ptr_array_unref);
  return objects;
}

const LoadedObject *loader_find(const GPtrArray *objects, const char *name)
{
  for (guint i = 0; objects && i < objects->len; i++) {
    const LoadedObject *object = objects->pdata[i];
    if (strcmp(object->name, name) == 0)
      return object;
  }
  return NULL;
}
