/* SPDX-License-Identifier: MIT */
/* test-preload-threads.c - handles in many threads and from one to another, under the shim; and how
 * much of a thread's stack it takes. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "preload-client.h"
#include "process.h"

#define THREADS  8
#define REQUESTS 12

typedef struct Worker {
  pthread_t thread;
  Mode mode;
  unsigned number;
  CURLSH *share;
  unsigned good;
} Worker;

static const char *url_of(unsigned number)
{
  static const char *const urls[] = {BASE INVOICES, BASE BUSINESSES, BASE INVOICES_2,
                                     "https://evil.example/"};
  return urls[number % 4];
}

/* cmocka's assertions are for the main thread. */
static void *make_requests(void *data)
{
  Worker *worker = data;
  for (unsigned i = 0; i < REQUESTS; i++) {
    Client client;
    client_open_plain(&client, &emulator, worker->mode, url_of(worker->number + i));
    if (worker->share)
      curl_easy_setopt(client.curl, CURLOPT_SHARE, worker->share);
    for (int k = 0; k < 2; k++)
      worker->good += client_run(&client) == CURLE_OK && client_status(&client) == 200;
    if (worker->share)
      curl_easy_setopt(client.curl, CURLOPT_SHARE, NULL);
    client_close(&client);
  }
  return NULL;
}

static void run_workers(Mode mode, CURLSH *share)
{
  Worker workers[THREADS] = {0};
  Client first; /* starts the proxy of HTTP/2 */
  client_open_plain(&first, &emulator, mode, BASE BUSINESSES);
  client_close(&first);
  for (unsigned i = 0; i < THREADS; i++) {
    workers[i].number = i;
    workers[i].mode = mode;
    workers[i].share = share;
    assert_int_equal(pthread_create(&workers[i].thread, NULL, make_requests, &workers[i]), 0);
  }
  for (unsigned i = 0; i < THREADS; i++) {
    assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
    assert_int_equal(workers[i].good, 2 * REQUESTS);
  }
  expect_no_leak(&emulator);
}

/* One token request for each token, however many threads want it. */
static void many_threads(void **state)
{
  run_workers(MODE(state), NULL);
  expect_counter(&emulator, "token_requests.partner", 1);
  expect_counter(&emulator, "token_requests.business", 2);
}

/* ---- a share ---- */

static pthread_mutex_t locks[CURL_LOCK_DATA_LAST];

static void lock(CURL *curl, curl_lock_data data, curl_lock_access access, void *user)
{
  (void)curl, (void)access, (void)user;
  pthread_mutex_lock(&locks[data]);
}

static void unlock(CURL *curl, curl_lock_data data, void *user)
{
  (void)curl, (void)user;
  pthread_mutex_unlock(&locks[data]);
}

/* Names and TLS sessions; libcurl does not take connections from several threads at a time. */
static void many_threads_share(void **state)
{
  CURLSH *share = curl_share_init();
  for (int i = 0; i < CURL_LOCK_DATA_LAST; i++)
    pthread_mutex_init(&locks[i], NULL);
  curl_share_setopt(share, CURLSHOPT_LOCKFUNC, lock);
  curl_share_setopt(share, CURLSHOPT_UNLOCKFUNC, unlock);
  curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
  curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
  run_workers(MODE(state), share);
  assert_int_equal(curl_share_cleanup(share), CURLSHE_OK);
}

/* Two handles of one thread over the same connections: each is proved for itself. */
static void connections_are_shared(void **state)
{
  Client clients[2];
  CURLSH *share = curl_share_init();
  curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_CONNECT);
  for (int i = 0; i < 2; i++) {
    client_open_plain(&clients[i], &emulator, MODE(state), url_of((unsigned)i));
    curl_easy_setopt(clients[i].curl, CURLOPT_SHARE, share);
  }
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < 2; i++)
      client_expect(&clients[i], 200);
    control(&emulator, "POST", "revoke");
  }
  expect_no_leak(&emulator);
  for (int i = 0; i < 2; i++)
    client_close(&clients[i]);
  assert_int_equal(curl_share_cleanup(share), CURLSHE_OK);
}

/* ---- from one thread to another ---- */

static void *run_once(void *data)
{
  Client *client = data;
  return client_run(client) == CURLE_OK && client_status(client) == 200 ? client : NULL;
}

static void a_handle_moves(void **state)
{
  Client client;
  client_open_plain(&client, &emulator, MODE(state), BASE INVOICES);
  for (unsigned i = 0; i < 8; i++) {
    pthread_t thread;
    void *result = NULL;
    if (i % 3 == 2)
      control(&emulator, "POST", "revoke?kind=business");
    assert_int_equal(pthread_create(&thread, NULL, run_once, &client), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_ptr_equal(result, &client);
    curl_easy_setopt(client.curl, CURLOPT_URL, url_of(i));
  }
  expect_no_leak(&emulator);
  client_close(&client);
}

/* ---- the stack ---- */

static long depth(bool shim)
{
  Outcome outcome;
  char port[32], ca[128];
  const char *argv[] = {harness_beside("probe-stack"), BASE INVOICES, BASE BUSINESSES, NULL};
  const char *environment[] = {port, ca, shim ? shim_variable() : NULL, NULL};
  snprintf(port, sizeof port, "PROBE_PORT=%u", emulator.port);
  snprintf(ca, sizeof ca, "PROBE_CA=%s", emulator.ca);
  process_run(argv, environment, &outcome);
  assert_int_equal(outcome.status, 0);
  assert_int_equal(strncmp(outcome.out, shim ? "200 200 " : "401 401 ", 8), 0);
  return strtol(outcome.out + 8, NULL, 10);
}

/* Cold, from the cache, and with tokens that are no longer taken. */
static void the_stack_is_hardly_deeper(void **state)
{
  (void)state;
  if (SANITIZED)
    skip(); /* it makes every frame several times as large */
  long without = depth(false);
  for (int round = 0; round < 3; round++) {
    assert_in_range(depth(true), 1, without + 8192);
    if (round == 1)
      control(&emulator, "POST", "revoke");
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      EASY_AND_MULTI(many_threads),      IN_MODE(many_threads, easy_h2),
      IN_MODE(many_threads_share, easy), EASY_AND_MULTI(connections_are_shared),
      EASY_AND_MULTI(a_handle_moves),    IN_MODE(the_stack_is_hardly_deeper, easy),
  };
  return PRELOAD_MAIN_RUN(tests);
}
