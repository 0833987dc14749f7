/* SPDX-License-Identifier: MIT */
/* test-token.c - the token itself: thred_token_get() and thred_token_try_get(). */
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "run-probe.h"

static int get(ThredToken *token, ThredTokenKind kind, const char *business)
{
  ThredTokenRequest request = {.size = sizeof request, .kind = kind, .business_id = business};
  *token = (ThredToken){.size = sizeof *token};
  return thred_token_get(&request, token);
}

static void both_kinds(void **state)
{
  (void)state;
  ThredToken partner, business;
  assert_int_equal(get(&business, THRED_TOKEN_BUSINESS, FIRST), THRED_OK);
  assert_int_equal(get(&partner, THRED_TOKEN_PARTNER, NULL), THRED_OK);
  expect_log(&emulator, LOG_TOKENS);
  assert_int_equal(business.length, strlen(business.value));
  assert_in_range(business.expires_in, 3500, 3600);
  assert_in_range(partner.expires_in, 3500, 3600);
  assert_string_not_equal(partner.value, business.value);
  json_object *log = request_log(&emulator);
  assert_string_equal(log_authorization(log, 1) + strlen("Bearer "), partner.value);
  json_object_put(log);
  thred_token_clear(&business);
  assert_null(business.value);
  thred_token_clear(&business);
  thred_token_clear(&partner);
}

static void it_is_the_one_that_transfers_use(void **state)
{
  Client client;
  ThredToken token;
  assert_int_equal(get(&token, THRED_TOKEN_BUSINESS, FIRST), THRED_OK);
  control(&emulator, "POST", "reset");
  client_open(&client, MODE(state), BASE INVOICES);
  client_expect(&client, 200);
  json_object *log = request_log(&emulator);
  assert_int_equal(json_object_array_length(log), 1);
  assert_string_equal(log_authorization(log, 0) + strlen("Bearer "), token.value);
  json_object_put(log);
  client_close(&client);
  thred_token_clear(&token);
}

static void another_host_of_the_environment(void **state)
{
  (void)state;
  ThredTokenRequest request = {
      .size = sizeof request, .environment = "sandbox", .host = SIBLING, .business_id = FIRST};
  ThredToken token = {.size = sizeof token};
  assert_int_equal(thred_token_get(&request, &token), THRED_OK);
  expect_log(&emulator, "POST https " SIBLING " token:partner basic 200\n"
                        "POST https " SIBLING " token:business partner 200\n");
  thred_token_clear(&token);
}

/* What is asked wrongly, and the error that it leads to. None reaches the server. */
typedef struct Wrong {
  ThredTokenRequest request;
  int expected;
} Wrong;

#define SIZE .size = sizeof(ThredTokenRequest)

static const Wrong wrongs[] = {
    {{.size = 1, .business_id = FIRST}, THRED_E_INVALID},
    {{SIZE, .business_id = "x"}, THRED_E_INVALID},
    {{SIZE, .kind = (ThredTokenKind)2}, THRED_E_INVALID},
    {{SIZE, .business_id = FIRST, .timeout_ms = -1}, THRED_E_INVALID},
    {{SIZE}, THRED_E_NO_BUSINESS},
    {{SIZE, .business_id = FIRST, .environment = "nowhere"}, THRED_E_CONFIG},
    {{SIZE, .business_id = FIRST, .environment = "production"}, THRED_E_CONFIG},
    {{SIZE, .business_id = FIRST, .host = "evil.example"}, THRED_E_CONFIG},
    {{SIZE, .business_id = FIRST, .host = "api.thredfi.com"}, THRED_E_CONFIG},
};

static void wrong_requests(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
    ThredToken token = {.size = sizeof token};
    assert_int_equal(thred_token_get(&wrongs[i].request, &token), wrongs[i].expected);
    assert_null(token.value);
    assert_true(thred_last_message()[0] != '\0');
    assert_int_equal(thred_token_try_get(&wrongs[i].request, &token), wrongs[i].expected);
  }
  ThredTokenRequest good = {SIZE, .business_id = FIRST};
  ThredToken small = {.size = sizeof small - 1};
  assert_int_equal(thred_token_get(&good, &small), THRED_E_INVALID);
  expect_log(&emulator, "");
}

static void default_business_of_the_process(void **state)
{
  (void)state;
  ThredToken token;
  assert_int_equal(setenv("THRED_BUSINESS_ID", SECOND, 1), 0);
  assert_int_equal(get(&token, THRED_TOKEN_BUSINESS, NULL), THRED_OK);
  thred_token_clear(&token);
  assert_int_equal(get(&token, THRED_TOKEN_BUSINESS, SECOND), THRED_OK);
  thred_token_clear(&token);
  assert_int_equal(unsetenv("THRED_BUSINESS_ID"), 0);
  expect_log(&emulator, LOG_TOKENS);
}

static void what_the_server_refuses(void **state)
{
  (void)state;
  ThredToken token;
  assert_int_equal(get(&token, THRED_TOKEN_BUSINESS, NOBODY), THRED_E_BUSINESS_NOT_FOUND);
  harness_fresh(NULL);
  control(&emulator, "POST", "set?api_key=another");
  assert_int_equal(get(&token, THRED_TOKEN_PARTNER, NULL), THRED_E_REFUSED);
  harness_fresh(NULL);
  control(&emulator, "POST", "fault?path=token:partner&action=status&status=503");
  assert_int_equal(get(&token, THRED_TOKEN_PARTNER, NULL), THRED_E_SERVER);
  harness_fresh(NULL);
  control(&emulator, "POST", "fault?path=token:partner&action=huge");
  assert_int_equal(get(&token, THRED_TOKEN_PARTNER, NULL), THRED_E_TOO_LARGE);
  harness_fresh(NULL);
  control(&emulator, "POST", "fault?path=token:partner&action=drop&times=0");
  assert_int_equal(get(&token, THRED_TOKEN_PARTNER, NULL), THRED_E_NETWORK);
}

