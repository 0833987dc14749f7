/* SPDX-License-Identifier: MIT */
/* test-tls.c - no token over a connection whose certificate and host name were not verified. */
#include <stdio.h>
#include <string.h>

#include "client.h"

#define SENT(authorization, status)                                                                \
  "GET https " HOST " " BUSINESSES " " authorization " " status "\n"

static Emulator impostor; /* its certificate is for evil.example */

/* The token is in the cache: what decides is the connection. */
static void open_warm(Client *client, Mode mode)
{
  client_open(client, mode, BASE BUSINESSES);
  client_expect(client, 200);
  control(&emulator, "POST", "reset");
  control(&emulator, "POST", "set?www_authenticate=no"); /* see test-retry-limits.c */
  control(&impostor, "POST", "reset");
  control(&impostor, "POST", "set?www_authenticate=no");
}

static void without_verification(void **state)
{
  Client client;
  open_warm(&client, MODE(state));
  curl_easy_setopt(client.curl, CURLOPT_SSL_VERIFYPEER, 0L);
  client_expect(&client, 401);
  curl_easy_setopt(client.curl, CURLOPT_SSL_VERIFYHOST, 0L);
  client_expect(&client, 401);
  expect_log(&emulator, SENT("none", "401") SENT("none", "401"));
  client_close(&client);
}

static void without_verification_and_authority(void **state)
{
  Client client;
  open_warm(&client, MODE(state));
  curl_easy_setopt(client.curl, CURLOPT_SSL_VERIFYPEER, 0L);
  curl_easy_setopt(client.curl, CURLOPT_CAINFO, NULL);
  client_expect(&client, 401);
  expect_log(&emulator, SENT("none", "401"));
  client_close(&client);
}

/* Verified by the system's authorities: that is libcurl's failure, before any request. */
static void an_unknown_authority(void **state)
{
  Client client;
  open_warm(&client, MODE(state));
  curl_easy_setopt(client.curl, CURLOPT_CAINFO, impostor.ca);
  assert_int_equal(client_run(&client), CURLE_PEER_FAILED_VERIFICATION);
  expect_log(&emulator, "");
  client_close(&client);
}

static void verified_again(void **state)
{
  Client client;
  open_warm(&client, MODE(state));
  curl_easy_setopt(client.curl, CURLOPT_SSL_VERIFYPEER, 0L);
  client_expect(&client, 401);
  curl_easy_setopt(client.curl, CURLOPT_SSL_VERIFYPEER, 1L);
  client_expect(&client, 200);
  client_expect(&client, 200);
  expect_log(&emulator, SENT("none", "401") SENT("partner", "200") SENT("partner", "200"));
  client_close(&client);
}

static void the_name_is_proved_on_the_connection(void **state)
{
  Client client;
  open_warm(&client, MODE(state));
  curl_easy_setopt(client.curl, CURLOPT_SSL_VERIFYHOST, 0L);
  client_expect(&client, 200);
  client_expect(&client, 200);
  expect_log(&emulator, SENT("partner", "200") SENT("partner", "200"));
  client_close(&client);
}

static void lead_to_impostor(Client *client)
{
  char line[64];
  snprintf(line, sizeof line, "::127.0.0.1:%u", impostor.port);
  curl_slist_free_all(client->connect_to);
  client->connect_to = curl_slist_append(NULL, line);
  curl_easy_setopt(client->curl, CURLOPT_CONNECT_TO, client->connect_to);
  curl_easy_setopt(client->curl, CURLOPT_CAINFO, impostor.ca);
}

static void a_certificate_for_another_name(void **state)
{
  Client client;
  open_warm(&client, MODE(state));
  lead_to_impostor(&client);
  assert_int_equal(client_run(&client), CURLE_PEER_FAILED_VERIFICATION);
  expect_log(&impostor, "");
  curl_easy_setopt(client.curl, CURLOPT_SSL_VERIFYHOST, 0L);
  client_expect(&client, 401);
  expect_log(&impostor, SENT("none", "401"));
  client_close(&client);
}

/* First the right server, then the wrong one, on one handle with one cached proof. */
static void the_proof_does_not_outlive_the_connection(void **state)
{
  Client client;
  open_warm(&client, MODE(state));
  curl_easy_setopt(client.curl, CURLOPT_SSL_VERIFYHOST, 0L);
  for (int i = 0; i < 3; i++) {
    control(&impostor, "POST", "reset");
    control(&impostor, "POST", "set?www_authenticate=no");
    client_set_options(&client, &emulator, BASE BUSINESSES);
    client_expect(&client, 200);
    lead_to_impostor(&client);
    client_expect(&client, 401);
    expect_log(&impostor, SENT("none", "401"));
  }
  client_close(&client);
}

/* TLS sessions are resumed: no certificate comes with the second handshake. */
static void new_connections_resume_the_session(void **state)
{
  Client client;
  open_warm(&client, MODE(state));
  curl_easy_setopt(client.curl, CURLOPT_FRESH_CONNECT, 1L);
  for (int i = 0; i < 3; i++)
    client_expect(&client, 200);
  curl_easy_setopt(client.curl, CURLOPT_SSL_VERIFYPEER, 0L);
  client_expect(&client, 401);
  expect_log(&emulator, SENT("partner", "200") SENT("partner", "200") SENT("partner", "200")
                            SENT("none", "401"));
  client_close(&client);
}

static int start(void **state)
{
  static const char *const arguments[] = {"--name", "evil.example", NULL};
  int result = harness_start(state);
  emulator_start(&impostor, arguments);
  return result;
}

static int stop(void **state)
{
  emulator_stop(&impostor);
  return harness_stop(state);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      EASY_AND_MULTI(without_verification),
      EASY_AND_MULTI(without_verification_and_authority),
      EASY_AND_MULTI(an_unknown_authority),
      EASY_AND_MULTI(verified_again),
      EASY_AND_MULTI(the_name_is_proved_on_the_connection),
      EASY_AND_MULTI(a_certificate_for_another_name),
      EASY_AND_MULTI(the_proof_does_not_outlive_the_connection),
      EASY_AND_MULTI(new_connections_resume_the_session),
  };
  harness_require_installation();
  return cmocka_run_group_tests(tests, start, stop);
}
