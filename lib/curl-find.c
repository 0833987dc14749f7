/* SPDX-License-Identifier: MIT */
#include "lib/curl-find.h"

#include <dlfcn.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

#define OBJECTS_MAX 8

/* The libcurls in the process, by the name their link map has. */
typedef struct {
  unsigned count;
  char names[OBJECTS_MAX][256];
} Found;

static int note_object(struct dl_phdr_info *info, size_t size, void *data)
{
  (void)size;
  Found *found = data;
  const char *slash = strrchr(info->dlpi_name, '/');
  const char *base = slash ? slash + 1 : info->dlpi_name;
  /* What stands in libcurl's place (plugin/pair) is none. */
  if (strncmp(info->dlpi_name, THRED_PAIR_DIR "/", sizeof THRED_PAIR_DIR) == 0)
    return 0;
  bool named = strncmp(base, "libcurl", 7) == 0 && (base[7] == '.' || base[7] == '-');
  if (named && strstr(base, ".so") && found->count < OBJECTS_MAX &&
      strlen(info->dlpi_name) < sizeof found->names[0])
    strcpy(found->names[found->count++], info->dlpi_name);
  return 0;
}

/* What the shim keeps of a handle stays true only if it sees what is done to it. */
static void go_through_the_shim(ThredCurlApi *api)
{
  const struct {
    const char *name;
    void *member;
  } hooks[] = {
      {"thred_hook_curl_easy_duphandle", &api->easy_duphandle},
      {"thred_hook_curl_easy_cleanup", &api->easy_cleanup},
      {"thred_hook_curl_easy_setopt", &api->easy_setopt},
  };
  for (size_t i = 0; i < sizeof hooks / sizeof hooks[0]; i++) {
    void *hook = dlsym(RTLD_DEFAULT, hooks[i].name);
    if (hook)
      memcpy(hooks[i].member, &hook, sizeof hook);
  }
}

/* Takes every function from one object; false if one is missing. */
static bool bind_api(void *handle, ThredCurlApi *api)
{
  struct {
    const char *name;
    void *member;
  } symbols[] = {
      {"curl_easy_duphandle", &api->easy_duphandle},
      {"curl_easy_cleanup", &api->easy_cleanup},
      {"curl_easy_setopt", &api->easy_setopt},
      {"curl_easy_getinfo", &api->easy_getinfo},
      {"curl_version_info", &api->version_info},
      {"curl_url", &api->url},
      {"curl_url_cleanup", &api->url_cleanup},
      {"curl_url_set", &api->url_set},
      {"curl_url_get", &api->url_get},
      {"curl_free", &api->free},
  };
  api->size = sizeof *api;
  for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
    void *symbol = dlsym(handle, symbols[i].name);
    if (!symbol)
      return false;
    memcpy(symbols[i].member, &symbol, sizeof symbol);
  }
  go_through_the_shim(api);
  return true;
}

/* A libcurl that is part of the program or of another library, and exported. */
static bool is_elsewhere(const void *address, const Found *found)
{
  Dl_info info;
  if (!address || !dladdr(address, &info) || !info.dli_fname)
    return false;
  for (unsigned i = 0; i < found->count; i++)
    if (strcmp(info.dli_fname, found->names[i]) == 0)
      return false;
  return true;
}

static bool contains(const Found *found, const char *name)
{
  for (unsigned i = 0; found && i < found->count; i++)
    if (strcmp(found->names[i], name) == 0)
      return true;
  return false;
}

/* ---- the miss part's own ---- */

/* Each written once, by the thread that opens the miss part first, and kept for good. */
static _Atomic(Found *) before_fetch; /* there before it was opened */
static _Atomic(Found *) of_fetch; /* there since: not the program's, unless it is all there is */

static void keep_once(_Atomic(Found *) *place, Found *found)
{
  Found *expected = NULL;
  if (!atomic_compare_exchange_strong(place, &expected, found))
    free(found);
}

void curl_find_before_fetch(void)
{
  Found *found = calloc(1, sizeof *found);
  if (!found)
    return;
  dl_iterate_phdr(note_object, found);
  keep_once(&before_fetch, found);
}

void curl_find_after_fetch(void)
{
  Found now = {0}, *found = calloc(1, sizeof *found);
  const Found *before = atomic_load(&before_fetch);
  if (!found)
    return;
  dl_iterate_phdr(note_object, &now);
  for (unsigned i = 0; before && i < now.count; i++)
    if (!contains(before, now.names[i]))
      strcpy(found->names[found->count++], now.names[i]);
  keep_once(&of_fetch, found);
}

/* ---- the program's ---- */

/* The name of the program's only libcurl ("" for one inside the program); false: none, or several.
 */
static bool name_only(char name[256])
{
  Found found = {0};
  dl_iterate_phdr(note_object, &found);
  const Found *ours = atomic_load(&of_fetch);
  /* By a function that the shim has no hook for. */
  bool in_program = is_elsewhere(dlsym(RTLD_DEFAULT, "curl_easy_getinfo"), &found);
  unsigned own = 0;
  name[0] = 0;
  for (unsigned i = 0; i < found.count; i++) {
    if (contains(ours, found.names[i]))
      continue;
    own++;
    strcpy(name, found.names[i]);
  }
  if (own == 0 && !in_program && found.count == 1) {
    own = 1;
    strcpy(name, found.names[0]);
  }
  return own + in_program == 1;
}

/* Its functions, bound once. The object is kept open for good. */
typedef struct {
  char name[256];
  ThredCurlApi api;
} Bound;

static Bound *bind_object(const char *name)
{
  void *handle = name[0] ? dlopen(name, RTLD_LAZY | RTLD_NOLOAD) : dlopen(NULL, RTLD_LAZY);
  Bound *bound = handle ? calloc(1, sizeof *bound) : NULL;
  if (!bound || !bind_api(handle, &bound->api)) {
    free(bound);
    return NULL;
  }
  strcpy(bound->name, name);
  return bound;
}

/* Looked at anew in each call, for a second libcurl may have come; what is bound stays bound. */
static const ThredCurlApi *find_only(void)
{
  static _Atomic(Bound *) last;
  char name[256];
  if (!name_only(name))
    return NULL;
  Bound *bound = atomic_load(&last);
  if (bound && strcmp(bound->name, name) == 0)
    return &bound->api;
  bound = bind_object(name);
  if (bound)
    atomic_store(&last, bound); /* its predecessor may be in use: it stays */
  return bound ? &bound->api : NULL;
}

const ThredCurlApi *curl_find_only(Error *error)
{
  const ThredCurlApi *api = find_only();
  if (!api)
    error_set(
        error, THRED_E_AMBIGUOUS_CURL,
        "this process has no libcurl or more than one: call the function's ..._with form with "
        "the functions of the one that made the handle");
  return api;
}
