/* SPDX-License-Identifier: MIT */
#include "lib/curl-find.h"

#include <dlfcn.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

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
  if (strncmp(base, "libcurl", 7) == 0 && strstr(base, ".so") && found->count < OBJECTS_MAX &&
      strlen(info->dlpi_name) < sizeof found->names[0])
    strcpy(found->names[found->count++], info->dlpi_name);
  return 0;
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

/* The only libcurl there is now. Kept open for good. */
static const ThredCurlApi *resolve(void)
{
  Found found = {0};
  dl_iterate_phdr(note_object, &found);
  bool in_program = is_elsewhere(dlsym(RTLD_DEFAULT, "curl_easy_setopt"), &found);
  if (found.count + in_program != 1)
    return NULL;
  void *handle =
      in_program ? dlopen(NULL, RTLD_LAZY) : dlopen(found.names[0], RTLD_LAZY | RTLD_NOLOAD);
  ThredCurlApi *api = handle ? calloc(1, sizeof *api) : NULL;
  if (api && bind_api(handle, api))
    return api;
  free(api);
  return NULL;
}

static _Atomic(const ThredCurlApi *) only;

static const ThredCurlApi *remember(const ThredCurlApi *api)
{
  const ThredCurlApi *expected = NULL;
  if (api && !atomic_compare_exchange_strong(&only, &expected, api)) {
    free((void *)(uintptr_t)api); /* another thread was faster */
    return expected;
  }
  return api;
}

void curl_find_before_fetch(void)
{
  if (!atomic_load(&only))
    remember(resolve());
}

const ThredCurlApi *curl_find_only(Error *error)
{
  const ThredCurlApi *api = atomic_load_explicit(&only, memory_order_acquire);
  if (!api)
    api = remember(resolve());
  if (!api)
    error_set(
        error, THRED_E_AMBIGUOUS_CURL,
        "this process has no libcurl or more than one: call the function's ..._with form with "
        "the functions of the one that made the handle");
  return api;
}
