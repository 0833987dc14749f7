/* SPDX-License-Identifier: MIT */
/* test-retry-limits.c - which 401s are not answered, and what the program gets then. */
#include <string.h>

#include "client.h"
#include "upload.h"

#define BAD(method)     method " https " HOST " " INVOICES " invalid 401\n"
#define SENT(m, status) m " https " HOST " " INVOICES " business=3c90 " status "\n"

static void open_warm(Client *client, Mode mode)
{
  client_open(client, mode, BASE INVOICES);
  client_expect(client, 200);
  control(&emulator, "POST", "reset");
}

static void open_with_stale_token(Client *client, Mode mode)
{
  open_warm(client, mode);
  control(&emulator, "POST", "revoke?kind=business");
}

static void second_401_is_final(void **state)
{
  Client client;
  open_warm(&client, MODE(state));
  control(&emulator, "POST", "fault?path=" BUSINESSES "&action=status&status=401&times=0");
  client_expect(&client, 401);
  expect_log(&emulator, SENT("GET", "401") LOG_BUSINESS_TOKEN SENT("GET", "401"));
  json_object *body = json_tokener_parse(client.body.data), *value = NULL;
  assert_true(json_object_object_get_ex(body, "error_code", &value));
  assert_string_equal(json_object_get_string(value), "invalid_token");
  json_object_put(body);
  client_close(&client);
}

/* An endpoint that refuses every token does not make us hammer the token endpoint. */
static void refetches_are_limited(void **state)
{
  Client client;
  open_warm(&client, MODE(state));
  control(&emulator, "POST", "fault?path=" BUSINESSES "&action=status&status=401&times=0");
  for (int i = 0; i < 30; i++)
    client_expect(&client, 401);
  assert_in_range(counter(&emulator, "token_requests.business"), 1, 10);
  client_close(&client);
}

static void a_403_is_never_answered(void **state)
{
  Client client;
  open_warm(&client, MODE(state));
  control(&emulator, "POST", "fault?path=" BUSINESSES "&action=status&status=403");
  client_expect(&client, 403);
  expect_log(&emulator, SENT("GET", "403"));
  client_close(&client);
}

static void a_5xx_is_never_answered(void **state)
{
  Client client;
  open_warm(&client, MODE(state));
  control(&emulator, "POST", "fault?path=" BUSINESSES "&action=status&status=503");
  client_expect(&client, 503);
  expect_log(&emulator, SENT("GET", "503"));
  client_close(&client);
}

static void without_a_challenge_it_is_delivered(void **state)
{
  Client client;
  open_with_stale_token(&client, MODE(state));
  control(&emulator, "POST", "set?www_authenticate=no");
  client_expect(&client, 401);
  assert_non_null(strstr(client.body.data, "invalid_token"));
  expect_log(&emulator, BAD("GET"));
  client_close(&client);
}

static void fail_on_error_takes_precedence(void **state)
{
  Client client;
  open_with_stale_token(&client, MODE(state));
  curl_easy_setopt(client.curl, CURLOPT_FAILONERROR, 1L);
  CURLcode code = client_run(&client);
  if (curl_version_info(CURLVERSION_NOW)->version_num < 0x080000)
    assert_int_equal(code, CURLE_HTTP_RETURNED_ERROR);
  else
    assert_int_equal(code, CURLE_OK);
  client_close(&client);
}

static void no_redirects_means_no_second_request(void **state)
{
  Client client;
  open_with_stale_token(&client, MODE(state));
  curl_easy_setopt(client.curl, CURLOPT_MAXREDIRS, 0L);
  assert_int_equal(client_run(&client), CURLE_TOO_MANY_REDIRECTS);
  expect_log(&emulator, BAD("GET"));
  client_close(&client);
}

static void an_upload_that_cannot_be_rewound(void **state)
{
  Client client;
  Upload upload = {0};
  open_with_stale_token(&client, MODE(state));
  upload_put_unseekable(&client, &upload);
  assert_int_equal(client_run(&client), CURLE_SEND_FAIL_REWIND);
  expect_log(&emulator, BAD("PUT"));
  client_close(&client);
  upload_clear(&upload);
}

/* After such an end nobody has told us of the 401, so the program does; the handle is as good as
 * before. */
static void a_program_can_name_the_refused_token(void **state)
{
  Client client;
  Upload upload = {0};
  ThredTokenRequest request = {.size = sizeof request, .business_id = FIRST};
  ThredToken token = {.size = sizeof token};
  open_with_stale_token(&client, MODE(state));
  upload_put_unseekable(&client, &upload);
  assert_int_equal(client_run(&client), CURLE_SEND_FAIL_REWIND);
  upload.at = 0;
  assert_int_equal(thred_token_try_get(&request, &token), THRED_OK);
  request.refused_generation = token.generation;
  thred_token_clear(&token);
  assert_int_equal(thred_token_get(&request, &token), THRED_OK);
  thred_token_clear(&token);
  client_expect(&client, 200);
  json_object *log = request_log(&emulator);
  size_t last = json_object_array_length(log) - 1;
  assert_string_equal(log_text(log, last, "body_sha256"), upload_sha256());
  json_object_put(log);
  client_close(&client);
  upload_clear(&upload);
}

