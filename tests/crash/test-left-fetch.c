/* SPDX-License-Identifier: MIT */
/*
 * lib/bearer when something happens in the middle of a fetch: the process forks, with and without
 * exec, closes all descriptors, opens files that get their numbers, leaves by longjmp, its thread
 * is cancelled. The others get their token, the program keeps what is its own.
 */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/crash/crash.h"
#include "tests/crash/fake-fetch.h"

static _Thread_local FakeSnapshot block;
static _Thread_local char value[TOKEN_MAX + 1]; /* two threads may be at it */

/* Each `credential` is another token. */
static int get_token(uint64_t credential, CacheToken *token)
{
  Error error = ERROR_INIT;
  const FakeSettings settings = {
      .timeout = 2, .refresh_before = 0, .entries = 64, .credential = credential};
  BearerRequest request = fake_request(fake_snapshot(&block, &settings), NULL);
  *token = (CacheToken){.value = value};
  return bearer_get(&request, token, &error);
}

static void require_token(uint64_t credential)
{
  CacheToken token;
  uint64_t number;
  require(get_token(credential, &token) == THRED_OK);
  require(fake_token_is_whole(&token, credential, NULL, &number));
}

/* ---- others that want the token meanwhile ---- */

typedef struct {
  uint64_t credential;
  void (*middle)(void *data);
  _Atomic(int) fetching, go_on;
} Scene;

static Scene *scene;

/* The fetcher: in the middle of its fetch it lets the test go on, then does what it is to do. */
static void in_the_middle(void *data)
{
  (void)data;
  atomic_store(&scene->fetching, 1);
  require(child_await(&scene->go_on, 1));
  scene->middle(NULL);
}

static void fetcher_body(void *data)
{
  (void)data;
  fake_in_the_middle(in_the_middle, NULL);
  require_token(scene->credential);
  fake_in_the_middle(NULL, NULL);
}

static pid_t start_fetcher(uint64_t credential, void (*middle)(void *data))
{
  scene->credential = credential;
  scene->middle = middle;
  atomic_store(&scene->fetching, 0);
  atomic_store(&scene->go_on, 0);
  pid_t pid = child_start(fetcher_body, NULL);
  require(pid > 0 && child_await(&scene->fetching, 1));
  return pid;
}

static void setup(void)
{
  fake_start();
  atomic_store(&fake_fetch->takes_ms, 100);
  scene = child_shared(sizeof *scene);
  (void)keep(cache_create(64, SNAPSHOT_SEAL_AUTO));
}

static void forget_the_middle(void)
{
  fake_in_the_middle(NULL, NULL);
}

static void outlive_parent(void)
{
  alarm(5);
  pause();
  _exit(0);
}

/* ---- fork ---- */

/* The child goes on by itself, for the same token: it waits for its parent like anybody else. */
static void fork_a_reader(void *data)
{
  (void)data;
  pid_t pid = fork();
  if (pid == 0) {
    forget_the_middle();
    require_token(scene->credential);
    _exit(0);
  }
  require(pid > 0);
}

SEGMENT_TEST(forked_in_the_middle)
{
  setup();
  pid_t pid = start_fetcher(1, fork_a_reader);
  atomic_store(&scene->go_on, 1);
  require_token(1);
  require(child_wait(pid) == 0);
  require(fake_tally(1, NULL).started == 1);
}

static void fork_and_die(void *data)
{
  (void)data;
  if (fork() == 0)
    outlive_parent();
  raise(SIGKILL);
}

static void fork_exec_and_die(void *data)
{
  (void)data;
  if (fork() == 0) {
    execl("/bin/sh", "sh", "-c", "exec >/dev/null 2>&1; sleep 5", (char *)NULL);
    _exit(127);
  }
  sleep_us(20000); /* both orders are right: before its exec the child has closed what is ours */
  raise(SIGKILL);
}

static void exec_it(void *data)
{
  (void)data;
  execl("/bin/sh", "sh", "-c", "exec >/dev/null 2>&1; sleep 5", (char *)NULL);
}

/* What lives on is not the fetcher: nobody waits for the lease's end, 4 s. */
static void survivor_is_not_waited_for(uint64_t credential, void (*middle)(void *data))
{
  pid_t pid = start_fetcher(credential, middle);
  atomic_store(&scene->go_on, 1);
  int64_t start = clock_monotonic_ms();
  require_token(credential);
  int64_t took = clock_monotonic_ms() - start;
  require(fake_tally(credential, NULL).started == 2);
  kill(pid, SIGKILL);
  child_wait(pid);
  printf("taken over after %lld ms\n", (long long)took);
}

SEGMENT_TEST(killed_with_a_child_left)
{
  setup();
  survivor_is_not_waited_for(1, fork_and_die);
  survivor_is_not_waited_for(2, fork_exec_and_die);
  survivor_is_not_waited_for(3, exec_it);
}

