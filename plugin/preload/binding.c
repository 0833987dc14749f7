/* SPDX-License-Identifier: MIT */
#include "plugin/preload/binding.h"

#include <dlfcn.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "lib/link-map.h"
#include "plugin/preload/callers.h"
#include "plugin/preload/pair.h"

/* ---- what an object says of itself (ELF gABI, "Symbol Versioning") ---- */

/* The address behind a d_ptr: ld.so has relocated it in place on most machines, and not on all. */
static const void *address_of(const struct link_map *map, ElfW(Addr) value)
{
  return (const void *)(value < map->l_addr ? value + map->l_addr : value);
}

static const void *dynamic(const struct link_map *map, ElfW(Sxword) tag)
{
  for (const ElfW(Dyn) *entry = map->l_ld; entry && entry->d_tag != DT_NULL; entry++)
    if (entry->d_tag == tag)
      return address_of(map, entry->d_un.d_ptr);
  return NULL;
}

/* The version of the first libcurl that the object needs: "CURL_OPENSSL_4" or the like. NULL: it is
 * linked with none, or with one that has no versions. */
static const char *version_needed(const struct link_map *map)
{
  const char *strings = dynamic(map, DT_STRTAB);
  const ElfW(Verneed) *need = dynamic(map, DT_VERNEED);
  while (strings && need) {
    if (strncmp(strings + need->vn_file, "libcurl", strlen("libcurl")) == 0 && need->vn_cnt > 0) {
      const ElfW(Vernaux) *aux = (const void *)((const char *)need + need->vn_aux);
      return strings + aux->vna_name;
    }
    need = need->vn_next ? (const void *)((const char *)need + need->vn_next) : NULL;
  }
  return NULL;
}

static bool has_versions(const void *symbol)
{
  const struct link_map *map = callers_map_of(symbol);
  return map && dynamic(map, DT_VERDEF);
}

/* ---- the binding ---- */

Binding binding_of(const void *caller)
{
  Binding binding = {.map = callers_map_of(caller)};
  if (!binding.map)
    return binding;
  binding.version = version_needed(binding.map);
  if (!link_map_is_program(binding.map))
    binding.path = binding.map->l_name;
  return binding;
}

Binding binding_of_file(const char *path)
{
  return (Binding){.own = dlopen(path, RTLD_LAZY | RTLD_NOLOAD), .exact = true};
}

/* What stands in a libcurl's place gives way to it. */
static void *behind_pair(void *found, const char *function)
{
  const Pair *pair = pair_at(found);
  if (!pair)
    return found;
  Binding binding = binding_of_file(pair->target);
  void *real = binding.own ? dlsym(binding.own, function) : NULL;
  binding_release(&binding);
  return real;
}

#ifndef THRED_HAS_DLVSYM
/* musl's loader looks at no version. */
static void *dlvsym(void *scope, const char *function, const char *version)
{
  (void)version;
  return dlsym(scope, function);
}
#endif

/* The first object of the scope that has the name wins, if it has the version asked for or no
 * versions at all. */
static void *find_in(void *scope, const char *version, const char *function)
{
  void *first = dlsym(scope, function);
  if (!first || !version || !has_versions(first))
    return first;
  return dlvsym(scope, function, version);
}

static void *own_of(Binding *binding)
{
  if (binding->path)
    binding->own = dlopen(binding->path, RTLD_LAZY | RTLD_NOLOAD);
  binding->path = NULL;
  return binding->own;
}

/* A libcurl that calls its own function means itself: its version, if any, is its own. It needs no
 * other libcurl. */
static void *find_in_itself(Binding *binding, const char *function, void *next)
{
  if (binding->version || (!binding->path && !binding->own) || (!next && binding->global))
    return NULL;
  if (next && callers_map_of(next) == binding->map) {
    binding->global = true;
    return next;
  }
  void *symbol = own_of(binding) ? dlsym(binding->own, function) : NULL;
  return symbol && callers_map_of(symbol) == binding->map ? symbol : NULL;
}

/* ld.so searches the global scope, then that of the caller's own dependencies. The shim stands in
 * the global one: RTLD_NEXT is what comes behind it. */
void *binding_find(Binding *binding, const char *function)
{
  void *next = binding->exact ? NULL : dlsym(RTLD_NEXT, function);
  void *found = binding->exact ? NULL : find_in_itself(binding, function, next);
  if (!found && !binding->exact)
    found = find_in(RTLD_NEXT, binding->version, function);
  if (!found && !(binding->global && !next) && own_of(binding))
    found = find_in(binding->own, binding->version, function);
  found = behind_pair(found, function);
  dlerror(); /* what failed on the way is not the program's to find */
  return found;
}

void binding_release(Binding *binding)
{
  if (binding->own)
    dlclose(binding->own);
  binding->own = NULL;
  binding->path = NULL;
}
