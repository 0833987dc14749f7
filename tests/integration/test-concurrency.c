/* SPDX-License-Identifier: MIT */
/* test-concurrency.c - many processes, threads and children: the token endpoint sees one request.
 */
#include <dirent.h>
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"
#include "run-probe.h"

#define PROCESSES 50
#define THREADS   8

static void fifty_processes(void **state)
{
  (void)state;
  pid_t pids[PROCESSES];
  const Probe probe = {.arguments = {"get", BASE INVOICES}};
  control(&emulator, "POST", "set?delay_ms=100"); /* so that they do meet */
  for (int i = 0; i < PROCESSES; i++)
    pids[i] = probe_start(&probe);
  for (int i = 0; i < PROCESSES; i++)
    assert_int_equal(process_wait(pids[i]), 0);
  expect_counter(&emulator, "ok", PROCESSES);
  expect_counter(&emulator, "token_requests.partner", 1);
  expect_counter(&emulator, "token_requests.business", 1);
}

/* All of them hold a token that is no good any more: one new one serves all. */
static void fifty_processes_and_a_revoked_token(void **state)
{
  pid_t pids[PROCESSES];
  Client client;
  const Probe probe = {.arguments = {"get", BASE INVOICES}};
  client_open(&client, MODE(state), BASE INVOICES);
  client_expect(&client, 200);
  client_close(&client);
  control(&emulator, "POST", "reset");
  control(&emulator, "POST", "revoke?kind=business");
  control(&emulator, "POST", "set?delay_ms=100");
  for (int i = 0; i < PROCESSES; i++)
    pids[i] = probe_start(&probe);
  for (int i = 0; i < PROCESSES; i++)
    assert_int_equal(process_wait(pids[i]), 0);
  expect_counter(&emulator, "ok", PROCESSES);
  expect_counter(&emulator, "token_requests.partner", 0);
  expect_counter(&emulator, "token_requests.business", 1);
}

/* ---- threads: cmocka's assertions belong to the main one, so these only take notes ---- */

#define ROUNDS 20

typedef struct Worker {
  pthread_t thread;
  Client client;
  int good;
} Worker;

static void *work(void *data)
{
  Worker *worker = data;
  for (int i = 0; i < ROUNDS; i++)
    worker->good +=
        curl_easy_perform(worker->client.curl) == CURLE_OK && client_status(&worker->client) == 200;
  return NULL;
}

static void run_workers(Worker workers[THREADS])
{
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
}

static void eight_threads(void **state)
{
  Worker workers[THREADS] = {0};
  for (int i = 0; i < THREADS; i++)
    client_open(&workers[i].client, MODE(state), i % 2 ? BASE INVOICES : BASE BUSINESSES);
  run_workers(workers);
  for (int i = 0; i < THREADS; i++) {
    assert_int_equal(workers[i].good, ROUNDS);
    client_close(&workers[i].client);
  }
  expect_counter(&emulator, "token_requests.partner", 1);
  expect_counter(&emulator, "token_requests.business", 1);
}

/* ---- fork ---- */

static int in_child(Mode mode)
{
  Client client;
  client_open(&client, mode, BASE INVOICES_2);
  bool good = client_run(&client) == CURLE_OK && client_status(&client) == 200;
  client_close(&client);
  return good ? 0 : 1;
}

/* No thread is left of a fetch: else it could hold a lock of the sanitizer's allocator, which does
 * not survive a fork then. */
static bool is_alone(void *data)
{
  int entries = 0;
  (void)data;
  DIR *tasks = opendir("/proc/self/task");
  while (tasks && readdir(tasks))
    entries++;
  if (tasks)
    closedir(tasks);
  return entries == 3; /* with "." and ".." */
}

static void after_fork(void **state)
{
  Client client;
  client_open(&client, MODE(state), BASE INVOICES);
  client_expect(&client, 200);
  for (int i = 0; i < 3; i++) {
    if (SANITIZED)
      wait_until(is_alone, NULL);
    pid_t pid = fork();
    if (pid == 0)
      _exit(in_child(MODE(state)));
    assert_true(pid > 0);
    client_expect(&client, 200);
    assert_int_equal(process_wait(pid), 0);
  }
  client_expect(&client, 200);
  expect_counter(&emulator, "token_requests.partner", 1);
  expect_counter(&emulator, "token_requests.business", 2);
  client_close(&client);
}

/* What a child of a process with threads may ask of us. libcurl and OpenSSL promise it nothing. */
static int in_child_of_threads(void)
{
  ThredTokenRequest request = {.size = sizeof request, .business_id = FIRST};
  ThredToken token = {.size = sizeof token};
  CURL *curl = curl_easy_init();
  int code = thred_token_get(&request, &token);
  thred_token_clear(&token);
  if (!code)
    code = thred_curl_attach(curl);
  if (!code)
    code = thred_curl_prepare(curl, BASE INVOICES);
  if (!code)
    code = thred_curl_detach(curl);
  curl_easy_cleanup(curl);
  return code;
}

static void fork_beside_threads(void **state)
{
  Worker workers[THREADS] = {0};
  if (SANITIZED)
    skip(); /* its allocator does not survive such a fork */
  for (int i = 0; i < THREADS; i++)
    client_open(&workers[i].client, MODE(state), BASE INVOICES);
  client_expect(&workers[0].client, 200); /* what the child asks for is there */
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
  for (int i = 0; i < 20; i++) {
    pid_t pid = fork();
    if (pid == 0)
      _exit(in_child_of_threads());
    assert_int_equal(process_wait(pid), 0);
  }
  for (int i = 0; i < THREADS; i++) {
    assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
    assert_int_equal(workers[i].good, ROUNDS);
    client_close(&workers[i].client);
  }
}

/* ---- expiry ---- */

static bool has_fetched_again(void *data)
{
  Client *client = data;
  client_expect(client, 200);
  return counter(&emulator, "token_requests.business") >= 3;
}

static void short_lives(void **state)
{
  Client client;
  control(&emulator, "POST", "set?lifetime=2");
  client_open(&client, MODE(state), BASE INVOICES);
  wait_until(has_fetched_again, &client);
  expect_counter(&emulator, "unauthorized", 0); /* renewed before the server had to say so */
  client_close(&client);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      IN_MODE(fifty_processes, easy),     IN_MODE(fifty_processes_and_a_revoked_token, easy),
      IN_MODE(eight_threads, easy),       EASY_AND_MULTI(after_fork),
      IN_MODE(fork_beside_threads, easy), EASY_AND_MULTI(short_lives),
  };
  harness_require_installation();
  return cmocka_run_group_tests(tests, harness_start, harness_stop);
}
