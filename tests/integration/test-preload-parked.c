/* SPDX-License-Identifier: MIT */
/* test-preload-parked.c - what programs do to handles that wait for a token in a multi handle; and
 * what becomes of processes that fork or exit while it is got. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "preload-client.h"

#define SLOW_MS 700

/* What libcurl 7.88 keeps for a transfer that is paused is not freed if that is taken out then. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
  return "leak:libcurl.so";
}

static void slow_tokens(void)
{
  control(&emulator, "POST", "fault?path=token:partner&action=delay&delay_ms=%d&times=0", SLOW_MS);
}

/* ---- threads that are not to be had ---- */

static bool no_threads;

#if !SANITIZED
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *),
                   void *argument)
{
  int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
  void *symbol = dlsym(RTLD_NEXT, "pthread_create");
  memcpy(&real, &symbol, sizeof symbol);
  return no_threads ? EAGAIN : real(thread, attributes, start, argument);
}
#endif

/* ---- a handle that waits ---- */

typedef struct Waiting {
  CURLM *multi;
  Client client;
} Waiting;

static int step(CURLM *multi)
{
  int running = -1;
  assert_int_equal(curl_multi_perform(multi, &running), CURLM_OK);
  return running;
}

/* Parked; its token is on the way. */
static void open_parked(Waiting *waiting, Mode mode)
{
  slow_tokens();
  waiting->multi = curl_multi_init();
  client_open_plain(&waiting->client, &emulator, mode, BASE BUSINESSES);
  assert_int_equal(curl_multi_add_handle(waiting->multi, waiting->client.curl), CURLM_OK);
  for (int i = 0; i < 3; i++)
    assert_int_equal(step(waiting->multi), 1);
}

static bool is_asked_again(void *data)
{
  Waiting *waiting = data;
  step(waiting->multi);
  return counter(&emulator, "token_requests.partner") > 1;
}

/* Paused at the 401 to its token; another one is on the way. */
static void open_paused(Waiting *waiting, Mode mode)
{
  waiting->multi = curl_multi_init();
  client_open_plain(&waiting->client, &emulator, mode, BASE BUSINESSES);
  client_expect(&waiting->client, 200);
  control(&emulator, "POST", "revoke");
  slow_tokens();
  assert_int_equal(curl_multi_add_handle(waiting->multi, waiting->client.curl), CURLM_OK);
  wait_until(is_asked_again, waiting);
}

typedef void (*Open)(Waiting *waiting, Mode mode);
static const Open opens[] = {open_parked, open_paused};

static void run_to_end(CURLM *multi)
{
  while (step(multi) > 0)
    assert_int_equal(curl_multi_poll(multi, NULL, 0, 5000, NULL), CURLM_OK);
}

static void expect_done(Waiting *waiting, long status)
{
  int left;
  run_to_end(waiting->multi);
  CURLMsg *message = curl_multi_info_read(waiting->multi, &left);
  assert_non_null(message);
  assert_ptr_equal(message->easy_handle, waiting->client.curl);
  assert_int_equal(message->data.result, CURLE_OK);
  assert_int_equal(client_status(&waiting->client), status);
  assert_null(curl_multi_info_read(waiting->multi, &left));
}

static void close_waiting(Waiting *waiting)
{
  client_close(&waiting->client);
  assert_int_equal(curl_multi_cleanup(waiting->multi), CURLM_OK);
}

/* ---- what a program does to it ---- */

static void taken_out_and_put_in_again(void **state)
{
  for (size_t i = 0; i < 2; i++) {
    Waiting waiting;
    harness_fresh(NULL);
    opens[i](&waiting, MODE(state));
    assert_int_equal(curl_multi_remove_handle(waiting.multi, waiting.client.curl), CURLM_OK);
    assert_int_equal(step(waiting.multi), 0);
    assert_int_equal(curl_multi_add_handle(waiting.multi, waiting.client.curl), CURLM_OK);
    expect_done(&waiting, 200);
    close_waiting(&waiting);
  }
}

static void used_elsewhere(void **state)
{
  for (size_t i = 0; i < 2; i++) {
    Waiting waiting;
    CURLM *other = curl_multi_init();
    harness_fresh(NULL);
    opens[i](&waiting, MODE(state));
    assert_int_equal(curl_multi_add_handle(waiting.multi, waiting.client.curl),
                     CURLM_ADDED_ALREADY);
    assert_int_equal(curl_multi_add_handle(other, waiting.client.curl), CURLM_ADDED_ALREADY);
    assert_int_equal(curl_easy_perform(waiting.client.curl), CURLE_FAILED_INIT);
    expect_done(&waiting, 200);
    close_waiting(&waiting);
    curl_multi_cleanup(other);
  }
}

static unsigned entries_of(const char *path)
{
  unsigned count = 0;
  DIR *folder = opendir(path);
  assert_non_null(folder);
  while (readdir(folder))
    count++;
  closedir(folder);
  return count;
}

