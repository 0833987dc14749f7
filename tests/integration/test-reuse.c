/* SPDX-License-Identifier: MIT */
/* test-reuse.c - one handle for one URL after the other, however the program sets it. */
#include <string.h>

#include "client.h"

#define EVIL  "https://evil.example/x"
#define PLAIN "http://" HOST BUSINESSES

typedef struct Stop {
  const char *url, *seen;
} Stop;

static const Stop stops[] = {
    {BASE BUSINESSES, "GET https " HOST " " BUSINESSES " partner 200\n"},
    {BASE INVOICES, "GET https " HOST " " INVOICES " business=3c90 200\n"},
    {EVIL, "GET https evil.example /x none 200\n"},
    {PLAIN, "GET http " HOST " " BUSINESSES " none 401\n"},
};

#define STOPS (sizeof stops / sizeof stops[0])

static void visit(Client *client, const Stop *stop, bool parsed)
{
  CURLU *url = curl_url();
  control(&emulator, "POST", "reset");
  control(&emulator, "POST", "set?www_authenticate=no");
  if (parsed) {
    assert_int_equal(curl_url_set(url, CURLUPART_URL, stop->url, 0), CURLUE_OK);
    curl_easy_setopt(client->curl, CURLOPT_URL, NULL); /* as thred.h asks for */
    curl_easy_setopt(client->curl, CURLOPT_CURLU, url);
    assert_int_equal(client_run(client), CURLE_OK);
    curl_easy_setopt(client->curl, CURLOPT_CURLU, NULL);
  } else {
    assert_int_equal(client_run_url(client, stop->url), CURLE_OK);
  }
  curl_url_cleanup(url);
  expect_log(&emulator, stop->seen);
}

/* Every order of three, on one handle with warm tokens. */
static void every_order(Mode mode, bool parsed)
{
  Client client;
  client_open(&client, mode, BASE INVOICES);
  client_expect(&client, 200);
  for (size_t i = 0; i < STOPS * STOPS * STOPS; i++) {
    visit(&client, &stops[i / STOPS / STOPS], parsed);
    visit(&client, &stops[i / STOPS % STOPS], parsed && i % 2);
    visit(&client, &stops[i % STOPS], parsed);
  }
  client_close(&client);
}

static void as_text(void **state)
{
  every_order(MODE(state), false);
}

static void as_a_url_handle(void **state)
{
  every_order(MODE(state), true);
}

/* Two URL handles on one handle, against what thred.h asks for: the first leads to Thred, the
 * second to somewhere else, while libcurl below 8.12 goes on reporting the first. */
static void one_url_handle_after_another(void **state)
{
  Client client;
  CURLU *urls[] = {curl_url(), curl_url()};
  client_open(&client, MODE(state), BASE BUSINESSES);
  curl_easy_setopt(client.curl, CURLOPT_URL, NULL);
  assert_int_equal(curl_url_set(urls[0], CURLUPART_URL, BASE BUSINESSES, 0), CURLUE_OK);
  assert_int_equal(curl_url_set(urls[1], CURLUPART_URL, EVIL, 0), CURLUE_OK);
  for (size_t i = 0; i < 2; i++) {
    curl_easy_setopt(client.curl, CURLOPT_CURLU, urls[i]);
    client_expect(&client, 200);
  }
  expect_no_leak(&emulator);
  client_close(&client);
  for (size_t i = 0; i < 2; i++)
    curl_url_cleanup(urls[i]);
}

/* A handle that has known no URL but this one. */
static void one_url_handle(void **state)
{
  for (size_t i = 0; i < STOPS; i++) {
    Client client;
    client_open(&client, MODE(state), BASE INVOICES);
    client_expect(&client, 200);
    curl_easy_setopt(client.curl, CURLOPT_URL, NULL);
    visit(&client, &stops[i], true);
    client_close(&client);
  }
}

