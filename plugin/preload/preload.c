/* SPDX-License-Identifier: MIT */
/*
 * preload.c - libthred-preload.so: the functions of libcurl that it stands before, for easy handles
 * here, for multi handles in multi.c. Each finds the libcurl that the call is meant for, does what
 * is ours to do, and hands the call on.
 *
 * No state here or below needs an unwind: programs leave a transfer by longjmp out of a callback
 * (Lua and R do). A handle that stayed armed is taken up again by its next use.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include "lib/regular-file.h"
#include "plugin/preload/arm.h"
#include "plugin/preload/hook.h"
#include "plugin/preload/loop.h"

Watch *hook_watch(void *handle, const Library *library)
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
  Watch *watch = hook_watch(curl, library);
  if (watch)
    watch->ours = library_is_ours(caller);
  return curl;
}

HOOK CURL *curl_easy_duphandle(CURL *curl)
{
  const Watch *watch = watch_find(curl);
  const Library *library = hook_library(watch, CALLER());
  CURL *copy = library && library->api.easy_duphandle ? library->api.easy_duphandle(curl) : NULL;
  if (!copy || !watch)
    return copy;
  arm_put_back(watch, copy);
  Watch *copied = hook_watch(copy, library);
  if (copied && !watch_copy(copied, watch))
    copied->unknown = true;
  return copy;
}

static CURLcode pass_option(const Library *library, CURL *curl, CURLoption option,
                            Argument argument)
{
  return sizeof(void *) < sizeof(curl_off_t) && (int)option / 10000 == 3
             ? library->api.easy_setopt(curl, option, argument.large)
             : library->api.easy_setopt(curl, option, argument.pointer);
}

/* When it sets out, libcurl puts the URL in its own words, in another place (parseurlandfillconn in
 * url.c). So whoever finds this one later knows that it was set too late, and is asked for by the
 * next transfer only. */
static void note_written(const Library *library, Watch *watch, CURL *curl)
{
  char *url = NULL;
  watch->program.written = NULL;
  if (watch->may_be_thred && !library->api.easy_getinfo(curl, CURLINFO_EFFECTIVE_URL, &url))
    watch->program.written = url;
}

/* An option that decides whether the handle is for Thred. While that is armed, what is ours of the
 * request goes off it, the program's goes on, and it is judged again; so is a handle that waits in
 * a multi and was not for Thred, or authorised, until now. One that rests does so no more; only the
 * URL touches nothing of ours. */
static CURLcode set_judged(const Library *library, Watch *watch, CURL *curl, CURLoption option,
                           Argument argument)
{
  const bool armed = watch->armed;
  const bool in_multi = atomic_load_explicit(&watch->multi, memory_order_relaxed);
  if (armed)
    arm_suspend(watch);
  else if (option != CURLOPT_URL || in_multi)
    arm_take_off(watch);
  CURLcode code = pass_option(library, curl, option, argument);
  if (code == CURLE_OK)
    watch_note(watch, option, argument);
  if (code == CURLE_OK && option == CURLOPT_URL)
    note_written(library, watch, curl);
  if (armed || in_multi)
    arm_changed(watch, curl, armed);
  return code;
}

static CURLcode set_option(const Library *library, Watch *watch, CURL *curl, CURLoption option,
                           Argument argument)
{
  const WatchCare care = watch ? watch_cares(option) : WATCH_IGNORES;
  CURLcode code = CURLE_OK;
  if (care == WATCH_JUDGES)
    return set_judged(library, watch, curl, option, argument);
  const bool ours = care == WATCH_TAKES || (care == WATCH_READS && watch->program.counts_reads);
  if (!ours || !arm_takes_answer(watch))
    code = pass_option(library, curl, option, argument);
  if (care != WATCH_IGNORES && code == CURLE_OK)
    watch_note(watch, option, argument);
  return code;
}

/* In brackets: curl.h has a macro of this name. */
HOOK CURLcode(curl_easy_setopt)(CURL *curl, CURLoption option, ...)
{
  Watch *watch = watch_find(curl);
  const Library *library = hook_library(watch, CALLER());
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
  const Library *library = hook_library(watch, CALLER());
  if (!library || !library->easy_perform)
    return CURLE_FAILED_INIT;
  if (!watch)
    return library->easy_perform(curl);
  if (watch->parked)
    return CURLE_FAILED_INIT; /* as for every handle that is in a multi */
  if (watch_find(atomic_load_explicit(&watch->multi, memory_order_relaxed)))
    return library->easy_perform(curl); /* libcurl says so itself, and it stays armed */
  arm(watch, curl, NULL);
  watch->judged = true;
  CURLcode code = library->easy_perform(curl);
  if (arm_verdict(watch, code) == PRELOAD_AGAIN)
    code = library->easy_perform(curl);
  watch->judged = false;
  disarm(watch);
  return code;
}

/* What the program pauses is kept apart from what we have paused, and does not end that. */
HOOK CURLcode curl_easy_pause(CURL *curl, int action)
{
  Watch *watch = watch_find(curl);
  const Library *library = hook_library(watch, CALLER());
  if (!library || !library->easy_pause)
    return CURLE_BAD_FUNCTION_ARGUMENT;
  if (watch) {
    watch->paused = action;
    if (watch->waiting && !watch->parked)
      action |= CURLPAUSE_RECV;
  }
  return library->easy_pause(curl, action);
}

HOOK void curl_easy_reset(CURL *curl)
{
  Watch *watch = watch_find(curl);
  const Library *library = hook_library(watch, CALLER());
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
  const Library *library = hook_library(watch, CALLER());
  if (watch) {
    loop_forget(watch);
    arm_forget(watch);
    watch_remove(watch);
  }
  if (library && library->api.easy_cleanup)
    library->api.easy_cleanup(curl);
}

/* ---- parts of a MIME ---- */

/* Whether the body of a request can be sent again: a part that cannot be rewound is noted. */
HOOK CURLcode curl_mime_data_cb(curl_mimepart *part, curl_off_t size, curl_read_callback read,
                                curl_seek_callback seek, curl_free_callback free_data, void *data)
{
  const Library *library = library_of_caller(CALLER());
  if (!library || !library->mime_data_cb)
    return CURLE_FAILED_INIT;
  /* Nothing of it has been read yet: to go to where it is shows whether it can. */
  if (!seek || seek(data, 0, SEEK_SET) != CURL_SEEKFUNC_OK)
    arm_distrust_mime();
  return library->mime_data_cb(part, size, read, seek, free_data, data);
}

HOOK CURLcode curl_mime_filedata(curl_mimepart *part, const char *path)
{
  const Library *library = library_of_caller(CALLER());
  if (!library || !library->mime_filedata)
    return CURLE_FAILED_INIT;
  if (path && !is_regular_file(path))
    arm_distrust_mime();
  return library->mime_filedata(part, path);
}
