/* SPDX-License-Identifier: MIT */
/* binding-sole.c - the only libcurl of a process, if there is only one. */
#include <dlfcn.h>
#include <link.h>
#include <stdbool.h>
#include <string.h>

#include "config.h"
#include "plugin/preload/binding.h"
#include "plugin/preload/needs-libcurl.h"
#include "plugin/preload/pair.h"

#define FOUND_MAX 8

/* A libcurl in the process, and who is linked with it. */
typedef struct {
  char path[512];
  bool by_us, by_others;
} Found;

typedef struct {
  unsigned count;
  Found all[FOUND_MAX];
} FoundList;

static const char *base_name(const char *path)
{
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

static int note_libcurl(struct dl_phdr_info *info, size_t size, void *data)
{
  FoundList *list = data;
  (void)size;
  if (is_libcurl_name(base_name(info->dlpi_name)) && !pair_at((const void *)info->dlpi_addr) &&
      list->count < FOUND_MAX && strlen(info->dlpi_name) < sizeof list->all[0].path)
    strcpy(list->all[list->count++].path, info->dlpi_name);
  return 0;
}

static const ElfW(Dyn) * dynamic_of(const struct dl_phdr_info *info)
{
  for (unsigned i = 0; i < info->dlpi_phnum; i++)
    if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
      return (const void *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
  return NULL;
}

/* The table of strings: ld.so has relocated its address in place on most machines, and not on all.
 */
static const char *strings_of(const struct dl_phdr_info *info, const ElfW(Dyn) * entry)
{
  for (; entry->d_tag != DT_NULL; entry++)
    if (entry->d_tag == DT_STRTAB)
      return (const char *)(entry->d_un.d_ptr < info->dlpi_addr
                                ? entry->d_un.d_ptr + info->dlpi_addr
                                : entry->d_un.d_ptr);
  return NULL;
}

/* An object that is linked with some of them. */
static int note_user(struct dl_phdr_info *info, size_t size, void *data)
{
  FoundList *list = data;
  const bool ours = strncmp(info->dlpi_name, THRED_LIBDIR "/", sizeof THRED_LIBDIR) == 0;
  const ElfW(Dyn) *entry = dynamic_of(info);
  const char *strings = entry ? strings_of(info, entry) : NULL;
  (void)size;
  for (; strings && entry->d_tag != DT_NULL; entry++)
    for (unsigned i = 0; entry->d_tag == DT_NEEDED && i < list->count; i++)
      if (strcmp(base_name(list->all[i].path), strings + entry->d_un.d_val) == 0)
        *(ours ? &list->all[i].by_us : &list->all[i].by_others) = true;
  return 0;
}

Binding binding_of_sole(void)
{
  FoundList list = {0};
  const Found *sole = NULL;
  unsigned count = 0;
  dl_iterate_phdr(note_libcurl, &list);
  dl_iterate_phdr(note_user, &list);
  for (unsigned i = 0; i < list.count; i++)
    if (list.all[i].by_others || !list.all[i].by_us || list.count == 1) {
      sole = &list.all[i];
      count++;
    }
  Binding binding = {0};
  if (count == 1)
    binding.own = dlopen(sole->path, RTLD_LAZY | RTLD_NOLOAD);
  return binding;
}