static void a_refused_generation(void **state)
{
  (void)state;
  ThredToken first, second;
  ThredTokenRequest request = {SIZE, .business_id = FIRST};
  assert_int_equal(get(&first, THRED_TOKEN_BUSINESS, FIRST), THRED_OK);
  second = (ThredToken){.size = sizeof second};
  request.refused_generation = first.generation;
  assert_int_equal(thred_token_get(&request, &second), THRED_OK);
  assert_string_not_equal(first.value, second.value);
  assert_true(first.generation != second.generation);
  thred_token_clear(&second);
  /* An older one than the cache holds: that one is good, nothing is fetched. */
  assert_int_equal(thred_token_get(&request, &second), THRED_OK);
  expect_counter(&emulator, "token_requests.business", 2);
  thred_token_clear(&first);
  thred_token_clear(&second);
}

static void try_get_never_fetches(void **state)
{
  (void)state;
  ThredTokenRequest request = {SIZE, .business_id = FIRST};
  ThredToken token = {.size = sizeof token};
  assert_int_equal(thred_token_try_get(&request, &token), THRED_E_WOULD_BLOCK);
  assert_null(token.value);
  expect_log(&emulator, "");
  ThredToken fetched;
  assert_int_equal(get(&fetched, THRED_TOKEN_BUSINESS, FIRST), THRED_OK);
  assert_int_equal(thred_token_try_get(&request, &token), THRED_OK);
  assert_string_equal(token.value, fetched.value);
  thred_token_clear(&fetched);
  thred_token_clear(&token);
}

static int try_first(void)
{
  ThredTokenRequest request = {SIZE, .business_id = FIRST};
  ThredToken token = {.size = sizeof token};
  int code = thred_token_try_get(&request, &token);
  if (code == THRED_E_AGAIN)
    assert_true(token.retry_after_ms > 0);
  thred_token_clear(&token);
  return code;
}

static bool try_is(void *code)
{
  return try_first() == *(int *)code;
}

static void try_get_while_another_process_fetches(void **state)
{
  (void)state;
  int again = THRED_E_AGAIN, ok = THRED_OK;
  const Probe other = {.arguments = {"token", "business", FIRST}};
  control(&emulator, "POST", "set?delay_ms=1000");
  assert_int_equal(try_first(), THRED_E_WOULD_BLOCK);
  pid_t pid = probe_start(&other);
  wait_until(try_is, &again);
  wait_until(try_is, &ok);
  assert_int_equal(process_wait(pid), 0);
  expect_counter(&emulator, "token_requests.business", 1);
}

static void the_time_allowed_is_kept(void **state)
{
  (void)state;
  ThredTokenRequest request = {SIZE, .kind = THRED_TOKEN_PARTNER, .timeout_ms = 300};
  ThredToken token = {.size = sizeof token};
  control(&emulator, "POST", "set?delay_ms=6000");
  int64_t start = now_ms();
  assert_int_equal(thred_token_get(&request, &token), THRED_E_TIMEOUT);
  assert_in_range(now_ms() - start, 200, 4000);
  assert_null(token.value);
}

/* The one that waits for another's fetch has a time of its own, too. */
static void the_time_allowed_is_kept_while_waiting(void **state)
{
  (void)state;
  int again = THRED_E_AGAIN;
  const Probe other = {.arguments = {"token", "business", FIRST}};
  ThredTokenRequest request = {SIZE, .business_id = FIRST, .timeout_ms = 300};
  ThredToken token = {.size = sizeof token};
  control(&emulator, "POST", "set?delay_ms=6000");
  pid_t pid = probe_start(&other);
  wait_until(try_is, &again);
  int64_t start = now_ms();
  assert_int_equal(thred_token_get(&request, &token), THRED_E_TIMEOUT);
  assert_in_range(now_ms() - start, 200, 4000);
  process_stop(pid);
}

static void large_tokens(void **state)
{
  Client client;
  control(&emulator, "POST", "set?token_bytes=30000");
  client_open(&client, MODE(state), BASE INVOICES);
  client_expect(&client, 200);
  client_expect(&client, 200);
  expect_counter(&emulator, "token_requests.business", 1);
  client_close(&client);
  harness_fresh(NULL);
  control(&emulator, "POST", "set?token_bytes=40000");
  ThredToken token;
  assert_int_equal(get(&token, THRED_TOKEN_PARTNER, NULL), THRED_E_TOO_LARGE);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      IN_MODE(both_kinds, easy),
      EASY_AND_MULTI(it_is_the_one_that_transfers_use),
      IN_MODE(another_host_of_the_environment, easy),
      IN_MODE(wrong_requests, easy),
      IN_MODE(default_business_of_the_process, easy),
      IN_MODE(what_the_server_refuses, easy),
      IN_MODE(a_refused_generation, easy),
      IN_MODE(try_get_never_fetches, easy),
      IN_MODE(try_get_while_another_process_fetches, easy),
      IN_MODE(the_time_allowed_is_kept, easy),
      IN_MODE(the_time_allowed_is_kept_while_waiting, easy),
      EASY_AND_MULTI(large_tokens),
  };
  harness_require_installation();
  return cmocka_run_group_tests(tests, harness_start, harness_stop);
}
