/* SPDX-License-Identifier: MIT */
/* test-preload-proxy.c - an unchanged program behind a proxy: which is told the host's name, and
 * nothing of the token. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connect-proxy.h"
#include "h2.h"
#include "preload-client.h"

static void open_behind(Client *client, Mode mode, const ConnectProxy *proxy)
{
  char url[64];
  snprintf(url, sizeof url, "http://127.0.0.1:%u", proxy->port);
  client_open_plain(client, &emulator, mode, BASE INVOICES);
  curl_easy_setopt(client->curl, CURLOPT_CONNECT_TO, NULL);
  curl_easy_setopt(client->curl, CURLOPT_PROXY, url);
}

static void run_through(Mode mode, bool fresh_connections, unsigned tunnels)
{
  Client client;
  ConnectProxy proxy;
  connect_proxy_start(&proxy, emulator.port);
  open_behind(&client, mode, &proxy);
  curl_easy_setopt(client.curl, CURLOPT_FORBID_REUSE, (long)fresh_connections);
  client_expect(&client, 200);
  client_expect(&client, 200);
  preload_revoke_business_tokens();
  assert_int_equal(client_run(&client), CURLE_OK);
  expect_no_leak(&emulator);
  expect_log(&emulator, SENT(INVOICES, "invalid", "401")
                            LOG_BUSINESS_TOKEN SENT(INVOICES, "business=3c90", "200"));
  client_close(&client);
  connect_proxy_stop(&proxy);
  assert_int_equal(proxy.tunnels, tunnels);
  assert_non_null(strstr(proxy.heads, "CONNECT " HOST ":443 HTTP/1.1\r\n"));
  assert_null(strcasestr(proxy.heads, "authorization"));
  assert_null(strcasestr(proxy.heads, "bearer"));
}

static void one_tunnel(void **state)
{
  run_through(MODE(state), false, 1);
}

/* The answer to a 401 goes over a new connection, hence behind a new CONNECT. */
static void a_tunnel_for_each_request(void **state)
{
  run_through(MODE(state), true, 4);
}

