/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "plugin/preload/arm.h"
#include "plugin/preload/loop-internal.h"
#include "plugin/preload/notify.h"

/* libcurl tells, when it is asked with an option that there is not. */
bool loop_is_in_callback(const Library *library, CURLM *multi)
{
  return library->multi_setopt(multi, (CURLMoption)0, 0L) == CURLM_RECURSIVE_API_CALL;
}

static bool is_in_callback(const Loop *loop)
{
  return loop_is_in_callback(loop->library, loop->multi);
}

static Loop *loop_of(Watch *multi, CURLM *handle)
{
  if (multi->loop)
    return multi->loop;
  Loop *loop = calloc(1, sizeof *loop);
  if (!loop)
    return NULL;
  loop->library = multi->library;
  loop->multi = handle;
  loop->limit = multi->limit;
  loop->preload.until_ms = INT64_MAX;
  loop->steps = 1;
  loop->done_end = &loop->done;
  multi->loop = loop;
  notify_turn(multi, handle);
  return loop;
}

/* ---- the list of those who wait ---- */

static void list(Loop *loop, Watch *watch)
{
  watch->waiting = true;
  watch->next_waiting = loop->waiting;
  loop->waiting = watch;
  loop->listed++;
}

static void unlist(Loop *loop, Watch *watch)
{
  Watch **at = &loop->waiting;
  while (*at && *at != watch)
    at = &(*at)->next_waiting;
  if (!*at)
    return;
  *at = watch->next_waiting;
  loop->listed--;
  watch->waiting = false;
}

static void park(Loop *loop, Watch *watch)
{
  watch->parked = true;
  loop->parked++;
  list(loop, watch);
  if (!loop->doorbell)
    (void)doorbell_hang_out(loop); /* else the next step lets it go */
}

/* ---- what has ended ---- */

/* `told`: by libcurl (CURLMNOTIFY_EASY_DONE). */
static void end(Loop *loop, Watch *watch, bool told)
{
  disarm(watch);
  watch->untold = !told;
  messages_add(loop, watch);
}

/* Begins the transfer again, if it is to be: the program has seen nothing of it. True: libcurl runs
 * one more than it has counted. */
static bool run_again(Loop *loop, Watch *watch, CURL *curl)
{
  if (loop->library->multi_remove_handle(loop->multi, curl) == CURLM_OK) {
    if (arm_needs_token(watch)) {
      watch->changed = false;
      park(loop, watch);
      return false;
    }
    if (loop->library->multi_add_handle(loop->multi, curl) == CURLM_OK)
      return true;
  }
  watch->message.data.result = CURLE_OUT_OF_MEMORY;
  end(loop, watch, false);
  return false;
}

/* The transfer of `watch` has ended, as its message says; just now (`told`), or a while ago. The
 * same answer. */
static bool finish(Loop *loop, Watch *watch, CURL *curl, bool told)
{
  const PreloadVerdict verdict = arm_verdict(watch, watch->message.data.result);
  watch->hidden = verdict == PRELOAD_OVER ? 0 : loop->steps;
  switch (verdict) {
  case PRELOAD_AGAIN:
    return run_again(loop, watch, curl);
  case PRELOAD_LATER:
    watch->ended = true;
    loop->ended++;
    list(loop, watch);
    return false;
  default:
    end(loop, watch, told);
    return false;
  }
}

/* True: one more is running than libcurl has counted. */
static bool take_message(Loop *loop, const CURLMsg *message)
{
  CURL *curl = message->easy_handle;
  Watch *watch = watch_find(curl);
  if (curl == loop->doorbell) {
    loop->over = true;
    loop->broken = message->data.result != CURLE_OPERATION_TIMEDOUT;
    return false;
  }
  if (watch) {
    watch->message = *message;
    if (watch->waiting)
      unlist(loop, watch);
    return finish(loop, watch, curl, true);
  }
  (void)messages_add_stray(loop, message);
  return false;
}

static int drain(Loop *loop)
{
  const CURLMsg *message;
  int left, again = 0;
  while ((message = loop->library->multi_info_read(loop->multi, &left)))
    again += take_message(loop, message);
  return again;
}

