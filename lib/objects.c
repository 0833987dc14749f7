/* SPDX-License-Identifier: MIT */
#include "lib/objects.h"

#include <stdlib.h>
#include <string.h>

/* ---- the dynamic section ---- */

uintptr_t object_number(const Object *object, ElfW(Sxword) tag)
{
  for (const ElfW(Dyn) *entry = object->dynamic; entry && entry->d_tag != DT_NULL; entry++)
    if (entry->d_tag == tag)
      return entry->d_un.d_val;
  return 0;
}

/* glibc writes addresses over the offsets, except where it must not write. */
uintptr_t object_address(const Object *object, ElfW(Sxword) tag)
{
  uintptr_t value = object_number(object, tag);
  return value && value < object->base ? object->base + value : value;
}

static const char *strings_of(const Object *object)
{
  return (const char *)object_address(object, DT_STRTAB);
}

/* ---- the list ---- */

static void measure(const struct dl_phdr_info *info, Object *object)
{
  object->start = UINTPTR_MAX;
  for (unsigned i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
    uintptr_t from = info->dlpi_addr + segment->p_vaddr, to = from + segment->p_memsz;
    if (segment->p_type == PT_DYNAMIC)
      memcpy(&object->dynamic, &from, sizeof from);
    if (segment->p_type != PT_LOAD)
      continue;
    object->start = from < object->start ? from : object->start;
    object->end = to > object->end ? to : object->end;
  }
}

static void keep_name(char name[64], const char *text)
{
  const char *slash = strrchr(text, '/');
  const char *base = slash ? slash + 1 : text;
  if (strlen(base) < 64)
    strcpy(name, base);
}

static bool make_room(Objects *objects)
{
  if (objects->count < objects->room)
    return true;
  size_t room = objects->room ? 2 * objects->room : 64;
  Object *all = realloc(objects->all, room * sizeof *all);
  if (!all)
    return false;
  objects->all = all;
  objects->room = room;
  return true;
}

/* With the loader's lock held: nothing goes away meanwhile. */
static int note(struct dl_phdr_info *info, size_t size, void *data)
{
  Objects *objects = data;
  (void)size;
  if (!make_room(objects)) {
    objects->incomplete = true;
    return 1;
  }
  Object *object = &objects->all[objects->count++];
  *object = (Object){.headers = info->dlpi_phdr, .base = info->dlpi_addr};
  measure(info, object);
  keep_name(object->file, info->dlpi_name);
  uintptr_t soname = object_number(object, DT_SONAME);
  if (soname && strings_of(object))
    keep_name(object->soname, strings_of(object) + soname);
  return 0;
}

bool objects_list(Objects *objects)
{
  *objects = (Objects){0};
  dl_iterate_phdr(note, objects);
  return !objects->incomplete;
}

void objects_free(Objects *objects)
{
  free(objects->all);
}

Object *objects_with(const Objects *objects, const ElfW(Dyn) * dynamic)
{
  for (size_t i = 0; i < objects->count; i++)
    if (objects->all[i].dynamic == dynamic)
      return &objects->all[i];
  return NULL;
}

const Object *objects_at(const Objects *objects, uintptr_t address)
{
  for (size_t i = 0; i < objects->count; i++)
    if (address >= objects->all[i].start && address < objects->all[i].end)
      return &objects->all[i];
  return NULL;
}

/* ---- what an object was linked with ---- */

/* As the loader does: of several that answer to this name, the first. */
static Object *called(const Objects *objects, const char *name)
{
  for (size_t i = 0; name[0] && i < objects->count; i++)
    if (strcmp(objects->all[i].soname, name) == 0 || strcmp(objects->all[i].file, name) == 0)
      return &objects->all[i];
  return NULL;
}

/* As deep as there are objects: none is gone into twice. NOLINTNEXTLINE(misc-no-recursion) */
void objects_mark_linked(const Objects *objects, Object *object, bool deep)
{
  const char *strings = strings_of(object);
  object->linked = true;
  for (const ElfW(Dyn) *entry = object->dynamic; strings && entry->d_tag != DT_NULL; entry++) {
    Object *needed =
        entry->d_tag == DT_NEEDED ? called(objects, strings + entry->d_un.d_val) : NULL;
    if (!needed || needed->linked)
      continue;
    needed->linked = true;
    if (deep)
      objects_mark_linked(objects, needed, true);
  }
}
