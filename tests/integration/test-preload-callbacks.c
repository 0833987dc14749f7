/* SPDX-License-Identifier: MIT */
/* test-preload-callbacks.c - the program's callbacks and header list, which the shim's stand
 * before: they are called as without it, whenever they were set. */
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include "capture.h"
#include "preload-client.h"

/* ---- PREREQFUNCTION ---- */

typedef struct Seen {
  unsigned calls;
  int answer;
} Seen;

static int prereq(void *data, char *primary_ip, char *local_ip, int primary_port, int local_port)
{
  Seen *seen = data;
  seen->calls++;
  assert_string_equal(primary_ip, "127.0.0.1");
  assert_string_equal(local_ip, "127.0.0.1");
  assert_true(primary_port > 0 && local_port > 0);
  return seen->answer;
}

static void prereq_is_called_once_a_request(void **state)
{
  Client client;
  Seen seen = {.answer = CURL_PREREQFUNC_OK}, other = seen;
  client_open_plain(&client, &emulator, MODE(state), BASE INVOICES);
  curl_easy_setopt(client.curl, CURLOPT_PREREQFUNCTION, prereq);
  curl_easy_setopt(client.curl, CURLOPT_PREREQDATA, &seen);
  client_expect(&client, 200);
  assert_int_equal(seen.calls, 1);
  preload_revoke_business_tokens();
  client_expect(&client, 200); /* and one more, answering the 401 */
  assert_int_equal(seen.calls, 3);
  curl_easy_setopt(client.curl, CURLOPT_PREREQDATA, &other);
  client_expect(&client, 200);
  assert_int_equal(client_run_url(&client, "https://evil.example/"), CURLE_OK);
  assert_int_equal(other.calls, 2);
  curl_easy_setopt(client.curl, CURLOPT_PREREQFUNCTION, NULL);
  assert_int_equal(client_run_url(&client, BASE INVOICES), CURLE_OK);
  assert_int_equal(seen.calls + other.calls, 5);
  client_close(&client);
}

static int change_headers(void *data, char *primary_ip, char *local_ip, int primary_port,
                          int local_port)
{
  Client *client = data;
  (void)primary_ip, (void)local_ip, (void)primary_port, (void)local_port;
  return curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, NULL) ? CURL_PREREQFUNC_ABORT
                                                                  : CURL_PREREQFUNC_OK;
}

static int switch_verification_off(void *data, char *primary_ip, char *local_ip, int primary_port,
                                   int local_port)
{
  Client *client = data;
  (void)primary_ip, (void)local_ip, (void)primary_port, (void)local_port;
  return curl_easy_setopt(client->curl, CURLOPT_SSL_VERIFYPEER, 0L) ? CURL_PREREQFUNC_ABORT
                                                                    : CURL_PREREQFUNC_OK;
}

/* What it sets there holds for this request. */
static void prereq_sets_options(void **state)
{
  Client client;
  client_open_plain(&client, &emulator, MODE(state), BASE INVOICES);
  curl_easy_setopt(client.curl, CURLOPT_PREREQDATA, &client);
  curl_easy_setopt(client.curl, CURLOPT_PREREQFUNCTION, change_headers);
  client_expect(&client, 200);
  client_expect(&client, 200);
  curl_easy_setopt(client.curl, CURLOPT_PREREQFUNCTION, switch_verification_off);
  client_expect(&client, 401);
  client_close(&client);
}

static void prereq_can_abort(void **state)
{
  Client client;
  Seen seen = {.answer = CURL_PREREQFUNC_ABORT};
  client_open_plain(&client, &emulator, MODE(state), BASE INVOICES);
  curl_easy_setopt(client.curl, CURLOPT_PREREQFUNCTION, prereq);
  curl_easy_setopt(client.curl, CURLOPT_PREREQDATA, &seen);
  assert_int_equal(client_run(&client), CURLE_ABORTED_BY_CALLBACK);
  assert_int_equal(seen.calls, 1);
  expect_counter(&emulator, "requests", 0);
  seen.answer = CURL_PREREQFUNC_OK;
  client_expect(&client, 200);
  client_close(&client);
}

/* ---- SOCKOPTFUNCTION ---- */

static int sockopt(void *data, curl_socket_t socket, curlsocktype purpose)
{
  Seen *seen = data;
  seen->calls++;
  assert_true(socket >= 0);
  assert_int_equal(purpose, CURLSOCKTYPE_IPCXN);
  return seen->answer;
}

