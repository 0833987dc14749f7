/* SPDX-License-Identifier: MIT */
/* test-preload-duplicate.c - curl_easy_duphandle(3) under the shim: original and copy are each as
 * good as if there were no other, whatever the original was doing. */
#include <string.h>

#include "preload-client.h"

typedef struct Pair {
  Client original, copy;
} Pair;

static void duplicate(Pair *pair)
{
  client_adopt(&pair->copy, &pair->original, curl_easy_duphandle(pair->original.curl));
}

/* Each twice, the second time with a token that is revoked; `first` first. */
static void use_both(Client *first, Client *second)
{
  Client *order[] = {first, second, first, second};
  for (size_t i = 0; i < 4; i++) {
    if (i == 2)
      preload_revoke_business_tokens();
    client_expect(order[i], 200);
    preload_expect_good_body(order[i]);
  }
  assert_int_equal(client_run_url(first, "https://evil.example/"), CURLE_OK);
  assert_int_equal(client_run_url(second, BASE BUSINESSES), CURLE_OK);
  assert_int_equal(client_status(second), 200);
  expect_no_leak(&emulator);
}

static void close_both(Client *first, Client *second)
{
  client_close(first);
  curl_easy_setopt(second->curl, CURLOPT_URL, BASE INVOICES);
  client_expect(second, 200);
  client_close(second);
}

/* ---- of an idle handle ---- */

static void of_a_new_handle(void **state)
{
  for (int order = 0; order < 2; order++) {
    Pair pair;
    client_open_plain(&pair.original, &emulator, MODE(state), BASE INVOICES);
    duplicate(&pair);
    Client *first = order ? &pair.original : &pair.copy;
    Client *second = order ? &pair.copy : &pair.original;
    use_both(first, second);
    close_both(first, second);
  }
}

static void of_a_used_handle(void **state)
{
  for (int order = 0; order < 4; order++) {
    Pair pair;
    preload_open_warm(&pair.original, MODE(state));
    duplicate(&pair);
    Client *first = order & 1 ? &pair.original : &pair.copy;
    Client *second = order & 1 ? &pair.copy : &pair.original;
    use_both(first, second);
    if (order & 2)
      close_both(first, second);
    else
      close_both(second, first);
  }
}

/* What is set on one alone. */
static void they_part(void **state)
{
  Pair pair;
  struct curl_slist *list = curl_slist_append(NULL, "Authorization: Bearer mine");
  preload_open_warm(&pair.original, MODE(state));
  duplicate(&pair);
  curl_easy_setopt(pair.copy.curl, CURLOPT_HTTPHEADER, list);
  client_expect(&pair.copy, 401);
  client_expect(&pair.original, 200);
  client_close(&pair.copy);
  duplicate(&pair);
  curl_easy_setopt(pair.original.curl, CURLOPT_HTTPHEADER, list);
  client_expect(&pair.copy, 200);
  client_expect(&pair.original, 401);
  close_both(&pair.original, &pair.copy);
  curl_slist_free_all(list);
}

/* What both have of the original. */
static void an_own_authorisation_is_copied(void **state)
{
  Pair pair;
  client_open_plain(&pair.original, &emulator, MODE(state), BASE INVOICES);
  curl_easy_setopt(pair.original.curl, CURLOPT_USERPWD, "me:mine");
  duplicate(&pair);
  client_expect(&pair.copy, 401);
  client_close(&pair.original);
  client_expect(&pair.copy, 401);
  expect_log(&emulator, SENT(INVOICES, "basic", "401") SENT(INVOICES, "basic", "401"));
  client_close(&pair.copy);
}

/* ---- of one that is in a multi handle ---- */

static CURLcode finish(CURLM *multi)
{
  int running = 1, left;
  CURLMsg *message;
  while (running) {
    assert_int_equal(curl_multi_perform(multi, &running), CURLM_OK);
    if (running)
      assert_int_equal(curl_multi_poll(multi, NULL, 0, 1000, NULL), CURLM_OK);
  }
  message = curl_multi_info_read(multi, &left);
  assert_non_null(message);
  return message->data.result;
}

/* Added, and not begun (`steps` 0) or on its way. */
static void of_one_that_was_added(void **state)
{
  for (int steps = 0; steps < 3; steps++) {
    Pair pair;
    int running;
    CURLM *multi = curl_multi_init();
    client_open_plain(&pair.original, &emulator, MODE(state), BASE INVOICES);
    assert_int_equal(curl_multi_add_handle(multi, pair.original.curl), CURLM_OK);
    for (int i = 0; i < steps; i++)
      assert_int_equal(curl_multi_perform(multi, &running), CURLM_OK);
    duplicate(&pair);
    client_expect(&pair.copy, 200);
    assert_int_equal(finish(multi), CURLE_OK);
    assert_int_equal(client_status(&pair.original), 200);
    assert_int_equal(curl_multi_remove_handle(multi, pair.original.curl), CURLM_OK);
    use_both(&pair.original, &pair.copy);
    close_both(&pair.original, &pair.copy);
    curl_multi_cleanup(multi);
  }
}

/* The original is freed before the copy is used. */
static void of_one_that_was_added_and_is_gone(void **state)
{
  Pair pair;
  CURLM *multi = curl_multi_init();
  client_open_plain(&pair.original, &emulator, MODE(state), BASE INVOICES);
  assert_int_equal(curl_multi_add_handle(multi, pair.original.curl), CURLM_OK);
  duplicate(&pair);
  assert_int_equal(curl_multi_remove_handle(multi, pair.original.curl), CURLM_OK);
  client_close(&pair.original);
  client_expect(&pair.copy, 200);
  preload_revoke_business_tokens();
  client_expect(&pair.copy, 200);
  client_close(&pair.copy);
  curl_multi_cleanup(multi);
}

/* ---- from within a callback ---- */

typedef struct Inside {
  Pair *pair;
  CURL *copy;
} Inside;

static size_t duplicate_there(char *data, size_t size, size_t count, void *to)
{
  Inside *inside = to;
  (void)data;
  if (!inside->copy)
    inside->copy = curl_easy_duphandle(inside->pair->original.curl);
  return size * count;
}

static void from_a_callback(void **state)
{
  for (int order = 0; order < 2; order++) {
    Pair pair;
    Inside inside = {.pair = &pair};
    client_open_plain(&pair.original, &emulator, MODE(state), BASE INVOICES);
    curl_easy_setopt(pair.original.curl, CURLOPT_HEADERFUNCTION, duplicate_there);
    curl_easy_setopt(pair.original.curl, CURLOPT_HEADERDATA, &inside);
    client_expect(&pair.original, 200);
    client_adopt(&pair.copy, &pair.original, inside.copy);
    if (order)
      client_close(&pair.original);
    client_expect(&pair.copy, 200);
    preload_revoke_business_tokens();
    client_expect(&pair.copy, 200);
    if (!order) {
      client_expect(&pair.original, 200);
      client_close(&pair.original);
    }
    client_close(&pair.copy);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      ALL_MODES(of_a_new_handle),       ALL_MODES(of_a_used_handle),
      EASY_AND_MULTI(they_part),        EASY_AND_MULTI(an_own_authorisation_is_copied),
      ALL_MODES(of_one_that_was_added), EASY_AND_MULTI(of_one_that_was_added_and_is_gone),
      ALL_MODES(from_a_callback),
  };
  return PRELOAD_MAIN_RUN(tests);
}
