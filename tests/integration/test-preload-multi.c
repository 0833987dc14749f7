/* SPDX-License-Identifier: MIT */
/* test-preload-multi.c - what programs do to a handle while it is in a multi handle. */
#include <string.h>

#include "preload-client.h"

/* Both, and what is set in between. */
typedef struct Inside {
  Client client;
  struct curl_slist *list;
  unsigned calls;
} Inside;

static void run_to_end(CURLM *multi)
{
  int running = 1;
  while (running) {
    assert_int_equal(curl_multi_perform(multi, &running), CURLM_OK);
    if (running)
      assert_int_equal(curl_multi_poll(multi, NULL, 0, 1000, NULL), CURLM_OK);
  }
}

static void add(Client *client)
{
  if (!client->multi)
    client->multi = curl_multi_init();
  assert_int_equal(curl_multi_add_handle(client->multi, client->curl), CURLM_OK);
}

static void expect_result(Client *client, CURLcode code, long status)
{
  int left;
  CURLMsg *message = curl_multi_info_read(client->multi, &left);
  assert_non_null(message);
  assert_ptr_equal(message->easy_handle, client->curl);
  assert_int_equal(message->data.result, code);
  assert_int_equal(client_status(client), status);
}

static void take_out(Client *client)
{
  assert_int_equal(curl_multi_remove_handle(client->multi, client->curl), CURLM_OK);
}

static int count(void *data, char *primary_ip, char *local_ip, int primary_port, int local_port)
{
  (void)primary_ip, (void)local_ip, (void)primary_port, (void)local_port;
  ++*(unsigned *)data;
  return CURL_PREREQFUNC_OK;
}

/* ---- changes before it starts ---- */

typedef void (*Change)(Inside *inside);

static void change_url(Inside *inside)
{
  curl_easy_setopt(inside->client.curl, CURLOPT_URL, BASE BUSINESSES);
}

static void change_url_away(Inside *inside)
{
  curl_easy_setopt(inside->client.curl, CURLOPT_URL, "https://evil.example/");
}

static void change_headers(Inside *inside)
{
  inside->list = curl_slist_append(inside->list, "X-One: 1");
  curl_easy_setopt(inside->client.curl, CURLOPT_HTTPHEADER, inside->list);
}

static void change_headers_to_own(Inside *inside)
{
  inside->list = curl_slist_append(inside->list, "Authorization: Bearer mine");
  curl_easy_setopt(inside->client.curl, CURLOPT_HTTPHEADER, inside->list);
}

static void change_prereq(Inside *inside)
{
  curl_easy_setopt(inside->client.curl, CURLOPT_PREREQFUNCTION, count);
  curl_easy_setopt(inside->client.curl, CURLOPT_PREREQDATA, &inside->calls);
}

static void change_user(Inside *inside)
{
  curl_easy_setopt(inside->client.curl, CURLOPT_USERPWD, "me:mine");
}

static void change_verification(Inside *inside)
{
  curl_easy_setopt(inside->client.curl, CURLOPT_SSL_VERIFYPEER, 0L);
}

typedef struct Case {
  const char *name;
  Change change;
  const char *expected;
  unsigned calls;
} Case;

static const Case cases[] = {
    {"URL", change_url, LOG_PARTNER_TOKEN SENT(BUSINESSES, "partner", "200"), 0},
    {"URL, away", change_url_away, "GET https evil.example / none 200\n", 0},
    {"headers", change_headers, LOG_TOKENS SENT(INVOICES, "business=3c90", "200"), 0},
    {"own Authorization", change_headers_to_own, SENT(INVOICES, "invalid", "401"), 0},
    {"PREREQFUNCTION", change_prereq, LOG_TOKENS SENT(INVOICES, "business=3c90", "200"), 1},
    {"user", change_user, SENT(INVOICES, "basic", "401"), 0},
    {"verification", change_verification, SENT(INVOICES, "none", "401"), 0},
};

static void changes_before_the_first_perform(void **state)
{
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    Inside inside = {0};
    harness_fresh(NULL);
    control(&emulator, "POST", "set?www_authenticate=no");
    client_open_plain(&inside.client, &emulator, MODE(state), BASE INVOICES);
    add(&inside.client);
    cases[i].change(&inside);
    run_to_end(inside.client.multi);
    take_out(&inside.client);
    expect_log(&emulator, cases[i].expected);
    assert_int_equal(inside.calls, cases[i].calls);
    client_close(&inside.client);
    curl_slist_free_all(inside.list);
  }
}

/* Into the list that it gave before: libcurl reads that when it sends the request. */
static void an_authorization_appended_before_the_first_perform(void **state)
{
  Client client;
  struct curl_slist *list = curl_slist_append(NULL, "X-One: 1");
  client_open_plain(&client, &emulator, MODE(state), BASE INVOICES);
  curl_easy_setopt(client.curl, CURLOPT_HTTPHEADER, list);
  add(&client);
  list = curl_slist_append(list, "Authorization: Bearer mine");
  run_to_end(client.multi);
  json_object *log = request_log(&emulator);
  size_t last = json_object_array_length(log) - 1;
  assert_int_equal(log_authorizations(log, last), 1);
  assert_string_equal(log_authorization(log, last), "Bearer mine");
  json_object_put(log);
  take_out(&client);
  client_close(&client);
  curl_slist_free_all(list);
}