/* libcurl failed while it answered: the next call between transfers takes the token out. */
static void a_failed_answer_does_not_spoil_the_handle(void **state)
{
  Client client;
  open_with_stale_token(&client, MODE(state));
  curl_easy_setopt(client.curl, CURLOPT_MAXREDIRS, 0L);
  assert_int_equal(client_run(&client), CURLE_TOO_MANY_REDIRECTS);
  curl_easy_setopt(client.curl, CURLOPT_MAXREDIRS, -1L);
  assert_int_equal(thred_curl_set_headers(client.curl, NULL), THRED_OK);
  client_expect(&client, 200);
  client_close(&client);
}

/* A 401 that nobody could answer is not the fate of every handle until the token expires. */
static void a_delivered_401_takes_the_token_out(void **state)
{
  Client client;
  open_with_stale_token(&client, MODE(state));
  control(&emulator, "POST", "set?www_authenticate=no");
  client_expect(&client, 401);
  client_close(&client);
  client_open(&client, MODE(state), BASE INVOICES);
  client_expect(&client, 200);
  client_close(&client);
}

/* libcurl sends the repeated request once more, over a new connection,
 * which says nothing about the new token. */
static void a_connection_lost_after_a_401(void **state)
{
  Client client;
  open_warm(&client, MODE(state));
  control(&emulator, "POST", "revoke?kind=business");
  control(&emulator, "POST", "fault?path=" BUSINESSES "&action=status&status=401");
  control(&emulator, "POST", "fault?path=" BUSINESSES "&action=drop");
  CURLcode code = client_run(&client);
  assert_true(code == CURLE_OK || code == CURLE_GOT_NOTHING || code == CURLE_RECV_ERROR ||
              code == CURLE_SEND_ERROR);
  if (code == CURLE_OK)
    assert_int_equal(client_status(&client), 200);
  expect_counter(&emulator, "token_requests.business", 1);
  expect_counter(&emulator, "token_requests.partner", 0);
  client_expect(&client, 200);
  expect_counter(&emulator, "unauthorized", 1);
  client_close(&client);
}

/* ---- requests that carry no token of ours ---- */

#define CHALLENGE "fault?host=evil.example&action=status&status=401&times=0&www_authenticate=yes"

/* Nothing better could be sent, so nothing is sent again: the host's POST arrives once. */
static void a_third_partys_challenge_is_delivered(void **state)
{
  Client client;
  client_open(&client, MODE(state), "https://evil.example/x");
  control(&emulator, "POST", CHALLENGE);
  curl_easy_setopt(client.curl, CURLOPT_POSTFIELDS, "amount=1");
  client_expect(&client, 401);
  assert_non_null(strstr(client.body.data, "invalid_token"));
  expect_no_leak(&emulator);
  expect_log(&emulator, "POST https evil.example /x none 401\n");
  client_close(&client);
}

static void a_third_partys_challenge_costs_no_upload(void **state)
{
  Client client;
  Upload upload = {0};
  client_open(&client, MODE(state), "https://evil.example/x");
  control(&emulator, "POST", CHALLENGE);
  upload_put_unseekable(&client, &upload);
  CURLcode code = client_run(&client);
  expect_no_leak(&emulator);
  assert_int_equal(code, CURLE_OK);
  assert_int_equal(client_status(&client), 401);
  client_close(&client);
  upload_clear(&upload);
}

static void a_thred_request_without_a_token_is_sent_once(void **state)
{
  Client client;
  client_open(&client, MODE(state), BASE "/v1/platform/customers/");
  curl_easy_setopt(client.curl, CURLOPT_POSTFIELDS, "{}");
  client_expect(&client, 401);
  expect_no_leak(&emulator);
  expect_log(&emulator, "POST https " HOST " /v1/platform/customers/ none 401\n");
  client_close(&client);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      EASY_AND_MULTI(second_401_is_final),
      EASY_AND_MULTI(refetches_are_limited),
      EASY_AND_MULTI(a_403_is_never_answered),
      EASY_AND_MULTI(a_5xx_is_never_answered),
      EASY_AND_MULTI(without_a_challenge_it_is_delivered),
      EASY_AND_MULTI(fail_on_error_takes_precedence),
      EASY_AND_MULTI(no_redirects_means_no_second_request),
      EASY_AND_MULTI(an_upload_that_cannot_be_rewound),
      EASY_AND_MULTI(a_program_can_name_the_refused_token),
      EASY_AND_MULTI(a_failed_answer_does_not_spoil_the_handle),
      EASY_AND_MULTI(a_delivered_401_takes_the_token_out),
      EASY_AND_MULTI(a_connection_lost_after_a_401),
      EASY_AND_MULTI(a_third_partys_challenge_is_delivered),
      EASY_AND_MULTI(a_third_partys_challenge_costs_no_upload),
      EASY_AND_MULTI(a_thred_request_without_a_token_is_sent_once),
  };
  harness_require_installation();
  return cmocka_run_group_tests(tests, harness_start, harness_stop);
}