static unsigned open_descriptors(void)
{
  return entries_of("/proc/self/fd");
}

static bool has_ended(void *data)
{
  return open_descriptors() <= *(unsigned *)data;
}

/* The handle first, or the multi handle; the descriptors are gone when the token has come. */
static void freed(void **state)
{
  for (size_t i = 0; i < 4; i++) {
    Waiting waiting;
    harness_fresh(NULL);
    unsigned before = open_descriptors();
    opens[i / 2](&waiting, MODE(state));
    if (i % 2) {
      assert_int_equal(curl_multi_cleanup(waiting.multi), CURLM_OK);
      client_expect(&waiting.client, 200);
      client_close(&waiting.client);
    } else {
      close_waiting(&waiting);
    }
    wait_until(has_ended, &before);
  }
}

static void changed_while_it_waits(void **state)
{
  Waiting waiting;
  open_parked(&waiting, MODE(state));
  curl_easy_setopt(waiting.client.curl, CURLOPT_URL, "https://evil.example/");
  expect_done(&waiting, 200);
  expect_no_leak(&emulator);
  expect_counter(&emulator, "foreign_requests", 1);
  close_waiting(&waiting);
}

/* The program's limit is for its own connections. */
static void one_connection_alone(void **state)
{
  Waiting waiting;
  Client other;
  int left;
  open_parked(&waiting, MODE(state));
  curl_multi_setopt(waiting.multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, 1L);
  client_open_plain(&other, &emulator, MODE(state), "https://evil.example/");
  assert_int_equal(curl_multi_add_handle(waiting.multi, other.curl), CURLM_OK);
  CURLMsg *message;
  while (!(message = curl_multi_info_read(waiting.multi, &left))) {
    assert_int_equal(counter(&emulator, "ok"), 0); /* it is not kept waiting by ours */
    step(waiting.multi);
    curl_multi_poll(waiting.multi, NULL, 0, 100, NULL);
  }
  assert_ptr_equal(message->easy_handle, other.curl);
  assert_int_equal(curl_multi_remove_handle(waiting.multi, other.curl), CURLM_OK);
  expect_done(&waiting, 200);
  expect_counter(&emulator, "ok", 1);
  client_close(&other);
  close_waiting(&waiting);
}

/* Then the loop is held up, for the configuration and for the token. */
static void without_a_thread(void **state)
{
  if (SANITIZED)
    skip(); /* its pthread_create() is its own */
  for (int known = 0; known < 2; known++) {
    Waiting waiting;
    harness_fresh(NULL);
    if (!known) {
      emulator_configure(&emulator, "90-new.conf", "# new\n");
      usleep(1100000);
    }
    no_threads = true;
    waiting.multi = curl_multi_init();
    client_open_plain(&waiting.client, &emulator, MODE(state), BASE BUSINESSES);
    assert_int_equal(curl_multi_add_handle(waiting.multi, waiting.client.curl), CURLM_OK);
    expect_done(&waiting, 200);
    close_waiting(&waiting);
    no_threads = false;
    if (!known)
      emulator_unconfigure(&emulator, "90-new.conf");
  }
}

typedef struct Meddler {
  Waiting *waiting;
  Client newcomer;
  unsigned times;
} Meddler;

static size_t meddle(char *data, size_t size, size_t count, void *to)
{
  Meddler *meddler = to;
  CURLM *multi = meddler->waiting->multi;
  (void)data;
  assert_int_equal(curl_multi_remove_handle(multi, meddler->waiting->client.curl),
                   CURLM_RECURSIVE_API_CALL);
  assert_int_equal(curl_multi_add_handle(multi, meddler->newcomer.curl), CURLM_RECURSIVE_API_CALL);
  assert_int_equal(curl_multi_cleanup(multi), CURLM_RECURSIVE_API_CALL);
  meddler->times++;
  return size * count;
}

/* libcurl lets nobody do these things in a callback: nor does a handle that it does not know of. */
static void refused_in_a_callback(void **state)
{
  Waiting waiting;
  Client other;
  Meddler meddler = {.waiting = &waiting};
  int left;
  open_parked(&waiting, MODE(state));
  client_open_plain(&meddler.newcomer, &emulator, MODE(state), BASE BUSINESSES);
  client_open_plain(&other, &emulator, MODE(state), "https://evil.example/");
  curl_easy_setopt(other.curl, CURLOPT_WRITEFUNCTION, meddle);
  curl_easy_setopt(other.curl, CURLOPT_WRITEDATA, &meddler);
  assert_int_equal(curl_multi_add_handle(waiting.multi, other.curl), CURLM_OK);
  CURLMsg *message;
  while (!(message = curl_multi_info_read(waiting.multi, &left))) {
    step(waiting.multi);
    curl_multi_poll(waiting.multi, NULL, 0, 100, NULL);
  }
  assert_ptr_equal(message->easy_handle, other.curl);
  assert_int_equal(message->data.result, CURLE_OK);
  assert_true(meddler.times > 0);
  assert_int_equal(curl_multi_remove_handle(waiting.multi, other.curl), CURLM_OK);
  expect_done(&waiting, 200);
  client_close(&other);
  client_close(&meddler.newcomer);
  close_waiting(&waiting);
}