/* The program brings its own, and takes it back. */
static void own_authorisation_taken_back_before_the_first_perform(void **state)
{
  Client client;
  client_open_plain(&client, &emulator, MODE(state), BASE INVOICES);
  curl_easy_setopt(client.curl, CURLOPT_USERPWD, "me:mine");
  add(&client);
  curl_easy_setopt(client.curl, CURLOPT_USERPWD, NULL);
  run_to_end(client.multi);
  expect_result(&client, CURLE_OK, 200);
  take_out(&client);
  client_close(&client);
}

/* From a place without a token to one with one. */
static void changed_to_thred(void **state)
{
  Client client;
  client_open_plain(&client, &emulator, MODE(state), "https://evil.example/");
  add(&client);
  curl_easy_setopt(client.curl, CURLOPT_URL, BASE BUSINESSES);
  run_to_end(client.multi);
  expect_result(&client, CURLE_OK, 200);
  take_out(&client);
  client_close(&client);
}

/* ---- in and out ---- */

static void added_twice(void **state)
{
  Client client;
  client_open_plain(&client, &emulator, MODE(state), BASE INVOICES);
  add(&client);
  assert_int_equal(curl_multi_add_handle(client.multi, client.curl), CURLM_ADDED_ALREADY);
  run_to_end(client.multi);
  expect_result(&client, CURLE_OK, 200);
  take_out(&client);
  client_expect(&client, 200);
  client_close(&client);
}

static void taken_out_before_it_starts(void **state)
{
  Client client;
  client_open_plain(&client, &emulator, MODE(state), BASE INVOICES);
  for (int i = 0; i < 2; i++) {
    add(&client);
    take_out(&client);
  }
  expect_log(&emulator, "");
  client_expect(&client, 200);
  client_close(&client);
}

/* Taken out in the middle of its transfer, and used again. */
static void taken_out_while_it_runs(void **state)
{
  Client client;
  int running;
  preload_open_warm(&client, MODE(state));
  control(&emulator, "POST", "fault?path=" BUSINESSES "&action=delay&delay_ms=300");
  add(&client);
  assert_int_equal(curl_multi_perform(client.multi, &running), CURLM_OK);
  take_out(&client);
  control(&emulator, "DELETE", "fault");
  client_expect(&client, 200);
  client_close(&client);
}

static void the_multi_goes_first(void **state)
{
  Client client;
  client_open_plain(&client, &emulator, MODE(state), BASE INVOICES);
  for (int i = 0; i < 2; i++) {
    add(&client);
    if (i == 1)
      run_to_end(client.multi);
    assert_int_equal(curl_multi_cleanup(client.multi), CURLM_OK);
    client.multi = NULL;
    assert_int_equal(curl_easy_perform(client.curl), CURLE_OK);
    assert_int_equal(client_status(&client), 200);
    assert_int_equal(client_run_url(&client, "https://evil.example/"), CURLE_OK);
    curl_easy_setopt(client.curl, CURLOPT_URL, BASE INVOICES);
  }
  client_close(&client);
}

static void the_handle_goes_first(void **state)
{
  Client client;
  for (int i = 0; i < 2; i++) {
    client_open_plain(&client, &emulator, MODE(state), BASE INVOICES);
    add(&client);
    if (i == 1)
      run_to_end(client.multi);
    curl_easy_cleanup(client.curl);
    client.curl = NULL;
    client_close(&client);
  }
}

/* ---- several at once ---- */

#define MANY 12

static void many_in_one(void **state)
{
  static const char *const urls[] = {BASE INVOICES, BASE BUSINESSES, BASE INVOICES_2,
                                     "https://evil.example/"};
  Client clients[MANY];
  CURLM *multi = curl_multi_init();
  for (int i = 0; i < MANY; i++) {
    client_open_plain(&clients[i], &emulator, MODE(state), urls[i % 4]);
    assert_int_equal(curl_multi_add_handle(multi, clients[i].curl), CURLM_OK);
  }
  for (int round = 0; round < 3; round++) {
    run_to_end(multi);
    for (int i = 0; i < MANY; i++) {
      assert_int_equal(client_status(&clients[i]), 200);
      assert_int_equal(curl_multi_remove_handle(multi, clients[i].curl), CURLM_OK);
      assert_int_equal(curl_multi_add_handle(multi, clients[i].curl), CURLM_OK);
    }
    control_revoke(&emulator);
  }
  expect_no_leak(&emulator);
  for (int i = 0; i < MANY; i++)
    client_close(&clients[i]);
  curl_multi_cleanup(multi);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      IN_MODE(changes_before_the_first_perform, multi),
      IN_MODE(changes_before_the_first_perform, multi_h2),
      IN_MODE(an_authorization_appended_before_the_first_perform, multi),
      IN_MODE(own_authorisation_taken_back_before_the_first_perform, multi),
      IN_MODE(changed_to_thred, multi),
      EASY_AND_MULTI(added_twice),
      EASY_AND_MULTI(taken_out_before_it_starts),
      EASY_AND_MULTI(taken_out_while_it_runs),
      IN_MODE(the_multi_goes_first, multi),
      IN_MODE(the_handle_goes_first, multi),
      IN_MODE(many_in_one, multi),
      IN_MODE(many_in_one, multi_h2),
  };
  return PRELOAD_MAIN_RUN(tests);
}
