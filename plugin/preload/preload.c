/* SPDX-License-Identifier: MIT */
/*
 * preload.c - libthred-preload.so: the functions of libcurl that it stands before. Each finds the
 * libcurl that the call is meant for, does what is ours to do, and hands the call on.
 *
 * No state here or below needs an unwind: programs leave a transfer by longjmp out of a callback
 * (Lua and R do). A handle that stayed armed is taken up again by its next use.
 */
#include <stdarg.h>
#include <stddef.h>

#include "plugin/preload/arm.h"
#include "plugin/preload/library.h"
#include "plugin/preload/watch.h"

#define HOOK     __attribute__((visibility("default")))
#define CALLER() __builtin_extract_return_addr(__builtin_return_address(0))

/* The libcurl of a handle: the one that made it, else the one that the caller is bound to. */
static const Library *library_of(const Watch *watch, const void *caller)
{
  return watch ? watch->library : library_of_caller(caller);
}

/* Watches a handle that the program got from `library`. NULL: out of memory, or no handle. */
static Watch *begin_watch(void *handle, const Library *library)
{
  Watch *left_over = watch_find(handle);
  if (left_over)
    arm_lose(left_over);
  return handle ? watch_add(handle, library) : NULL;
}

/* ---- easy handles ---- */

HOOK CURL *curl_easy_init(void)
{
  const void *caller = CALLER();
  const Library *library = library_of_caller(caller);
  CURL *curl = library ? library->easy_init() : NULL;
  Watch *watch = begin_watch(curl, library);
  if (watch)
    watch->ours = library_is_ours(caller);
  return curl;
}

HOOK CURL *curl_easy_duphandle(CURL *curl)
{
  const Watch *watch = watch_find(curl);
  const Library *library = library_of(watch, CALLER());
  CURL *copy = library && library->api.easy_duphandle ? library->api.easy_duphandle(curl) : NULL;
  if (!copy || !watch)
    return copy;
  arm_put_back(watch, copy);
  Watch *copied = begin_watch(copy, library);
  if (copied)
    copied->unknown = !watch_copy(copied, watch);
  return copy;
}

/* An option of an armed handle: what is ours goes off, the program's goes on, and it is judged
 * again. So is a handle that waits in a multi and was not for Thred, or authorised, until now. */
static CURLcode set_option(const Library *library, Watch *watch, CURL *curl, CURLoption option,
                           Argument argument)
{
  const bool cares = watch && watch_cares(option), armed = cares && watch->armed;
  if (armed)
    disarm(watch);
  CURLcode code = sizeof(void *) < sizeof(curl_off_t) && (int)option / 10000 == 3
                      ? library->api.easy_setopt(curl, option, argument.large)
                      : library->api.easy_setopt(curl, option, argument.pointer);
  if (cares && code == CURLE_OK)
    watch_note(watch, option, argument);
  if (armed || (cares && atomic_load_explicit(&watch->multi, memory_order_relaxed)))
    arm_changed(watch, curl, armed);
  return code;
}

/* In brackets: curl.h has a macro of this name. */
HOOK CURLcode(curl_easy_setopt)(CURL *curl, CURLoption option, ...)
{
  Watch *watch = watch_find(curl);
  const Library *library = library_of(watch, CALLER());
  Argument argument = {NULL, 0};
  va_list list;
  if (!library || !library->api.easy_setopt)
    return CURLE_FAILED_INIT;
  va_start(list, option);
  if (sizeof(void *) < sizeof(curl_off_t) && (int)option / 10000 == 3)
    argument.large = va_arg(list, curl_off_t);
  else
    argument.pointer = va_arg(list, void *);
  va_end(list);
  return set_option(library, watch, curl, option, argument);
}

HOOK CURLcode curl_easy_perform(CURL *curl)
{
  Watch *watch = watch_find(curl);
  const Library *library = library_of(watch, CALLER());
  if (!library || !library->easy_perform)
    return CURLE_FAILED_INIT;
  if (!watch)
    return library->easy_perform(curl);
  arm(watch, curl);
  watch->judged = true;
  CURLcode code = library->easy_perform(curl);
  watch->judged = false;
  disarm(watch);
  return code;
}

HOOK void curl_easy_reset(CURL *curl)
{
  Watch *watch = watch_find(curl);
  const Library *library = library_of(watch, CALLER());
  if (watch)
    arm_forget(watch);
  if (library && library->easy_reset)
    library->easy_reset(curl);
  if (watch)
    watch_reset(watch);
}

HOOK void curl_easy_cleanup(CURL *curl)
{
  Watch *watch = watch_find(curl);
  const Library *library = library_of(watch, CALLER());
  if (watch) {
    arm_forget(watch);
    watch_remove(watch);
  }
  if (library && library->api.easy_cleanup)
    library->api.easy_cleanup(curl);
}

/* ---- multi handles ---- */

HOOK CURLM *curl_multi_init(void)
{
  const Library *library = library_of_caller(CALLER());
  CURLM *multi = library && library->multi_init ? library->multi_init() : NULL;
  begin_watch(multi, library);
  return multi;
}

/* curl_easy_perform runs its transfer through these functions, and may call them by their public
 * names (it does in Debian's builds): then it has been judged already. (Left over from a longjmp,
 * `judged` does no harm: curl_easy_perform judges anew.) */
HOOK CURLMcode curl_multi_add_handle(CURLM *multi, CURL *curl)
{
  const void *caller = CALLER();
  Watch *watch = watch_find(curl);
  const Library *library = library_of(watch, caller);
  if (!library || !library->multi_add_handle)
    return CURLM_INTERNAL_ERROR;
  const bool armed = watch && watch->armed;
  if (watch && !(watch->judged && library_contains(library, caller)))
    arm(watch, curl);
  CURLMcode code = library->multi_add_handle(multi, curl);
  if (watch && code == CURLM_OK)
    watch_set_multi(watch, multi);
  else if (watch && !armed)
    disarm(watch);
  return code;
}

HOOK CURLMcode curl_multi_remove_handle(CURLM *multi, CURL *curl)
{
  Watch *watch = watch_find(curl);
  const Library *library = library_of(watch, CALLER());
  if (!library || !library->multi_remove_handle)
    return CURLM_INTERNAL_ERROR;
  CURLMcode code = library->multi_remove_handle(multi, curl);
  if (watch && code == CURLM_OK) {
    watch_set_multi(watch, NULL);
    disarm(watch);
  }
  return code;
}

/* A transfer that is done: the program may look at its handle and use it again. */
HOOK CURLMsg *curl_multi_info_read(CURLM *multi, int *left)
{
  const Library *library = library_of(watch_find(multi), CALLER());
  CURLMsg *message =
      library && library->multi_info_read ? library->multi_info_read(multi, left) : NULL;
  Watch *watch = message && message->msg == CURLMSG_DONE ? watch_find(message->easy_handle) : NULL;
  if (watch)
    disarm(watch);
  return message;
}

static void leave_multi(Watch *watch)
{
  watch_set_multi(watch, NULL);
  disarm(watch);
}

/* The handles that are still in it live on. All is done before the call: after it, another thread
 * may have a new CURLM at this address. */
HOOK CURLMcode curl_multi_cleanup(CURLM *multi)
{
  Watch *watch = watch_find(multi);
  const Library *library = library_of(watch, CALLER());
  if (!library || !library->multi_cleanup)
    return CURLM_INTERNAL_ERROR;
  if (watch) {
    watch_each_of(watch, leave_multi);
    watch_remove(watch);
  }
  return library->multi_cleanup(multi);
}
