/* SPDX-License-Identifier: MIT */
/*
 * probe.c - a program under test in a process of its own. It prints what it saw, one line for each
 * thing, and nothing else; so whatever else is on its stdout or stderr is not its own.
 *
 *     probe get URL [COUNT]      "CURLCODE STATUS" for each transfer
 *     probe maps URL             the same, then the name of each heavy library that is mapped
 *     probe token KIND [ID]      "ERROR LENGTH"; KIND is partner or business
 *     probe late ID              the same of a business, once libcurl was initialised and the
 *                                environment then cleaned of SSLKEYLOGFILE
 *     probe message KIND [ID]    "ERROR LENGTH MESSAGE"
 *     probe cancel MOMENT ID     "ERROR" for each of three threads that get the token of ID beside
 *                                one that was cancelled MOMENT us after its start
 *
 * PROBE_PORT and PROBE_CA: where every connection goes, and the authority of its certificate.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thred/thred.h>
#include <unistd.h>

#ifdef NO_LEAK_CHECK
/* LeakSanitizer traces its own process, and reads its options from /proc: neither is allowed to a
 * program with AT_SECURE. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
  return "detect_leaks=0";
}
#endif

static size_t swallow(char *data, size_t size, size_t count, void *to)
{
  (void)data, (void)to;
  return size * count;
}

static int get(const char *url, int count)
{
  char line[64];
  const char *port = getenv("PROBE_PORT"), *ca = getenv("PROBE_CA");
  CURL *curl = curl_easy_init();
  snprintf(line, sizeof line, "::127.0.0.1:%s", port ? port : "");
  struct curl_slist *connect_to = curl_slist_append(NULL, line);
  curl_easy_setopt(curl, CURLOPT_URL, url);
  curl_easy_setopt(curl, CURLOPT_CONNECT_TO, connect_to);
  curl_easy_setopt(curl, CURLOPT_CAINFO, ca);
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, 60L);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, swallow);
  int code = thred_curl_attach(curl);
  for (int i = 0; !code && i < count; i++) {
    long status = 0;
    CURLcode result = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    printf("%d %ld\n", (int)result, status);
  }
  if (!code)
    code = thred_curl_detach(curl);
  curl_easy_cleanup(curl);
  curl_slist_free_all(connect_to);
  return code;
}

static bool is_mapped(const char *name)
{
  char line[1024];
  bool found = false;
  FILE *maps = fopen("/proc/self/maps", "re");
  while (maps && !found && fgets(line, sizeof line, maps))
    found = strstr(line, name) != NULL;
  if (maps)
    fclose(maps);
  return found;
}

static void print_heavy(void)
{
  static const char *const heavy[] = {"libglib-2.0", "libjson-c", "libthred-fetch",
                                      "credentials/file.so", "credentials/env.so"};
  for (size_t i = 0; i < sizeof heavy / sizeof heavy[0]; i++)
    if (is_mapped(heavy[i]))
      printf("%s\n", heavy[i]);
}

static int token(const char *kind, const char *business, bool message)
{
  ThredTokenRequest request = {.size = sizeof request, .business_id = business};
  ThredToken result = {.size = sizeof result};
  request.kind = strcmp(kind, "partner") == 0 ? THRED_TOKEN_PARTNER : THRED_TOKEN_BUSINESS;
  int code = thred_token_get(&request, &result);
  printf("%d %zu%s%s\n", code, result.length, message ? " " : "",
         message ? thred_last_message() : "");
  thred_token_clear(&result);
  return 0;
}

/* ---- a cancelled thread ---- */

typedef struct Getter {
  pthread_t thread;
  const char *business;
  int code;
} Getter;

static void *get_token(void *data)
{
  Getter *getter = data;
  ThredTokenRequest request = {.size = sizeof request, .business_id = getter->business};
  ThredToken result = {.size = sizeof result};
  getter->code = thred_token_get(&request, &result);
  thred_token_clear(&result);
  return NULL;
}

static int cancel(useconds_t moment, const char *business)
{
  Getter first = {.business = business}, others[3];
  if (pthread_create(&first.thread, NULL, get_token, &first))
    return 1;
  usleep(moment);
  pthread_cancel(first.thread);
  for (int i = 0; i < 3; i++) {
    others[i] = (Getter){.business = business};
    if (pthread_create(&others[i].thread, NULL, get_token, &others[i]))
      return 1;
  }
  for (int i = 0; i < 3; i++) {
    pthread_join(others[i].thread, NULL);
    printf("%d\n", others[i].code);
  }
  pthread_join(first.thread, NULL);
  return 0;
}

int main(int argc, char **argv)
{
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (argc > 2 && strcmp(argv[1], "get") == 0)
    return get(argv[2], argc > 3 ? atoi(argv[3]) : 1);
  bool message = argc > 2 && strcmp(argv[1], "message") == 0;
  if (message || (argc > 2 && strcmp(argv[1], "token") == 0))
    return token(argv[2], argc > 3 ? argv[3] : NULL, message);
  if (argc > 2 && strcmp(argv[1], "late") == 0) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    unsetenv("SSLKEYLOGFILE");
    return token("business", argv[2], false);
  }
  if (argc > 2 && strcmp(argv[1], "maps") == 0) {
    int code = get(argv[2], 1);
    print_heavy();
    return code;
  }
  if (argc > 3 && strcmp(argv[1], "cancel") == 0)
    return cancel((useconds_t)atoi(argv[2]), argv[3]);
  fprintf(stderr,
          "usage: %s get URL [COUNT] | maps URL | token KIND [ID] | late ID | message KIND [ID] | "
          "cancel MOMENT ID\n",
          argv[0]);
  return 64;
}
