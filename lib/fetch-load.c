/* SPDX-License-Identifier: MIT */
#include "lib/fetch-load.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "lib/curl-find.h"
#include "lib/log.h"
#include "lib/message.h"
#include "lib/symbols.h"

/* For good: what stands in front of a library does not go away. */
static _Atomic(const Error *) refusal;

static void refuse(const Error *error)
{
  const Error *none = NULL;
  Error *kept = malloc(sizeof *kept);
  if (!kept)
    return;
  *kept = *error;
  const LogFields fields = {.event = EVENT_PROGRAM_UNREACHABLE, .reason = message_word(kept->code)};
  if (atomic_compare_exchange_strong(&refusal, &none, kept))
    log_event(&fields, "no new tokens for this program: %s", kept->message);
  else
    free(kept);
}

/* Before anything in it is called. NULL: what it needs is another's in this process. */
static const FetchApi *check(void *handle, const SymbolsBefore *before, const char *object,
                             Error *error)
{
  const FetchApi *api = dlsym(handle, FETCH_SYMBOL);
  if (!api || api->abi != FETCH_ABI || api->size != sizeof *api) {
    error_set(error, THRED_E_INTERNAL, "%s belongs to another version of thred-auth", object);
    return NULL;
  }
  int code = before ? symbols_check_new(handle, before, error)
                    : error_set(error, THRED_E_NO_MEMORY, "out of memory for a list of objects");
  if (code == THRED_E_CLASH)
    refuse(error);
  return code ? NULL : api;
}

const FetchApi *fetch_load(const char *object, Error *error)
{
  static _Atomic(const FetchApi *) loaded;
  const FetchApi *api = atomic_load_explicit(&loaded, memory_order_acquire);
  if (api)
    return api;
  const Error *refused = atomic_load_explicit(&refusal, memory_order_acquire);
  if (refused) {
    error_set(error, refused->code, "%s", refused->message);
    return NULL;
  }
  /* It brings a libcurl of its own: remember which one is the program's. */
  curl_find_before_fetch();
  const SymbolsBefore *before = symbols_before();
  /* Not under a lock: dlopen runs constructors. Two threads at once open it twice, which counts. */
  void *handle = dlopen(object, RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    error_set(error, THRED_E_INTERNAL, "cannot open the miss part: %s", dlerror());
    return NULL;
  }
  curl_find_after_fetch();
  api = check(handle, before, object, error);
  if (api)
    atomic_store_explicit(&loaded, api, memory_order_release);
  return api;
}
