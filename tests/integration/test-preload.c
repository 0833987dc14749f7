/* SPDX-License-Identifier: MIT */
/* test-preload.c - an unchanged program under the shim: the right bearer, and 401s that it never
 * sees. */
#include <stdlib.h>
#include <string.h>

#include "preload-client.h"
#include "upload.h"

static void the_right_bearer(void **state)
{
  Client client;
  client_open_plain(&client, &emulator, MODE(state), BASE BUSINESSES);
  client_expect(&client, 200);
  assert_int_equal(client_run_url(&client, BASE INVOICES), CURLE_OK);
  assert_int_equal(client_run_url(&client, BASE INVOICES_2), CURLE_OK);
  assert_int_equal(client_run_url(&client, BASE BUSINESSES), CURLE_OK);
  client_expect(&client, 200);
  expect_log(&emulator,
             LOG_PARTNER_TOKEN SENT(BUSINESSES, "partner", "200")
                 LOG_BUSINESS_TOKEN SENT(INVOICES, "business=3c90", "200")
                     LOG_BUSINESS_TOKEN SENT(INVOICES_2, "business=1111", "200")
                         SENT(BUSINESSES, "partner", "200") SENT(BUSINESSES, "partner", "200"));
  client_close(&client);
}

/* Between them places where no token goes. */
static void places_without_a_token(void **state)
{
  Client client;
  client_open_plain(&client, &emulator, MODE(state), BASE INVOICES);
  client_expect(&client, 200);
  control(&emulator, "POST", "reset");
  assert_int_equal(client_run_url(&client, "https://evil.example/"), CURLE_OK);
  assert_int_equal(client_run_url(&client, BASE "/v1/platform/customers/"), CURLE_OK);
  assert_int_equal(client_run_url(&client, BASE "/api/friday/token"), CURLE_OK);
  assert_int_equal(client_run_url(&client, BASE INVOICES), CURLE_OK);
  expect_log(&emulator,
             "GET https evil.example / none 200\n" SENT("/v1/platform/customers/", "none", "401")
                 SENT("/api/friday/token", "none", "200") SENT(INVOICES, "business=3c90", "200"));
  expect_no_leak(&emulator);
  client_close(&client);
}

/* ---- revoked tokens ---- */

static void a_revoked_token(void **state)
{
  Client client;
  preload_open_stale(&client, MODE(state));
  client_expect(&client, 200);
  preload_expect_good_body(&client);
  expect_log(&emulator, SENT(INVOICES, "invalid", "401")
                            LOG_BUSINESS_TOKEN SENT(INVOICES, "business=3c90", "200"));
  expect_no_leak(&emulator);
  client_close(&client);
}

/* libcurl by itself can answer the 401 of every second transfer only. */
static void many_in_a_row_on_one_handle(void **state)
{
  Client client;
  client_open_plain(&client, &emulator, MODE(state), BASE INVOICES);
  for (int i = 0; i < 8; i++) {
    client_expect(&client, 200);
    preload_expect_good_body(&client);
    control(&emulator, "POST", i == 5 ? "revoke" : "revoke?kind=business");
  }
  expect_counter(&emulator, "ok", 8);
  expect_no_leak(&emulator);
  client_close(&client);
}

static void a_second_401_is_final(void **state)
{
  Client client;
  preload_open_warm(&client, MODE(state));
  control(&emulator, "POST", "fault?path=" BUSINESSES "&action=status&status=401&times=0");
  client_expect(&client, 401);
  expect_log(&emulator, SENT(INVOICES, "business=3c90", "401")
                            LOG_BUSINESS_TOKEN SENT(INVOICES, "business=3c90", "401"));
  assert_non_null(strstr(client.body.data, "invalid_token"));
  client_close(&client);
}

