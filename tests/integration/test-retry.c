/* SPDX-License-Identifier: MIT */
/*
 * test-retry.c - a 401 is answered once, with a new token, inside the same transfer: every way to
 * send a body, easy and multi, HTTP/1.1 and HTTP/2. The limits stand in test-retry-limits.c.
 */
#include <string.h>

#include "client.h"
#include "h2.h"
#include "upload.h"

#define BAD(method)          method " https " HOST " " INVOICES " invalid 401\n"
#define GOOD(method, status) method " https " HOST " " INVOICES " business=3c90 " status "\n"

/* A token in the cache that the server no longer takes. */
static void open_with_stale_token(Client *client, Mode mode)
{
  client_open(client, mode, BASE INVOICES);
  client_expect(client, 200);
  control(&emulator, "POST", "revoke?kind=business");
  control(&emulator, "POST", "reset");
}

static void expect_version(const Client *client)
{
  long version = 0;
  curl_easy_getinfo(client->curl, CURLINFO_HTTP_VERSION, &version);
  assert_int_equal(version, client->mode.h2 ? CURL_HTTP_VERSION_2_0 : CURL_HTTP_VERSION_1_1);
}

/* The last entry of the log is the good one, whatever stands before it. */
static json_object *last_of(json_object *log, size_t *index)
{
  *index = json_object_array_length(log) - 1;
  return log;
}

static void expect_json_body(const Client *client)
{
  json_object *body = json_tokener_parse(client->body.data);
  assert_non_null(body); /* one document: nothing of the 401's stands in front of it */
  assert_false(json_object_object_get_ex(body, "error_code", NULL));
  json_object_put(body);
}

static void get(void **state)
{
  Client client;
  open_with_stale_token(&client, MODE(state));
  client_expect(&client, 200);
  expect_version(&client);
  expect_json_body(&client);
  expect_log(&emulator, BAD("GET") LOG_BUSINESS_TOKEN GOOD("GET", "200"));
  expect_no_leak(&emulator);
  client_close(&client);
}

static void head(void **state)
{
  Client client;
  open_with_stale_token(&client, MODE(state));
  curl_easy_setopt(client.curl, CURLOPT_NOBODY, 1L);
  client_expect(&client, 200);
  assert_int_equal(client.body.length, 0);
  expect_log(&emulator, BAD("HEAD") LOG_BUSINESS_TOKEN GOOD("HEAD", "200"));
  client_close(&client);
}

static void delete (void **state)
{
  Client client;
  open_with_stale_token(&client, MODE(state));
  curl_easy_setopt(client.curl, CURLOPT_CUSTOMREQUEST, "DELETE");
  client_expect(&client, 204);
  assert_int_equal(client.body.length, 0);
  expect_log(&emulator, BAD("DELETE") LOG_BUSINESS_TOKEN GOOD("DELETE", "204"));
  client_close(&client);
}

/* What arrived with the good request is what was given, and the receipt in the answer says so. */
static void expect_receipt(const Client *client, bool whole_body)
{
  size_t last;
  json_object *log = last_of(request_log(&emulator), &last), *value = NULL;
  json_object *receipt = json_tokener_parse(client->body.data);
  assert_non_null(receipt);
  assert_true(json_object_object_get_ex(receipt, "sha256", &value));
  assert_string_equal(log_text(log, last, "body_sha256"), json_object_get_string(value));
  if (whole_body)
    assert_string_equal(log_text(log, last, "body_sha256"), upload_sha256());
  else /* multipart: the boundary is libcurl's affair, the length is not */
    assert_true(json_object_get_int(json_object_object_get(receipt, "bytes")) > (int)UPLOAD_SIZE);
  json_object_put(receipt);
  json_object_put(log);
}

static void expect_equal_lengths(void)
{
  json_object *log = request_log(&emulator);
  assert_string_equal(log_text(log, 0, "body_bytes"), log_text(log, 2, "body_bytes"));
  assert_string_equal(log_text(log, 0, "body_sha256"), log_text(log, 2, "body_sha256"));
  json_object_put(log);
}

