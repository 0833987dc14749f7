/* SPDX-License-Identifier: MIT */
/* test-preload-curlu.c - CURLOPT_CURLU under the shim: a URL that the program has parsed, and may
 * change between transfers without a word to libcurl. */
#include <string.h>

#include "preload-client.h"

static CURLU *parsed(const char *url)
{
  CURLU *handle = curl_url();
  assert_int_equal(curl_url_set(handle, CURLUPART_URL, url, 0), CURLUE_OK);
  return handle;
}

/* Its path is changed between the transfers, on the handle that libcurl has. */
static void a_parsed_url(void **state)
{
  Client client;
  CURLU *url = parsed(BASE BUSINESSES);
  client_open_plain(&client, &emulator, MODE(state), NULL);
  curl_easy_setopt(client.curl, CURLOPT_CURLU, url);
  client_expect(&client, 200);
  assert_int_equal(curl_url_set(url, CURLUPART_PATH, INVOICES, 0), CURLUE_OK);
  client_expect(&client, 200);
  assert_int_equal(curl_url_set(url, CURLUPART_PATH, BUSINESSES, 0), CURLUE_OK);
  client_expect(&client, 200);
  assert_int_equal(curl_url_set(url, CURLUPART_HOST, "evil.example", 0), CURLUE_OK);
  client_expect(&client, 200);
  assert_int_equal(curl_url_set(url, CURLUPART_HOST, HOST, 0), CURLUE_OK);
  assert_int_equal(curl_url_set(url, CURLUPART_PATH, INVOICES_2, 0), CURLUE_OK);
  client_expect(&client, 200);
  expect_log(&emulator,
             LOG_PARTNER_TOKEN SENT(BUSINESSES, "partner", "200")
                 LOG_BUSINESS_TOKEN SENT(INVOICES, "business=3c90", "200")
                     SENT(BUSINESSES, "partner", "200") "GET https evil.example " BUSINESSES
                                                        " none 200\n" LOG_BUSINESS_TOKEN SENT(
                                                            INVOICES_2, "business=1111", "200"));
  client_close(&client);
  curl_url_cleanup(url);
}

/* ---- beside CURLOPT_URL ---- */

typedef struct Pair {
  const char *written, *parsed;
} Pair;

/* What libcurl does with no help from anybody: the shim has no interest in these. */
static const Pair elsewhere = {"https://evil.example/written", "https://third.example/parsed"};

static const Pair pairs[] = {
    {"https://evil.example/written", BASE INVOICES},
    {BASE INVOICES, "https://evil.example/parsed"},
    {BASE BUSINESSES, BASE INVOICES},
};

static void expect_effective_url(const Client *client, const char *expected)
{
  char *url = NULL;
  curl_easy_getinfo(client->curl, CURLINFO_EFFECTIVE_URL, &url);
  assert_string_equal(url, expected);
}

/* After CURLU is taken back, a later libcurl (8.22) has forgotten URL, too: it has to be set again.
 */
static CURLcode run_without_curlu(Client *client, const char *written)
{
  CURLcode code = client_run(client);
  return code == CURLE_URL_MALFORMAT ? client_run_url(client, written) : code;
}

/* CURLU wins over URL while it is there. What is asked for when it is gone: libcurl before 8.12 has
 * overwritten URL by then. True: it is what was written. */
static bool comes_back_to_the_written(Mode mode, const Pair *pair)
{
  Client client;
  char *last = NULL;
  CURLU *url = parsed(pair->parsed);
  client_open_plain(&client, &emulator, mode, pair->written);
  client_expect(&client, 200);
  expect_effective_url(&client, pair->written);
  curl_easy_setopt(client.curl, CURLOPT_CURLU, url);
  client_expect(&client, 200);
  expect_effective_url(&client, pair->parsed);
  curl_easy_setopt(client.curl, CURLOPT_CURLU, NULL);
  /* The shim has seen another URL set than libcurl asks for now, and may leave it alone. */
  assert_int_equal(run_without_curlu(&client, pair->written), CURLE_OK);
  assert_true(client_status(&client) == 200 || client_status(&client) == 401);
  curl_easy_getinfo(client.curl, CURLINFO_EFFECTIVE_URL, &last);
  bool written = strcmp(last, pair->written) == 0;
  if (!written)
    assert_string_equal(last, pair->parsed);
  client_close(&client);
  curl_url_cleanup(url);
  return written;
}

