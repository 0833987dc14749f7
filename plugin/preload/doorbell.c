/* SPDX-License-Identifier: MIT */
/* doorbell.c - a transfer of ours in a program's multi handle: it wakes its loop (lib/bell.h). */
#include <limits.h>
#include <time.h>

#include "plugin/preload/arm.h"
#include "plugin/preload/loop-internal.h"

/* No program's host, so that no limit of connections to one host counts it. */
#define NOWHERE "http://doorbell.invalid/"

/* As libcurl wants it. NOLINTNEXTLINE(readability-non-const-parameter) */
static size_t hear(char *bytes, size_t size, size_t count, void *data)
{
  (void)bytes, (void)data;
  return size * count;
}

static CURLcode set_options(const Library *library, CURL *doorbell, const char *address,
                            long timeout_ms)
{
  CURLcode (*set)(CURL *, CURLoption, ...) = library->api.easy_setopt;
  CURLcode code = set(doorbell, CURLOPT_URL, NOWHERE);
  if (!code)
    code = set(doorbell, CURLOPT_ABSTRACT_UNIX_SOCKET, address);
  if (!code)
    code = set(doorbell, CURLOPT_PROXY, "");
  if (!code)
    code = set(doorbell, CURLOPT_NOSIGNAL, 1L);
  if (!code)
    code = set(doorbell, CURLOPT_TIMEOUT_MS, timeout_ms);
  if (!code)
    code = set(doorbell, CURLOPT_FORBID_REUSE, 1L);
  if (!code)
    code = set(doorbell, CURLOPT_WRITEFUNCTION, hear);
  return code;
}

static CURL *add(const Loop *loop, const char *address, long timeout_ms)
{
  const Library *library = loop->library;
  CURL *doorbell = library->easy_init();
  if (!doorbell)
    return NULL;
  if (set_options(library, doorbell, address, timeout_ms) == CURLE_OK &&
      library->multi_add_handle(loop->multi, doorbell) == CURLM_OK)
    return doorbell;
  library->api.easy_cleanup(doorbell);
  return NULL;
}

static void take_out(Loop *loop)
{
  if (!loop->doorbell)
    return;
  loop->library->multi_remove_handle(loop->multi, loop->doorbell);
  loop->library->api.easy_cleanup(loop->doorbell);
  loop->doorbell = NULL;
}

/* It is one connection more than the program's. */
static void set_limit(const Loop *loop, long extra)
{
  if (loop->limit > 0)
    loop->library->multi_setopt(loop->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, loop->limit + extra);
}

void doorbell_hang_up(Loop *loop)
{
  if (loop->doorbell)
    set_limit(loop, 0);
  take_out(loop);
  loop->over = loop->broken = false;
  if (loop->preload.bell)
    arm_leave_loop(&loop->preload);
}

/* A millisecond after that time, as libcurl counts; 0: there is none. */
static long ms_until(int64_t until_ms)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  const int64_t left = until_ms - ((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
  if (until_ms == INT64_MAX)
    return 0;
  return left < 0 ? 1 : left < INT_MAX ? (long)left + 1 : INT_MAX;
}

bool doorbell_is_out(const Loop *loop)
{
  return loop->doorbell && !loop->over && loop->until_ms <= loop->preload.until_ms;
}

bool doorbell_hang_out(Loop *loop)
{
  const char *address = arm_loop_address(&loop->preload);
  take_out(loop);
  loop->over = false;
  if (!address)
    return false;
  set_limit(loop, 1);
  loop->until_ms = loop->preload.until_ms;
  loop->doorbell = add(loop, address, ms_until(loop->until_ms));
  if (!loop->doorbell)
    set_limit(loop, 0);
  return loop->doorbell != NULL;
}

long loop_limit(Watch *multi, long connections)
{
  Loop *loop = multi->loop;
  multi->limit = connections;
  if (!loop)
    return connections;
  loop->limit = connections;
  return connections > 0 && loop->doorbell ? connections + 1 : connections;
}
