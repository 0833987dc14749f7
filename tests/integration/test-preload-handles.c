/* SPDX-License-Identifier: MIT */
/* test-preload-handles.c - one handle used for this and that under the shim: what the program has
 * set on it is there again after each transfer. */
#include <string.h>

#include "preload-client.h"

#define EVIL "https://evil.example/"

static int count(void *data, char *primary_ip, char *local_ip, int primary_port, int local_port)
{
  (void)primary_ip, (void)local_ip, (void)primary_port, (void)local_port;
  ++*(unsigned *)data;
  return CURL_PREREQFUNC_OK;
}

static int count_socket(void *data, curl_socket_t socket, curlsocktype purpose)
{
  (void)socket, (void)purpose;
  ++*(unsigned *)data;
  return CURL_SOCKOPT_OK;
}

/* ---- put back ---- */

static void everything_is_put_back(void **state)
{
  Client client;
  unsigned prereqs = 0, sockets = 0;
  struct curl_slist *list = curl_slist_append(NULL, "X-One: 1");
  client_open_plain(&client, &emulator, MODE(state), BASE INVOICES);
  curl_easy_setopt(client.curl, CURLOPT_HTTPHEADER, list);
  curl_easy_setopt(client.curl, CURLOPT_PREREQFUNCTION, count);
  curl_easy_setopt(client.curl, CURLOPT_PREREQDATA, &prereqs);
  curl_easy_setopt(client.curl, CURLOPT_SOCKOPTFUNCTION, count_socket);
  curl_easy_setopt(client.curl, CURLOPT_SOCKOPTDATA, &sockets);
  client_expect(&client, 200);
  control(&emulator, "POST", "reset");
  curl_easy_setopt(client.curl, CURLOPT_USERPWD, "me:mine");
  assert_int_equal(client_run_url(&client, EVIL), CURLE_OK);
  expect_log(&emulator, "GET https evil.example / basic 200\n");
  json_object *log = request_log(&emulator);
  assert_string_equal(log_authorization(log, 0), "Basic bWU6bWluZQ==");
  assert_string_equal(log_header(log, 0, "x-one"), "1");
  json_object_put(log);
  assert_int_equal(prereqs, 2);
  assert_int_equal(sockets, 2);
  client_close(&client);
  curl_slist_free_all(list);
}

typedef struct Case {
  const char *name;
  long methods; /* 0: not set */
  const char *bearer, *user;
  const char *expected;
} Case;

/* On a handle that had our methods and our dummy the moment before. */
static const Case cases[] = {
    {"nothing", 0, NULL, NULL, "none"},
    {"methods alone", (long)CURLAUTH_BASIC, NULL, NULL, "none"},
    {"user", 0, NULL, "me:mine", "basic"},
    {"user and method", (long)CURLAUTH_BASIC, NULL, "me:mine", "basic"},
    {"bearer alone", 0, "mine", NULL, "none"},
    {"bearer and method", (long)CURLAUTH_BEARER, "mine", NULL, "invalid"},
};

static void own_authorisation_after_a_token(void **state)
{
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    Client client;
    harness_fresh(NULL);
    if (cases[i].methods == 0 || cases[i].bearer || cases[i].user)
      preload_open_stale(&client, MODE(state));
    else
      preload_open_warm(&client, MODE(state));
    client_expect(&client, 200);
    control(&emulator, "POST", "reset");
    if (cases[i].methods)
      curl_easy_setopt(client.curl, CURLOPT_HTTPAUTH, cases[i].methods);
    if (cases[i].bearer)
      curl_easy_setopt(client.curl, CURLOPT_XOAUTH2_BEARER, cases[i].bearer);
    if (cases[i].user)
      curl_easy_setopt(client.curl, CURLOPT_USERPWD, cases[i].user);
    assert_int_equal(client_run_url(&client, EVIL), CURLE_OK);
    json_object *log = request_log(&emulator);
    assert_int_equal(json_object_array_length(log), 1);
    if (strcmp(log_text(log, 0, "kind"), cases[i].expected) != 0)
      fail_msg("%s: %s (%s)", cases[i].name, log_text(log, 0, "kind"), log_authorization(log, 0));
    json_object_put(log);
    client_close(&client);
  }
}

/* Its own bearer at Thred, then none any more. */
static void an_own_bearer_taken_back(void **state)
{
  Client client;
  preload_open_warm(&client, MODE(state));
  curl_easy_setopt(client.curl, CURLOPT_XOAUTH2_BEARER, "mine");
  curl_easy_setopt(client.curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
  client_expect(&client, 401);
  curl_easy_setopt(client.curl, CURLOPT_XOAUTH2_BEARER, NULL);
  client_expect(&client, 200);
  expect_log(&emulator, SENT(INVOICES, "invalid", "401") SENT(INVOICES, "business=3c90", "200"));
  client_close(&client);
}

static void own_user_taken_back(void **state)
{
  Client client;
  preload_open_warm(&client, MODE(state));
  curl_easy_setopt(client.curl, CURLOPT_USERPWD, "me:mine");
  client_expect(&client, 401);
  curl_easy_setopt(client.curl, CURLOPT_USERPWD, NULL);
  client_expect(&client, 200);
  curl_easy_setopt(client.curl, CURLOPT_USERNAME, "me");
  client_expect(&client, 401);
  curl_easy_setopt(client.curl, CURLOPT_USERNAME, NULL);
  client_expect(&client, 200);
  expect_counter(&emulator, "ok", 2);
  expect_counter(&emulator, "unauthorized", 2);
  client_close(&client);
}

/* ---- curl_easy_reset(3) ---- */

static void reset_and_again(void **state)
{
  Client client;
  struct curl_slist *list = curl_slist_append(NULL, "Authorization: Bearer mine");
  preload_open_warm(&client, MODE(state));
  curl_easy_setopt(client.curl, CURLOPT_HTTPHEADER, list);
  client_expect(&client, 401);
  curl_easy_reset(client.curl);
  client_set_options(&client, &emulator, BASE INVOICES);
  client_expect(&client, 200); /* the list is forgotten */
  curl_easy_reset(client.curl);
  client_set_options(&client, &emulator, EVIL);
  client_expect(&client, 200);
  expect_log(&emulator, SENT(INVOICES, "invalid", "401")
                            SENT(INVOICES, "business=3c90", "200") "GET https evil.example / none "
                                                                   "200\n");
  client_close(&client);
  curl_slist_free_all(list);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      ALL_MODES(everything_is_put_back),   ALL_MODES(own_authorisation_after_a_token),
      ALL_MODES(an_own_bearer_taken_back), ALL_MODES(own_user_taken_back),
      ALL_MODES(reset_and_again),
  };
  return PRELOAD_MAIN_RUN(tests);
}
