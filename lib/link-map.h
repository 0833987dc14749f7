/* SPDX-License-Identifier: MIT */
/*
 * link-map.h - the loaded object that an address lies in, as the loader keeps it. glibc tells by
 * dladdr1(3) (THRED_HAS_DLADDR1), which musl lacks; libc alone, for the shim has it, too.
 */
#ifndef THRED_LIB_LINK_MAP_H
#define THRED_LIB_LINK_MAP_H

#include <dlfcn.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>

#include "config.h"

#ifdef THRED_HAS_DLADDR1

/* NULL: it lies in none. Valid while that object is loaded. */
static inline struct link_map *link_map_of(const void *address)
{
  Dl_info info;
  struct link_map *map = NULL;
  return dladdr1(address, &info, (void **)&map, RTLD_DL_LINKMAP) ? map : NULL;
}

/* The program has no name in the loader's list. */
static inline bool link_map_is_program(const struct link_map *map)
{
  return !map->l_name[0];
}

#else

/*
 * musl's list, from the program on, up to the object whose name is the very one that dladdr(3)
 * gives: two can be called alike when a file has been replaced. No lock is needed: musl never
 * unloads, and what a dlopen(3) that fails takes back stands behind all that dladdr(3) has seen
 * (ldso/dynlink.c).
 */
static inline struct link_map *link_map_of(const void *address)
{
  Dl_info info;
  struct link_map *map = NULL;
  void *program = dladdr(address, &info) ? dlopen(NULL, RTLD_LAZY) : NULL;
  if (!program || dlinfo(program, RTLD_DI_LINKMAP, &map))
    return NULL;
  while (map && map->l_name != info.dli_fname)
    map = map->l_next;
  return map;
}

/* The first, whatever it was called by. */
static inline bool link_map_is_program(const struct link_map *map)
{
  return !map->l_prev;
}

#endif

/* A handle whose search order is that object's; to be closed. NULL: it cannot be had. */
static inline void *link_map_open(const struct link_map *map)
{
  return dlopen(link_map_is_program(map) ? NULL : map->l_name, RTLD_LAZY | RTLD_NOLOAD);
}

#endif