/* ---- descriptors ---- */

static void close_and_open(void *data)
{
  (void)data;
  closefrom(3);
  for (int i = 3; i < 20; i++)
    require(open("/dev/null", O_RDONLY | O_CLOEXEC) == i);
}

/* The price is one extra fetch; none of the program's own files is closed for it. */
static void closer_body(void *data)
{
  (void)data;
  fake_in_the_middle(in_the_middle, NULL);
  require_token(scene->credential);
  forget_the_middle();
  for (int i = 3; i < 20; i++)
    require(fcntl(i, F_GETFD) >= 0);
  require_token(scene->credential);
}

SEGMENT_TEST(everything_closed_in_the_middle)
{
  setup();
  atomic_store(&fake_fetch->takes_ms, 400);
  scene->credential = 1;
  scene->middle = close_and_open;
  pid_t pid = child_start(closer_body, NULL);
  require(child_await(&scene->fetching, 1));
  atomic_store(&scene->go_on, 1);
  sleep_us(100000);
  require_token(1);
  require(child_wait(pid) == 0);
  require(fake_tally(1, NULL).started == 2 && fake_tally(1, NULL).tokens == 2);
  unsigned open_now = descriptors();
  require_token(1);
  require(descriptors() == open_now);
}

/* ---- longjmp ---- */

static jmp_buf jump;

static void jump_away(void *data)
{
  (void)data;
  longjmp(jump, 1);
}

static void reads_it(void *data)
{
  (void)data;
  CacheToken token;
  int code = THRED_E_TIMEOUT;
  for (int i = 0; i < 5 && code == THRED_E_TIMEOUT; i++) /* each within its 2 s */
    code = get_token(1, &token);
  require(code == THRED_OK);
}

/* What was jumped over is lost, and LeakSanitizer would say so. */
static void reads_and_leaves(void *data)
{
  reads_it(data);
  _exit(0);
}

SEGMENT_TEST(left_by_longjmp)
{
  setup();
  unsigned before = descriptors();
  fake_in_the_middle(jump_away, NULL);
  if (setjmp(jump) == 0)
    require_token(1);
  forget_the_middle();
  require(descriptors() == before + 1);
  /* The lease is this process's own, and its end comes. */
  require(child_wait(child_start(reads_and_leaves, NULL)) == 0);
  reads_it(NULL);
  sleep_us(300000);
  require_token(2); /* whoever fetches next closes what was left */
  require(descriptors() == before);
  require(fake_tally(1, NULL).tokens == 1);
  _exit(0);
}

/* ---- cancellation ---- */

static void *fetches(void *data)
{
  (void)data;
  require_token(1);
  atomic_store(&scene->go_on, 2);
  pause(); /* here it ends */
  return NULL;
}

static void wait_to_be_cancelled(void *data)
{
  (void)data;
  atomic_store(&scene->fetching, 1);
  require(child_await(&scene->go_on, 1));
}

SEGMENT_TEST(cancelled_in_the_middle)
{
  setup();
  pthread_t thread;
  void *result = NULL;
  unsigned before = descriptors();
  fake_in_the_middle(wait_to_be_cancelled, NULL);
  require(pthread_create(&thread, NULL, fetches, NULL) == 0);
  require(child_await(&scene->fetching, 1));
  require(pthread_cancel(thread) == 0);
  atomic_store(&scene->go_on, 1);
  require_token(1);
  require(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
  require(fake_tally(1, NULL).started == 1);
  require(descriptors() == before);
}

/* ---- what a broken peer wrote ---- */

/* A failure that no server can have told of is one of the server's, and no reason to ask without
 * end. */
SEGMENT_TEST(failure_of_no_kind)
{
  static const int failures[] = {THRED_E_AGAIN, THRED_E_WOULD_BLOCK, -1, 12345, (int)0x80000001};
  setup();
  Cache *cache = cache_create(64, SNAPSHOT_SEAL_AUTO);
  require_token(1);
  for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
    CacheToken token;
    require(cache_flush(cache) >= 0);
    for (uint32_t k = 0; k < cache_entries(cache); k++) {
      CacheEntry *entry = cache_entry(cache, k);
      entry->failure = (uint32_t)failures[i];
      atomic_store(&entry->failure_until, (uint64_t)clock_boot_ms() + 60000);
    }
    require(get_token(1, &token) == THRED_E_SERVER);
  }
}

#define TEST(function) cmocka_unit_test(function)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(forked_in_the_middle),
      TEST(killed_with_a_child_left),
      TEST(everything_closed_in_the_middle),
      TEST(left_by_longjmp),
      TEST(cancelled_in_the_middle),
      TEST(failure_of_no_kind),
  };
  return cmocka_run_group_tests_name("left-fetch", tests, segment_group_setup, NULL);
}
