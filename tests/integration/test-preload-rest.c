/* SPDX-License-Identifier: MIT */
/*
 * test-preload-rest.c - what the shim has put on a handle stays there from one transfer to the
 * next, as long as that may be like the last one. The program must not be able to tell.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "connect-proxy.h"
#include "preload-client.h"

#define EVIL "https://evil.example/"

static void expect_one_more(const char *expected)
{
  expect_log(&emulator, expected);
  control(&emulator, "POST", "reset");
}

/* ---- what goes on as it was ---- */

static void the_same_again(void **state)
{
  Client client;
  preload_open_warm(&client, MODE(state));
  for (int i = 0; i < 3; i++) {
    client_expect(&client, 200);
    preload_expect_good_body(&client);
    expect_one_more(SENT(INVOICES, "business=3c90", "200"));
  }
  for (int i = 0; i < 3; i++) {
    preload_revoke_business_tokens();
    client_expect(&client, 200);
    preload_expect_good_body(&client);
  }
  expect_no_leak(&emulator);
  client_close(&client);
}

/* To and fro, by the URL alone. */
static void another_url(void **state)
{
  Client client;
  preload_open_warm(&client, MODE(state));
  for (int i = 0; i < 2; i++) {
    assert_int_equal(client_run_url(&client, EVIL), CURLE_OK);
    expect_one_more("GET https evil.example / none 200\n");
    assert_int_equal(client_run_url(&client, BASE INVOICES_2), CURLE_OK);
    assert_int_equal(client_run_url(&client, BASE INVOICES), CURLE_OK);
    assert_int_equal(counter(&emulator, "ok"), 2);
    control(&emulator, "POST", "reset");
  }
  client_close(&client);
}

/* The second request of the transfer before was decided last. */
static void after_a_redirect(void **state)
{
  Client client;
  preload_open_warm(&client, MODE(state));
  curl_easy_setopt(client.curl, CURLOPT_FOLLOWLOCATION, 1L);
  client_expect(&client, 200);
  control_redirect(&emulator, HOST, INVOICES, BASE BUSINESSES);
  client_expect(&client, 200);
  control_redirect(&emulator, HOST, INVOICES, EVIL);
  client_expect(&client, 200);
  control(&emulator, "POST", "reset");
  client_expect(&client, 200);
  expect_one_more(SENT(INVOICES, "business=3c90", "200"));
  client_close(&client);
}

/* ---- what the program changes in between ---- */

static size_t count_bytes(char *data, size_t size, size_t count, void *to)
{
  (void)data;
  *(size_t *)to += size * count;
  return size * count;
}

static void its_functions(void **state)
{
  Client client;
  size_t body = 0, head = 0;
  preload_open_warm(&client, MODE(state));
  curl_easy_setopt(client.curl, CURLOPT_WRITEFUNCTION, count_bytes);
  curl_easy_setopt(client.curl, CURLOPT_WRITEDATA, &body);
  curl_easy_setopt(client.curl, CURLOPT_HEADERFUNCTION, count_bytes);
  curl_easy_setopt(client.curl, CURLOPT_HEADERDATA, &head);
  client_expect(&client, 200);
  assert_true(body > 2 && head > 20);
  const size_t body_once = body, head_once = head;
  body = head = 0;
  assert_int_equal(client_run_url(&client, EVIL), CURLE_OK); /* where they are libcurl's to call */
  assert_true(body > 0 && head > 0);
  body = head = 0;
  curl_easy_setopt(client.curl, CURLOPT_URL, BASE INVOICES);
  client_expect(&client, 200);
  assert_int_equal(body, body_once);
  assert_true(head > head_once / 2);
  client_close(&client);
}

/* A list that is gone by then is not looked at. */
static void its_header_list(void **state)
{
  Client client;
  struct curl_slist *list = curl_slist_append(NULL, "X-Round: 1");
  preload_open_warm(&client, MODE(state));
  curl_easy_setopt(client.curl, CURLOPT_HTTPHEADER, list);
  client_expect(&client, 200);
  curl_slist_free_all(list);
  list = curl_slist_append(NULL, "X-Round: 2");
  curl_easy_setopt(client.curl, CURLOPT_HTTPHEADER, list);
  control(&emulator, "POST", "reset");
  client_expect(&client, 200);
  json_object *log = request_log(&emulator);
  assert_string_equal(log_header(log, 0, "x-round"), "2");
  json_object_put(log);
  expect_one_more(SENT(INVOICES, "business=3c90", "200"));
  curl_easy_setopt(client.curl, CURLOPT_HTTPHEADER, NULL);
  curl_slist_free_all(list);
  client_expect(&client, 200);
  client_close(&client);
}

