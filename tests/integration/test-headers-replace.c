/* SPDX-License-Identifier: MIT */
/* test-headers-replace.c - `existing-authorization = replace`: ours stands in for theirs. */
#include <string.h>

#include "client.h"

#define SENT(authorization, status) "GET https " HOST " " INVOICES " " authorization " " status "\n"

static const char replace[] = "[environment sandbox]\nexisting-authorization = replace\n";

static struct curl_slist *list_of(const char *const *lines)
{
  struct curl_slist *list = NULL;
  for (; *lines; lines++)
    list = curl_slist_append(list, *lines);
  return list;
}

static const char *const mine[] = {"X-One: 1", "Authorization: Bearer mine", "X-Two: 2", NULL};
static const char *const suppressed[] = {"X-One: 1", "Authorization:", "X-Two: 2", NULL};
static const char *const twice[] = {"authorization: Basic eA==", "X-One: 1", "X-Two: 2",
                                    "Authorization;", NULL};

static void run(Mode mode, const char *const *lines)
{
  Client client;
  struct curl_slist *list = list_of(lines);
  harness_fresh(NULL);
  client_open(&client, mode, BASE INVOICES);
  assert_int_equal(thred_curl_set_headers(client.curl, list), THRED_OK);
  client_expect(&client, 200);
  control(&emulator, "POST", "revoke?kind=business");
  client_expect(&client, 200);
  expect_log(&emulator, LOG_TOKENS SENT("business=3c90", "200") SENT("invalid", "401")
                            LOG_BUSINESS_TOKEN SENT("business=3c90", "200"));
  json_object *log = request_log(&emulator);
  for (size_t i = 2; i < 6; i += i == 3 ? 2 : 1) {
    assert_int_equal(log_authorizations(log, i), 1);
    assert_string_equal(log_header(log, i, "x-one"), "1");
    assert_string_equal(log_header(log, i, "x-two"), "2");
  }
  json_object_put(log);
  client_close(&client);
  curl_slist_free_all(list);
}

static void ours_alone(void **state)
{
  run(MODE(state), mine);
}

static void ours_where_they_suppressed_it(void **state)
{
  run(MODE(state), suppressed);
}

static void ours_for_two_of_theirs(void **state)
{
  run(MODE(state), twice);
}

/* Where no token of ours goes, theirs goes as if we were not there. */
static void theirs_elsewhere(void **state)
{
  Client client;
  struct curl_slist *list = list_of(mine);
  client_open(&client, MODE(state), BASE INVOICES);
  assert_int_equal(thred_curl_set_headers(client.curl, list), THRED_OK);
  client_expect(&client, 200);
  assert_int_equal(client_run_url(&client, "https://evil.example/"), CURLE_OK);
  json_object *log = request_log(&emulator);
  assert_int_equal(log_authorizations(log, 3), 1);
  assert_string_equal(log_authorization(log, 3), "Bearer mine");
  assert_string_equal(log_header(log, 3, "x-two"), "2");
  json_object_put(log);
  client_close(&client);
  curl_slist_free_all(list);
}

/* The list that the program gave stays as it was. */
static void their_list_is_untouched(void **state)
{
  Client client;
  struct curl_slist *list = list_of(mine);
  client_open(&client, MODE(state), BASE INVOICES);
  assert_int_equal(thred_curl_set_headers(client.curl, list), THRED_OK);
  client_expect(&client, 200);
  assert_int_equal(thred_curl_detach(client.curl), THRED_OK);
  assert_string_equal(list->data, "X-One: 1");
  assert_string_equal(list->next->data, "Authorization: Bearer mine");
  assert_string_equal(list->next->next->data, "X-Two: 2");
  assert_null(list->next->next->next);
  control(&emulator, "POST", "reset");
  client_expect(&client, 401);
  expect_log(&emulator, SENT("invalid", "401"));
  client_close(&client);
  curl_slist_free_all(list);
}

static int start(void **state)
{
  int result = harness_start(state);
  emulator_configure(&emulator, "60-replace.conf", replace);
  return result;
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      EASY_AND_MULTI(ours_alone),
      EASY_AND_MULTI(ours_where_they_suppressed_it),
      EASY_AND_MULTI(ours_for_two_of_theirs),
      EASY_AND_MULTI(theirs_elsewhere),
      EASY_AND_MULTI(their_list_is_untouched),
  };
  harness_require_installation();
  return cmocka_run_group_tests(tests, start, harness_stop);
}
