/* SPDX-License-Identifier: MIT */
/* multi.c - the functions for multi handles that the shim stands before (preload.c). */
#include <stdarg.h>
#include <stdint.h>

#include "plugin/preload/arm.h"
#include "plugin/preload/hook.h"
#include "plugin/preload/loop.h"
#include "plugin/preload/notify.h"

HOOK CURLM *curl_multi_init(void)
{
  const Library *library = library_of_caller(CALLER());
  CURLM *multi = library && library->multi_init ? library->multi_init() : NULL;
  hook_watch(multi, library);
  return multi;
}

/* ---- in and out ---- */

/* curl_easy_perform runs its transfer through these functions, and may call them by their public
 * names (it does in Debian's builds): then the handle is its affair. `judged` alone may be left
 * over from a longjmp. */
static bool is_within_perform(const Watch *watch, const void *caller)
{
  return watch->judged && library_contains(watch->library, caller);
}

HOOK CURLMcode curl_multi_add_handle(CURLM *multi, CURL *curl)
{
  const void *caller = CALLER();
  Watch *watch = watch_find(curl);
  const Library *library = hook_library(watch, caller);
  if (!library || !library->multi_add_handle)
    return CURLM_INTERNAL_ERROR;
  if (!watch || is_within_perform(watch, caller))
    return library->multi_add_handle(multi, curl);
  if (watch->parked)
    return CURLM_ADDED_ALREADY;
  if (atomic_load_explicit(&watch->multi, memory_order_relaxed)) {
    /* It is in one already, unless that has gone without our knowledge. */
    CURLMcode code = library->multi_add_handle(multi, curl);
    if (code != CURLM_OK)
      return code;
    library->multi_remove_handle(multi, curl);
    watch_set_multi(watch, NULL);
  }
  watch->judged = false;
  return loop_add(watch_find(multi), multi, watch, curl);
}

static void leave_multi(Watch *watch)
{
  loop_forget(watch);
  watch_set_multi(watch, NULL);
  disarm(watch);
}

HOOK CURLMcode curl_multi_remove_handle(CURLM *multi, CURL *curl)
{
  const void *caller = CALLER();
  Watch *watch = watch_find(curl);
  const Library *library = hook_library(watch, caller);
  if (!library || !library->multi_remove_handle)
    return CURLM_INTERNAL_ERROR;
  if (watch && watch->parked && atomic_load(&watch->multi) == multi) {
    if (loop_is_in_callback(library, multi))
      return CURLM_RECURSIVE_API_CALL;
    leave_multi(watch);
    return CURLM_OK;
  }
  CURLMcode code = library->multi_remove_handle(multi, curl);
  if (watch && code == CURLM_OK && !is_within_perform(watch, caller))
    leave_multi(watch);
  return code;
}

/* The handles that are still in it live on. All is done before the call: after it, another thread
 * may have a new CURLM at this address. */
HOOK CURLMcode curl_multi_cleanup(CURLM *multi)
{
  Watch *watch = watch_find(multi);
  const Library *library = hook_library(watch, CALLER());
  if (!library || !library->multi_cleanup)
    return CURLM_INTERNAL_ERROR;
  if (watch && watch->loop && loop_is_in_callback(library, multi))
    return library->multi_cleanup(multi); /* it refuses */
  if (watch) {
    watch_each_of(watch, leave_multi);
    loop_end(watch);
    watch_remove(watch);
  }
  return library->multi_cleanup(multi);
}

/* ---- steps ---- */

/* What libcurl does with all that is in the multi handle, in four forms. */
#define STEP(multi, member, running, ...)                                                          \
  do {                                                                                             \
    Watch *watch = watch_find(multi);                                                              \
    const Library *library = hook_library(watch, CALLER());                                        \
    if (!library || !library->member)                                                              \
      return CURLM_INTERNAL_ERROR;                                                                 \
    if (!watch || !watch->loop)                                                                    \
      return library->member(__VA_ARGS__, running);                                                \
    int count = 0;                                                                                 \
    loop_before(watch);                                                                            \
    CURLMcode code = library->member(__VA_ARGS__, &count);                                         \
    if (code == CURLM_OK)                                                                          \
      loop_after(watch, &count);                                                                   \
    if (running)                                                                                   \
      *running = count;                                                                            \
    return code;                                                                                   \
  } while (0)

