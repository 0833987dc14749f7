/* SPDX-License-Identifier: MIT */
#include "lib/wait.h"

#include "lib/clock.h"
#include "lib/request.h"
#include "lib/secret-memory.h"
#include "lib/secure.h"

/* ---- a token into the cache ---- */

/* What is there; one that is due is renewed beside. */
static bool is_in_cache(const BearerRequest *request, CacheToken *token, Error *error)
{
  BearerLook look = bearer_look(request, token, error);
  if (look == BEARER_DUE)
    job_renew(request);
  return look != BEARER_NONE;
}

/* The same for who does not want to have it. THRED_E_WOULD_BLOCK: it has to be fetched. */
static int look(const BearerRequest *request, Error *error)
{
  CacheToken token = {.value = secret_room()};
  if (!token.value)
    return error_set(error, THRED_E_NO_MEMORY, "out of memory for a token");
  bool found = is_in_cache(request, &token, error);
  if (found)
    secure_wipe(token.value, token.length);
  secret_room_free(token.value);
  return found ? THRED_OK : THRED_E_WOULD_BLOCK;
}

static int fetch_here(const BearerRequest *request, Error *error)
{
  CacheToken token = {.value = secret_room()};
  if (!token.value)
    return error_set(error, THRED_E_NO_MEMORY, "out of memory for a token");
  int code = job_get(request, &token, error);
  secure_wipe(token.value, token.length);
  secret_room_free(token.value);
  return code;
}

/* ---- waiting ---- */

/* The bell of the loop is made when its first handle waits. False: there can be none. */
static bool begin(Handle *handle)
{
  PreloadLoop *loop = handle->loop;
  if (loop->mute)
    return false;
  if (!loop->bell)
    loop->bell = bell_new();
  if (!loop->bell)
    return false;
  if (!handle->waiting)
    loop->waiting++;
  handle->waiting = true;
  return true;
}

static void stop(Handle *handle)
{
  if (handle->waiting)
    handle->loop->waiting--;
  handle->waiting = false;
}

void wait_end(Handle *handle)
{
  stop(handle);
  handle->undecided = false;
  job_leave(handle->job);
  handle->job = NULL;
}

#define CONFIG_MS 15000 /* longer than reading it may take */

/* False: there is no thread for it. */
static bool begin_job(Handle *handle, const BearerRequest *request)
{
  handle->until_ms =
      request->snapshot ? bearer_deadline_ms(request) : clock_monotonic_ms() + CONFIG_MS;
  handle->expires = request->deadline_ms <= handle->until_ms;
  if (handle->expires)
    handle->until_ms = request->deadline_ms;
  handle->job = job_begin(request, handle->loop->bell);
  return handle->job != NULL;
}

/* What it waits for. */
static BearerRequest awaited(Handle *handle)
{
  if (handle->undecided)
    return (BearerRequest){.deadline_ms = request_deadline_ms(handle)};
  return request_bearer(handle);
}

static int take_outcome(Handle *handle, Error *error)
{
  int code = job_outcome(handle->job, error);
  wait_end(handle);
  return code;
}

bool wait_for_config(Handle *handle)
{
  handle->undecided = begin(handle);
  return handle->undecided;
}

bool wait_may_begin_again(const Handle *handle)
{
  return handle->loop && handle->redirects == 0 && !handle->answered && !handle->loop->mute &&
         handle->in_front;
}

bool wait_is_needed(Handle *handle)
{
  if (handle->undecided)
    return true;
  BearerRequest request = request_bearer(handle);
  if (!handle->loop || handle->remembered.decision.reason != ROUTE_TOKEN ||
      look(&request, NULL) != THRED_E_WOULD_BLOCK)
    return false;
  return begin(handle);
}

/* Nothing rings at the end of the program's patience: the loop has to know when that is. */
static void note_end(const Handle *handle)
{
  if (handle->expires && handle->until_ms < handle->loop->until_ms)
    handle->loop->until_ms = handle->until_ms;
}

/* Before a transfer the outcome is noted here; in the middle it is for wait_for_another(), and the
 * time that the program allows is libcurl's affair. */
PreloadWait wait_goes_on(Handle *handle)
{
  if (!handle->waiting)
    return PRELOAD_READY;
  BearerRequest request = awaited(handle);
  if (!handle->job && !begin_job(handle, &request)) {
    handle->loop->mute = true; /* or it would wait again and again for what does not come */
    stop(handle);
    return handle->undecided ? PRELOAD_JUDGE : PRELOAD_READY;
  }
  const bool done = job_is_done(handle->job);
  if (!done && clock_monotonic_ms() < handle->until_ms) {
    note_end(handle);
    return PRELOAD_WAITS;
  }
  stop(handle);
  if (handle->response.state == RESPONSE_KEPT)
    return PRELOAD_READY;
  const bool undecided = handle->undecided;
  if (take_outcome(handle, &handle->no_token) == THRED_OK && undecided)
    return PRELOAD_JUDGE;
  return done || !handle->expires ? PRELOAD_READY : PRELOAD_EXPIRED;
}

/* ---- getting ---- */

int wait_for_another(Handle *handle, Error *error)
{
  BearerRequest request = request_bearer(handle);
  request.refused = handle->generation;
  if (handle->job)
    return handle->waiting ? THRED_E_AGAIN : take_outcome(handle, error);
  int code = look(&request, error);
  if (code != THRED_E_WOULD_BLOCK)
    return code;
  if (!handle->loop || !begin(handle))
    return fetch_here(&request, error);
  if (begin_job(handle, &request))
    return THRED_E_AGAIN;
  stop(handle);
  return fetch_here(&request, error);
}

/*
 * In a loop, what was waited for before the transfer is in the cache, unless a server has refused
 * it to another one since: then nothing has been sent yet, and the transfer can begin again. Only
 * what nobody could know then, where a redirect leads, is got in the loop's way.
 */
int wait_get(Handle *handle, const BearerRequest *request, CacheToken *token, Error *error)
{
  if (!handle->loop)
    return job_get(request, token, error);
  if (is_in_cache(request, token, error))
    return THRED_OK;
  if (handle->no_token.code)
    *error = handle->no_token;
  else if (wait_may_begin_again(handle))
    error_set(error, THRED_E_AGAIN, "the transfer begins again when there is a token");
  else
    return job_get(request, token, error);
  return error->code;
}
