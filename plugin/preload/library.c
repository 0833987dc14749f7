/* SPDX-License-Identifier: MIT */
#include "plugin/preload/library.h"

#include <dlfcn.h>
#include <link.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "plugin/preload/binding.h"
#include "plugin/preload/callers.h"
#include "plugin/preload/dlopen.h"
#include "plugin/preload/pair.h"

/* ---- those that are known ---- */

#define LIBRARIES_MAX 8

/* Each place is written once, from NULL, so that readers need no lock. */
static _Atomic(const Library *) known[LIBRARIES_MAX];

bool library_contains(const Library *library, const void *caller)
{
  return (uintptr_t)caller - library->start < library->end - library->start;
}

static bool is_at(const void *member, const void *symbol)
{
  return memcmp(member, &symbol, sizeof symbol) == 0;
}

/* By its easy_init; if that is not its own but a wrapper's, which may stand before several
 * libcurls, by a function that nobody wraps as well. */
static const Library *find(Binding *binding, void *easy_init)
{
  for (unsigned i = 0; i < LIBRARIES_MAX; i++) {
    const Library *library = atomic_load_explicit(&known[i], memory_order_acquire);
    if (!library)
      return NULL;
    if (is_at(&library->easy_init, easy_init) &&
        (library_contains(library, easy_init) ||
         is_at(&library->api.easy_getinfo, binding_find(binding, "curl_easy_getinfo"))))
      return library;
  }
  return NULL;
}

/* Publishes `library`, or finds the same one published by another thread before. Where there is no
 * room it is good all the same, and lost. */
static const Library *publish(const Library *library)
{
  for (unsigned i = 0; i < LIBRARIES_MAX; i++) {
    const Library *there = NULL;
    if (atomic_compare_exchange_strong(&known[i], &there, library))
      return library;
    if (there->easy_init == library->easy_init &&
        there->api.easy_getinfo == library->api.easy_getinfo)
      return there;
  }
  return library;
}

/* ---- a new one ---- */

typedef struct {
  const char *name;
  void *member;
  bool optional;
} Symbol;

/* True: nothing is missing. */
static bool bind_all(Library *library, Binding *binding)
{
  ThredCurlApi *api = &library->api;
  const Symbol symbols[] = {
      {"curl_easy_init", &library->easy_init, false},
      {"curl_easy_perform", &library->easy_perform, false},
      {"curl_easy_reset", &library->easy_reset, false},
      {"curl_multi_init", &library->multi_init, false},
      {"curl_multi_add_handle", &library->multi_add_handle, false},
      {"curl_multi_remove_handle", &library->multi_remove_handle, false},
      {"curl_multi_cleanup", &library->multi_cleanup, false},
      {"curl_multi_info_read", &library->multi_info_read, false},
      {"curl_easy_pause", &library->easy_pause, false},
      {"curl_easy_escape", &library->easy_escape, false},
      {"curl_multi_perform", &library->multi_perform, false},
      {"curl_multi_socket_action", &library->multi_socket_action, false},
      {"curl_multi_socket", &library->multi_socket, true},
      {"curl_multi_socket_all", &library->multi_socket_all, true},
      {"curl_multi_setopt", &library->multi_setopt, false},
      {"curl_mime_data_cb", &library->mime_data_cb, false},
      {"curl_mime_filedata", &library->mime_filedata, false},
      {"curl_multi_get_handles", &library->multi_get_handles, true},
      {"curl_multi_notify_enable", &library->multi_notify_enable, true},
      {"curl_multi_notify_disable", &library->multi_notify_disable, true},
      {"curl_easy_duphandle", &api->easy_duphandle, false},
      {"curl_easy_cleanup", &api->easy_cleanup, false},
      {"curl_easy_setopt", &api->easy_setopt, false},
      {"curl_easy_getinfo", &api->easy_getinfo, false},
      {"curl_version_info", &api->version_info, false},
      {"curl_url", &api->url, false},
      {"curl_url_cleanup", &api->url_cleanup, false},
      {"curl_url_set", &api->url_set, false},
      {"curl_url_get", &api->url_get, false},
      {"curl_free", &api->free, false},
  };
  bool complete = true;
  api->size = sizeof *api;
  for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
    void *symbol = binding_find(binding, symbols[i].name);
    memcpy(symbols[i].member, &symbol, sizeof symbol);
    complete &= symbol || symbols[i].optional;
  }
  return complete;
}

