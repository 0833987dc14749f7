/* SPDX-License-Identifier: MIT */
#include "plugin/preload/arm.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "lib/ascii.h"

/* ---- switched off ---- */

static bool disabled;

/* All that the shim does in a program that makes no request. Environment variables do not count
 * under AT_SECURE. */
__attribute__((constructor)) static void start(void)
{
  library_note_start();
  const char *value = secure_getenv("THRED_DISABLE");
  if (value && strcmp(value, "1") == 0)
    disabled = true;
}

/* ---- the library ---- */

/* The library's own log cannot tell why there is no library; and only who asks for a log is told.
 */
static void tell(const char *what)
{
  char line[512];
  if (!secure_getenv("THRED_LOG"))
    return;
  int length = snprintf(line, sizeof line, "thred-auth: %.480s\n", what);
  if (length > 0 && write(STDERR_FILENO, line, (size_t)length) < 0)
    return;
}

static const PreloadApi *open_library(void)
{
  void *handle = dlopen(THRED_AUTH_OBJECT, RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    tell(dlerror());
    return NULL;
  }
  const PreloadApi *api = dlsym(handle, "thred_preload_api");
  if (api && api->abi == PRELOAD_ABI && api->size == sizeof *api)
    return api;
  dlerror();
  tell(THRED_AUTH_OBJECT " belongs to another version of thred-auth");
  return NULL;
}

/* NULL until `wanted`, and if it cannot be had, which is tried once. Two threads at once open it
 * twice, which counts. */
static const PreloadApi *library(bool wanted)
{
  static _Atomic(const PreloadApi *) opened;
  static atomic_bool tried;
  const PreloadApi *api = atomic_load_explicit(&opened, memory_order_acquire);
  if (api || !wanted || atomic_load(&tried))
    return api;
  api = open_library();
  atomic_store_explicit(&opened, api, memory_order_release);
  atomic_store(&tried, true);
  return api;
}

/* ---- is it for Thred? ---- */

/* The host that libcurl will ask, or a guess at it that is good enough to open the library: which
 * then decides. */
static bool is_in_domain(const char *host)
{
  size_t length = strlen(host), wanted = sizeof WATCH_DOMAIN - 1;
  if (length > 0 && host[length - 1] == '.')
    length--;
  return length >= wanted && ascii_equal_n(host + length - wanted, WATCH_DOMAIN, wanted) &&
         (length == wanted || host[length - wanted - 1] == '.');
}

static bool has_thred_host(const ThredCurlApi *api, CURLU *parsed)
{
  char *host = NULL;
  if (api->url_get(parsed, CURLUPART_HOST, &host, 0))
    return false;
  bool is_thred = is_in_domain(host);
  api->free(host);
  return is_thred;
}

static bool leads_to_thred(const ThredCurlApi *api, const char *url)
{
  CURLU *parsed = api->url();
  bool is_thred =
      parsed &&
      !api->url_set(parsed, CURLUPART_URL, url, CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME) &&
      has_thred_host(api, parsed);
  api->url_cleanup(parsed);
  return is_thred;
}

/* A few nanoseconds for a URL without the name in it. Once the library is there, it decides the
 * rest: it remembers what it has parsed. A CURLU is read only when a transfer begins. */
static bool is_for_thred(const Watch *watch, PreloadMoment moment)
{
  const ThredCurlApi *api = &watch->library->api;
  if (watch->program.curlu)
    return moment == PRELOAD_START ? has_thred_host(api, watch->program.curlu)
                                   : moment == PRELOAD_CHANGE_ARMED;
  return watch->may_be_thred && (library(false) || leads_to_thred(api, watch->url));
}

/* ---- before and after ---- */

static atomic_bool mime_unproved;

void arm_distrust_mime(void)
{
  atomic_store_explicit(&mime_unproved, true, memory_order_relaxed);
}

static void arm_at(Watch *watch, CURL *curl, PreloadMoment moment, PreloadLoop *loop)
{
  const bool repeats = moment == PRELOAD_REPEAT;
  if (disabled || watch->ours || watch->unknown || !watch->library->complete ||
      !(repeats || is_for_thred(watch, moment)))
    return;
  int saved = errno;
  const PreloadApi *api = library(true);
  watch->program.mime_unproved = atomic_load_explicit(&mime_unproved, memory_order_relaxed);
  if (api)
    watch->armed =
        api->arm(&watch->handle, curl, &watch->library->api, &watch->program, moment, loop);
  errno = saved;
}

void arm(Watch *watch, CURL *curl, PreloadLoop *loop)
{
  PreloadProgram *program = &watch->program;
  disarm(watch);
  watch->paused = 0;
  /* To be rewound, it must be known how far it was read. */
  program->counts_reads = program->body == PRELOAD_READ && program->read &&
                          program->read != (curl_read_callback)fread &&
                          (program->seek || program->ioctl);
  arm_at(watch, curl, watch->resting && watch->settled ? PRELOAD_REPEAT : PRELOAD_START, loop);
  if (watch->armed)
    watch->resting = false;
  watch->settled = watch->armed;
  arm_take_off(watch);
}

bool arm_is_likely(const Watch *watch)
{
  return !disabled && !watch->ours && (watch->may_be_thred || watch->program.curlu);
}

void arm_suspend(Watch *watch)
{
  library(false)->suspend(watch->handle);
}

/* One that was armed stays so until its transfer is over, whatever it is for now. */
void arm_changed(Watch *watch, CURL *curl, bool armed)
{
  if (watch->parked)
    watch->changed = true;
  arm_at(watch, curl, armed ? PRELOAD_CHANGE_ARMED : PRELOAD_CHANGE, NULL);
}

bool arm_needs_token(Watch *watch)
{
  return watch->armed && library(false)->needs_token(watch->handle);
}

PreloadWait arm_waits(Watch *watch, bool patience)
{
  return watch->armed ? library(false)->waits(watch->handle, patience) : PRELOAD_READY;
}

bool arm_is_waiting(const Watch *watch)
{
  return watch->armed && library(false)->is_waiting(watch->handle);
}

PreloadVerdict arm_verdict(Watch *watch, CURLcode result)
{
  return watch->armed ? library(false)->verdict(watch->handle, result) : PRELOAD_OVER;
}

const char *arm_loop_address(const PreloadLoop *loop)
{
  return loop->bell ? library(false)->loop_address(loop) : NULL;
}

void arm_loop_stepped(PreloadLoop *loop)
{
  if (loop->bell)
    library(false)->loop_stepped(loop);
}

void arm_leave_loop(PreloadLoop *loop)
{
  library(false)->leave_loop(loop);
}

void disarm(Watch *watch)
{
  if (watch->armed)
    watch->resting = library(false)->disarm(watch->handle);
  watch->armed = false;
}

bool arm_takes_answer(const Watch *watch)
{
  return (watch->armed || watch->resting) && library(false)->takes_answer(watch->handle);
}

void arm_take_off(Watch *watch)
{
  if (watch->resting)
    library(false)->leave(watch->handle);
  watch->resting = false;
}

void arm_lose(Watch *watch)
{
  if (watch->handle)
    library(false)->forget(watch->handle);
  watch->handle = NULL;
  watch->armed = watch->resting = false;
}

void arm_forget(Watch *watch)
{
  disarm(watch);
  arm_take_off(watch);
  arm_lose(watch);
}

void arm_put_back(const Watch *watch, CURL *copy)
{
  if (watch->armed || watch->resting)
    library(false)->put_back(watch->handle, copy);
}
