/* SPDX-License-Identifier: MIT */
#include "tools/thredctl/libcurls.h"

#include <string.h>

#include "tools/thredctl/elf-file.h"
#include "tools/thredctl/loader.h"

bool libcurl_is_name(const char *path)
{
  const char *slash = strrchr(path, '/');
  const char *name = slash ? slash + 1 : path;
  return g_str_has_prefix(name, "libcurl.so") || g_str_has_prefix(name, "libcurl-");
}

char *libcurl_version_in(const char *path)
{
  static const char prefix[] = "libcurl/";
  g_autofree char *found = elf_file_find_text(path, prefix);
  return found && g_ascii_isdigit(found[strlen(prefix)]) ? g_strdup(found + strlen(prefix)) : NULL;
}

static bool needs(const char *path, const char *name)
{
  g_autofree char *error = NULL;
  g_autoptr(ElfFile) file = elf_file_read(path, &error);
  for (guint i = 0; file && i < file->needed->len; i++)
    if (strcmp(file->needed->pdata[i], name) == 0)
      return true;
  return false;
}

static char *first_user(const char *program, const GPtrArray *objects, const char *name)
{
  if (needs(program, name))
    return NULL;
  for (guint i = 0; i < objects->len; i++) {
    const LoadedObject *object = objects->pdata[i];
    if (needs(object->path, name))
      return g_strdup(object->path);
  }
  return NULL;
}

static char *flavour_of(const char *path)
{
  g_autofree char *error = NULL;
  g_autoptr(ElfFile) file = elf_file_read(path, &error);
  for (guint i = 0; file && i < file->versions->len; i++)
    if (g_str_has_prefix(file->versions->pdata[i], "CURL_"))
      return g_strdup(file->versions->pdata[i]);
  return NULL;
}

static void free_libcurl(void *data)
{
  Libcurl *libcurl = data;
  g_free(libcurl->name);
  g_free(libcurl->path);
  g_free(libcurl->flavour);
  g_free(libcurl->version);
  g_free(libcurl->through);
  g_free(libcurl);
}

GPtrArray *libcurls_of(const char *program, const GPtrArray *objects)
{
  GPtrArray *found = g_ptr_array_new_with_free_func(free_libcurl);
  for (guint i = 0; i < objects->len; i++) {
    const LoadedObject *object = objects->pdata[i];
    if (!libcurl_is_name(object->name))
      continue;
    Libcurl *libcurl = g_new0(Libcurl, 1);
    libcurl->name = g_path_get_basename(object->name);
    libcurl->path = g_strdup(object->path);
    libcurl->flavour = flavour_of(object->path);
    libcurl->version = libcurl_version_in(object->path);
    libcurl->through = first_user(program, objects, object->name);
    g_ptr_array_add(found, libcurl);
  }
  return found;
}