static void beside_a_written_one(void **state)
{
  bool expected = comes_back_to_the_written(MODE(state), &elsewhere);
  for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
    assert_int_equal(comes_back_to_the_written(MODE(state), &pairs[i]), expected);
}

/* libcurl below 8.12 has reported the first one since; it must not be asked again after a 401. */
static void a_401_at_another_url(void **state)
{
  Client client;
  CURLU *url = parsed(BASE INVOICES_2);
  preload_open_warm(&client, MODE(state));
  curl_easy_setopt(client.curl, CURLOPT_CURLU, url);
  client_expect(&client, 200);
  preload_revoke_business_tokens();
  assert_int_equal(client_run(&client), CURLE_OK);
  assert_true(client_status(&client) == 200 || client_status(&client) == 401);
  client_expect(&client, 200);
  json_object *log = request_log(&emulator);
  for (size_t i = 0; i < json_object_array_length(log); i++)
    assert_null(strstr(log_text(log, i, "target"), FIRST "/invoices"));
  json_object_put(log);
  client_close(&client);
  curl_url_cleanup(url);
}

static size_t change_in_header(char *data, size_t size, size_t count, void *to)
{
  Client *client = to;
  (void)data;
  curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, NULL);
  return size * count;
}

/* An option of ours is changed while the 401 comes in. */
static void changed_while_a_401_comes(void **state)
{
  Client client;
  CURLU *url = parsed(BASE INVOICES_2);
  client_open_plain(&client, &emulator, MODE(state), BASE INVOICES);
  curl_easy_setopt(client.curl, CURLOPT_URL, NULL);
  curl_easy_setopt(client.curl, CURLOPT_CURLU, url);
  curl_easy_setopt(client.curl, CURLOPT_HEADERFUNCTION, change_in_header);
  curl_easy_setopt(client.curl, CURLOPT_HEADERDATA, &client);
  client_expect(&client, 200);
  preload_revoke_business_tokens();
  assert_int_equal(client_run(&client), CURLE_OK);
  expect_effective_url(&client, BASE INVOICES_2);
  client_close(&client);
  curl_url_cleanup(url);
}

/* It is there, and gone again before anything is asked for. */
static void taken_back_before_it_is_used(void **state)
{
  Client client;
  CURLU *url = parsed(BASE BUSINESSES);
  preload_open_warm(&client, MODE(state));
  CURLM *multi = curl_multi_init();
  curl_easy_setopt(client.curl, CURLOPT_CURLU, url);
  assert_int_equal(curl_multi_add_handle(multi, client.curl), CURLM_OK);
  assert_int_equal(curl_multi_remove_handle(multi, client.curl), CURLM_OK);
  curl_easy_setopt(client.curl, CURLOPT_CURLU, NULL);
  assert_int_equal(run_without_curlu(&client, BASE INVOICES), CURLE_OK);
  assert_int_equal(client_status(&client), 200);
  expect_log(&emulator, SENT(INVOICES, "business=3c90", "200"));
  client_close(&client);
  curl_multi_cleanup(multi);
  curl_url_cleanup(url);
}

/* A 401 to a parsed URL is answered too. */
static void a_parsed_url_with_a_revoked_token(void **state)
{
  Client client;
  CURLU *url = parsed(BASE INVOICES);
  preload_open_warm(&client, MODE(state));
  curl_easy_setopt(client.curl, CURLOPT_CURLU, url);
  for (int i = 0; i < 3; i++) {
    preload_revoke_business_tokens();
    client_expect(&client, 200);
  }
  client_close(&client);
  curl_url_cleanup(url);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      ALL_MODES(a_parsed_url),
      ALL_MODES(a_parsed_url_with_a_revoked_token),
      ALL_MODES(beside_a_written_one),
      EASY_AND_MULTI(a_401_at_another_url),
      EASY_AND_MULTI(changed_while_a_401_comes),
      EASY_AND_MULTI(taken_back_before_it_is_used),
  };
  return PRELOAD_MAIN_RUN(tests);
}