/* ---- who waits ---- */

/* A handle that was paused in a callback. Its token may be there already: it is let go like all. */
static void list_paused(Watch *watch)
{
  Watch *multi = watch_find(atomic_load(&watch->multi));
  if (multi && multi->loop && !watch->waiting && arm_is_waiting(watch))
    list(multi->loop, watch);
}

/* It ends here: libcurl does not run it, or no more. */
static void fail(Loop *loop, Watch *watch, CURL *curl, CURLcode result)
{
  watch->message = (CURLMsg){.msg = CURLMSG_DONE, .easy_handle = curl};
  watch->message.data.result = result;
  loop->failed++;
  end(loop, watch, false);
}

/* With what the program itself has paused. Its callbacks are given what was kept back, and may
 * refuse it: that ends the transfer, which curl_easy_pause() leaves to its caller. */
static void unpause(Loop *loop, Watch *watch, CURL *curl)
{
  CURLcode code = loop->library->easy_pause(curl, watch->paused);
  if (code != CURLE_OK && loop->library->multi_remove_handle(loop->multi, curl) == CURLM_OK)
    fail(loop, watch, curl, code);
}

/* A parked handle's transfer begins, as far as the program is concerned: what it has changed since
 * it added the handle counts. */
static PreloadWait judge(Loop *loop, Watch *watch)
{
  watch->changed = false;
  arm(watch, atomic_load(&watch->key), &loop->preload);
  return arm_needs_token(watch) ? arm_waits(watch, !loop->preload.mute) : PRELOAD_READY;
}

/* One that is to be judged twice is so in the next step: it was rung for. */
static PreloadWait look(Loop *loop, Watch *watch)
{
  PreloadWait wait = PRELOAD_JUDGE;
  if (!watch->parked || !watch->changed)
    wait = arm_waits(watch, !loop->preload.mute);
  if (wait == PRELOAD_JUDGE)
    wait = judge(loop, watch);
  watch->changed = wait == PRELOAD_JUDGE;
  return watch->changed ? PRELOAD_WAITS : wait;
}

static void unpark(Loop *loop, Watch *watch, CURL *curl, bool expired)
{
  watch->parked = false;
  loop->parked--;
  CURLMcode code = expired ? CURLM_OK : loop->library->multi_add_handle(loop->multi, curl);
  if (expired)
    fail(loop, watch, curl, CURLE_OPERATION_TIMEDOUT);
  else if (code != CURLM_OK)
    fail(loop, watch, curl, code == CURLM_OUT_OF_MEMORY ? CURLE_OUT_OF_MEMORY : CURLE_FAILED_INIT);
}

static void finish_ended(Loop *loop, Watch *watch, CURL *curl)
{
  watch->ended = false;
  loop->ended--;
  finish(loop, watch, curl, false);
}

/* Lets everybody go whose token is there, or will not be. */
static void let_go(Loop *loop)
{
  Watch *next;
  loop->preload.until_ms = INT64_MAX;
  for (Watch *watch = loop->waiting; watch; watch = next) {
    CURL *curl = atomic_load(&watch->key);
    next = watch->next_waiting;
    const PreloadWait wait = look(loop, watch);
    if (wait == PRELOAD_WAITS)
      continue;
    unlist(loop, watch);
    if (watch->parked)
      unpark(loop, watch, curl, wait == PRELOAD_EXPIRED);
    else if (watch->ended)
      finish_ended(loop, watch, curl);
    else
      unpause(loop, watch, curl);
  }
}

static void settle(Watch *multi)
{
  Loop *loop = multi->loop;
  if (loop->preload.waiting > loop->listed)
    watch_each_of(multi, list_paused);
  loop->preload.mute |= loop->waiting && loop->broken;
  let_go(loop);
  if (loop->waiting && !doorbell_is_out(loop)) {
    loop->preload.mute |= !doorbell_hang_out(loop);
    let_go(loop); /* whoever was rung for just now */
  }
  if (!loop->waiting)
    doorbell_hang_up(loop);
}

/* ---- in and out ---- */