/* libcurl does not answer a 401 that asks for nothing. */
static void without_a_challenge(void **state)
{
  Client client;
  preload_open_stale(&client, MODE(state));
  control(&emulator, "POST", "set?www_authenticate=no");
  for (int i = 0; i < 3; i++) {
    client_expect(&client, 200);
    preload_expect_good_body(&client);
    expect_log(&emulator, SENT(INVOICES, "invalid", "401")
                              LOG_BUSINESS_TOKEN SENT(INVOICES, "business=3c90", "200"));
    preload_revoke_business_tokens();
  }
  expect_no_leak(&emulator);
  client_close(&client);
}

static void no_business_by_that_name(void **state)
{
  Client client;
  client_open_plain(&client, &emulator, MODE(state), BASE BUSINESSES NOBODY "/invoices/");
  control(&emulator, "POST", "set?www_authenticate=no");
  client_expect(&client, 401);
  client_close(&client);
}

/* ---- bodies ---- */

typedef struct Case {
  const char *name, *method;
  UploadSetup setup;
  bool whole_body; /* what arrives is the bytes and nothing around them */
} Case;

static const Case cases[] = {
    {"POSTFIELDS", "POST", upload_postfields, true},
    {"COPYPOSTFIELDS", "POST", upload_copypostfields, true},
    {"mime data", "POST", upload_mime_data, false},
    {"mime file", "POST", upload_mime_file, false},
    {"put", "PUT", upload_put, true},
    {"put, chunked", "PUT", upload_put_chunked, true},
};

/* The last request of the log carried it, and the one before the token request too. Through nghttpx
 * the answer may overtake the refused body. */
static void expect_body(const Case *one, Mode mode)
{
  json_object *log = request_log(&emulator);
  size_t last = json_object_array_length(log) - 1;
  assert_int_equal(last, 2);
  assert_string_equal(log_text(log, last, "method"), one->method);
  if (one->whole_body)
    assert_string_equal(log_text(log, last, "body_sha256"), upload_sha256());
  else
    assert_true(atoi(log_text(log, last, "body_bytes")) > (int)UPLOAD_SIZE);
  if (!mode.h2)
    assert_string_equal(log_text(log, 0, "body_sha256"), log_text(log, last, "body_sha256"));
  json_object_put(log);
}

static void bodies_arrive_whole(void **state)
{
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    Client client;
    Upload upload = {0};
    harness_fresh(state);
    preload_open_stale(&client, MODE(state));
    cases[i].setup(&client, &upload);
    CURLcode code = client_run(&client);
    if (code || client_status(&client) / 100 != 2)
      print_error("%s: %d %ld\n", cases[i].name, (int)code, client_status(&client));
    assert_int_equal(code, CURLE_OK);
    assert_int_equal(client_status(&client) / 100, 2);
    expect_body(&cases[i], MODE(state));
    client_close(&client);
    upload_clear(&upload);
  }
}

/* The program gets the 401; the handle is as good as before. */
static void a_body_that_cannot_be_rewound(void **state)
{
  Client client;
  Upload upload = {0};
  preload_open_stale(&client, MODE(state));
  upload_put_unseekable(&client, &upload);
  client_expect(&client, 401);
  assert_non_null(strstr(client.body.data, "invalid_token"));
  expect_log(&emulator, SENT_AS("PUT", INVOICES, "invalid", "401"));
  upload.at = 0;
  client_expect(&client, 200);
  json_object *log = request_log(&emulator);
  assert_string_equal(log_text(log, json_object_array_length(log) - 1, "body_sha256"),
                      upload_sha256());
  json_object_put(log);
  client_close(&client);
  upload_clear(&upload);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      ALL_MODES(the_right_bearer),
      ALL_MODES(places_without_a_token),
      ALL_MODES(a_revoked_token),
      ALL_MODES(many_in_a_row_on_one_handle),
      ALL_MODES(a_second_401_is_final),
      ALL_MODES(without_a_challenge),
      EASY_AND_MULTI(no_business_by_that_name),
      ALL_MODES(bodies_arrive_whole),
      EASY_AND_MULTI(a_body_that_cannot_be_rewound),
  };
  return PRELOAD_MAIN_RUN(tests);
}
