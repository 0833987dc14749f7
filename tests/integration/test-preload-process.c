/* SPDX-License-Identifier: MIT */
/* test-preload-process.c - threads, forks and programs that attach their handles themselves, under
 * the shim. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "preload-client.h"
#include "run-probe.h"

#define THREADS   16
#define TRANSFERS 20

/* ---- threads: cmocka's assertions belong to the main one, so these only count ---- */

static bool get(Client *client, const char *url)
{
  return client_run_url(client, url) == CURLE_OK && client_status(client) == 200;
}

static void *run_own_handles(void *good)
{
  static const char *const urls[] = {BASE INVOICES, BASE BUSINESSES, "https://evil.example/",
                                     BASE INVOICES_2};
  for (int i = 0; i < TRANSFERS; i += 5) {
    Client client;
    client_open_plain(&client, &emulator, mode_easy, NULL);
    for (int k = i; k < i + 5; k++)
      *(int *)good += get(&client, urls[k % 4]);
    client_close(&client);
  }
  return NULL;
}

static void own_handles_in_many_threads(void **state)
{
  pthread_t threads[THREADS];
  int good[THREADS] = {0};
  (void)state;
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, run_own_handles, &good[i]), 0);
  for (int i = 0; i < THREADS; i++) {
    assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(good[i], TRANSFERS);
  }
  expect_counter(&emulator, "token_requests.partner", 1);
  expect_counter(&emulator, "token_requests.business", 2);
  expect_no_leak(&emulator);
}

static void *run_lent_handle(void *client)
{
  return get(client, BASE INVOICES) ? client : NULL;
}

/* Each transfer in another thread. */
static void a_handle_that_moves(void **state)
{
  Client client;
  client_open_plain(&client, &emulator, MODE(state), BASE INVOICES);
  for (int i = 0; i < 6; i++) {
    pthread_t thread;
    void *result = NULL;
    assert_int_equal(pthread_create(&thread, NULL, run_lent_handle, &client), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_ptr_equal(result, &client);
    if (i & 1)
      preload_revoke_business_tokens();
  }
  client_expect(&client, 200);
  client_close(&client);
}

/* ---- fork(2) ---- */

/* The handles of the parent are none of the child's business. */
static void run_child(Mode mode)
{
  Client client;
  client_open_plain(&client, &emulator, mode, NULL);
  bool good = get(&client, BASE INVOICES) && get(&client, BASE BUSINESSES) &&
              get(&client, "https://evil.example/");
  client_close(&client);
  _exit(good ? 0 : 1);
}

static void expect_good_child(Mode mode)
{
  int status = -1;
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0)
    run_child(mode);
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_int_equal(status, 0);
}

static void a_fork_while_handles_exist(void **state)
{
  Client idle, added;
  CURLM *multi = curl_multi_init();
  preload_open_warm(&idle, MODE(state));
  client_open_plain(&added, &emulator, MODE(state), BASE INVOICES);
  assert_int_equal(curl_multi_add_handle(multi, added.curl), CURLM_OK);
  for (int i = 0; i < 3; i++) {
    expect_good_child(MODE(state));
    client_expect(&idle, 200);
    preload_revoke_business_tokens();
  }
  assert_int_equal(curl_multi_remove_handle(multi, added.curl), CURLM_OK);
  client_expect(&added, 200);
  client_close(&idle);
  client_close(&added);
  curl_multi_cleanup(multi);
}

/* The child goes on with the handle, the parent has left it alone meanwhile. */
static void a_handle_that_crosses_a_fork(void **state)
{
  Client client;
  int status = -1;
  preload_open_warm(&client, MODE(state));
  curl_easy_setopt(client.curl, CURLOPT_FRESH_CONNECT, 1L);
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0)
    _exit(get(&client, BASE INVOICES) ? 0 : 1);
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_int_equal(status, 0);
  client_expect(&client, 200);
  client_close(&client);
}

/* ---- thred_curl_attach() ---- */

/* The probe is linked with the library that was built; the shim opens the one that is installed. */
static void expect_one_token(const Probe *probe)
{
  Outcome outcome;
  probe_run(probe, &outcome);
  assert_string_equal(outcome.out, "0 200\n0 200\n0 200\n");
  assert_string_equal(outcome.err, "");
  assert_int_equal(outcome.status, 0);
  json_object *log = request_log(&emulator);
  for (size_t i = 0; i < json_object_array_length(log); i++)
    assert_int_equal(log_authorizations(log, i), 1);
  json_object_put(log);
}

static void attached_through_another_copy(void **state)
{
  const Probe probe = {.arguments = {"get", BASE INVOICES, "3"}, .environment = {shim_variable()}};
  (void)state;
  expect_one_token(&probe);
}

static void attached_through_the_same_copy(void **state)
{
  char path[512];
  const Probe probe = {.arguments = {"get", BASE INVOICES, "3"},
                       .environment = {shim_variable(), path}};
  (void)state;
  snprintf(path, sizeof path, "LD_LIBRARY_PATH=%s", harness_installed("lib"));
  expect_one_token(&probe);
}

/* What dlerror(3) has to tell is the program's; the first handle of an object is the exception. */
static void dlerror_stays(void **state)
{
  (void)state;
  curl_easy_cleanup(curl_easy_init());
  assert_null(dlopen("/nonexistent.so", RTLD_LAZY));
  curl_easy_cleanup(curl_easy_init());
  curl_multi_cleanup(curl_multi_init());
  assert_non_null(dlerror());
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      IN_MODE(own_handles_in_many_threads, easy),
      ALL_MODES(a_handle_that_moves),
      EASY_AND_MULTI(a_fork_while_handles_exist),
      IN_MODE(a_handle_that_crosses_a_fork, easy),
      IN_MODE(attached_through_another_copy, easy),
      IN_MODE(attached_through_the_same_copy, easy),
      IN_MODE(dlerror_stays, easy),
  };
  return PRELOAD_MAIN_RUN(tests);
}
