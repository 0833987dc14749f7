/* SPDX-License-Identifier: MIT */
/* test-handle.c - a handle's life: attach, prereq, business, prepare, detach, reset. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"

#define SENT(path, authorization, status)                                                          \
  "GET https " HOST " " path " " authorization " " status "\n"
#define CUSTOMERS                                                                                  \
  "/v1/platform/customers/" /* names no business; the emulator has no such thing                   \
                             */

/* ---- prereq ---- */

typedef struct Seen {
  unsigned calls;
  int answer;
  char ip[64];
  int port;
} Seen;

static int prereq(void *data, char *primary_ip, char *local_ip, int primary_port, int local_port)
{
  Seen *seen = data;
  seen->calls++;
  strncpy(seen->ip, primary_ip, sizeof seen->ip - 1);
  seen->port = primary_port;
  assert_string_equal(local_ip, "127.0.0.1");
  assert_true(local_port > 0);
  return seen->answer;
}

static void prereq_is_called_for_each_request(void **state)
{
  Client client;
  Seen seen = {.answer = CURL_PREREQFUNC_OK};
  client_open(&client, MODE(state), BASE INVOICES);
  assert_int_equal(thred_curl_set_prereq(client.curl, prereq, &seen), THRED_OK);
  client_expect(&client, 200);
  assert_int_equal(seen.calls, 1);
  assert_string_equal(seen.ip, "127.0.0.1");
  assert_int_equal(seen.port, emulator.port);
  control(&emulator, "POST", "revoke?kind=business");
  client_expect(&client, 200); /* and one more, answering the 401 */
  assert_int_equal(seen.calls, 3);
  client_expect(&client, 200);
  assert_int_equal(thred_curl_set_prereq(client.curl, NULL, NULL), THRED_OK);
  client_expect(&client, 200);
  assert_int_equal(seen.calls, 4);
  client_close(&client);
}

static void prereq_can_abort(void **state)
{
  Client client;
  Seen seen = {.answer = CURL_PREREQFUNC_ABORT};
  client_open(&client, MODE(state), BASE BUSINESSES);
  assert_int_equal(thred_curl_set_prereq(client.curl, prereq, &seen), THRED_OK);
  assert_int_equal(client_run(&client), CURLE_ABORTED_BY_CALLBACK);
  assert_int_equal(seen.calls, 1);
  expect_counter(&emulator, "requests", 0);
  client_close(&client);
}

/* ---- business ---- */

static void business_of_the_handle(void **state)
{
  Client client;
  client_open(&client, MODE(state), BASE CUSTOMERS);
  assert_int_equal(thred_curl_set_business(client.curl, SECOND), THRED_OK);
  client_expect(&client, 404);
  expect_log(&emulator, LOG_TOKENS SENT(CUSTOMERS, "business=1111", "404"));
  control(&emulator, "POST", "reset");
  assert_int_equal(client_run_url(&client, BASE INVOICES), CURLE_OK); /* the path's wins */
  expect_log(&emulator, LOG_BUSINESS_TOKEN SENT(INVOICES, "business=3c90", "200"));
  client_close(&client);
}

static void business_of_the_process(void **state)
{
  Client client;
  control(&emulator, "POST", "set?www_authenticate=no");
  assert_int_equal(setenv("THRED_BUSINESS_ID", SECOND, 1), 0);
  client_open(&client, MODE(state), BASE CUSTOMERS);
  client_expect(&client, 404);
  assert_int_equal(thred_curl_set_business(client.curl, FIRST), THRED_OK);
  client_expect(&client, 404);
  assert_int_equal(thred_curl_set_business(client.curl, NULL), THRED_OK);
  client_expect(&client, 404);
  assert_int_equal(unsetenv("THRED_BUSINESS_ID"), 0);
  client_expect(&client, 401);
  expect_log(&emulator,
             LOG_TOKENS SENT(CUSTOMERS, "business=1111", "404")
                 LOG_BUSINESS_TOKEN SENT(CUSTOMERS, "business=3c90", "404")
                     SENT(CUSTOMERS, "business=1111", "404") SENT(CUSTOMERS, "none", "401"));
  client_close(&client);
}

static void business_must_be_a_uuid(void **state)
{
  static const char *const wrong[] = {"", "x", FIRST "0", "3c90c3cc0d444b5088888dd25736052a",
                                      "3c90c3cc-0d44-4b50-8888-8dd25736052g"};
  Client client;
  client_open(&client, MODE(state), BASE CUSTOMERS);
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
    assert_int_equal(thred_curl_set_business(client.curl, wrong[i]), THRED_E_INVALID);
  assert_true(thred_last_message()[0] != '\0');
  client_close(&client);
}

/* ---- prepare ---- */