static void one_connection_serves_all_tokens(void **state)
{
  Client client;
  client_open(&client, MODE(state), BASE BUSINESSES);
  client_expect(&client, 200);
  assert_int_equal(client_run_url(&client, BASE INVOICES), CURLE_OK);
  assert_int_equal(client_run_url(&client, BASE INVOICES_2), CURLE_OK);
  control(&emulator, "POST", "revoke?kind=business");
  assert_int_equal(client_run_url(&client, BASE INVOICES), CURLE_OK);
  json_object *log = request_log(&emulator);
  const char *connection = NULL;
  for (size_t i = 0; i < json_object_array_length(log); i++) {
    if (strstr(log_text(log, i, "target"), "/oauth2/"))
      continue;
    if (!connection)
      connection = log_text(log, i, "connection");
    assert_string_equal(log_text(log, i, "connection"), connection);
  }
  json_object_put(log);
  client_close(&client);
}

/* Userinfo in a URL is the program's own word about who it is: none of ours, and, on an attached
 * handle, none of libcurl's. */
static void userinfo(void **state)
{
  Client client;
  client_open(&client, MODE(state), BASE BUSINESSES);
  client_expect(&client, 200);
  control(&emulator, "POST", "reset");
  control(&emulator, "POST", "set?www_authenticate=no");
  assert_int_equal(client_run_url(&client, "https://me:pw@" HOST BUSINESSES), CURLE_OK);
  assert_int_equal(client_run_url(&client, "https://" HOST "@evil.example/x"), CURLE_OK);
  expect_log(&emulator, "GET https " HOST " " BUSINESSES " none 401\n"
                        "GET https evil.example /x none 200\n");
  client_close(&client);
}

static void user_and_password_options(void **state)
{
  Client client;
  client_open(&client, MODE(state), BASE BUSINESSES);
  curl_easy_setopt(client.curl, CURLOPT_USERPWD, "me:pw");
  client_expect(&client, 200);
  assert_int_equal(client_run_url(&client, EVIL), CURLE_OK);
  expect_log(&emulator, LOG_PARTNER_TOKEN "GET https " HOST " " BUSINESSES " partner 200\n"
                                          "GET https evil.example /x none 200\n");
  client_close(&client);
}

static void a_new_url_after_a_redirect(void **state)
{
  Client client;
  client_open(&client, MODE(state), BASE BUSINESSES);
  curl_easy_setopt(client.curl, CURLOPT_FOLLOWLOCATION, 1L);
  control_redirect(&emulator, HOST, BUSINESSES, EVIL);
  client_expect(&client, 200);
  assert_int_equal(client_run_url(&client, BASE INVOICES), CURLE_OK);
  assert_int_equal(client_run_url(&client, EVIL), CURLE_OK);
  expect_log(&emulator, LOG_PARTNER_TOKEN "GET https " HOST " " BUSINESSES " partner 307\n"
                                          "GET https evil.example /x none 200\n" LOG_BUSINESS_TOKEN
                                          "GET https " HOST " " INVOICES " business=3c90 200\n"
                                          "GET https evil.example /x none 200\n");
  client_close(&client);
}

static void evil_first_then_redirected_home(void **state)
{
  Client client;
  control(&emulator, "POST", "set?www_authenticate=no");
  client_open(&client, MODE(state), EVIL);
  curl_easy_setopt(client.curl, CURLOPT_FOLLOWLOCATION, 1L);
  control_redirect(&emulator, "evil.example", "/x", BASE BUSINESSES);
  client_expect(&client, 401);
  client_expect(&client, 200); /* the URL is the evil one still: no token, whatever the last said */
  expect_log(&emulator, "GET https evil.example /x none 307\n"
                        "GET https " HOST " " BUSINESSES " none 401\n"
                        "GET https evil.example /x none 200\n");
  client_close(&client);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      EASY_AND_MULTI(as_text),
      EASY_AND_MULTI(as_a_url_handle),
      EASY_AND_MULTI(one_url_handle_after_another),
      EASY_AND_MULTI(one_url_handle),
      EASY_AND_MULTI(one_connection_serves_all_tokens),
      EASY_AND_MULTI(userinfo),
      EASY_AND_MULTI(user_and_password_options),
      EASY_AND_MULTI(a_new_url_after_a_redirect),
      EASY_AND_MULTI(evil_first_then_redirected_home),
  };
  harness_require_installation();
  return cmocka_run_group_tests(tests, harness_start, harness_stop);
}
