/* SPDX-License-Identifier: MIT */
/*
 * hooks.c - what the shim adds to calls of libcurl that lead nowhere near Thred: run it without and
 * with LD_PRELOAD, by turns, and compare. Prints nanoseconds a call, the least of many rounds.
 */
#include <curl/curl.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#define ROUNDS 200
#define CALLS  2000

typedef struct {
  const char *name;
  void (*call)(CURL *);
} Case;

static void set_timeout(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, 10L);
}

static void set_verify(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
}

static void set_url(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_URL, "https://api.example.com/v1/platform/items/1");
}

static void init_and_cleanup(CURL *curl)
{
  (void)curl;
  curl_easy_cleanup(curl_easy_init());
}

static int64_t now_ns(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static double measure(CURL *curl, void (*call)(CURL *))
{
  int64_t least = INT64_MAX;
  for (int round = 0; round < ROUNDS; round++) {
    int64_t start = now_ns();
    for (int i = 0; i < CALLS; i++)
      call(curl);
    int64_t taken = now_ns() - start;
    least = taken < least ? taken : least;
  }
  return (double)least / CALLS;
}

int main(void)
{
  static const Case cases[] = {{"setopt(TIMEOUT), not watched", set_timeout},
                               {"setopt(SSL_VERIFYPEER), watched", set_verify},
                               {"setopt(URL)", set_url},
                               {"easy_init + easy_cleanup", init_and_cleanup}};
  CURL *curl = curl_easy_init();
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    printf("%-34s %8.1f ns\n", cases[i].name, measure(curl, cases[i].call));
  curl_easy_cleanup(curl);
  return 0;
}
