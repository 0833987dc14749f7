/* SPDX-License-Identifier: MIT */
#include "lib/response.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/handle.h"
#include "lib/log-state.h"
#include "lib/options.h"
#include "lib/rewind.h"
#include "lib/wait.h"

#define KEPT_MAX (64u * 1024u) /* bytes of a 401's head; a longer one is passed on */

/* ---- what the program gets ---- */

typedef enum { TO_HEADER, TO_BODY } Target;

static size_t give_body(const PreloadProgram *program, char *data, size_t size, size_t count,
                        void *to)
{
  return program->write ? program->write(data, size, count, to) : fwrite(data, size, count, to);
}

/* As libcurl chooses: HEADERDATA without HEADERFUNCTION is for WRITEFUNCTION
 * (CURLOPT_HEADERDATA(3)). */
static size_t give_header(const PreloadProgram *program, char *data, size_t size, size_t count)
{
  if (program->header)
    return program->header(data, size, count, program->header_data);
  return program->header_data ? give_body(program, data, size, count, program->header_data)
                              : size * count;
}

static size_t give(const Handle *handle, Target target, char *data, size_t size, size_t count)
{
  const PreloadProgram *program = handle->watched;
  return target == TO_HEADER ? give_header(program, data, size, count)
                             : give_body(program, data, size, count, program->write_data);
}

/* ---- what is kept back ---- */

typedef struct {
  Target target;
  size_t length;
} KeptLine;

static void forget(Response *response)
{
  free(response->kept);
  response->kept = NULL;
  response->length = response->given = 0;
}

/* False: memory is out. */
static bool keep(Response *response, Target target, const char *data, size_t length)
{
  KeptLine line = {target, length};
  char *grown = realloc(response->kept, response->length + sizeof line + length);
  if (!grown)
    return false;
  memcpy(grown + response->length, &line, sizeof line);
  memcpy(grown + response->length + sizeof line, data, length);
  response->kept = grown;
  response->length += sizeof line + length;
  return true;
}

/* The last line goes again: libcurl will hand it over once more. */
static void unkeep(Response *response, size_t length)
{
  response->length -= sizeof(KeptLine) + length;
}

/* Gives the program what was kept. What its callback answers to a line that it does not take whole:
 * CURL_WRITEFUNC_PAUSE, then the rest is given when libcurl comes again; or an error. */
static size_t give_kept(Handle *handle, bool *whole)
{
  Response *response = &handle->response;
  KeptLine line;
  while (response->given < response->length) {
    char *at = response->kept + response->given;
    memcpy(&line, at, sizeof line);
    size_t taken = give(handle, line.target, at + sizeof line, 1, line.length);
    if (taken != line.length) {
      *whole = false;
      return taken;
    }
    response->given += sizeof line + line.length;
  }
  forget(response);
  response->state = RESPONSE_PASSES;
  *whole = true;
  return 0;
}

/* The answer is the program's after all, with the line of this call as its last so far. */
static size_t release(Handle *handle, Target target, char *data, size_t length)
{
  Response *response = &handle->response;
  bool whole;
  response->state = RESPONSE_RELEASED;
  size_t answer = give_kept(handle, &whole);
  if (!whole && answer == CURL_WRITEFUNC_PAUSE)
    return answer;
  if (!whole) {
    forget(response);
    response->state = RESPONSE_PASSES;
    return answer == length ? 0 : answer; /* anything but `length` is an error */
  }
  return response->kept_all ? length : give(handle, target, data, 1, length);
}

/* ---- the decision ---- */

#define ANSWER_WAIT 1
#define ANSWER_NONE 2

/* Would libcurl send the request again? */
static bool is_native(const Handle *handle)
{
  long schemes = 0;
  return handle->may_answer &&
         !handle->api.easy_getinfo(handle->curl, CURLINFO_HTTPAUTH_AVAIL, &schemes) &&
         (schemes & (long)CURLAUTH_BEARER) != 0 && !handle->watched->fail_on_error;
}

static bool is_answerable(Handle *handle, bool native)
{
  if (!handle->armed || handle->answered || !handle->generation ||
      (!native && handle->redirects > 0))
    return false;
  if (!handle->response.proved)
    handle->response.proved = rewind_prove(handle, false);
  return handle->response.proved;
}

/* Another token is in the cache (0), or is being got, or there is none. */
static int ask(Handle *handle)
{
  Error error = ERROR_INIT;
  int code = wait_for_another(handle, &error);
  if (code == THRED_E_AGAIN)
    return ANSWER_WAIT;
  if (code)
    log_debug("a 401 is passed on: %s", error.message);
  return code ? ANSWER_NONE : 0;
}

/* At the end of a 401's head. */
static size_t decide(Handle *handle, char *data, size_t length)
{
  Response *response = &handle->response;
  bool native = response->bound || is_native(handle);
  if (!is_answerable(handle, native)) {
    options_set_bearer(handle, false);
    return release(handle, TO_HEADER, data, length);
  }
  int answer = ask(handle);
  if (answer == ANSWER_WAIT && response->kept_all) {
    unkeep(response, length);
    response->asked = true;
    response->bound = native; /* it does not wait with that for us */
    return CURL_WRITEFUNC_PAUSE;
  }
  if (answer == 0 || (native && response->bound)) {
    response->state = RESPONSE_DROPPED;
    return length;
  }
  options_set_bearer(handle, false);
  return release(handle, TO_HEADER, data, length);
}

/* ---- what libcurl gives ---- */