static void sockopt_is_called_once_a_connection(void **state)
{
  Client client;
  Seen seen = {.answer = CURL_SOCKOPT_OK};
  client_open_plain(&client, &emulator, MODE(state), BASE INVOICES);
  curl_easy_setopt(client.curl, CURLOPT_SOCKOPTFUNCTION, sockopt);
  curl_easy_setopt(client.curl, CURLOPT_SOCKOPTDATA, &seen);
  client_expect(&client, 200);
  client_expect(&client, 200);
  assert_int_equal(seen.calls, 1);
  curl_easy_setopt(client.curl, CURLOPT_FRESH_CONNECT, 1L);
  client_expect(&client, 200);
  assert_int_equal(seen.calls, 2);
  assert_int_equal(client_run_url(&client, "https://evil.example/"), CURLE_OK);
  assert_int_equal(seen.calls, 3);
  client_close(&client);
}

static void sockopt_can_refuse(void **state)
{
  Client client;
  Seen seen = {.answer = CURL_SOCKOPT_ERROR};
  client_open_plain(&client, &emulator, MODE(state), BASE INVOICES);
  curl_easy_setopt(client.curl, CURLOPT_SOCKOPTFUNCTION, sockopt);
  curl_easy_setopt(client.curl, CURLOPT_SOCKOPTDATA, &seen);
  CURLcode with = client_run(&client);
  CURLcode without = client_run_url(&client, "https://evil.example/");
  assert_int_not_equal(with, CURLE_OK);
  assert_int_equal(with, without);
  assert_int_equal(seen.calls, 2);
  seen.answer = CURL_SOCKOPT_OK;
  assert_int_equal(client_run_url(&client, BASE INVOICES), CURLE_OK);
  client_close(&client);
}

/* ---- HTTPHEADER ---- */

static struct curl_slist *two_lines(void)
{
  return curl_slist_append(curl_slist_append(NULL, "X-One: 1"), "X-Two: 2");
}

/* Once each, in order, and one Authorization. */
static void own_headers(void **state)
{
  Client client;
  Capture capture;
  char pem[96], target[64];
  struct curl_slist *list = two_lines();
  snprintf(pem, sizeof pem, "%s/server.pem", emulator.dir);
  capture_start(&capture, pem);
  client_open_plain(&client, &emulator, MODE(state), BASE INVOICES);
  snprintf(target, sizeof target, "::127.0.0.1:%u", capture.port);
  struct curl_slist *connect_to = curl_slist_append(NULL, target);
  curl_easy_setopt(client.curl, CURLOPT_CONNECT_TO, connect_to);
  curl_easy_setopt(client.curl, CURLOPT_HTTPHEADER, list);
  for (int i = 0; i < 2; i++) {
    capture_reset(&capture, NULL);
    client_expect(&client, 200);
    assert_int_equal(capture_count(&capture, "\r\nAuthorization: Bearer "), 1);
    assert_int_equal(capture_count(&capture, "Authorization"), 1);
    assert_int_equal(capture_count(&capture, "X-One"), 1);
    assert_int_equal(capture_count(&capture, "\r\nX-One: 1\r\nX-Two: 2\r\n"), 1);
  }
  client_close(&client);
  capture_stop(&capture);
  curl_slist_free_all(connect_to);
  curl_slist_free_all(list);
}

static void expect_header(size_t index, const char *name, const char *value)
{
  json_object *log = request_log(&emulator);
  const char *found = log_header(log, index, name);
  assert_string_equal(found ? found : "", value);
  json_object_put(log);
}

/* The list is the program's again, which may free it, extend it, or set another. */
static void the_list_stays_the_programs(void **state)
{
  Client client;
  struct curl_slist *list = two_lines();
  preload_open_warm(&client, MODE(state));
  curl_easy_setopt(client.curl, CURLOPT_HTTPHEADER, list);
  client_expect(&client, 200);
  list = curl_slist_append(list, "X-Three: 3");
  client_expect(&client, 200);
  expect_header(1, "x-three", "3");
  curl_slist_free_all(list);
  list = curl_slist_append(NULL, "X-One: one");
  curl_easy_setopt(client.curl, CURLOPT_HTTPHEADER, list);
  client_expect(&client, 200);
  expect_header(2, "x-one", "one");
  expect_header(2, "x-two", "");
  curl_easy_setopt(client.curl, CURLOPT_HTTPHEADER, NULL);
  curl_slist_free_all(list);
  client_expect(&client, 200);
  expect_header(3, "x-one", "");
  client_close(&client);
}

