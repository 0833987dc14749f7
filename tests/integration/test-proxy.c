/* SPDX-License-Identifier: MIT */
/* test-proxy.c - a CONNECT proxy is told the host's name and nothing else. */
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "connect-proxy.h"

#define SENT(authorization, status) "GET https " HOST " " INVOICES " " authorization " " status "\n"

static void open_behind(Client *client, Mode mode, const ConnectProxy *proxy)
{
  char url[64];
  snprintf(url, sizeof url, "http://127.0.0.1:%u", proxy->port);
  client_open(client, mode, BASE INVOICES);
  curl_easy_setopt(client->curl, CURLOPT_CONNECT_TO, NULL);
  curl_easy_setopt(client->curl, CURLOPT_PROXY, url);
}

/* Nothing of ours, nor of libcurl's own, in any CONNECT. */
static void expect_silent(const ConnectProxy *proxy, unsigned tunnels)
{
  assert_int_equal(proxy->tunnels, tunnels);
  assert_non_null(strstr(proxy->heads, "CONNECT " HOST ":443 HTTP/1.1\r\n"));
  assert_null(strcasestr(proxy->heads, "authorization"));
  assert_null(strcasestr(proxy->heads, "bearer"));
}

static void run_through(void **state, long header_option, bool fresh_connections, unsigned tunnels)
{
  Client client;
  ConnectProxy proxy;
  connect_proxy_start(&proxy, emulator.port);
  open_behind(&client, MODE(state), &proxy);
  if (header_option >= 0)
    curl_easy_setopt(client.curl, CURLOPT_HEADEROPT, header_option);
  curl_easy_setopt(client.curl, CURLOPT_FORBID_REUSE, (long)fresh_connections);
  client_expect(&client, 200);
  client_expect(&client, 200);
  control(&emulator, "POST", "revoke?kind=business");
  client_expect(&client, 200);
  expect_log(&emulator, LOG_TOKENS SENT("business=3c90", "200") SENT("business=3c90", "200")
                            SENT("invalid", "401") LOG_BUSINESS_TOKEN SENT("business=3c90", "200"));
  client_close(&client);
  connect_proxy_stop(&proxy);
  expect_silent(&proxy, tunnels);
}

static void one_tunnel(void **state)
{
  run_through(state, -1, false, 1);
}

/* The answer to a 401 goes over a new connection, hence behind a new CONNECT. */
static void a_tunnel_for_each_request(void **state)
{
  run_through(state, -1, true, 4);
}

/* The program asks libcurl to show its headers to the proxy: it gets its own, not ours. */
static void unified_headers(void **state)
{
  run_through(state, CURLHEADER_UNIFIED, false, 1);
}

static void unified_headers_and_a_tunnel_for_each_request(void **state)
{
  run_through(state, CURLHEADER_UNIFIED, true, 4);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      EASY_AND_MULTI(one_tunnel),
      EASY_AND_MULTI(a_tunnel_for_each_request),
      EASY_AND_MULTI(unified_headers),
      EASY_AND_MULTI(unified_headers_and_a_tunnel_for_each_request),
  };
  harness_require_installation();
  return cmocka_run_group_tests(tests, harness_start, harness_stop);
}