static void prepared_transfers_fetch_nothing(void **state)
{
  Client client;
  client_open(&client, MODE(state), BASE BUSINESSES);
  assert_int_equal(thred_curl_prepare(client.curl, BASE INVOICES), THRED_OK);
  expect_log(&emulator, LOG_TOKENS);
  control(&emulator, "POST", "reset");
  assert_int_equal(client_run_url(&client, BASE INVOICES), CURLE_OK);
  expect_log(&emulator, SENT(INVOICES, "business=3c90", "200"));
  client_close(&client);
}

static void nothing_to_prepare(void **state)
{
  static const char *const urls[] = {"https://evil.example/", "http://" HOST BUSINESSES,
                                     BASE CUSTOMERS, "ftp://" HOST "/", "no url at all"};
  Client client;
  client_open(&client, MODE(state), BASE BUSINESSES);
  for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++)
    assert_int_equal(thred_curl_prepare(client.curl, urls[i]), THRED_OK);
  assert_int_equal(thred_curl_prepare(client.curl, NULL), THRED_E_INVALID);
  expect_log(&emulator, "");
  client_close(&client);
}

static void prepare_says_what_failed(void **state)
{
  Client client;
  client_open(&client, MODE(state), BASE BUSINESSES);
  assert_int_equal(thred_curl_prepare(client.curl, BASE BUSINESSES NOBODY "/invoices/"),
                   THRED_E_BUSINESS_NOT_FOUND);
  assert_non_null(strstr(thred_last_message(), NOBODY));
  client_close(&client);
}

/* ---- detach, reset, attach again ---- */

/* Under the shim a handle that the program has not attached, or no more, is the shim's. */
static bool is_the_shims(void)
{
  return getenv("THRED_TEST_SHIM") != NULL;
}

static void expect_detached(Client *client)
{
  client_expect(client, is_the_shims() ? 200 : 401);
}

static void detach_gives_the_headers_back(void **state)
{
  Client client;
  struct curl_slist *list = curl_slist_append(NULL, "X-One: 1");
  client_open(&client, MODE(state), BASE BUSINESSES);
  assert_int_equal(thred_curl_set_headers(client.curl, list), THRED_OK);
  client_expect(&client, 200);
  assert_int_equal(thred_curl_detach(client.curl), THRED_OK);
  control(&emulator, "POST", "reset");
  expect_detached(&client);
  expect_log(&emulator,
             is_the_shims() ? SENT(BUSINESSES, "partner", "200") : SENT(BUSINESSES, "none", "401"));
  json_object *log = request_log(&emulator);
  assert_string_equal(log_header(log, 0, "x-one"), "1");
  json_object_put(log);
  client_close(&client);
  curl_slist_free_all(list);
}

static void detach_gives_the_prereq_back(void **state)
{
  Client client;
  Seen seen = {.answer = CURL_PREREQFUNC_OK};
  client_open(&client, MODE(state), BASE BUSINESSES);
  assert_int_equal(thred_curl_set_prereq(client.curl, prereq, &seen), THRED_OK);
  assert_int_equal(thred_curl_detach(client.curl), THRED_OK);
  expect_detached(&client);
  assert_int_equal(seen.calls, 1);
  client_close(&client);
}

static void reset_and_attach_again(void **state)
{
  Client client;
  struct curl_slist *list = curl_slist_append(NULL, "X-One: 1");
  client_open(&client, MODE(state), BASE BUSINESSES);
  assert_int_equal(thred_curl_set_headers(client.curl, list), THRED_OK);
  client_expect(&client, 200);
  curl_easy_reset(client.curl);
  client_set_options(&client, &emulator, BASE BUSINESSES);
  expect_detached(&client); /* reset took everything off */
  assert_int_equal(thred_curl_attach(client.curl), THRED_OK);
  control(&emulator, "POST", "reset");
  client_expect(&client, 200);
  json_object *log = request_log(&emulator);
  assert_null(log_header(log, 0, "x-one")); /* forgotten, as the header says */
  json_object_put(log);
  client_close(&client);
  curl_slist_free_all(list);
}

static void attach_twice(void **state)
{
  Client client;
  client_open(&client, MODE(state), BASE INVOICES);
  client_expect(&client, 200);
  assert_int_equal(thred_curl_attach(client.curl), THRED_OK);
  client_expect(&client, 200);
  control(&emulator, "POST", "revoke?kind=business");
  client_expect(&client, 200);
  assert_int_equal(thred_curl_detach(client.curl), THRED_OK);
  assert_int_equal(thred_curl_detach(client.curl), THRED_E_NOT_ATTACHED);
  client_close(&client);
}

