/* SPDX-License-Identifier: MIT */
#include "plugin/preload/notify.h"

#include <stdint.h>
#include <string.h>

#include "plugin/preload/loop.h"

#define INFO_READ 0u /* CURLMNOTIFY_INFO_READ .. */
#define EASY_DONE 1u /* .. and CURLMNOTIFY_EASY_DONE, of curl/multi.h */

static bool is_enabled(const Watch *multi, unsigned notification)
{
  return multi->notify.function && (multi->notify.enabled >> notification & 1u);
}

static void tell(const Watch *multi, CURLM *handle, unsigned notification, CURL *curl)
{
  const Notify *notify = &multi->notify;
  notify->function(handle, notification, curl, notify->data);
}

/* What libcurl calls in place of the program's. */
static void hear(CURLM *handle, unsigned notification, CURL *curl, void *data)
{
  Watch *multi = data;
  if (multi->loop)
    loop_read(multi);
  if (multi->loop && notification == EASY_DONE && loop_hides_end(multi, curl))
    return;
  if (multi->loop && notification == INFO_READ) {
    if (!loop_ended(multi))
      return;
    multi->notify.told = true;
  }
  if (multi->notify.function)
    tell(multi, handle, notification, curl);
}

/* ---- what libcurl has ---- */

static CURLMcode pass(const Watch *multi, CURLM *handle)
{
  const Library *library = multi->library;
  const Notify *notify = &multi->notify;
  const bool ours = multi->loop && notify->function;
  CURLMcode code = library->multi_setopt(handle, NOTIFY_FUNCTION, ours ? hear : notify->function);
  return code ? code
              : library->multi_setopt(handle, NOTIFY_DATA,
                                      ours ? (void *)(uintptr_t)multi : notify->data);
}

CURLMcode notify_set(Watch *multi, CURLM *handle, CURLMoption option, void *argument)
{
  const Notify before = multi->notify;
  if (option == NOTIFY_FUNCTION)
    memcpy(&multi->notify.function, &argument, sizeof argument);
  else
    multi->notify.data = argument;
  CURLMcode code = pass(multi, handle);
  if (code)
    multi->notify = before;
  return code;
}

void notify_enable(Watch *multi, unsigned notification, bool enabled)
{
  const unsigned bit = notification < 32 ? 1u << notification : 0;
  multi->notify.enabled = enabled ? multi->notify.enabled | bit : multi->notify.enabled & ~bit;
}

void notify_turn(Watch *multi, CURLM *handle)
{
  if (multi->notify.function)
    (void)pass(multi, handle);
}

/* ---- what the program is told ---- */

void notify_end(const Watch *multi, CURLM *handle, CURL *curl)
{
  if (is_enabled(multi, EASY_DONE))
    tell(multi, handle, EASY_DONE, curl);
}

void notify_messages(Watch *multi, CURLM *handle, CURL *curl)
{
  if (multi->notify.told || !is_enabled(multi, INFO_READ))
    return;
  multi->notify.told = true;
  tell(multi, handle, INFO_READ, curl);
}

void notify_read(Watch *multi)
{
  multi->notify.told = false;
}