/* At the first line: is it a 401 to our token? Interim answers and the one to a CONNECT are not. */
static void look(Handle *handle)
{
  long status = 0;
  if (handle->api.easy_getinfo(handle->curl, CURLINFO_RESPONSE_CODE, &status) || status / 100 == 1)
    return;
  handle->response.status = status;
  handle->response.state = handle->sent && status == 401 ? RESPONSE_KEPT : RESPONSE_PASSES;
}

static bool is_last_line(const char *data, size_t length)
{
  return (length == 2 && memcmp(data, "\r\n", 2) == 0) || (length == 1 && data[0] == '\n');
}

static size_t take(Handle *handle, Target target, char *data, size_t size, size_t count)
{
  Response *response = &handle->response;
  size_t length = size * count;
  if (response->state == RESPONSE_OPEN)
    look(handle);
  switch (response->state) {
  case RESPONSE_KEPT:
    response->kept_all = keep(response, target, data, length);
    if (!response->kept_all || response->length > KEPT_MAX) {
      options_set_bearer(handle, false);
      return release(handle, target, data, length);
    }
    return target == TO_HEADER && is_last_line(data, length) ? decide(handle, data, length)
                                                             : length;
  case RESPONSE_RELEASED:
    return release(handle, target, data, length);
  case RESPONSE_DROPPED:
    return length;
  default:
    return give(handle, target, data, size, count);
  }
}

/* Not `take` where the handle is a duplicate made behind our back. It may have data of its own by
 * now, while nobody knows the function for it; or its original, whose function it was, is gone. */
static size_t take_own(Target target, char *data, size_t size, size_t count, void *clientp)
{
  Handle *handle = clientp;
  if (handle_is_one(handle) && handle->watched)
    return take(handle, target, data, size, count);
  const LogFields fields = {.event = EVENT_DUPLICATE_HANDLE, .reason = "unknown"};
  log_wrong(&fields, NULL, NULL,
            "a transfer was ended: its handle is a duplicate that was not made by "
            "curl_easy_duphandle() as thred-auth knows it");
  return 0; /* CURLE_WRITE_ERROR */
}

size_t response_header(char *data, size_t size, size_t count, void *clientp)
{
  return take_own(TO_HEADER, data, size, count, clientp);
}

size_t response_body(char *data, size_t size, size_t count, void *clientp)
{
  return take_own(TO_BODY, data, size, count, clientp);
}

/* ---- before and after ---- */

void response_begin(Handle *handle, ResponseState state)
{
  forget(&handle->response);
  handle->response = (Response){.state = state};
}

/* The transfer ended before its answer was whole: the program gets what there is. What its
 * callbacks say to that changes nothing any more. */
static void give_rest(Handle *handle)
{
  Response *response = &handle->response;
  bool whole = false;
  KeptLine line;
  while (!whole && response->given < response->length) {
    memcpy(&line, response->kept + response->given, sizeof line);
    if (give_kept(handle, &whole) != CURL_WRITEFUNC_PAUSE && !whole)
      break;
    if (!whole)
      response->given += sizeof line + line.length;
  }
  response_begin(handle, RESPONSE_PASSES);
}

/* The end of a transfer whose 401 was dropped: over, or cut off by the server, which need not read
 * a body, nor keep a connection or a stream (RFC 9113, 8.1), that it has refused. */
static bool is_end_of_refusal(CURLcode result)
{
  switch (result) {
  case CURLE_OK:
  case CURLE_HTTP_RETURNED_ERROR: /* FAILONERROR */
  case CURLE_PARTIAL_FILE:
  case CURLE_SEND_ERROR:
  case CURLE_RECV_ERROR:
  case CURLE_HTTP2_STREAM:
    return true;
  default:
    return false;
  }
}

/* Libcurl has ended it, though it was paused: with FAILONERROR, or since the server cut it off. */
static PreloadVerdict ask_again(Handle *handle)
{
  switch (ask(handle)) {
  case ANSWER_WAIT:
    return PRELOAD_LATER;
  case ANSWER_NONE:
    return PRELOAD_OVER;
  default:
    return PRELOAD_AGAIN;
  }
}

static PreloadVerdict judge(Handle *handle, CURLcode result)
{
  PreloadVerdict verdict = PRELOAD_OVER;
  if (!is_end_of_refusal(result) || handle->redirects > 0)
    return PRELOAD_OVER;
  if (handle->response.state == RESPONSE_DROPPED)
    verdict = PRELOAD_AGAIN;
  else if (handle->response.state == RESPONSE_KEPT && handle->response.asked)
    verdict = ask_again(handle);
  return verdict == PRELOAD_AGAIN && !rewind_prove(handle, true) ? PRELOAD_OVER : verdict;
}

/* A second 401 is final. */
static PreloadVerdict run_again(Handle *handle)
{
  response_begin(handle, RESPONSE_PASSES);
  handle->answered = true;
  return options_set_retry_off(handle) == CURLE_OK ? PRELOAD_AGAIN : PRELOAD_OVER;
}

PreloadVerdict response_verdict(Handle *handle, CURLcode result)
{
  const bool deferred = handle->deferred;
  handle->deferred = false;
  if (deferred && result == CURLE_ABORTED_BY_CALLBACK)
    return PRELOAD_AGAIN;
  PreloadVerdict verdict = judge(handle, result);
  if (verdict == PRELOAD_AGAIN)
    return run_again(handle);
  if (verdict == PRELOAD_OVER && handle->response.length > 0)
    give_rest(handle);
  return verdict;
}