/* libcurl is not told of a list that has grown. */
static void grown_header_list(void **state)
{
  Client client;
  struct curl_slist *list = curl_slist_append(NULL, "X-Round: 1");
  preload_open_warm(&client, MODE(state));
  curl_easy_setopt(client.curl, CURLOPT_HTTPHEADER, list);
  client_expect(&client, 200);
  control(&emulator, "POST", "reset");
  list = curl_slist_append(list, "Authorization: Bearer mine");
  client_expect(&client, 401);
  json_object *log = request_log(&emulator);
  assert_int_equal(json_object_array_length(log), 1);
  assert_string_equal(log_authorization(log, 0), "Bearer mine");
  assert_string_equal(log_header(log, 0, "x-round"), "1");
  json_object_put(log);
  client_close(&client);
  curl_slist_free_all(list);
}

static struct curl_slist *round_list(const char *line)
{
  struct curl_slist *list = curl_slist_append(NULL, line);
  assert_non_null(list);
  return list;
}

static void expect_round_at(const char *host, const char *expected)
{
  json_object *log = request_log(&emulator);
  const size_t last = json_object_array_length(log) - 1;
  assert_string_equal(log_text(log, last, "host"), host);
  assert_string_equal(log_header(log, last, "x-round"), expected);
  assert_int_equal(log_authorizations(log, last), strcmp(host, HOST) == 0);
  json_object_put(log);
}

static void expect_round(const char *expected)
{
  expect_round_at("evil.example", expected);
}

static void run_added(Client *client)
{
  int running = 1;
  while (running) {
    assert_int_equal(curl_multi_perform(client->multi, &running), CURLM_OK);
    if (running)
      assert_int_equal(curl_multi_poll(client->multi, NULL, 0, 1000, NULL), CURLM_OK);
  }
}

/* A handle that has been added, and waits for its token or does not, is sent elsewhere after all,
 * with another list; the first one is gone. */
