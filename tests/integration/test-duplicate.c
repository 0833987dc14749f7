/* SPDX-License-Identifier: MIT */
/* test-duplicate.c - duplicates of an attached handle, made with our knowledge and without it. */
#include <stdlib.h>
#include <string.h>

#include "client.h"

#define SENT(path, authorization, status)                                                          \
  "GET https " HOST " " path " " authorization " " status "\n"

static void a_plain_duplicate_is_aborted(void **state)
{
  Client client, copy;
  client_open(&client, MODE(state), BASE BUSINESSES);
  client_expect(&client, 200);
  control(&emulator, "POST", "reset");
  client_adopt(&copy, &client, curl_easy_duphandle(client.curl));
  assert_int_equal(client_run(&copy), CURLE_ABORTED_BY_CALLBACK);
  expect_log(&emulator, "");
  client_expect(&client, 200); /* the original goes on */
  assert_int_equal(client_run(&copy), CURLE_ABORTED_BY_CALLBACK);
  expect_log(&emulator, SENT(BUSINESSES, "partner", "200"));
  client_close(&copy);
  client_close(&client);
}

/* The duplicate shares the original's header node; the original was never used. */
static void a_plain_duplicate_of_a_new_handle_is_aborted(void **state)
{
  Client client, copy;
  client_open(&client, MODE(state), BASE BUSINESSES);
  client_adopt(&copy, &client, curl_easy_duphandle(client.curl));
  assert_int_equal(client_run(&copy), CURLE_ABORTED_BY_CALLBACK);
  expect_counter(&emulator, "requests", 0);
  client_close(&copy);
  client_close(&client);
}

static void a_plain_duplicate_can_be_attached(void **state)
{
  Client client, copy;
  client_open(&client, MODE(state), BASE BUSINESSES);
  client_adopt(&copy, &client, curl_easy_duphandle(client.curl));
  assert_int_equal(thred_curl_attach(copy.curl), THRED_OK);
  client_expect(&copy, 200);
  client_expect(&client, 200);
  expect_log(&emulator, LOG_PARTNER_TOKEN SENT(BUSINESSES, "partner", "200")
                            SENT(BUSINESSES, "partner", "200"));
  client_close(&copy);
  client_close(&client);
}

static int count(void *data, char *primary_ip, char *local_ip, int primary_port, int local_port)
{
  (void)primary_ip, (void)local_ip, (void)primary_port, (void)local_port;
  ++*(int *)data;
  return CURL_PREREQFUNC_OK;
}

/* What the duplicate has of the original. The emulator knows no customers: 404. */
static void ours_has_everything(void **state)
{
  static const char customers[] = BASE "/v1/platform/customers/";
  Client client, copy;
  int calls = 0;
  struct curl_slist *list = curl_slist_append(NULL, "X-One: 1");
  client_open(&client, MODE(state), customers);
  assert_int_equal(thred_curl_set_headers(client.curl, list), THRED_OK);
  assert_int_equal(thred_curl_set_business(client.curl, SECOND), THRED_OK);
  assert_int_equal(thred_curl_set_prereq(client.curl, count, &calls), THRED_OK);
  client_adopt(&copy, &client, thred_curl_duphandle(client.curl));
  client_expect(&copy, 404);
  client_expect(&client, 404);
  expect_log(&emulator, LOG_TOKENS SENT("/v1/platform/customers/", "business=1111", "404")
                            SENT("/v1/platform/customers/", "business=1111", "404"));
  json_object *log = request_log(&emulator);
  assert_string_equal(log_header(log, 2, "x-one"), "1");
  json_object_put(log);
  assert_int_equal(calls, 2);
  client_close(&copy);
  client_close(&client);
  curl_slist_free_all(list);
}

static void answer_401(Client *client)
{
  client_expect(client, 200);
  control(&emulator, "POST", "revoke?kind=business");
  client_expect(client, 200);
}

static void either_may_go_first(void **state)
{
  Client client, copy;
  client_open(&client, MODE(state), BASE INVOICES);
  client_adopt(&copy, &client, thred_curl_duphandle(client.curl));
  answer_401(&copy);
  client_close(&client);
  answer_401(&copy);
  client_adopt(&client, &copy, thred_curl_duphandle(copy.curl));
  answer_401(&client);
  client_close(&client);
  answer_401(&copy);
  client_close(&copy);
}

static void an_own_authorization_stays_their_own(void **state)
{
  Client client, copy;
  struct curl_slist *list = curl_slist_append(NULL, "Authorization: Bearer mine");
  client_open(&client, MODE(state), BASE INVOICES);
  assert_int_equal(thred_curl_set_headers(client.curl, list), THRED_OK);
  client_adopt(&copy, &client, thred_curl_duphandle(client.curl));
  client_expect(&copy, 401);
  expect_log(&emulator, SENT(INVOICES, "invalid", "401"));
  client_close(&client);
  client_close(&copy);
  curl_slist_free_all(list);
}

/* Switched off after the attach: the duplicate may have tokens or none, but it works. */
static void while_switched_off(void **state)
{
  Client client, copy;
  control(&emulator, "POST", "set?www_authenticate=no");
  client_open(&client, MODE(state), BASE BUSINESSES);
  client_expect(&client, 200);
  assert_int_equal(setenv("THRED_DISABLE", "1", 1), 0);
  client_adopt(&copy, &client, thred_curl_duphandle(client.curl));
  assert_int_equal(client_run(&copy), CURLE_OK);
  assert_true(client_status(&copy) == 200 || client_status(&copy) == 401);
  client_close(&copy);
  client_adopt(&copy, &client, thred_curl_duphandle(client.curl));
  assert_int_equal(unsetenv("THRED_DISABLE"), 0);
  client_close(&client); /* the duplicate needs nothing of it */
  assert_int_equal(client_run(&copy), CURLE_OK);
  client_close(&copy);
  expect_no_leak(&emulator);
}

/* Never attached, because it was switched off then: a duplicate as libcurl makes it. */
static void switched_off_from_the_start(void **state)
{
  Client client, copy;
  assert_int_equal(setenv("THRED_DISABLE", "1", 1), 0);
  client_open(&client, MODE(state), BASE BUSINESSES);
  client_adopt(&copy, &client, thred_curl_duphandle(client.curl));
  client_expect(&copy, 401);
  client_close(&copy);
  client_close(&client);
  assert_int_equal(unsetenv("THRED_DISABLE"), 0);
  expect_log(&emulator, SENT(BUSINESSES, "none", "401"));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      EASY_AND_MULTI(a_plain_duplicate_is_aborted),
      EASY_AND_MULTI(a_plain_duplicate_of_a_new_handle_is_aborted),
      EASY_AND_MULTI(a_plain_duplicate_can_be_attached),
      EASY_AND_MULTI(ours_has_everything),
      EASY_AND_MULTI(either_may_go_first),
      EASY_AND_MULTI(an_own_authorization_stays_their_own),
      EASY_AND_MULTI(while_switched_off),
      EASY_AND_MULTI(switched_off_from_the_start),
  };
  harness_require_installation();
  return cmocka_run_group_tests(tests, harness_start, harness_stop);
}