/* A program that frees its handles without detaching them, and gets their addresses again. */
static void handles_freed_undetached(void **state)
{
  (void)state;
  for (int i = 0; i < 50; i++) {
    CURL *curl = curl_easy_init();
    assert_int_equal(thred_curl_attach(curl), THRED_OK);
    curl_easy_cleanup(curl);
  }
  Client client;
  client_open(&client, mode_easy, BASE BUSINESSES);
  client_expect(&client, 200);
  client_close(&client);
}

/* ---- errors ---- */

static void not_attached(void **state)
{
  (void)state;
  CURL *curl = curl_easy_init();
  assert_int_equal(thred_curl_set_headers(curl, NULL), THRED_E_NOT_ATTACHED);
  assert_int_equal(thred_curl_set_prereq(curl, NULL, NULL), THRED_E_NOT_ATTACHED);
  assert_int_equal(thred_curl_set_business(curl, NULL), THRED_E_NOT_ATTACHED);
  assert_int_equal(thred_curl_prepare(curl, BASE BUSINESSES), THRED_E_NOT_ATTACHED);
  assert_int_equal(thred_curl_detach(curl), THRED_E_NOT_ATTACHED);
  assert_null(thred_curl_duphandle(curl));
  assert_non_null(strstr(thred_last_message(), "thred_curl_attach"));
  curl_easy_cleanup(curl);
}

static void null_arguments(void **state)
{
  (void)state;
  CURL *curl = curl_easy_init();
  ThredCurlApi small = *thred_curl_api();
  small.size--;
  assert_int_equal(thred_curl_attach(NULL), THRED_E_INVALID);
  assert_int_equal(thred_curl_attach_with(curl, NULL), THRED_E_INVALID);
  assert_int_equal(thred_curl_attach_with(curl, &small), THRED_E_INVALID);
  assert_int_equal(thred_curl_set_headers(NULL, NULL), THRED_E_INVALID);
  assert_int_equal(thred_curl_set_prereq(NULL, NULL, NULL), THRED_E_INVALID);
  assert_int_equal(thred_curl_set_business(NULL, NULL), THRED_E_INVALID);
  assert_int_equal(thred_curl_prepare(NULL, NULL), THRED_E_INVALID);
  assert_int_equal(thred_curl_detach(NULL), THRED_E_INVALID);
  assert_null(thred_curl_duphandle(NULL));
  assert_int_equal(thred_token_get(NULL, NULL), THRED_E_INVALID);
  assert_int_equal(thred_token_try_get(NULL, NULL), THRED_E_INVALID);
  thred_token_clear(NULL);
  curl_easy_cleanup(curl);
}

static void texts(void **state)
{
  (void)state;
  for (int i = THRED_OK; i <= THRED_E_INTERNAL; i++) {
    assert_true(thred_strerror(i)[0] != '\0');
    for (int k = THRED_OK; k < i; k++)
      assert_string_not_equal(thred_strerror(i), thred_strerror(k));
  }
  assert_non_null(thred_strerror(-1));
  assert_non_null(thred_strerror(1000));
  int major, minor, patch;
  char rest;
  assert_int_equal(sscanf(thred_version(), "%d.%d.%d%c", &major, &minor, &patch, &rest), 3);
}

static void *message_of_another_thread(void *data)
{
  strcpy(data, thred_last_message());
  return NULL;
}

static void messages_belong_to_their_thread(void **state)
{
  (void)state;
  pthread_t thread;
  char text[1024] = "x";
  assert_int_equal(thred_curl_attach(NULL), THRED_E_INVALID);
  assert_int_equal(pthread_create(&thread, NULL, message_of_another_thread, text), 0);
  assert_int_equal(pthread_join(thread, NULL), 0);
  assert_string_equal(text, "");
  assert_true(thred_last_message()[0] != '\0');
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      EASY_AND_MULTI(prereq_is_called_for_each_request),
      EASY_AND_MULTI(prereq_can_abort),
      EASY_AND_MULTI(business_of_the_handle),
      EASY_AND_MULTI(business_of_the_process),
      IN_MODE(business_must_be_a_uuid, easy),
      EASY_AND_MULTI(prepared_transfers_fetch_nothing),
      IN_MODE(nothing_to_prepare, easy),
      IN_MODE(prepare_says_what_failed, easy),
      EASY_AND_MULTI(detach_gives_the_headers_back),
      EASY_AND_MULTI(detach_gives_the_prereq_back),
      EASY_AND_MULTI(reset_and_attach_again),
      EASY_AND_MULTI(attach_twice),
      IN_MODE(handles_freed_undetached, easy),
      IN_MODE(not_attached, easy),
      IN_MODE(null_arguments, easy),
      IN_MODE(texts, easy),
      IN_MODE(messages_belong_to_their_thread, easy),
  };
  harness_require_installation();
  return cmocka_run_group_tests(tests, harness_start, harness_stop);
}