static void run_upload(void **state, UploadSetup setup, const char *expected, bool whole_body)
{
  Client client;
  Upload upload = {0};
  open_with_stale_token(&client, MODE(state));
  setup(&client, &upload);
  assert_int_equal(client_run(&client), CURLE_OK);
  expect_version(&client);
  expect_log(&emulator, expected);
  expect_receipt(&client, whole_body);
  /* Through nghttpx the answer may overtake the refused body. */
  if (!client.mode.h2)
    expect_equal_lengths();
  client_close(&client);
  upload_clear(&upload);
}

static void postfields(void **state)
{
  run_upload(state, upload_postfields, BAD("POST") LOG_BUSINESS_TOKEN GOOD("POST", "201"), true);
}

static void copypostfields(void **state)
{
  run_upload(state, upload_copypostfields, BAD("POST") LOG_BUSINESS_TOKEN GOOD("POST", "201"),
             true);
}

static void mime_data(void **state)
{
  run_upload(state, upload_mime_data, BAD("POST") LOG_BUSINESS_TOKEN GOOD("POST", "201"), false);
}

static void mime_file(void **state)
{
  run_upload(state, upload_mime_file, BAD("POST") LOG_BUSINESS_TOKEN GOOD("POST", "201"), false);
}

static void put(void **state)
{
  run_upload(state, upload_put, BAD("PUT") LOG_BUSINESS_TOKEN GOOD("PUT", "200"), true);
}

static void put_chunked(void **state)
{
  run_upload(state, upload_put_chunked, BAD("PUT") LOG_BUSINESS_TOKEN GOOD("PUT", "200"), true);
}

static void partner_token(void **state)
{
  Client client;
  client_open(&client, MODE(state), BASE BUSINESSES);
  client_expect(&client, 200);
  control_revoke(&emulator);
  control(&emulator, "POST", "reset");
  client_expect(&client, 200);
  expect_log(&emulator, "GET https " HOST " " BUSINESSES " invalid 401\n" LOG_PARTNER_TOKEN
                        "GET https " HOST " " BUSINESSES " partner 200\n");
  client_close(&client);
}

/* The business token and the partner token that it is asked for with are both gone. */
static void both_tokens(void **state)
{
  Client client;
  client_open(&client, MODE(state), BASE INVOICES);
  client_expect(&client, 200);
  control_revoke(&emulator);
  control(&emulator, "POST", "reset");
  client_expect(&client, 200);
  expect_log(&emulator, BAD("GET") "POST https " HOST
                                   " token:business invalid 401\n" LOG_TOKENS GOOD("GET", "200"));
  client_close(&client);
}

/* libcurl by itself can answer the 401 of every second transfer only. */
static void ten_in_a_row_on_one_handle(void **state)
{
  Client client;
  client_open(&client, MODE(state), BASE INVOICES);
  for (int i = 0; i < 10; i++) {
    client_expect(&client, 200);
    expect_json_body(&client);
    control(&emulator, "POST", "revoke?kind=business");
  }
  expect_counter(&emulator, "ok", 10);
  expect_no_leak(&emulator);
  client_close(&client);
}

static void idempotency_key_is_kept(void **state)
{
  Client client;
  struct curl_slist *headers = curl_slist_append(NULL, "Idempotency-Key: 17");
  open_with_stale_token(&client, MODE(state));
  assert_int_equal(thred_curl_set_headers(client.curl, headers), THRED_OK);
  curl_easy_setopt(client.curl, CURLOPT_POSTFIELDS, "{}");
  client_expect(&client, 201);
  json_object *log = request_log(&emulator);
  assert_string_equal(log_header(log, 0, "idempotency-key"), "17");
  assert_string_equal(log_header(log, 2, "idempotency-key"), "17");
  json_object_put(log);
  client_close(&client);
  curl_slist_free_all(headers);
}

static int stop(void **state)
{
  h2_stop();
  return harness_stop(state);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      ALL_MODES(get),
      ALL_MODES(head),
      ALL_MODES(delete),
      ALL_MODES(postfields),
      ALL_MODES(copypostfields),
      ALL_MODES(mime_data),
      ALL_MODES(mime_file),
      ALL_MODES(put),
      ALL_MODES(put_chunked),
      EASY_AND_MULTI(partner_token),
      EASY_AND_MULTI(both_tokens),
      ALL_MODES(ten_in_a_row_on_one_handle),
      ALL_MODES(idempotency_key_is_kept),
  };
  harness_require_installation();
  return cmocka_run_group_tests(tests, harness_start, stop);
}
