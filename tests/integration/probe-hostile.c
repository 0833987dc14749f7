/* SPDX-License-Identifier: MIT */
/*
 * probe-hostile.c - a program that asks a server for a token before, while and after it is hostile
 * (hostile-server.h), and tells what became of itself. Each round goes with another credential, so
 * that nothing of one is in the cache for the next.
 *
 *     probe-hostile HOW TOKEN_PORT RESOURCES_PORT CA [default] [module]
 *
 * HOW: `token` (thred_token_get), `attached` (a transfer of a handle that is attached), or `plain`
 * (a transfer of a handle that is not). `default`: SIGPIPE ends the program, else it is counted.
 * `module`: in the hostile round the module `env` has nothing, so that the next one is asked.
 *
 * For each round it prints a line:
 *     CODE STATUS MS KIB DESCRIPTORS THREADS SIGPIPES SIGNALS MESSAGE
 * CODE is a ThredError or CURLcode; KIB, by how much its memory peaked above what it was before;
 * SIGNALS is 1 if the mask of signals was left as it was found, and none is pending.
 */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef PLAIN
#include <thred/thred.h>
#endif

#define HOST    "sandbox.thredfi.com"
#define HOSTILE 2 /* the round; the second is what the first would be without loading anything */
#define ROUNDS  4

static const char *how, *ca;
static unsigned token_port, resources_port;
static volatile sig_atomic_t sigpipes;
static char trouble[CURL_ERROR_SIZE];

static void count_sigpipe(int number)
{
  (void)number;
  sigpipes++;
}

/* ---- what is measured ---- */

static int64_t now_ms(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int entries(const char *path)
{
  int count = -2; /* "." and ".." */
  DIR *directory = opendir(path);
  while (directory && readdir(directory))
    count++;
  if (directory)
    closedir(directory);
  return count;
}

/* A thread is still there for a moment after the last that it did. */
static int threads(void)
{
  int count = 0;
  for (int i = 0; i < 100 && (count = entries("/proc/self/task")) > 1; i++)
    usleep(10000);
  return count;
}

static long peak_kib(void)
{
  char line[256];
  long kib = 0;
  FILE *file = fopen("/proc/self/status", "re");
  while (file && fgets(line, sizeof line, file))
    if (sscanf(line, "VmHWM: %ld", &kib) == 1)
      break;
  if (file)
    fclose(file);
  return kib;
}

/* proc(5), /proc/pid/clear_refs: the peak begins again where we are. */
static void forget_peak(void)
{
  int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, "5", 1) != 1)
    perror("clear_refs");
  if (fd >= 0)
    close(fd);
}

/* The kernel fills in less than the type has room for. */
static bool same_signals(const sigset_t *a, const sigset_t *b)
{
  for (int i = 1; i < _NSIG; i++)
    if (sigismember(a, i) != sigismember(b, i))
      return false;
  return true;
}

/* ---- what is done ---- */

/* The server's word for what it is from now on. */
static void order(bool hostile)
{
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_addr = {htonl(INADDR_LOOPBACK)},
                                .sin_port = htons((uint16_t)token_port)};
  char answer[2];
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) ||
      send(fd, hostile ? "P1" : "P0", 2, MSG_NOSIGNAL) != 2 ||
      recv(fd, answer, sizeof answer, MSG_WAITALL) != 2) {
    perror("order");
    exit(3);
  }
  close(fd);
}

static size_t swallow(char *data, size_t size, size_t count, void *to)
{
  (void)data, (void)to;
  return size * count;
}

static int transfer(long *status)
{
  char line[64];
  CURL *curl = curl_easy_init();
  snprintf(line, sizeof line, "::127.0.0.1:%u", resources_port);
  struct curl_slist *connect_to = curl_slist_append(NULL, line);
  trouble[0] = '\0';
  curl_easy_setopt(curl, CURLOPT_URL, "https://" HOST "/v1/platform/businesses/");
  curl_easy_setopt(curl, CURLOPT_CONNECT_TO, connect_to);
  curl_easy_setopt(curl, CURLOPT_CAINFO, ca);
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, swallow);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, trouble);
#ifndef PLAIN
  if (thred_curl_attach(curl))
    snprintf(trouble, sizeof trouble, "%.200s", thred_last_message());
#endif
  int code = (int)curl_easy_perform(curl);
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status);
#ifndef PLAIN
  thred_curl_detach(curl);
#endif
  curl_easy_cleanup(curl);
  curl_slist_free_all(connect_to);
  return code;
}

static int ask(long *status, const char **message)
{
  *status = 0;
  *message = trouble;
#ifndef PLAIN
  if (strcmp(how, "token") == 0) {
    ThredTokenRequest request = {.size = sizeof request, .kind = THRED_TOKEN_PARTNER};
    ThredToken token = {.size = sizeof token};
    int code = thred_token_get(&request, &token);
    *status = (long)token.length;
    *message = code ? thred_last_message() : "";
    thred_token_clear(&token);
    return code;
  }
#endif
  return transfer(status);
}

static void set_credential(int number, bool module)
{
  char key[32];
  snprintf(key, sizeof key, "key-of-round-%d", number);
  setenv("THRED_PARTNER_UUID", "3c90c3cc-0d44-4b50-8888-8dd25736052a", 1);
  setenv("THRED_API_KEY", key, 1);
  if (module && number == HOSTILE) {
    unsetenv("THRED_PARTNER_UUID");
    unsetenv("THRED_API_KEY");
  }
}

static void play_round(int number, bool module)
{
  sigset_t before, after, pending;
  long status = 0;
  const char *message = "";
  set_credential(number, module);
  order(number == HOSTILE);
  sigpipes = 0;
  sigprocmask(SIG_BLOCK, NULL, &before);
  forget_peak();
  long peak = peak_kib();
  int64_t start = now_ms();
  int code = ask(&status, &message);
  int64_t end = now_ms();
  peak = peak_kib() - peak;
  sigprocmask(SIG_BLOCK, NULL, &after);
  sigpending(&pending);
  printf("%d %ld %lld %ld %d %d %d %d %s\n", code, status, (long long)(end - start), peak,
         entries("/proc/self/fd"), threads(), (int)sigpipes,
         same_signals(&before, &after) && !sigismember(&pending, SIGPIPE), message);
}

int main(int argc, char **argv)
{
  bool module = false, by_default = false;
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (argc < 5) {
    fprintf(stderr, "usage: %s HOW TOKEN_PORT RESOURCES_PORT CA [default] [module]\n", argv[0]);
    return 64;
  }
  how = argv[1];
  token_port = (unsigned)atoi(argv[2]);
  resources_port = (unsigned)atoi(argv[3]);
  ca = argv[4];
  for (int i = 5; i < argc; i++) {
    module |= strcmp(argv[i], "module") == 0;
    by_default |= strcmp(argv[i], "default") == 0;
  }
  signal(SIGPIPE, by_default ? SIG_DFL : count_sigpipe);
  for (int i = 0; i < ROUNDS; i++)
    play_round(i, module);
  return 0;
}
