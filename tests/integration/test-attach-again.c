/* SPDX-License-Identifier: MIT */
/* test-attach-again.c - a handle that is attached for the second time: nothing of the first is
 * used any more, whether or not curl_easy_reset(3) came between. */
#include <stdlib.h>
#include <string.h>

#include "client.h"

#define CUSTOMERS "/v1/platform/customers/"
#define SENT(path, authorization, status)                                                          \
  "GET https " HOST " " path " " authorization " " status "\n"

static int never(void *data, char *primary_ip, char *local_ip, int primary_port, int local_port)
{
  (void)primary_ip, (void)local_ip, (void)primary_port, (void)local_port;
  ++*(int *)data;
  return CURL_PREREQFUNC_ABORT;
}

/* Attached, told all there is to tell, and used. What it was told of is freed: whoever looks at it
 * later is found by a sanitizer. */
static void open_told(Client *client, Mode mode, int **calls, struct curl_slist **list)
{
  *calls = calloc(1, sizeof **calls);
  *list = curl_slist_append(curl_slist_append(NULL, "X-One: 1"), "Authorization: Bearer mine");
  client_open(client, mode, BASE INVOICES);
  client_expect(client, 200);
  assert_int_equal(thred_curl_set_headers(client->curl, *list), THRED_OK);
  assert_int_equal(thred_curl_set_business(client->curl, SECOND), THRED_OK);
  client_expect(client, 401); /* theirs, kept */
  assert_int_equal(thred_curl_set_prereq(client->curl, never, *calls), THRED_OK);
  control(&emulator, "POST", "reset");
}

static void attach_and_forget(Client *client, int *calls, struct curl_slist *list)
{
  assert_int_equal(thred_curl_attach(client->curl), THRED_OK);
  curl_slist_free_all(list);
  assert_int_equal(*calls, 0);
  free(calls);
}

/* With tokens, without the old headers, and with no default business. */
static void expect_new(Client *client)
{
  control(&emulator, "POST", "set?www_authenticate=no");
  client_expect(client, 200);
  assert_int_equal(client_run_url(client, BASE CUSTOMERS), CURLE_OK);
  assert_int_equal(client_status(client), 401);
  assert_int_equal(client_run_url(client, BASE INVOICES), CURLE_OK);
  expect_log(&emulator, SENT(INVOICES, "business=3c90", "200") SENT(CUSTOMERS, "none", "401")
                            SENT(INVOICES, "business=3c90", "200"));
  json_object *log = request_log(&emulator);
  for (size_t i = 0; i < 3; i++)
    assert_null(log_header(log, i, "x-one"));
  json_object_put(log);
}

/* It answers a 401 like any other, and lets go of everything. */
static void expect_whole_life(Client *client)
{
  control(&emulator, "POST", "reset");
  control(&emulator, "POST", "revoke?kind=business");
  client_expect(client, 200);
  expect_log(&emulator, SENT(INVOICES, "invalid", "401")
                            LOG_BUSINESS_TOKEN SENT(INVOICES, "business=3c90", "200"));
  control(&emulator, "POST", "reset");
  assert_int_equal(thred_curl_detach(client->curl), THRED_OK);
  client_expect(client, 401);
  expect_log(&emulator, SENT(INVOICES, "none", "401"));
  assert_int_equal(thred_curl_detach(client->curl), THRED_E_NOT_ATTACHED);
  client_close(client);
}

static void without_a_reset(void **state)
{
  Client client;
  int *calls;
  struct curl_slist *list;
  open_told(&client, MODE(state), &calls, &list);
  attach_and_forget(&client, calls, list);
  expect_new(&client);
  expect_whole_life(&client);
}

static void after_a_reset(void **state)
{
  Client client;
  int *calls;
  struct curl_slist *list;
  open_told(&client, MODE(state), &calls, &list);
  curl_easy_reset(client.curl);
  client_set_options(&client, &emulator, BASE INVOICES);
  attach_and_forget(&client, calls, list);
  expect_new(&client);
  expect_whole_life(&client);
}

static void many_times(void **state)
{
  Client client;
  client_open(&client, MODE(state), BASE INVOICES);
  for (int i = 0; i < 10; i++) {
    client_expect(&client, 200);
    if (i % 3 == 1) {
      curl_easy_reset(client.curl);
      client_set_options(&client, &emulator, BASE INVOICES);
    }
    assert_int_equal(thred_curl_attach(client.curl), THRED_OK);
  }
  expect_counter(&emulator, "ok", 10);
  expect_counter(&emulator, "token_requests.business", 1);
  control(&emulator, "POST", "reset");
  expect_whole_life(&client);
}

/* The state of one handle becomes another's; the first one attached again gets a new one. */
static void beside_another_handle(void **state)
{
  Client client, other;
  client_open(&client, MODE(state), BASE INVOICES);
  client_expect(&client, 200);
  assert_int_equal(thred_curl_attach(client.curl), THRED_OK);
  client_open(&other, MODE(state), BASE INVOICES_2);
  client_expect(&other, 200);
  client_expect(&client, 200);
  client_expect(&other, 200);
  control(&emulator, "POST", "reset");
  client_expect(&client, 200);
  client_expect(&other, 200);
  expect_log(&emulator,
             SENT(INVOICES, "business=3c90", "200") SENT(INVOICES_2, "business=1111", "200"));
  client_close(&client);
  client_expect(&other, 200);
  client_close(&other);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      EASY_AND_MULTI(without_a_reset),
      EASY_AND_MULTI(after_a_reset),
      EASY_AND_MULTI(many_times),
      EASY_AND_MULTI(beside_another_handle),
  };
  harness_require_installation();
  return cmocka_run_group_tests(tests, harness_start, harness_stop);
}
