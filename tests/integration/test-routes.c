/* SPDX-License-Identifier: MIT */
/* test-routes.c - which token goes with which request, and with which none at all. */
#include <stdio.h>
#include <string.h>

#include "client.h"

#define SEEN(path, authorization, status)                                                          \
  "GET https " HOST " " path " " authorization " " status "\n"

static void partner_resource_gets_the_partner_token(void **state)
{
  Client client;
  client_open(&client, MODE(state), BASE BUSINESSES);
  client_expect(&client, 200);
  client_expect(&client, 200);
  expect_log(&emulator, LOG_PARTNER_TOKEN SEEN(BUSINESSES, "partner", "200")
                            SEEN(BUSINESSES, "partner", "200"));
  client_close(&client);
}

static void businesses_get_tokens_of_their_own(void **state)
{
  Client client;
  client_open(&client, MODE(state), BASE INVOICES);
  client_expect(&client, 200);
  assert_int_equal(client_run_url(&client, BASE INVOICES_2), CURLE_OK);
  assert_int_equal(client_status(&client), 200);
  expect_log(&emulator, LOG_TOKENS SEEN(INVOICES, "business=3c90", "200")
                            LOG_BUSINESS_TOKEN SEEN(INVOICES_2, "business=1111", "200"));
  json_object *log = request_log(&emulator);
  assert_string_not_equal(log_authorization(log, 2), log_authorization(log, 4));
  json_object_put(log);
  client_close(&client);
}

/* A request as it must arrive, or must not: `seen` NULL. */
typedef struct Case {
  const char *name, *url, *seen;
} Case;

static const Case nothing[] = {
    {"documentation", "https://docs.thredfi.com" BUSINESSES,
     "GET https docs.thredfi.com " BUSINESSES " none 200\n"},
    {"the domain itself", "https://thredfi.com" BUSINESSES,
     "GET https thredfi.com " BUSINESSES " none 200\n"},
    {"another host of the domain", "https://www.thredfi.com" BUSINESSES,
     "GET https www.thredfi.com " BUSINESSES " none 200\n"},
    {"another domain", "https://evil.example" BUSINESSES,
     "GET https evil.example " BUSINESSES " none 200\n"},
    {"an inactive environment", "https://api.thredfi.com" BUSINESSES,
     "GET https api.thredfi.com " BUSINESSES " none 401\n"},
    {"plain HTTP", "http://" HOST BUSINESSES, "GET http " HOST " " BUSINESSES " none 401\n"},
    {"another port", "https://" HOST ":8443" BUSINESSES, SEEN(BUSINESSES, "none", "401")},
    {"product pricing", BASE "/api/v1/product-pricing/x",
     SEEN("/api/v1/product-pricing/x", "none", "200")},
    {"the older flow", BASE "/api/friday/token", SEEN("/api/friday/token", "none", "200")},
    {"no business known", BASE "/v1/platform/customers/",
     SEEN("/v1/platform/customers/", "none", "401")},
    {"no UUID", BASE BUSINESSES "17/invoices/", SEEN(BUSINESSES "17/invoices/", "none", "401")},
    {"an encoded slash", BASE BUSINESSES FIRST "%2finvoices/",
     SEEN(BUSINESSES FIRST "%2finvoices/", "none", "401")},
    {"a double slash", BASE "/v1/platform//businesses/",
     SEEN("/v1/platform//businesses/", "none", "401")},
    {"a trailing dot", "https://" HOST "." BUSINESSES, SEEN(BUSINESSES, "none", "401")},
};

static void nothing_goes_elsewhere(void **state)
{
  for (size_t i = 0; i < sizeof nothing / sizeof nothing[0]; i++) {
    Client client;
    harness_fresh(NULL);
    control(&emulator, "POST", "set?www_authenticate=no"); /* see test-retry-limits.c */
    client_open(&client, MODE(state), nothing[i].url);
    CURLcode code = client_run(&client);
    if (code)
      print_error("%s: %s\n", nothing[i].name, client.trouble);
    assert_int_equal(code, CURLE_OK);
    expect_log(&emulator, nothing[i].seen);
    expect_counter(&emulator, "foreign_authorization", 0);
    client_close(&client);
  }
}

static void partner_endpoint_gets_nothing_of_ours(void **state)
{
  Client client;
  control(&emulator, "POST", "set?www_authenticate=no");
  client_open(&client, MODE(state), BASE "/v1/platform/oauth2/token/");
  curl_easy_setopt(client.curl, CURLOPT_POSTFIELDS, "grant_type=client_credentials");
  client_expect(&client, 401);
  expect_log(&emulator, "POST https " HOST " token:partner none 401\n");
  client_close(&client);
}

static void business_endpoint_gets_the_partner_token(void **state)
{
  Client client;
  client_open(&client, MODE(state), BASE "/v1/platform/" FIRST "/oauth2/token/");
  curl_easy_setopt(client.curl, CURLOPT_POSTFIELDS, "");
  client_expect(&client, 200);
  expect_log(&emulator, LOG_PARTNER_TOKEN "POST https " HOST " token:business partner 200\n");
  client_close(&client);
}

static void query_and_fragment_do_not_matter(void **state)
{
  Client client;
  client_open(&client, MODE(state), BASE INVOICES "?business_id=" SECOND "&a=/x#f");
  client_expect(&client, 200);
  expect_log(&emulator,
             LOG_TOKENS SEEN(INVOICES "?business_id=" SECOND "&a=/x", "business=3c90", "200"));
  client_close(&client);
}

static void sibling_host_is_asked_for_its_own_token(void **state)
{
  Client client;
  client_open(&client, MODE(state), "https://" SIBLING BUSINESSES);
  client_expect(&client, 200);
  expect_log(&emulator, "POST https " SIBLING " token:partner basic 200\n"
                        "GET https " SIBLING " " BUSINESSES " partner 200\n");
  client_close(&client);
}

static void without_attach_nothing_happens(void **state)
{
  Client client;
  client_open_plain(&client, &emulator, MODE(state), BASE BUSINESSES);
  client_expect(&client, 401);
  expect_log(&emulator, SEEN(BUSINESSES, "none", "401"));
  client_close(&client);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      EASY_AND_MULTI(partner_resource_gets_the_partner_token),
      EASY_AND_MULTI(businesses_get_tokens_of_their_own),
      EASY_AND_MULTI(nothing_goes_elsewhere),
      EASY_AND_MULTI(partner_endpoint_gets_nothing_of_ours),
      EASY_AND_MULTI(business_endpoint_gets_the_partner_token),
      EASY_AND_MULTI(query_and_fragment_do_not_matter),
      EASY_AND_MULTI(sibling_host_is_asked_for_its_own_token),
      EASY_AND_MULTI(without_attach_nothing_happens),
  };
  harness_require_installation();
  return cmocka_run_group_tests(tests, harness_start, harness_stop);
}
