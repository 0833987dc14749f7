/* SPDX-License-Identifier: MIT */
/*
 * probe-privilege-held.c - the same program, looked at from outside.
 *
 *     probe-privilege hold ID           gets the token of business ID, gives it back, and stays
 *                                       until its stdin ends: whoever wants may look at its memory
 *     probe-privilege hold-kept ID      the same, but that it gives it back in the end
 *     probe-privilege hold-attached URL, hold-plain URL     the same with a transfer
 *     probe-privilege get-attached URL [ID], get-plain URL  two transfers, for the business ID
 *                                       where the path names none; prints each one's status
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "probe-privilege.h"

/* ---- a process whose memory is looked at ---- */

static int wait_to_be_read(void)
{
  char end;
  puts("held");
  fflush(stdout);
  return read(STDIN_FILENO, &end, 1) != 0;
}

static int hold(const char *business, bool kept)
{
  const ThredTokenRequest request = {.size = sizeof request, .business_id = business};
  ThredToken token = {.size = sizeof token};
  /* The second time it comes out of the cache. */
  for (int i = 0; i < 2; i++) {
    thred_token_clear(&token);
    if (thred_token_get(&request, &token)) {
      fprintf(stderr, "%s\n", thred_last_message());
      return 1;
    }
  }
  if (!kept)
    thred_token_clear(&token);
  int status = wait_to_be_read();
  thred_token_clear(&token);
  return status;
}

static size_t swallow(char *data, size_t size, size_t count, void *to)
{
  (void)data, (void)to;
  return size * count;
}

static int hold_transfer(const char *url, bool attached)
{
  long status = 0;
  CURL *curl = curl_easy_init();
  probe_set_options(curl, false);
  curl_easy_setopt(curl, CURLOPT_VERBOSE, 0L);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, swallow);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, NULL);
  curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, NULL);
  curl_easy_setopt(curl, CURLOPT_URL, url);
  if (attached)
    thred_curl_attach(curl);
  curl_easy_perform(curl);
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  if (attached)
    thred_curl_detach(curl);
  curl_easy_cleanup(curl);
  return status == 200 ? wait_to_be_read() : 1;
}

/* ---- two transfers ---- */

static int get_twice(const char *url, const char *business, bool attached)
{
  CURL *curl = curl_easy_init();
  if (attached && thred_curl_attach(curl))
    return 1;
  probe_set_options(curl, attached);
  curl_easy_setopt(curl, CURLOPT_VERBOSE, 0L);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, swallow);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, NULL);
  if (attached)
    thred_curl_set_prereq(curl, NULL, NULL);
  else
    curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, NULL);
  if (attached && business)
    thred_curl_set_business(curl, business);
  curl_easy_setopt(curl, CURLOPT_URL, url);
  for (int i = 0; i < 2; i++) {
    long status = 0;
    curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    printf("%ld\n", status);
  }
  if (attached)
    thred_curl_detach(curl);
  curl_easy_cleanup(curl);
  return 0;
}

int probe_other(const char *mode, const char *argument, const char *more)
{
  if (strcmp(mode, "hold") == 0 || strcmp(mode, "hold-kept") == 0)
    return hold(argument, strcmp(mode, "hold-kept") == 0);
  if (strcmp(mode, "hold-attached") == 0 || strcmp(mode, "hold-plain") == 0)
    return hold_transfer(argument, strcmp(mode, "hold-attached") == 0);
  if (strcmp(mode, "get-attached") == 0 || strcmp(mode, "get-plain") == 0)
    return get_twice(argument, more, strcmp(mode, "get-attached") == 0);
  return 64;
}
