/* SPDX-License-Identifier: MIT */
/*
 * test-preload-methods.c - what makes libcurl ready to answer a 401 must do nothing else: no method
 * of the program's that has lain idle without a user, no user for other hosts, no request twice.
 */
#include <stdio.h>
#include <string.h>

#include "capture.h"
#include "connect-proxy.h"
#include "preload-client.h"

#define CHALLENGE(scheme)                                                                          \
  "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: " scheme "\r\nContent-Length: 0\r\n\r\n"
#define AWAY                                                                                       \
  "HTTP/1.1 307 Temporary Redirect\r\nLocation: https://evil.example/x\r\nContent-Length: "        \
  "0\r\n\r\n"

typedef struct Case {
  const char *name;
  struct {
    CURLoption option;
    long number;
  } settings[5];
  const char *answers[4];
  CURLcode code;
  long status;
  unsigned requests;
} Case;

static const Case cases[] = {
    {"answered", {{0, 0}}, {CHALLENGE("Bearer")}, CURLE_OK, 200, 2},
    {"another method alone",
     {{CURLOPT_HTTPAUTH, (long)CURLAUTH_NTLM}},
     {CHALLENGE("Bearer")},
     CURLE_OK,
     200,
     2},
    {"asked for NTLM, any method",
     {{CURLOPT_HTTPAUTH, (long)CURLAUTH_ANY}},
     {CHALLENGE("NTLM")},
     CURLE_OK,
     200,
     2},
    {"asked for Digest, any method",
     {{CURLOPT_HTTPAUTH, (long)CURLAUTH_ANY}},
     {CHALLENGE("Digest realm=\"x\", nonce=\"y\"")},
     CURLE_OK,
     200,
     2},
    {"FAILONERROR", {{CURLOPT_FAILONERROR, 1}}, {CHALLENGE("Bearer")}, CURLE_OK, 200, 2},
    {"FAILONERROR with netrc",
     {{CURLOPT_FAILONERROR, 1}, {CURLOPT_NETRC, CURL_NETRC_OPTIONAL}},
     {CHALLENGE("Bearer")},
     CURLE_OK,
     200,
     2},
    {"FAILONERROR, away to one who asks for Basic",
     {{CURLOPT_FAILONERROR, 1}, {CURLOPT_FOLLOWLOCATION, 1}},
     {AWAY, CHALLENGE("Basic realm=\"x\"")},
     CURLE_HTTP_RETURNED_ERROR,
     401,
     2},
    {"FAILONERROR, unrestricted, away to one who asks for NTLM",
     {{CURLOPT_FAILONERROR, 1},
      {CURLOPT_FOLLOWLOCATION, 1},
      {CURLOPT_UNRESTRICTED_AUTH, 1},
      {CURLOPT_HTTPAUTH, (long)CURLAUTH_ANY}},
     {AWAY, CHALLENGE("NTLM")},
     CURLE_HTTP_RETURNED_ERROR,
     401,
     2},
    {"redirects to anything",
     {{CURLOPTTYPE_LONG + 182, (long)CURLPROTO_ALL}},
     {CHALLENGE("Bearer")},
     CURLE_OK,
     200,
     2},
    {"redirects to HTTP",
     {{CURLOPTTYPE_LONG + 182, CURLPROTO_HTTP | CURLPROTO_HTTPS}},
     {CHALLENGE("Bearer")},
     CURLE_OK,
     200,
     2},
    {"no redirect", {{CURLOPT_MAXREDIRS, 0}}, {CHALLENGE("Bearer")}, CURLE_OK, 200, 2},
};

static Capture capture;

static void open_captured(Client *client, Mode mode, struct curl_slist **to)
{
  char target[64];
  harness_fresh(NULL);
  client_open_plain(client, &emulator, mode, BASE INVOICES);
  snprintf(target, sizeof target, "::127.0.0.1:%u", capture.port);
  *to = curl_slist_append(NULL, target);
  curl_easy_setopt(client->curl, CURLOPT_CONNECT_TO, *to);
  curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, "amount=1");
}

/* Then the same handle makes two more: the transfer after an answered 401 begins otherwise. */
static void run_case(const Case *one, Mode mode)
{
  Client client;
  struct curl_slist *to;
  open_captured(&client, mode, &to);
  for (size_t i = 0; i < 5 && one->settings[i].option; i++)
    curl_easy_setopt(client.curl, one->settings[i].option, one->settings[i].number);
  capture_reset(&capture, one->answers);
  CURLcode code = client_run(&client);
  long status = client_status(&client);
  for (int i = 0; i < 2; i++)
    client_expect(&client, 200);
  if (code != one->code || status != one->status ||
      capture_count(&capture, "POST ") != one->requests + 2 ||
      capture_count(&capture, "amount=1") != one->requests + 2 ||
      capture_count(&capture, "\nAuthorization: Bearer ") <= 2 ||
      capture_count(&capture, ": NTLM") || capture_count(&capture, ": Digest") ||
      capture_count(&capture, ": Basic") || capture_count(&capture, ": Bearer none"))
    fail_msg("%s: code %d, status %ld\n%s", one->name, (int)code, status, capture_text(&capture));
  client_close(&client);
  curl_slist_free_all(to);
}

static void idle_methods_stay_idle(void **state)
{
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    run_case(&cases[i], MODE(state));
}

/* A method for the proxy, and no user for it. */
static void a_proxy_is_told_nothing(void **state)
{
  Client client;
  ConnectProxy proxy;
  char url[64];
  connect_proxy_start(&proxy, emulator.port);
  client_open_plain(&client, &emulator, MODE(state), BASE INVOICES);
  snprintf(url, sizeof url, "http://127.0.0.1:%u", proxy.port);
  curl_easy_setopt(client.curl, CURLOPT_CONNECT_TO, NULL);
  curl_easy_setopt(client.curl, CURLOPT_PROXY, url);
  curl_easy_setopt(client.curl, CURLOPT_PROXYAUTH, (long)CURLAUTH_NTLM);
  client_expect(&client, 200);
  client_close(&client);
  connect_proxy_stop(&proxy);
  assert_int_equal(proxy.tunnels, 1);
  assert_null(strcasestr(proxy.heads, "authorization"));
}

static int start(void **state)
{
  char pem[96];
  int result = harness_start(state);
  snprintf(pem, sizeof pem, "%s/server.pem", emulator.dir);
  capture_start(&capture, pem);
  return result;
}

static int stop(void **state)
{
  capture_stop(&capture);
  return preload_stop(state);
}

int main(void)
{
  const struct CMUnitTest tests[] = {EASY_AND_MULTI(idle_methods_stay_idle),
                                     EASY_AND_MULTI(a_proxy_is_told_nothing)};
  harness_require_installation();
  shim_enter();
  return cmocka_run_group_tests(tests, start, stop);
}