static CURLMcode add_to_libcurl(CURLM *handle, Watch *watch, CURL *curl)
{
  CURLMcode code = watch->library->multi_add_handle(handle, curl);
  if (code == CURLM_OK)
    watch_set_multi(watch, handle);
  else
    disarm(watch);
  return code;
}

CURLMcode loop_add(Watch *multi, CURLM *handle, Watch *watch, CURL *curl)
{
  Loop *loop = multi && arm_is_likely(watch) ? loop_of(multi, handle) : NULL;
  if (loop && is_in_callback(loop))
    return CURLM_RECURSIVE_API_CALL;
  arm(watch, curl, loop ? &loop->preload : NULL);
  if (!loop || !arm_needs_token(watch))
    return add_to_libcurl(handle, watch, curl);
  watch->changed = true;
  park(loop, watch);
  watch_set_multi(watch, handle);
  return CURLM_OK;
}

bool loop_forget(Watch *watch)
{
  Watch *multi = watch_find(atomic_load(&watch->multi));
  Loop *loop = multi ? multi->loop : NULL;
  bool parked = watch->parked;
  if (!loop)
    return false;
  if (watch->waiting)
    unlist(loop, watch);
  if (watch->is_done)
    messages_take_back(loop, watch);
  loop->parked -= parked;
  loop->ended -= watch->ended;
  watch->parked = watch->ended = false;
  return parked;
}

void loop_end(Watch *multi)
{
  Loop *loop = multi->loop;
  if (!loop)
    return;
  doorbell_hang_up(loop);
  multi->loop = NULL;
  notify_turn(multi, loop->multi);
  messages_free(loop);
  free(loop);
}

/* ---- steps ---- */

void loop_before(Watch *multi)
{
  multi->loop->steps++;
  if (!is_in_callback(multi->loop))
    settle(multi);
}

void loop_after(Watch *multi, int *running)
{
  Loop *loop = multi->loop;
  const bool rings = loop->doorbell && !loop->over; /* one that is hung out below is not counted */
  if (is_in_callback(loop))
    return;
  arm_loop_stepped(&loop->preload);
  *running += drain(loop);
  *running += (int)(loop->parked + loop->ended);
  *running -= rings && !loop->over;
  loop->failed = 0;
  settle(multi);
  *running -= loop->failed;
  messages_tell(multi);
}

/* ---- what the program asks ---- */

CURLMsg *loop_info_read(Watch *multi, int *left)
{
  if (!is_in_callback(multi->loop))
    drain(multi->loop);
  return messages_take(multi, left);
}

void loop_read(Watch *multi)
{
  if (!is_in_callback(multi->loop))
    drain(multi->loop); /* libcurl has not counted yet */
}

bool loop_hides_end(const Watch *multi, CURL *curl)
{
  const Watch *watch = watch_find(curl);
  return curl == multi->loop->doorbell || (watch && watch->hidden == multi->loop->steps);
}

/* Memory that the program gives to curl_free(): only libcurl has it to give. Three bytes come for
 * each byte that has to be escaped. */
static void *libcurl_memory(const Library *library, size_t size)
{
  const size_t bytes = size / 3 + 1;
  char *text = malloc(bytes);
  if (!text)
    return NULL;
  memset(text, '\1', bytes);
  void *memory = library->easy_escape(NULL, text, (int)bytes);
  free(text);
  return memory;
}

CURL **loop_fix_handles(Watch *multi, CURL **handles)
{
  Loop *loop = multi->loop;
  size_t count = 0, kept = 0;
  while (handles && handles[count])
    count++;
  const size_t size = (count + loop->parked + 1) * sizeof(CURL *);
  CURL **fixed = handles && loop->parked ? libcurl_memory(loop->library, size) : handles;
  if (!fixed)
    return handles;
  for (size_t i = 0; i < count; i++)
    if (handles[i] != loop->doorbell)
      fixed[kept++] = handles[i];
  for (Watch *watch = loop->waiting; watch && fixed != handles; watch = watch->next_waiting)
    if (watch->parked)
      fixed[kept++] = atomic_load(&watch->key);
  fixed[kept] = NULL;
  if (fixed != handles)
    loop->library->api.free(handles);
  return fixed;
}