/* How many objects the program started with: the first ones, which the loader never unloads. 0: not
 * known. */
static size_t first_objects;

void library_note_start(void)
{
  if (!dlopen_was_called())
    first_objects = callers_count_objects();
}

/* Where an object lies, and as which it was loaded. */
typedef struct {
  uintptr_t inside; /* an address in it */
  uintptr_t start, end;
  size_t index;
} Place;

static int measure(struct dl_phdr_info *info, size_t size, void *data)
{
  Place *place = data;
  uintptr_t start = UINTPTR_MAX, end = 0;
  (void)size;
  for (unsigned i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
    uintptr_t from = info->dlpi_addr + segment->p_vaddr, to = from + segment->p_memsz;
    if (segment->p_type != PT_LOAD)
      continue;
    start = from < start ? from : start;
    end = to > end ? to : end;
  }
  if (place->inside < start || place->inside >= end) {
    place->index++;
    return 0;
  }
  place->start = start;
  place->end = end;
  return 1;
}

/* Finds the object's extent and keeps it in memory for good. To open one that the program started
 * with is not needed, and takes long: the loader goes through all of its dependencies. */
static void hold_object(Library *library)
{
  Dl_info info;
  const void *inside;
  memcpy(&inside, &library->api.easy_getinfo, sizeof inside);
  Place place = {(uintptr_t)inside, (uintptr_t)inside, (uintptr_t)inside, 0};
  dl_iterate_phdr(measure, &place);
  library->start = place.start;
  library->end = place.end;
  if (place.index < first_objects)
    return;
  if (!dladdr(inside, &info) || !info.dli_fname || !dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD))
    library->end = library->start; /* another object may lie there some day */
  dlerror();
}

static const Library *make(Binding *binding)
{
  Library *library = calloc(1, sizeof *library);
  if (!library)
    return NULL;
  library->complete = bind_all(library, binding);
  if (library->api.easy_getinfo)
    hold_object(library);
  const Library *published = library->easy_init ? publish(library) : NULL;
  if (published != library)
    free(library);
  return published;
}

/* ---- a call ---- */

static const Library *library_of(Binding binding)
{
  void *easy_init = binding_find(&binding, "curl_easy_init");
  const Library *library = easy_init ? find(&binding, easy_init) : NULL;
  if (easy_init && !library)
    library = make(&binding);
  binding_release(&binding);
  return library;
}

/* Takes the loader's lock. What is only the sole libcurl of the moment is not remembered. */
static const Library *look_up(const void *caller)
{
  const Library *library = library_of(binding_of(caller));
  if (!library)
    return library_of(binding_of_sole());
  callers_note(caller, library);
  return library;
}

/* The one that the pair leads to, once that is known. */
static const Library *library_of_pair(Pair *pair)
{
  const Library *library = atomic_load_explicit(&pair->library, memory_order_acquire);
  if (!library) {
    library = library_of(binding_of_file(pair->target));
    atomic_store_explicit(&pair->library, library, memory_order_release);
  }
  return library;
}

const Library *library_of_caller(const void *caller)
{
  Pair *pair = pair_of_call(caller);
  for (unsigned i = 0; i < LIBRARIES_MAX; i++) {
    const Library *library = atomic_load_explicit(&known[i], memory_order_acquire);
    if (!library)
      break;
    if (library_contains(library, caller))
      return library;
  }
  if (pair)
    return library_of_pair(pair);
  const Library *noted = callers_find(caller);
  return noted ? noted : look_up(caller);
}

bool library_is_ours(const void *caller)
{
  return callers_lies_under(caller, THRED_LIBDIR "/");
}
