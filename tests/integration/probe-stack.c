/* SPDX-License-Identifier: MIT */
/*
 * probe-stack.c - how deep a stack its requests take: one for each URL given, on a thread whose
 * stack was painted before. Prints "STATUS.. DEPTH".
 */
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SIZE  (1024u * 1024u)
#define PAINT 0x5a

static char **urls;

static size_t ignore(char *data, size_t size, size_t count, void *to)
{
  (void)data, (void)to;
  return size * count;
}

static void *make_requests(void *connect_to)
{
  CURL *curl = curl_easy_init();
  curl_easy_setopt(curl, CURLOPT_CAINFO, getenv("PROBE_CA"));
  curl_easy_setopt(curl, CURLOPT_CONNECT_TO, connect_to);
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ignore);
  for (int i = 0; urls[i]; i++) {
    long status = 0;
    curl_easy_setopt(curl, CURLOPT_URL, urls[i]);
    if (curl_easy_perform(curl) == CURLE_OK)
      curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    printf("%ld ", status);
  }
  curl_easy_cleanup(curl);
  return NULL;
}

int main(int argc, char **argv)
{
  char to[64];
  pthread_t thread;
  pthread_attr_t attributes;
  size_t untouched = 0;
  (void)argc;
  urls = argv + 1;
  curl_global_init(CURL_GLOBAL_ALL);
  snprintf(to, sizeof to, "::127.0.0.1:%s", getenv("PROBE_PORT"));
  struct curl_slist *connect_to = curl_slist_append(NULL, to);
  char *stack = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (stack == MAP_FAILED)
    return 1;
  memset(stack, PAINT, SIZE);
  if (pthread_attr_init(&attributes) || pthread_attr_setstack(&attributes, stack, SIZE) ||
      pthread_create(&thread, &attributes, make_requests, connect_to) || pthread_join(thread, NULL))
    return 1;
  while (untouched < SIZE && stack[untouched] == PAINT)
    untouched++;
  printf("%zu\n", SIZE - untouched);
  return 0;
}
