/* SPDX-License-Identifier: MIT */
#include "plugin/preload/doorbell.h"

/* No program's host, so that no limit of connections to one host counts it. */
#define NOWHERE "http://doorbell.invalid/"

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

CURL *doorbell_add(const Library *library, CURLM *multi, const char *address, long timeout_ms)
{
  CURL *doorbell = library->easy_init();
  if (!doorbell)
    return NULL;
  if (set_options(library, doorbell, address, timeout_ms) == CURLE_OK &&
      library->multi_add_handle(multi, doorbell) == CURLM_OK)
    return doorbell;
  library->api.easy_cleanup(doorbell);
  return NULL;
}

void doorbell_remove(const Library *library, CURLM *multi, CURL *doorbell)
{
  if (!doorbell)
    return;
  library->multi_remove_handle(multi, doorbell);
  library->api.easy_cleanup(doorbell);
}