HOOK CURLMcode curl_multi_perform(CURLM *multi, int *running)
{
  STEP(multi, multi_perform, running, multi);
}

HOOK CURLMcode curl_multi_socket_action(CURLM *multi, curl_socket_t socket, int events,
                                        int *running)
{
  STEP(multi, multi_socket_action, running, multi, socket, events);
}

/* In brackets: curl.h has a macro of this name, for the function above. */
HOOK CURLMcode(curl_multi_socket)(CURLM *multi, curl_socket_t socket, int *running)
{
  STEP(multi, multi_socket, running, multi, socket);
}

HOOK CURLMcode curl_multi_socket_all(CURLM *multi, int *running)
{
  STEP(multi, multi_socket_all, running, multi);
}

/* ---- what the program asks and sets ---- */

/* A transfer that is done: the program may look at its handle and use it again. */
HOOK CURLMsg *curl_multi_info_read(CURLM *multi, int *left)
{
  const void *caller = CALLER();
  Watch *watch_multi = watch_find(multi);
  const Library *library = hook_library(watch_multi, caller);
  int ignored;
  if (watch_multi && watch_multi->loop)
    return loop_info_read(watch_multi, left ? left : &ignored);
  CURLMsg *message =
      library && library->multi_info_read ? library->multi_info_read(multi, left) : NULL;
  Watch *watch = message && message->msg == CURLMSG_DONE ? watch_find(message->easy_handle) : NULL;
  if (watch && !is_within_perform(watch, caller))
    disarm(watch);
  return message;
}

#if LIBCURL_VERSION_NUM < 0x080400
HOOK CURL **curl_multi_get_handles(CURLM *multi);
#endif

HOOK CURL **curl_multi_get_handles(CURLM *multi)
{
  Watch *watch = watch_find(multi);
  const Library *library = hook_library(watch, CALLER());
  CURL **handles = library && library->multi_get_handles ? library->multi_get_handles(multi) : NULL;
  return watch && watch->loop ? loop_fix_handles(watch, handles) : handles;
}

#if LIBCURL_VERSION_NUM < 0x081100
HOOK CURLMcode curl_multi_notify_enable(CURLM *multi, unsigned int notification);
HOOK CURLMcode curl_multi_notify_disable(CURLM *multi, unsigned int notification);
#endif

HOOK CURLMcode curl_multi_notify_enable(CURLM *multi, unsigned int notification)
{
  Watch *watch = watch_find(multi);
  const Library *library = hook_library(watch, CALLER());
  if (!library || !library->multi_notify_enable)
    return CURLM_INTERNAL_ERROR;
  CURLMcode code = library->multi_notify_enable(multi, notification);
  if (watch && code == CURLM_OK)
    notify_enable(watch, notification, true);
  return code;
}

HOOK CURLMcode curl_multi_notify_disable(CURLM *multi, unsigned int notification)
{
  Watch *watch = watch_find(multi);
  const Library *library = hook_library(watch, CALLER());
  if (!library || !library->multi_notify_disable)
    return CURLM_INTERNAL_ERROR;
  CURLMcode code = library->multi_notify_disable(multi, notification);
  if (watch && code == CURLM_OK)
    notify_enable(watch, notification, false);
  return code;
}

/* In brackets: curl.h has a macro of this name. */
HOOK CURLMcode(curl_multi_setopt)(CURLM *multi, CURLMoption option, ...)
{
  Watch *watch = watch_find(multi);
  const Library *library = hook_library(watch, CALLER());
  va_list list;
  if (!library || !library->multi_setopt)
    return CURLM_INTERNAL_ERROR;
  va_start(list, option);
  const bool is_large = sizeof(void *) < sizeof(curl_off_t) && (int)option / 10000 == 3;
  const curl_off_t large = is_large ? va_arg(list, curl_off_t) : 0;
  void *argument = is_large ? NULL : va_arg(list, void *);
  va_end(list);
  if (is_large)
    return library->multi_setopt(multi, option, large);
  if (watch && (option == NOTIFY_FUNCTION || option == NOTIFY_DATA))
    return notify_set(watch, multi, option, argument);
  if (watch && option == CURLMOPT_MAX_TOTAL_CONNECTIONS)
    argument = (void *)(intptr_t)loop_limit(watch, (long)(intptr_t)argument);
  return library->multi_setopt(multi, option, argument);
}