/* An Authorization that is put into the list later counts from the next transfer on. */
static void an_authorization_added_later(void **state)
{
  Client client;
  struct curl_slist *list = two_lines();
  preload_open_warm(&client, MODE(state));
  curl_easy_setopt(client.curl, CURLOPT_HTTPHEADER, list);
  client_expect(&client, 200);
  list = curl_slist_append(list, "Authorization: Bearer mine");
  client_expect(&client, 401);
  json_object *log = request_log(&emulator);
  assert_int_equal(log_authorizations(log, 1), 1);
  assert_string_equal(log_authorization(log, 1), "Bearer mine");
  json_object_put(log);
  client_close(&client);
  curl_slist_free_all(list);
}

/* ---- from within a callback ---- */

static size_t set_options(char *data, size_t size, size_t count, void *to)
{
  Client *client = to;
  (void)data;
  curl_easy_setopt(client->curl, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(client->curl, CURLOPT_URL, BASE INVOICES);
  return size * count;
}

/* They count from the next transfer on; this one may lose its second chance, and no more. */
static void options_are_set_there(void **state)
{
  Client client;
  preload_open_warm(&client, MODE(state));
  curl_easy_setopt(client.curl, CURLOPT_HEADERFUNCTION, set_options);
  curl_easy_setopt(client.curl, CURLOPT_HEADERDATA, &client);
  client_expect(&client, 200);
  for (int i = 0; i < 3; i++) {
    preload_revoke_business_tokens();
    assert_int_equal(client_run(&client), CURLE_OK);
    if (client_status(&client) != 200)
      assert_int_equal(client_status(&client), 401);
    client_expect(&client, 200);
  }
  expect_no_leak(&emulator);
  client_close(&client);
}

typedef struct Nested {
  Client *inner;
  CURLcode code;
} Nested;

static size_t run_another(char *data, size_t size, size_t count, void *to)
{
  Nested *nested = to;
  (void)data;
  if (nested->code == CURL_LAST)
    nested->code = client_run(nested->inner);
  return size * count;
}

static void another_transfer_is_run_there(void **state)
{
  Client outer, inner;
  Nested nested = {&inner, CURL_LAST};
  client_open_plain(&outer, &emulator, MODE(state), BASE INVOICES);
  client_open_plain(&inner, &emulator, MODE(state), BASE INVOICES_2);
  curl_easy_setopt(outer.curl, CURLOPT_HEADERFUNCTION, run_another);
  curl_easy_setopt(outer.curl, CURLOPT_HEADERDATA, &nested);
  client_expect(&outer, 200);
  assert_int_equal(nested.code, CURLE_OK);
  assert_int_equal(client_status(&inner), 200);
  client_close(&inner);
  client_close(&outer);
}

/* ---- leaving by longjmp(3), as Lua and R do ---- */

static jmp_buf out_of_here;

static size_t jump(char *data, size_t size, size_t count, void *to)
{
  (void)data, (void)size, (void)count, (void)to;
  longjmp(out_of_here, 1);
}

/* The handle is fit for nothing but to be freed; or not even that, and leaks. */
static void leaving_by_longjmp(void **state)
{
  for (int i = 0; i < 3; i++) {
    Client client;
    Client *left = &client; /* a local's value would not outlive the jump */
    client_open_plain(left, &emulator, mode_easy, BASE INVOICES);
    curl_easy_setopt(left->curl, CURLOPT_WRITEFUNCTION, jump);
    if (setjmp(out_of_here) == 0)
      (void)curl_easy_perform(left->curl);
    client_close(left);
    client_open_plain(left, &emulator, MODE(state), BASE INVOICES);
    client_expect(left, 200);
    preload_revoke_business_tokens();
    client_expect(left, 200);
    client_close(left);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      ALL_MODES(prereq_is_called_once_a_request),
      ALL_MODES(prereq_sets_options),
      ALL_MODES(prereq_can_abort),
      EASY_AND_MULTI(sockopt_is_called_once_a_connection),
      EASY_AND_MULTI(sockopt_can_refuse),
      EASY_AND_MULTI(own_headers),
      ALL_MODES(the_list_stays_the_programs),
      ALL_MODES(an_authorization_added_later),
      ALL_MODES(options_are_set_there),
      EASY_AND_MULTI(another_transfer_is_run_there),
      EASY_AND_MULTI(leaving_by_longjmp),
  };
  return PRELOAD_MAIN_RUN(tests);
}
