/* SPDX-License-Identifier: MIT */
/* test-preload-proxy.c - an unchanged program behind a proxy: which is told the host's name, and
 * nothing of the token. */
#include <stdio.h>
#include <string.h>

#include "connect-proxy.h"
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

int main(void)
{
  const struct CMUnitTest tests[] = {
      EASY_AND_MULTI(one_tunnel),
      EASY_AND_MULTI(a_tunnel_for_each_request),
      EASY_AND_MULTI(elsewhere_after_a_401),
      EASY_AND_MULTI(what_is_the_proxys),
  };
  return PRELOAD_MAIN_RUN(tests);
}
