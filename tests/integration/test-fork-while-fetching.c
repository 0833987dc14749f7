/* SPDX-License-Identifier: MIT */
/*
 * test-fork-while-fetching.c - where there is no /dev/shm to write to, a fork copies the cache of
 * the process, with the lease of a thread that the child does not have.
 */
#include <pthread.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#include "client.h"
#include "process.h"

#define FETCH_MS 3000
#define LATE     99 /* the child's exit status, beside the ThredErrors */

static int get(ThredTokenKind kind)
{
  ThredTokenRequest request = {.size = sizeof request, .kind = kind, .business_id = FIRST};
  ThredToken token = {.size = sizeof token};
  int code = thred_token_get(&request, &token);
  thred_token_clear(&token);
  return code;
}

static void *fetch(void *code)
{
  *(int *)code = get(THRED_TOKEN_PARTNER);
  return NULL;
}

static bool is_fetching(void *unused)
{
  (void)unused;
  return counter(&emulator, "token_requests.partner") == 1;
}

/* The lease that it must not wait for lasts 17 s, the time-out is 15 s. */
static int in_child(ThredTokenKind kind)
{
  int64_t start = now_ms();
  int code = get(kind);
  return code ? code : now_ms() - start > 4 * FETCH_MS ? LATE : 0;
}

static void fork_and_get(ThredTokenKind kind)
{
  pthread_t thread;
  int fetched = -1;
  control(&emulator, "POST", "set?delay_ms=%d", FETCH_MS);
  assert_int_equal(pthread_create(&thread, NULL, fetch, &fetched), 0);
  wait_until(is_fetching, NULL);
  pid_t pid = fork();
  if (pid == 0)
    _exit(in_child(kind));
  assert_true(pid > 0);
  assert_int_equal(process_wait(pid), 0);
  assert_int_equal(pthread_join(thread, NULL), 0);
  assert_int_equal(fetched, THRED_OK);
  expect_counter(&emulator, "token_requests.partner", 2); /* the parent's and the child's own */
}

static void the_same_token(void **state)
{
  (void)state;
  fork_and_get(THRED_TOKEN_PARTNER);
}

static void a_token_that_needs_it(void **state)
{
  (void)state;
  fork_and_get(THRED_TOKEN_BUSINESS);
}

/* The parent's own goes on serving the parent, and the child begins with nothing. */
static void after_it_was_fetched(void **state)
{
  (void)state;
  assert_int_equal(get(THRED_TOKEN_PARTNER), THRED_OK);
  pid_t pid = fork();
  if (pid == 0)
    _exit(in_child(THRED_TOKEN_PARTNER));
  assert_true(pid > 0);
  assert_int_equal(process_wait(pid), 0);
  assert_int_equal(get(THRED_TOKEN_PARTNER), THRED_OK);
  expect_counter(&emulator, "token_requests.partner", 2);
}

/* harness_start() gave us a /dev/shm of our own, where the system allows it. */
static int start(void **state)
{
  int result = harness_start(state);
  if (mount("none", "/dev/shm", "tmpfs", MS_REMOUNT | MS_RDONLY, "") || !access("/dev/shm", W_OK)) {
    fprintf(stderr, "skipped: no read-only /dev/shm is permitted here\n");
    emulator_stop(&emulator);
    _exit(77);
  }
  return result;
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      IN_MODE(the_same_token, easy),
      IN_MODE(a_token_that_needs_it, easy),
      IN_MODE(after_it_was_fetched, easy),
  };
  harness_require_installation();
  return cmocka_run_group_tests(tests, start, harness_stop);
}
