/* SPDX-License-Identifier: MIT */
/* messages.c - what the program reads with curl_multi_info_read(). */
#include <stdlib.h>

#include "plugin/preload/loop-internal.h"
#include "plugin/preload/notify.h"

void messages_add(Loop *loop, Watch *watch)
{
  watch->next_done = NULL;
  watch->is_done = true;
  *loop->done_end = watch;
  loop->done_end = &watch->next_done;
}

void messages_take_back(Loop *loop, Watch *watch)
{
  Watch **at = &loop->done;
  while (*at && *at != watch)
    at = &(*at)->next_done;
  if (!*at)
    return;
  *at = watch->next_done;
  if (!*at)
    loop->done_end = at;
  watch->is_done = false;
}

bool messages_add_stray(Loop *loop, const CURLMsg *message)
{
  Stray *stray = malloc(sizeof *stray), **end = &loop->strays;
  if (!stray)
    return false;
  *stray = (Stray){NULL, *message};
  while (*end)
    end = &(*end)->next;
  *end = stray;
  return true;
}

CURL *loop_ended(const Watch *multi)
{
  const Loop *loop = multi->loop;
  if (loop->done)
    return atomic_load(&loop->done->key);
  return loop->strays ? loop->strays->message.easy_handle : NULL;
}

CURLMsg *messages_take(Watch *multi, int *left)
{
  Loop *loop = multi->loop;
  Watch *watch;
  CURLMsg *message = NULL;
  free(loop->given_stray);
  loop->given_stray = NULL;
  if ((watch = loop->done)) {
    messages_take_back(loop, watch);
    message = &watch->message;
  } else if (loop->strays) {
    loop->given_stray = loop->strays;
    loop->strays = loop->strays->next;
    message = &loop->given_stray->message;
  }
  if (!loop_ended(multi))
    notify_read(multi);
  *left = 0;
  for (watch = loop->done; watch; watch = watch->next_done)
    ++*left;
  for (const Stray *stray = loop->strays; stray; stray = stray->next)
    ++*left;
  return message;
}

void messages_tell(Watch *multi)
{
  const Loop *loop = multi->loop;
  Watch *watch = loop->done;
  while (watch) {
    if (!watch->untold) {
      watch = watch->next_done;
      continue;
    }
    watch->untold = false;
    notify_end(multi, loop->multi, atomic_load(&watch->key));
    watch = loop->done;
  }
  CURL *ended = loop_ended(multi);
  if (ended)
    notify_messages(multi, loop->multi, ended);
}

void messages_free(Loop *loop)
{
  free(loop->given_stray);
  while (loop->strays) {
    Stray *next = loop->strays->next;
    free(loop->strays);
    loop->strays = next;
  }
}