static void turned_away_after_it_was_added(void **state)
{
  (void)state;
  for (int warm = 0; warm < 2; warm++) {
    Client client;
    harness_fresh(NULL);
    struct curl_slist *one = round_list("X-Round: 1"), *two = round_list("X-Round: 2");
    client_open_plain(&client, &emulator, mode_multi, BASE INVOICES);
    if (warm)
      client_expect(&client, 200);
    else
      client.multi = curl_multi_init();
    curl_easy_setopt(client.curl, CURLOPT_HTTPHEADER, one);
    assert_int_equal(curl_multi_add_handle(client.multi, client.curl), CURLM_OK);
    curl_easy_setopt(client.curl, CURLOPT_URL, EVIL);
    curl_easy_setopt(client.curl, CURLOPT_HTTPHEADER, two);
    curl_slist_free_all(one);
    curl_easy_setopt(client.curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
    run_added(&client);
    expect_round("2");
    assert_int_equal(curl_multi_remove_handle(client.multi, client.curl), CURLM_OK);
    assert_int_equal(curl_multi_add_handle(client.multi, client.curl), CURLM_OK);
    run_added(&client);
    expect_round("2");
    assert_int_equal(curl_multi_remove_handle(client.multi, client.curl), CURLM_OK);
    client_close(&client);
    curl_slist_free_all(two);
  }
}

/* The other way round: libcurl has the program's functions, and must learn of their new data. */
static void turned_to_thred_after_it_was_added(void **state)
{
  (void)state;
  for (int warm = 0; warm < 2; warm++) {
    Client client;
    size_t before = 0, after = 0;
    harness_fresh(NULL);
    if (warm)
      preload_open_warm(&client, mode_multi);
    else
      client_open_plain(&client, &emulator, mode_multi, EVIL);
    curl_easy_setopt(client.curl, CURLOPT_URL, EVIL);
    curl_easy_setopt(client.curl, CURLOPT_WRITEFUNCTION, count_bytes);
    curl_easy_setopt(client.curl, CURLOPT_WRITEDATA, &before);
    if (!client.multi)
      client.multi = curl_multi_init();
    assert_int_equal(curl_multi_add_handle(client.multi, client.curl), CURLM_OK);
    curl_easy_setopt(client.curl, CURLOPT_URL, BASE INVOICES);
    curl_easy_setopt(client.curl, CURLOPT_WRITEDATA, &after);
    run_added(&client);
    assert_int_equal(client_status(&client), 200);
    assert_int_equal(before, 0);
    assert_true(after > 0);
    assert_int_equal(curl_multi_remove_handle(client.multi, client.curl), CURLM_OK);
    client_close(&client);
  }
}

static size_t note_data(char *buffer, size_t size, size_t count, void *data)
{
  static void *seen; /* cmocka's tests are not told which FILE it was: they ask here */
  (void)size, (void)count;
  if (!buffer)
    return seen == (void *)stdin;
  seen = data;
  return 0;
}

static int seek_nowhere(void *data, curl_off_t offset, int origin)
{
  (void)data, (void)offset, (void)origin;
  return CURL_SEEKFUNC_OK;
}

/* Who sets READFUNCTION alone gets libcurl's READDATA, which is stdin. */
static void its_unset_data(void **state)
{
  Client client;
  static const char *const urls[] = {EVIL, BASE INVOICES};
  preload_open_warm(&client, MODE(state));
  curl_easy_setopt(client.curl, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(client.curl, CURLOPT_READFUNCTION, note_data);
  curl_easy_setopt(client.curl, CURLOPT_SEEKFUNCTION, seek_nowhere);
  for (size_t i = 0; i < 2; i++) {
    note_data(&(char){0}, 1, 1, NULL);
    assert_int_equal(client_run_url(&client, urls[i]), CURLE_OK);
    assert_true(note_data(NULL, 0, 0, NULL));
  }
  client_close(&client);
}

static void what_it_sends(void **state)
{
  Client client;
  preload_open_warm(&client, MODE(state));
  static const char *const bodies[] = {"{\"a\":1}", "{\"a\":22}", NULL, "{\"a\":333}"};
  for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
    if (bodies[i])
      curl_easy_setopt(client.curl, CURLOPT_COPYPOSTFIELDS, bodies[i]);
    else
      curl_easy_setopt(client.curl, CURLOPT_HTTPGET, 1L);
    if (i % 2)
      preload_revoke_business_tokens();
    client_expect(&client, bodies[i] ? 201 : 200);
    expect_counter(&emulator, "ok", 1);
    json_object *log = request_log(&emulator);
    const size_t last = json_object_array_length(log) - 1;
    assert_string_equal(log_text(log, last, "method"), bodies[i] ? "POST" : "GET");
    if (bodies[i]) {
      char length[24];
      snprintf(length, sizeof length, "%zu", strlen(bodies[i]));
      assert_string_equal(log_header(log, last, "content-length"), length);
    }
    json_object_put(log);
    control(&emulator, "POST", "reset");
  }
  client_close(&client);
}

static void its_own_user(void **state)
{
  Client client;
  preload_open_warm(&client, MODE(state));
  client_expect(&client, 200);
  control(&emulator, "POST", "reset");
  curl_easy_setopt(client.curl, CURLOPT_USERPWD, "me:mine");
  client_expect(&client, 401);
  expect_one_more(SENT(INVOICES, "basic", "401"));
  curl_easy_setopt(client.curl, CURLOPT_USERPWD, NULL);
  client_expect(&client, 200);
  client_close(&client);
}

/* ---- what changes around it ---- */

static void switched_off(void **state)
{
  Client client;
  preload_open_warm(&client, MODE(state));
  setenv("THRED_DISABLE", "1", 1);
  client_expect(&client, 401);
  unsetenv("THRED_DISABLE");
  expect_one_more(SENT(INVOICES, "none", "401"));
  client_expect(&client, 200);
  client_close(&client);
}

static void another_default_business(void **state)
{
  Client client;
  static const char *const ids[] = {FIRST, SECOND, FIRST};
  client_open_plain(&client, &emulator, MODE(state), BASE "/v1/businesses/current/");
  for (size_t i = 0; i < 3; i++) {
    setenv("THRED_BUSINESS_ID", ids[i], 1);
    client_run(&client);
    json_object *log = request_log(&emulator);
    const size_t last = json_object_array_length(log) - 1;
    assert_string_equal(log_text(log, last, "kind"), "business");
    assert_string_equal(log_text(log, last, "business"), ids[i]);
    json_object_put(log);
    control(&emulator, "POST", "reset");
  }
  unsetenv("THRED_BUSINESS_ID");
  client_close(&client);
}

static long status_once(Client *client)
{
  control(&emulator, "POST", "reset");
  assert_int_equal(client_run(client), CURLE_OK);
  return client_status(client);
}

/* Nobody waits for a token of the business that was meant before. */
static void another_business_that_has_no_token(void **state)
{
  Client client;
  setenv("THRED_BUSINESS_ID", FIRST, 1);
  client_open_plain(&client, &emulator, MODE(state), BASE "/v1/businesses/current/");
  client_run(&client);
  client_run(&client);
  preload_revoke_business_tokens();
  client_run(&client);
  preload_revoke_business_tokens();
  setenv("THRED_BUSINESS_ID", SECOND, 1);
  client_run(&client);
  json_object *log = request_log(&emulator);
  const size_t last = json_object_array_length(log) - 1;
  assert_string_equal(log_text(log, last, "business"), SECOND);
  for (size_t i = 0; i < last; i++)
    assert_null(strstr(log_text(log, i, "target"), FIRST));
  json_object_put(log);
  unsetenv("THRED_BUSINESS_ID");
  client_close(&client);
}

/* By the library's own functions, which the shim does not see: it stands aside, and comes back. */
static int (*by_name(const char *name))(CURL *)
{
  int (*function)(CURL *);
  void *library = dlopen(harness_installed("lib/libthred-auth.so.0"), RTLD_NOW);
  assert_non_null(library);
  void *symbol = dlsym(library, name);
  assert_non_null(symbol);
  memcpy(&function, &symbol, sizeof function);
  return function;
}

static void attached_by_name(void **state)
{
  Client client;
  int (*attach)(CURL *) = by_name("thred_curl_attach");
  int (*detach)(CURL *) = by_name("thred_curl_detach");
  preload_open_warm(&client, MODE(state));
  for (int round = 0; round < 2; round++) {
    client_expect(&client, 200);
    control(&emulator, "POST", "reset");
    assert_int_equal(attach(client.curl), 0);
    for (int i = 0; i < 2; i++) {
      client_expect(&client, 200);
      assert_int_equal(client_run_url(&client, EVIL), CURLE_OK);
      assert_int_equal(client_run_url(&client, BASE INVOICES), CURLE_OK);
      assert_int_equal(client_status(&client), 200);
    }
    assert_int_equal(detach(client.curl), 0);
    expect_counter(&emulator, "ok", 4);
  }
  client_expect(&client, 200);
  client_expect(&client, 200);
  expect_no_leak(&emulator);
  client_close(&client);
}

/* The program's list while it was attached is its list afterwards; the first one is gone by then.
 */
static void headers_told_by_name(void **state)
{
  Client client;
  int (*set_headers)(CURL *, struct curl_slist *);
  int (*function)(CURL *) = by_name("thred_curl_set_headers");
  memcpy(&set_headers, &function, sizeof set_headers);
  preload_open_warm(&client, MODE(state));
  struct curl_slist *first = round_list("X-Round: 1"), *second = round_list("X-Round: 2");
  curl_easy_setopt(client.curl, CURLOPT_HTTPHEADER, first);
  client_expect(&client, 200);
  assert_int_equal(by_name("thred_curl_attach")(client.curl), 0);
  assert_int_equal(set_headers(client.curl, second), 0);
  curl_slist_free_all(first);
  client_expect(&client, 200);
  expect_round_at(HOST, "2");
  assert_int_equal(by_name("thred_curl_detach")(client.curl), 0);
  for (int i = 0; i < 2; i++) {
    client_expect(&client, 200);
    expect_round_at(HOST, "2");
  }
  client_close(&client);
  curl_slist_free_all(second);
}

/* Cold it is parked then, warm it is armed. */
static void attached_by_name_when_it_was_added(void **state)
{
  (void)state;
  for (int warm = 0; warm < 2; warm++) {
    Client client;
    harness_fresh(NULL);
    client_open_plain(&client, &emulator, mode_multi, BASE INVOICES);
    client.multi = curl_multi_init();
    if (warm)
      client_expect(&client, 200);
    assert_int_equal(curl_multi_add_handle(client.multi, client.curl), CURLM_OK);
    assert_int_equal(by_name("thred_curl_attach")(client.curl), 0);
    run_added(&client);
    assert_int_equal(client_status(&client), 200);
    assert_int_equal(curl_multi_remove_handle(client.multi, client.curl), CURLM_OK);
    assert_int_equal(client_run_url(&client, EVIL), CURLE_OK);
    assert_int_equal(client_run_url(&client, BASE INVOICES), CURLE_OK);
    assert_int_equal(client_status(&client), 200);
    expect_no_leak(&emulator);
    assert_int_equal(by_name("thred_curl_detach")(client.curl), 0);
    client_close(&client);
  }
}

static bool gets_none(void *client)
{
  return status_once(client) == 401;
}

static bool gets_one(void *client)
{
  return status_once(client) == 200;
}

static void another_configuration(void **state)
{
  Client client;
  preload_open_warm(&client, MODE(state));
  client_expect(&client, 200);
  emulator_configure(&emulator, "90-off.conf", "[environment sandbox]\nallow = partner;\n");
  wait_until(gets_none, &client);
  expect_one_more(SENT(INVOICES, "none", "401"));
  emulator_unconfigure(&emulator, "90-off.conf");
  wait_until(gets_one, &client);
  client_close(&client);
}

/* ---- behind the shim's back ---- */

/* A function of libcurl's as it is without the shim. */
static void *bare(const char *name)
{
  static void *libcurl;
  if (!libcurl)
    libcurl = dlopen("libcurl.so.4", RTLD_NOW | RTLD_NOLOAD);
  assert_non_null(libcurl);
  void *symbol = dlsym(libcurl, name);
  assert_non_null(symbol);
  return symbol;
}

/* A duplicate that the shim does not learn of carries nothing of ours and calls nothing that is not
 * there: neither with what its original had, nor with data of its own, for which nobody knows the
 * function. */
static void a_duplicate_unseen(void **state)
{
  CURL *(*duphandle)(CURL *);
  void *symbol = bare("curl_easy_duphandle");
  memcpy(&duphandle, &symbol, sizeof duphandle);
  for (int own_data = 0; own_data < 2; own_data++) {
    Client client, copy;
    preload_open_warm(&client, MODE(state));
    client_expect(&client, 200);
    control(&emulator, "POST", "reset");
    client_adopt(&copy, &client, duphandle(client.curl));
    if (!own_data)
      curl_easy_setopt(copy.curl, CURLOPT_WRITEDATA, &client);
    assert_int_equal(client_run(&copy), CURLE_ABORTED_BY_CALLBACK);
    expect_counter(&emulator, "unauthorized", 0);
    expect_counter(&emulator, "ok", 0);
    client_expect(&client, 200);
    client_close(&client);
    client_close(&copy);
  }
}

/* The head of a CONNECT comes before anybody is asked. */
static void a_duplicate_unseen_through_a_proxy(void **state)
{
  Client client, copy;
  ConnectProxy proxy;
  char url[64];
  CURL *(*duphandle)(CURL *);
  void *symbol = bare("curl_easy_duphandle");
  memcpy(&duphandle, &symbol, sizeof duphandle);
  connect_proxy_start(&proxy, emulator.port);
  snprintf(url, sizeof url, "http://127.0.0.1:%u", proxy.port);
  preload_open_warm(&client, MODE(state));
  client_adopt(&copy, &client, duphandle(client.curl));
  curl_easy_setopt(copy.curl, CURLOPT_HEADERDATA, &copy);
  curl_easy_setopt(copy.curl, CURLOPT_CONNECT_TO, NULL);
  curl_easy_setopt(copy.curl, CURLOPT_PROXY, url);
  assert_int_equal(client_run(&copy), CURLE_WRITE_ERROR);
  client_expect(&client, 200);
  client_close(&copy);
  client_close(&client);
  connect_proxy_stop(&proxy);
  assert_null(strcasestr(proxy.heads, "authorization"));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      ALL_MODES(the_same_again),
      EASY_AND_MULTI(another_url),
      EASY_AND_MULTI(after_a_redirect),
      EASY_AND_MULTI(its_functions),
      EASY_AND_MULTI(its_header_list),
      EASY_AND_MULTI(grown_header_list),
      IN_MODE(turned_away_after_it_was_added, multi),
      IN_MODE(turned_to_thred_after_it_was_added, multi),
      EASY_AND_MULTI(its_unset_data),
      EASY_AND_MULTI(what_it_sends),
      EASY_AND_MULTI(its_own_user),
      EASY_AND_MULTI(switched_off),
      EASY_AND_MULTI(another_default_business),
      EASY_AND_MULTI(another_business_that_has_no_token),
      EASY_AND_MULTI(attached_by_name),
      EASY_AND_MULTI(headers_told_by_name),
      IN_MODE(attached_by_name_when_it_was_added, multi),
      EASY_AND_MULTI(another_configuration),
      EASY_AND_MULTI(a_duplicate_unseen),
      EASY_AND_MULTI(a_duplicate_unseen_through_a_proxy),
  };
  return PRELOAD_MAIN_RUN(tests);
}