/* The endpoint fails, after a while: the request goes as it would have gone without us. */
static void no_token_after_all(void **state)
{
  for (size_t i = 0; i < 2; i++) {
    Waiting waiting;
    harness_fresh(NULL);
    control(&emulator, "POST", "set?www_authenticate=no");
    opens[i](&waiting, MODE(state));
    control(&emulator, "DELETE", "fault");
    control(&emulator, "POST", "fault?path=token:partner&action=status&status=503&times=0");
    control(&emulator, "POST", "revoke"); /* whatever is still on its way */
    expect_done(&waiting, 401);
    close_waiting(&waiting);
  }
}

/* Where libcurl has it (8.4). */
static void handles_are_the_programs(void **state)
{
  typedef CURL **(*GetHandles)(CURLM *);
  Waiting waiting;
  if (curl_version_info(CURLVERSION_NOW)->version_num < 0x080400)
    skip();
  extern CURL **curl_multi_get_handles(CURLM *) __attribute__((weak));
  GetHandles get_handles = curl_multi_get_handles;
  open_parked(&waiting, MODE(state));
  CURL **handles = get_handles(waiting.multi);
  assert_non_null(handles);
  assert_ptr_equal(handles[0], waiting.client.curl);
  assert_null(handles[1]);
  curl_free(handles);
  expect_done(&waiting, 200);
  close_waiting(&waiting);
}

/* ---- fork and exit ---- */

static int status_of(pid_t child)
{
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* Its handlers run while the token is on its way. */
static void exit_while_it_waits(void **state)
{
  if (SANITIZED)
    skip(); /* its allocator's locks stay taken in a child whose parent has threads */
  for (size_t i = 0; i < 2; i++) {
    harness_fresh(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
      Waiting waiting;
      opens[i](&waiting, MODE(state));
      exit(7);
    }
    assert_int_equal(status_of(child), 7);
  }
}

/* The child makes a request of its own; the parent's goes on. */
static void fork_while_it_waits(void **state)
{
  if (SANITIZED)
    skip(); /* its allocator's locks stay taken in a child whose parent has threads */
  for (size_t i = 0; i < 2; i++) {
    Waiting waiting;
    harness_fresh(NULL);
    opens[i](&waiting, MODE(state));
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
      Client own;
      client_open_plain(&own, &emulator, MODE(state), BASE BUSINESSES);
      CURLcode code = client_run(&own);
      _exit(code == CURLE_OK && client_status(&own) == 200 ? 0 : 1);
    }
    expect_done(&waiting, 200);
    close_waiting(&waiting);
    assert_int_equal(status_of(child), 0);
  }
}

/* Programs that fork all the time do so while the other thread works, too. */
static void many_forks(void **state)
{
  Waiting waiting;
  if (SANITIZED)
    skip();
  open_parked(&waiting, MODE(state));
  for (int i = 0; i < 50; i++) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
      free(malloc(100));
      _exit(curl_easy_init() ? 0 : 1);
    }
    assert_int_equal(status_of(child), 0);
    step(waiting.multi);
  }
  expect_done(&waiting, 200);
  close_waiting(&waiting);
}

static bool is_alone(void *data)
{
  (void)data;
  return entries_of("/proc/self/task") == 3; /* with "." and ".." */
}

/* After all of the above, whose tokens nobody waits for any more. */
static void no_thread_stays(void **state)
{
  (void)state;
#if defined(__SANITIZE_THREAD__)
  skip(); /* it has a thread of its own */
#endif
  wait_until(is_alone, NULL);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      IN_MODE(taken_out_and_put_in_again, multi),
      IN_MODE(taken_out_and_put_in_again, multi_h2),
      IN_MODE(used_elsewhere, multi),
      IN_MODE(freed, multi),
      IN_MODE(changed_while_it_waits, multi),
      IN_MODE(one_connection_alone, multi),
      IN_MODE(without_a_thread, multi),
      IN_MODE(refused_in_a_callback, multi),
      IN_MODE(no_token_after_all, multi),
      IN_MODE(handles_are_the_programs, multi),
      IN_MODE(exit_while_it_waits, multi),
      IN_MODE(fork_while_it_waits, multi),
      IN_MODE(many_forks, multi),
      IN_MODE(no_thread_stays, multi),
  };
  return PRELOAD_MAIN_RUN(tests);
}
