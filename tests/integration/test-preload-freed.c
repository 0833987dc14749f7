/* SPDX-License-Identifier: MIT */
/*
 * test-preload-freed.c - a program may free its header list and its CURLU as soon as a transfer is
 * over, and say so to the handle later: until then nobody may read them. AddressSanitizer is the
 * judge.
 */
#include <stdbool.h>

#include "preload-client.h"

typedef struct Freed {
  Client client;
  struct curl_slist *list;
  CURLU *url;
} Freed;

static CURLU *parsed(const char *text)
{
  CURLU *url = curl_url();
  assert_int_equal(curl_url_set(url, CURLUPART_URL, text, 0), CURLUE_OK);
  return url;
}

static void open_freed(Freed *freed, bool curlu)
{
  *freed = (Freed){.list = curl_slist_append(NULL, "X-Program: 1")};
  preload_open_warm(&freed->client, mode_multi);
  curl_easy_setopt(freed->client.curl, CURLOPT_HTTPHEADER, freed->list);
  if (curlu) {
    freed->url = parsed(BASE INVOICES_2);
    curl_easy_setopt(freed->client.curl, CURLOPT_CURLU, freed->url);
  }
  freed->client.multi = curl_multi_init();
}

static void run_added(Client *client)
{
  int running = 1;
  assert_int_equal(curl_multi_add_handle(client->multi, client->curl), CURLM_OK);
  while (running) {
    assert_int_equal(curl_multi_perform(client->multi, &running), CURLM_OK);
    if (running)
      assert_int_equal(curl_multi_poll(client->multi, NULL, 0, 1000, NULL), CURLM_OK);
  }
}

static void free_both(Freed *freed)
{
  curl_slist_free_all(freed->list);
  curl_url_cleanup(freed->url);
  freed->list = NULL;
  freed->url = NULL;
}

/* What a program sets for the next transfer before it takes the old ones away. */
static void change_everything(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_URL, BASE BUSINESSES);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(curl, CURLOPT_USERPWD, NULL);
  curl_easy_setopt(curl, CURLOPT_FAILONERROR, 0L);
  curl_easy_setopt(curl, CURLOPT_CURLU, NULL);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
  curl_easy_setopt(curl, CURLOPT_URL, BASE BUSINESSES); /* a later libcurl forgets it with CURLU */
}

/* `told`: info_read has reported the end. */
static void freed_inside(bool told, bool curlu)
{
  Freed freed;
  int left;
  open_freed(&freed, curlu);
  Client *client = &freed.client;
  run_added(client);
  assert_int_equal(client_status(client), 200);
  if (told)
    assert_non_null(curl_multi_info_read(client->multi, &left));
  free_both(&freed);
  change_everything(client->curl);
  assert_int_equal(curl_multi_remove_handle(client->multi, client->curl), CURLM_OK);
  run_added(client);
  assert_int_equal(client_status(client), 200);
  assert_int_equal(curl_multi_remove_handle(client->multi, client->curl), CURLM_OK);
  client_close(client);
}

static void after_the_end_was_read(void **state)
{
  (void)state;
  freed_inside(true, false);
  freed_inside(true, true);
}

static void before_the_end_was_read(void **state)
{
  (void)state;
  freed_inside(false, false);
  freed_inside(false, true);
}

/* The handle goes with what it was told of freed before. */
static void before_the_cleanup(void **state)
{
  (void)state;
  for (int curlu = 0; curlu < 2; curlu++) {
    Freed freed;
    open_freed(&freed, curlu);
    run_added(&freed.client);
    free_both(&freed);
    client_close(&freed.client);
  }
}

/* A copy is made with the freed list in it, which gets its own before it is used. */
static void before_a_duplicate(void **state)
{
  (void)state;
  Freed freed;
  Client copy;
  open_freed(&freed, false);
  run_added(&freed.client);
  free_both(&freed);
  client_adopt(&copy, &freed.client, curl_easy_duphandle(freed.client.curl));
  change_everything(copy.curl);
  client_expect(&copy, 200);
  client_close(&copy);
  client_close(&freed.client);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      IN_MODE(after_the_end_was_read, multi),
      IN_MODE(before_the_end_was_read, multi),
      IN_MODE(before_the_cleanup, multi),
      IN_MODE(before_a_duplicate, multi),
  };
  return PRELOAD_MAIN_RUN(tests);
}
