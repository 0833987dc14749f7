/* SPDX-License-Identifier: MIT */
/* test-headers.c - the program's own headers beside ours. */
#include <string.h>

#include "client.h"

#define SENT(authorization, status) "GET https " HOST " " INVOICES " " authorization " " status "\n"

typedef struct Headed {
  Client client;
  struct curl_slist *list;
} Headed;

static void add(Headed *headed, const char *line)
{
  headed->list = curl_slist_append(headed->list, line);
  assert_non_null(headed->list);
}

static void tell(Headed *headed)
{
  assert_int_equal(thred_curl_set_headers(headed->client.curl, headed->list), THRED_OK);
}

/* Attached, and its token is in the cache already. */
static void open_warm(Headed *headed, Mode mode)
{
  *headed = (Headed){0};
  client_open(&headed->client, mode, BASE INVOICES);
  client_expect(&headed->client, 200);
  control(&emulator, "POST", "reset");
}

static void close_headed(Headed *headed)
{
  client_close(&headed->client);
  curl_slist_free_all(headed->list);
}

static void expect_headers(size_t index, const char *one, const char *two)
{
  json_object *log = request_log(&emulator);
  const char *x_one = log_header(log, index, "x-one"), *x_two = log_header(log, index, "x-two");
  assert_string_equal(x_one ? x_one : "", one);
  assert_string_equal(x_two ? x_two : "", two);
  json_object_put(log);
}

static void they_are_sent_beside_ours(void **state)
{
  Headed headed;
  open_warm(&headed, MODE(state));
  add(&headed, "X-One: 1");
  tell(&headed);
  client_expect(&headed.client, 200);
  expect_headers(0, "1", "");
  add(&headed, "X-Two: 2"); /* appended later: seen without telling again */
  client_expect(&headed.client, 200);
  expect_headers(1, "1", "2");
  expect_log(&emulator, SENT("business=3c90", "200") SENT("business=3c90", "200"));
  close_headed(&headed);
}

static void an_empty_list_again(void **state)
{
  Headed headed;
  open_warm(&headed, MODE(state));
  add(&headed, "X-One: 1");
  tell(&headed);
  assert_int_equal(thred_curl_set_headers(headed.client.curl, NULL), THRED_OK);
  client_expect(&headed.client, 200);
  expect_headers(0, "", "");
  expect_log(&emulator, SENT("business=3c90", "200"));
  close_headed(&headed);
}

static void libcurls_own_headers_can_be_changed(void **state)
{
  Headed headed;
  open_warm(&headed, MODE(state));
  add(&headed, "Accept:");
  add(&headed, "User-Agent: mine");
  tell(&headed);
  client_expect(&headed.client, 200);
  json_object *log = request_log(&emulator);
  assert_null(log_header(log, 0, "accept"));
  assert_string_equal(log_header(log, 0, "user-agent"), "mine");
  json_object_put(log);
  close_headed(&headed);
}

/* ---- the program's own Authorization ---- */

static void keep(void **state, const char *line, size_t count, const char *value)
{
  Headed headed;
  open_warm(&headed, MODE(state));
  add(&headed, "X-One: 1");
  add(&headed, line);
  add(&headed, "X-Two: 2");
  tell(&headed);
  client_expect(&headed.client, 401);
  expect_headers(0, "1", "2");
  json_object *log = request_log(&emulator);
  assert_int_equal(json_object_array_length(log), 1); /* the 401 was not answered */
  assert_int_equal(log_authorizations(log, 0), count);
  assert_string_equal(log_authorization(log, 0), value);
  json_object_put(log);
  assert_non_null(strstr(headed.client.body.data, "error_code"));
  close_headed(&headed);
}

static void theirs_alone(void **state)
{
  keep(state, "Authorization: Bearer mine", 1, "Bearer mine");
}

static void theirs_in_any_case(void **state)
{
  keep(state, "aUTHORIZATION:Basic bWluZQ==", 1, "Basic bWluZQ==");
}

static void suppressed(void **state)
{
  keep(state, "Authorization:", 0, "");
}

static void blank(void **state)
{
  keep(state, "Authorization;", 1, "");
}

/* Lines that come after we were told, beside an Authorization that we know. */
static void lines_appended_beside_theirs(void **state)
{
  Headed headed;
  open_warm(&headed, MODE(state));
  add(&headed, "Authorization: Bearer mine");
  tell(&headed);
  add(&headed, "X-One: 1");
  client_expect(&headed.client, 401);
  expect_headers(0, "1", "");
  add(&headed, "X-Two: 2");
  client_expect(&headed.client, 401);
  expect_headers(1, "1", "2");
  expect_log(&emulator, SENT("invalid", "401") SENT("invalid", "401"));
  close_headed(&headed);
}

static void lines_appended_before_a_401_is_answered(void **state)
{
  Headed headed;
  open_warm(&headed, MODE(state));
  add(&headed, "X-One: 1");
  tell(&headed);
  add(&headed, "X-Two: 2");
  control(&emulator, "POST", "revoke?kind=business");
  client_expect(&headed.client, 200);
  expect_headers(0, "1", "2");
  expect_headers(2, "1", "2");
  expect_log(&emulator, SENT("invalid", "401") LOG_BUSINESS_TOKEN SENT("business=3c90", "200"));
  close_headed(&headed);
}

static void theirs_taken_away_again(void **state)
{
  Headed headed;
  open_warm(&headed, MODE(state));
  add(&headed, "Authorization: Bearer mine");
  tell(&headed);
  client_expect(&headed.client, 401);
  assert_int_equal(thred_curl_set_headers(headed.client.curl, NULL), THRED_OK);
  control(&emulator, "POST", "revoke?kind=business");
  client_expect(&headed.client, 200); /* and a 401 is answered again */
  expect_log(&emulator, SENT("invalid", "401") SENT("invalid", "401")
                            LOG_BUSINESS_TOKEN SENT("business=3c90", "200"));
  close_headed(&headed);
}

static void theirs_goes_to_other_hosts_too(void **state)
{
  Headed headed;
  open_warm(&headed, MODE(state));
  add(&headed, "Authorization: Bearer mine");
  tell(&headed);
  assert_int_equal(client_run_url(&headed.client, "https://evil.example/"), CURLE_OK);
  json_object *log = request_log(&emulator);
  assert_int_equal(log_authorizations(log, 0), 1);
  assert_string_equal(log_authorization(log, 0), "Bearer mine");
  json_object_put(log);
  close_headed(&headed);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      EASY_AND_MULTI(they_are_sent_beside_ours),
      EASY_AND_MULTI(an_empty_list_again),
      EASY_AND_MULTI(libcurls_own_headers_can_be_changed),
      EASY_AND_MULTI(theirs_alone),
      EASY_AND_MULTI(theirs_in_any_case),
      EASY_AND_MULTI(suppressed),
      EASY_AND_MULTI(blank),
      EASY_AND_MULTI(lines_appended_beside_theirs),
      EASY_AND_MULTI(lines_appended_before_a_401_is_answered),
      EASY_AND_MULTI(theirs_taken_away_again),
      EASY_AND_MULTI(theirs_goes_to_other_hosts_too),
  };
  harness_require_installation();
  return cmocka_run_group_tests(tests, harness_start, harness_stop);
}
