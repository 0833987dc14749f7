/* SPDX-License-Identifier: MIT */
#include "plugin/preload/callers.h"

#include <dlfcn.h>
#include <features.h>
#include <link.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/link-map.h"

#ifndef __GLIBC_PREREQ
#define __GLIBC_PREREQ(major, minor) 0
#endif

#if __GLIBC_PREREQ(2, 35)

#include <gnu/libc-version.h>

#define PLACES 64u

/* An object as it was. Never changed and never freed: other threads read it without a lock. */
typedef struct {
  const void *start, *end;
  const struct link_map *map;
  const Library *library;
  char name[]; /* its path: another object may have taken its place */
} Known;

static _Atomic(const Known *) places[PLACES];

static _Atomic(const Known *) *place_of(const void *start)
{
  return &places[((uintptr_t)start >> 12) % PLACES];
}

/* The C library's table for unwinding, which is read without a lock. */
static bool find_object(const void *caller, struct dl_find_object *object)
{
  return _dl_find_object((void *)(uintptr_t)caller, object) == 0 && object->dlfo_link_map;
}

const Library *callers_find(const void *caller)
{
  struct dl_find_object object;
  if (!find_object(caller, &object))
    return NULL;
  const Known *known = atomic_load_explicit(place_of(object.dlfo_map_start), memory_order_acquire);
  return known && known->start == object.dlfo_map_start && known->end == object.dlfo_map_end &&
                 known->map == object.dlfo_link_map &&
                 strcmp(known->name, object.dlfo_link_map->l_name) == 0
             ? known->library
             : NULL;
}

/* A place that is taken stays so: who finds another object there is looked up each time. */
void callers_note(const void *caller, const Library *library)
{
  struct dl_find_object object;
  if (!find_object(caller, &object))
    return;
  const char *name = object.dlfo_link_map->l_name;
  Known *known = malloc(sizeof *known + strlen(name) + 1);
  if (!known)
    return;
  *known = (Known){object.dlfo_map_start, object.dlfo_map_end, object.dlfo_link_map, library};
  strcpy(known->name, name);
  const Known *none = NULL;
  if (!atomic_compare_exchange_strong(place_of(known->start), &none, known))
    free(known);
}

struct link_map *callers_map_of(const void *address)
{
  struct dl_find_object object;
  return find_object(address, &object) ? object.dlfo_link_map : NULL;
}

size_t callers_count_objects(void)
{
  const struct link_map *shim = callers_map_of((const void *)(uintptr_t)callers_map_of);
  const struct link_map *libc = callers_map_of((const void *)(uintptr_t)gnu_get_libc_version);
  size_t count = 0;
  bool first = false;
  for (const struct link_map *map = shim; map && map->l_prev; map = map->l_prev)
    count++;
  for (const struct link_map *map = shim; map; map = map->l_next) {
    count++;
    first |= map == libc;
  }
  return first ? count : 0;
}

bool callers_lies_under(const void *caller, const char *folder)
{
  struct dl_find_object object;
  return find_object(caller, &object) &&
         strncmp(object.dlfo_link_map->l_name, folder, strlen(folder)) == 0;
}

#else

const Library *callers_find(const void *caller)
{
  (void)caller;
  return NULL;
}

void callers_note(const void *caller, const Library *library)
{
  (void)caller, (void)library;
}

struct link_map *callers_map_of(const void *address)
{
  return link_map_of(address);
}

size_t callers_count_objects(void)
{
  return 0;
}

bool callers_lies_under(const void *caller, const char *folder)
{
  Dl_info info;
  return dladdr(caller, &info) && info.dli_fname &&
         strncmp(info.dli_fname, folder, strlen(folder)) == 0;
}

#endif
