/* SPDX-License-Identifier: MIT */
/* test-token-policy.c - `allow`, `pin-business` and `business`, for tokens and for transfers. */
#include "client.h"

static const char policy[] = "[environment sandbox]\n"
                             "allow = business;\n"
                             "business = " FIRST "\n"
                             "pin-business = yes\n";

static int get(ThredTokenKind kind, const char *business)
{
  ThredTokenRequest request = {.size = sizeof request, .kind = kind, .business_id = business};
  ThredToken token = {.size = sizeof token};
  int code = thred_token_get(&request, &token);
  thred_token_clear(&token);
  return code;
}

static void tokens(void **state)
{
  (void)state;
  assert_int_equal(get(THRED_TOKEN_PARTNER, NULL), THRED_E_NOT_ALLOWED);
  assert_int_equal(get(THRED_TOKEN_BUSINESS, SECOND), THRED_E_NOT_ALLOWED);
  expect_log(&emulator, "");
  assert_int_equal(get(THRED_TOKEN_BUSINESS, NULL), THRED_OK);
  assert_int_equal(get(THRED_TOKEN_BUSINESS, FIRST), THRED_OK);
  expect_log(&emulator, LOG_TOKENS);
}

static void transfers(void **state)
{
  static const struct {
    const char *url;
    long status;
  } cases[] = {{BASE INVOICES, 200},
               {BASE "/v1/platform/customers/", 404}, /* the emulator has none; the token is good */
               {BASE INVOICES_2, 401},
               {BASE BUSINESSES, 401}};
  Client client;
  control(&emulator, "POST", "set?www_authenticate=no");
  client_open(&client, MODE(state), BASE INVOICES);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    assert_int_equal(client_run_url(&client, cases[i].url), CURLE_OK);
    assert_int_equal(client_status(&client), cases[i].status);
  }
  expect_counter(&emulator, "token_requests.partner", 1);
  expect_counter(&emulator, "token_requests.business", 1);
  client_close(&client);
}

/* The business token endpoint takes the partner token, which `allow` keeps inside the library. */
static void token_endpoint(void **state)
{
  Client client;
  control(&emulator, "POST", "set?www_authenticate=no");
  client_open(&client, MODE(state), BASE "/v1/platform/" FIRST "/oauth2/token/");
  curl_easy_setopt(client.curl, CURLOPT_POSTFIELDS, "");
  client_expect(&client, 401);
  expect_log(&emulator, "POST https " HOST " token:business none 401\n");
  client_close(&client);
}

static int start(void **state)
{
  int result = harness_start(state);
  emulator_configure(&emulator, "60-policy.conf", policy);
  return result;
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      IN_MODE(tokens, easy),
      EASY_AND_MULTI(transfers),
      EASY_AND_MULTI(token_endpoint),
  };
  harness_require_installation();
  return cmocka_run_group_tests(tests, start, harness_stop);
}
