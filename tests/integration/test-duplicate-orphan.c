/* SPDX-License-Identifier: MIT */
/*
 * test-duplicate-orphan.c - plain curl_easy_duphandle(3) duplicates that outlive the handle they
 * were made of. Their options still point to its state, which is dead or another handle's by then:
 * they are aborted, carry no token, and disturb nobody.
 */
#include <pthread.h>
#include <string.h>

#include "client.h"

#define SENT(path, authorization, status)                                                          \
  "GET https " HOST " " path " " authorization " " status "\n"

/* A duplicate whose original had a token, if `used`, and is gone. */
static void open_orphan(Client *copy, Mode mode, bool used)
{
  Client original;
  client_open(&original, mode, BASE BUSINESSES);
  if (used)
    client_expect(&original, 200);
  client_adopt(copy, &original, curl_easy_duphandle(original.curl));
  client_close(&original);
}

static void expect_aborted(Client *copy)
{
  assert_int_equal(client_run(copy), CURLE_ABORTED_BY_CALLBACK);
  assert_string_equal(copy->body.data, "");
}

static void alone(void **state)
{
  for (int used = 0; used < 2; used++) {
    Client copy;
    open_orphan(&copy, MODE(state), used);
    control(&emulator, "POST", "reset");
    for (int i = 0; i < 3; i++)
      expect_aborted(&copy);
    expect_log(&emulator, "");
    client_close(&copy);
  }
}

static void to_another_host(void **state)
{
  Client copy;
  open_orphan(&copy, MODE(state), true);
  control(&emulator, "POST", "reset");
  curl_easy_setopt(copy.curl, CURLOPT_URL, "https://evil.example/");
  expect_aborted(&copy);
  expect_log(&emulator, "");
  client_close(&copy);
}

/* A duplicate of a duplicate, the ones before it gone. */
static void of_an_orphan(void **state)
{
  Client copy, next;
  open_orphan(&copy, MODE(state), true);
  control(&emulator, "POST", "reset");
  client_adopt(&next, &copy, curl_easy_duphandle(copy.curl));
  client_close(&copy);
  expect_aborted(&next);
  expect_log(&emulator, "");
  client_close(&next);
}

static void attached_after_all(void **state)
{
  Client copy;
  open_orphan(&copy, MODE(state), true);
  control(&emulator, "POST", "reset");
  assert_int_equal(thred_curl_attach(copy.curl), THRED_OK);
  client_expect(&copy, 200);
  expect_log(&emulator, SENT(BUSINESSES, "partner", "200"));
  client_close(&copy);
}

/* ---- another handle has the state now ---- */

static void beside_its_heir(void **state)
{
  Client copy, heir;
  open_orphan(&copy, MODE(state), true);
  client_open(&heir, MODE(state), BASE INVOICES);
  client_expect(&heir, 200);
  control(&emulator, "POST", "reset");
  for (int i = 0; i < 3; i++) {
    expect_aborted(&copy);
    client_expect(&heir, 200);
  }
  expect_log(&emulator,
             SENT(INVOICES, "business=3c90", "200") SENT(INVOICES, "business=3c90", "200")
                 SENT(INVOICES, "business=3c90", "200"));
  client_close(&copy);
  client_expect(&heir, 200);
  client_close(&heir);
}

/* cmocka's assertions belong to the main thread, so this one only takes notes. */
typedef struct Runner {
  Client *client;
  CURLcode code;
} Runner;

static void *run(void *data)
{
  Runner *runner = data;
  runner->code = curl_easy_perform(runner->client->curl);
  return NULL;
}

static bool has_arrived(void *unused)
{
  (void)unused;
  return counter(&emulator, "requests") > 0;
}

/* The heir's token is on its way: the server has the request and keeps the answer back. */
static void while_its_heir_waits(void **state)
{
  Client copy, heir;
  pthread_t thread;
  open_orphan(&copy, MODE(state), true);
  client_open(&heir, mode_easy, BASE INVOICES);
  client_expect(&heir, 200);
  control(&emulator, "POST", "reset");
  control(&emulator, "POST", "fault?path=" BUSINESSES "&action=delay&delay_ms=1500");
  Runner runner = {.client = &heir};
  assert_int_equal(pthread_create(&thread, NULL, run, &runner), 0);
  wait_until(has_arrived, NULL);
  for (int i = 0; i < 3; i++)
    expect_aborted(&copy);
  assert_int_equal(pthread_join(thread, NULL), 0);
  assert_int_equal(runner.code, CURLE_OK);
  assert_int_equal(client_status(&heir), 200);
  client_expect(&heir, 200);
  expect_log(&emulator,
             SENT(INVOICES, "business=3c90", "200") SENT(INVOICES, "business=3c90", "200"));
  client_close(&copy);
  client_close(&heir);
}

/* The heir answers a 401 while the orphan tries. */
static void while_its_heir_answers_a_401(void **state)
{
  Client copy, heir;
  pthread_t thread;
  open_orphan(&copy, MODE(state), true);
  client_open(&heir, mode_easy, BASE INVOICES);
  client_expect(&heir, 200);
  control(&emulator, "POST", "reset");
  control(&emulator, "POST", "revoke?kind=business");
  control(&emulator, "POST", "set?delay_ms=1500");
  Runner runner = {.client = &heir};
  assert_int_equal(pthread_create(&thread, NULL, run, &runner), 0);
  wait_until(has_arrived, NULL);
  for (int i = 0; i < 3; i++)
    expect_aborted(&copy);
  assert_int_equal(pthread_join(thread, NULL), 0);
  assert_int_equal(runner.code, CURLE_OK);
  assert_int_equal(client_status(&heir), 200);
  expect_counter(&emulator, "token_requests.business", 1);
  expect_no_leak(&emulator);
  client_close(&copy);
  client_close(&heir);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      EASY_AND_MULTI(alone),
      EASY_AND_MULTI(to_another_host),
      EASY_AND_MULTI(of_an_orphan),
      EASY_AND_MULTI(attached_after_all),
      EASY_AND_MULTI(beside_its_heir),
      EASY_AND_MULTI(while_its_heir_waits),
      EASY_AND_MULTI(while_its_heir_answers_a_401),
  };
  harness_require_installation();
  return cmocka_run_group_tests(tests, harness_start, harness_stop);
}
