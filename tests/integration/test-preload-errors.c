/* SPDX-License-Identifier: MIT */
/* test-preload-errors.c - FAILONERROR and MAXREDIRS mean under the shim what they mean without. */
#include <string.h>

#include "preload-client.h"

#define REFUSE_ALL "fault?path=" BUSINESSES "&action=status&status=401&times=0"

static void open_failing(Client *client, Mode mode)
{
  preload_open_warm(client, mode);
  curl_easy_setopt(client->curl, CURLOPT_FAILONERROR, 1L);
}

static void a_revoked_token_does_not_fail(void **state)
{
  Client client;
  open_failing(&client, MODE(state));
  for (int i = 0; i < 4; i++) {
    preload_revoke_business_tokens();
    client_expect(&client, 200);
    preload_expect_good_body(&client);
  }
  expect_no_leak(&emulator);
  client_close(&client);
}

static void a_final_401_fails(void **state)
{
  Client client;
  open_failing(&client, MODE(state));
  control(&emulator, "POST", REFUSE_ALL);
  assert_int_equal(client_run(&client), CURLE_HTTP_RETURNED_ERROR);
  assert_int_equal(client_status(&client), 401);
  assert_string_equal(client.body.data, "");
  client_close(&client);
}

static void a_401_without_a_challenge_fails(void **state)
{
  Client client;
  open_failing(&client, MODE(state));
  control(&emulator, "POST", REFUSE_ALL "&www_authenticate=no");
  assert_int_equal(client_run(&client), CURLE_HTTP_RETURNED_ERROR);
  assert_int_equal(client_status(&client), 401);
  assert_string_equal(client.body.data, "");
  client_close(&client);
}

/* No token goes to this path. */
static void a_401_that_is_none_of_ours_fails(void **state)
{
  Client client;
  open_failing(&client, MODE(state));
  assert_int_equal(client_run_url(&client, BASE "/v1/platform/customers/"),
                   CURLE_HTTP_RETURNED_ERROR);
  assert_int_equal(client_status(&client), 401);
  assert_string_equal(client.body.data, "");
  expect_log(&emulator, SENT("/v1/platform/customers/", "none", "401"));
  client_close(&client);
}

static void another_error_fails(void **state)
{
  Client client;
  open_failing(&client, MODE(state));
  control(&emulator, "POST", "fault?path=" BUSINESSES "&action=status&status=503");
  assert_int_equal(client_run(&client), CURLE_HTTP_RETURNED_ERROR);
  assert_int_equal(client_status(&client), 503);
  client_expect(&client, 200);
  client_close(&client);
}

static size_t no_more_error(char *data, size_t size, size_t count, void *curl)
{
  if (memcmp(data, "HTTP/", strlen("HTTP/")) == 0)
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 0L);
  return size * count;
}

/* libcurl, which was not made ready to answer when the transfer began, does not; the program gets
 * all of the 401. */
static void switched_off_on_the_way(void **state)
{
  Client client;
  open_failing(&client, MODE(state));
  curl_easy_setopt(client.curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(client.curl, CURLOPT_HEADERFUNCTION, no_more_error);
  curl_easy_setopt(client.curl, CURLOPT_HEADERDATA, client.curl);
  control_redirect(&emulator, HOST, BUSINESSES, BASE INVOICES);
  control(&emulator, "POST",
          "fault?path=" INVOICES "&action=status&status=401&times=0&www_authenticate=yes");
  assert_int_equal(client_run_url(&client, BASE BUSINESSES), CURLE_OK);
  assert_int_equal(client_status(&client), 401);
  assert_true(client.body.length > 0);
  client_close(&client);
}

/* Elsewhere, after that: no user was left behind. */
static void nothing_is_left_behind(void **state)
{
  Client client;
  open_failing(&client, MODE(state));
  preload_revoke_business_tokens();
  client_expect(&client, 200);
  control(&emulator, "POST", "reset");
  assert_int_equal(client_run_url(&client, "https://evil.example/"), CURLE_OK);
  expect_log(&emulator, "GET https evil.example / none 200\n");
  control(&emulator, "POST",
          "fault?host=evil.example&action=status&status=401&times=0&www_authenticate=yes");
  assert_int_equal(client_run(&client), CURLE_HTTP_RETURNED_ERROR);
  expect_no_leak(&emulator);
  expect_counter(&emulator, "foreign_requests", 2);
  client_close(&client);
}

/* ---- redirects that are not allowed ---- */

static void no_redirects(void **state)
{
  Client client;
  preload_open_stale(&client, MODE(state));
  curl_easy_setopt(client.curl, CURLOPT_MAXREDIRS, 0L);
  client_expect(&client, 200);
  preload_expect_good_body(&client);
  expect_log(&emulator, SENT(INVOICES, "invalid", "401")
                            LOG_BUSINESS_TOKEN SENT(INVOICES, "business=3c90", "200"));
  client_expect(&client, 200);
  curl_easy_setopt(client.curl, CURLOPT_MAXREDIRS, -1L);
  preload_revoke_business_tokens();
  client_expect(&client, 200);
  client_close(&client);
}

/* The retry is one of libcurl's redirects; the program allowed one and gets none in this case. */
static void one_redirect(void **state)
{
  Client client;
  preload_open_stale(&client, MODE(state));
  curl_easy_setopt(client.curl, CURLOPT_MAXREDIRS, 1L);
  curl_easy_setopt(client.curl, CURLOPT_FOLLOWLOCATION, 1L);
  client_expect(&client, 200);
  client_close(&client);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      ALL_MODES(a_revoked_token_does_not_fail),
      ALL_MODES(a_final_401_fails),
      ALL_MODES(a_401_without_a_challenge_fails),
      ALL_MODES(a_401_that_is_none_of_ours_fails),
      EASY_AND_MULTI(another_error_fails),
      ALL_MODES(switched_off_on_the_way),
      ALL_MODES(nothing_is_left_behind),
      ALL_MODES(no_redirects),
      EASY_AND_MULTI(one_redirect),
  };
  return PRELOAD_MAIN_RUN(tests);
}
