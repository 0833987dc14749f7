/* SPDX-License-Identifier: MIT */
#include "lib/fetch-load.h"

#include <dlfcn.h>
#include <stdatomic.h>

#include "lib/curl-find.h"

const FetchApi *fetch_load(const char *object, Error *error)
{
  static _Atomic(const FetchApi *) loaded;
  const FetchApi *api = atomic_load_explicit(&loaded, memory_order_acquire);
  if (api)
    return api;
  /* It brings a libcurl of its own: remember which one is the program's. */
  curl_find_before_fetch();
  /* Not under a lock: dlopen runs constructors. Two threads at once open it twice, which counts. */
  void *handle = dlopen(object, RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    error_set(error, THRED_E_INTERNAL, "cannot open the miss part: %s", dlerror());
    return NULL;
  }
  curl_find_after_fetch();
  api = dlsym(handle, FETCH_SYMBOL);
  if (!api || api->abi != FETCH_ABI || api->size != sizeof *api) {
    error_set(error, THRED_E_INTERNAL, "%s belongs to another version of thred-auth", object);
    return NULL;
  }
  atomic_store_explicit(&loaded, api, memory_order_release);
  return api;
}