/* libcurl answers a 401, and is led to another host with what it has ready for the next one. */
static void elsewhere_after_a_401(void **state)
{
  for (long unrestricted = 0; unrestricted < 2; unrestricted++) {
    Client client;
    ConnectProxy proxy;
    harness_fresh(NULL);
    control(&emulator, "POST", "fault?path=" BUSINESSES "&action=status&status=401");
    control_redirect(&emulator, HOST, BUSINESSES, "https://evil.example/");
    connect_proxy_start(&proxy, emulator.port);
    open_behind(&client, MODE(state), &proxy);
    curl_easy_setopt(client.curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(client.curl, CURLOPT_UNRESTRICTED_AUTH, unrestricted);
    /* One tunnel at a time: the connection to the first host must go before the second. */
    curl_easy_setopt(client.curl, CURLOPT_FORBID_REUSE, 1L);
    CURLcode code = client_run(&client);
    client_close(&client);
    connect_proxy_stop(&proxy);
    expect_no_leak(&emulator);
    assert_int_equal(code, CURLE_OK);
    assert_null(strcasestr(proxy.heads, "bearer"));
  }
}

/* The program's password for the proxy, and its headers for it, go there. */
static void what_is_the_proxys(void **state)
{
  Client client;
  ConnectProxy proxy;
  struct curl_slist *list = curl_slist_append(NULL, "X-Proxy: 1");
  connect_proxy_start(&proxy, emulator.port);
  open_behind(&client, MODE(state), &proxy);
  curl_easy_setopt(client.curl, CURLOPT_PROXYUSERPWD, "me:mine");
  curl_easy_setopt(client.curl, CURLOPT_PROXYHEADER, list);
  client_expect(&client, 200);
  client_close(&client);
  connect_proxy_stop(&proxy);
  assert_non_null(strstr(proxy.heads, "Proxy-Authorization: Basic bWU6bWluZQ==\r\n"));
  assert_non_null(strstr(proxy.heads, "X-Proxy: 1\r\n"));
  assert_null(strcasestr(proxy.heads, "bearer"));
  curl_slist_free_all(list);
}

/* A proxy behind TLS whose certificate is not looked at: the tunnel in it has TLS of its own, which
 * is. */
static void a_proxy_that_is_not_verified(void **state)
{
  for (long verify = 0; verify < 2; verify++) {
    Client client;
    ConnectProxy proxy;
    char url[64];
    harness_fresh(NULL);
    connect_proxy_start(&proxy, emulator.port);
    snprintf(url, sizeof url, "https://127.0.0.1:%u", tls_proxy_start(proxy.port));
    client_open_plain(&client, &emulator, MODE(state), BASE INVOICES);
    curl_easy_setopt(client.curl, CURLOPT_CONNECT_TO, NULL);
    curl_easy_setopt(client.curl, CURLOPT_PROXY, url);
    curl_easy_setopt(client.curl, CURLOPT_PROXY_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(client.curl, CURLOPT_PROXY_SSL_VERIFYHOST, 0L);
    curl_easy_setopt(client.curl, CURLOPT_SSL_VERIFYPEER, verify);
    CURLcode code = client_run(&client);
    long status = client_status(&client);
    client_close(&client);
    tls_proxy_stop();
    connect_proxy_stop(&proxy);
    assert_int_equal(code, CURLE_OK);
    assert_int_equal(status, verify ? 200 : 401);
    assert_null(strcasestr(proxy.heads, "authorization"));
    expect_counter(&emulator, "token_requests.partner", (int)verify);
  }
}

/* ---- a program that shows its headers to the proxy ---- */

static void open_unified(Client *client, Mode mode, struct curl_slist *headers)
{
  client_open_plain(client, &emulator, mode, BASE INVOICES);
  curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(client->curl, CURLOPT_HEADEROPT, (long)CURLHEADER_UNIFIED);
}

/* How the program, or whoever started it, comes to a proxy. */
typedef enum Way { BY_PROXY, BY_PRE_PROXY, BY_HTTPS_PROXY, BY_ALL_PROXY } Way;
static const char *const variables[] = {NULL, NULL, "https_proxy", "ALL_PROXY"};

static void go_by(Client *client, const char *proxy, Way way)
{
  curl_easy_setopt(client->curl, CURLOPT_CONNECT_TO, NULL);
  curl_easy_setopt(client->curl, CURLOPT_PROXY, way == BY_PROXY ? proxy : NULL);
  if (way == BY_PRE_PROXY)
    curl_easy_setopt(client->curl, CURLOPT_PRE_PROXY, proxy);
  if (variables[way])
    setenv(variables[way], proxy, 1);
}

/* It gets no token, and the proxy what it would have got. */
static void unified_headers(void **state)
{
  struct curl_slist *list = curl_slist_append(NULL, "X-Shown: 1");
  for (Way way = BY_PROXY; way <= BY_ALL_PROXY; way++) {
    Client client;
    ConnectProxy proxy;
    char url[64];
    harness_fresh(NULL);
    connect_proxy_start(&proxy, emulator.port);
    snprintf(url, sizeof url, "http://127.0.0.1:%u", proxy.port);
    open_unified(&client, MODE(state), list);
    go_by(&client, url, way);
    CURLcode code = client_run(&client);
    client_close(&client);
    connect_proxy_stop(&proxy);
    if (variables[way])
      unsetenv(variables[way]);
    if (way == BY_PRE_PROXY && code == CURLE_COULDNT_RESOLVE_PROXY)
      continue; /* a later libcurl takes only SOCKS there */
    assert_int_equal(code, CURLE_OK);
    expect_log(&emulator, SENT(INVOICES, "none", "401"));
    assert_non_null(strstr(proxy.heads, "\r\nX-Shown: 1\r\n"));
    assert_null(strcasestr(proxy.heads, "authorization"));
  }
  curl_slist_free_all(list);
}

/* Where there is no proxy, there is nothing to show; and when there is one again, it is shown. */
static void unified_headers_without_a_proxy(void **state)
{
  Client client;
  ConnectProxy proxy;
  char url[64];
  struct curl_slist *list = curl_slist_append(NULL, "X-Shown: 1");
  connect_proxy_start(&proxy, emulator.port);
  snprintf(url, sizeof url, "http://127.0.0.1:%u", proxy.port);
  open_unified(&client, MODE(state), list);
  curl_easy_setopt(client.curl, CURLOPT_PROXY, NULL);
  client_expect(&client, 200);
  setenv("https_proxy", url, 1);
  curl_easy_setopt(client.curl, CURLOPT_PROXY, "");
  client_expect(&client, 200);
  unsetenv("https_proxy");
  go_by(&client, url, BY_PROXY);
  client_expect(&client, 401);
  client_close(&client);
  connect_proxy_stop(&proxy);
  assert_int_equal(proxy.tunnels, 1);
  assert_non_null(strstr(proxy.heads, "\r\nX-Shown: 1\r\n"));
  assert_null(strcasestr(proxy.heads, "authorization"));
  expect_log(&emulator, LOG_TOKENS SENT(INVOICES, "business=3c90", "200")
                            SENT(INVOICES, "business=3c90", "200") SENT(INVOICES, "none", "401"));
  curl_slist_free_all(list);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      EASY_AND_MULTI(one_tunnel),
      EASY_AND_MULTI(a_tunnel_for_each_request),
      EASY_AND_MULTI(elsewhere_after_a_401),
      EASY_AND_MULTI(what_is_the_proxys),
      EASY_AND_MULTI(a_proxy_that_is_not_verified),
      EASY_AND_MULTI(unified_headers),
      EASY_AND_MULTI(unified_headers_without_a_proxy),
  };
  return PRELOAD_MAIN_RUN(tests);
}
