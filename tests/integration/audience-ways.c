/* SPDX-License-Identifier: MIT */
/* audience-ways.c - proxies of every kind: they lead to the right server or elsewhere, and see no
 * token. */
#include "audience.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

typedef struct Kind {
  const char *name, *scheme;
  long type;
  bool resolves; /* it is told the host's name */
} Kind;

static const Kind kinds[] = {
    {"HTTP", "http", CURLPROXY_HTTP, true},
    {"HTTP/1.0", "http", CURLPROXY_HTTP_1_0, true},
    {"HTTPS", "https", CURLPROXY_HTTPS, true},
    {"SOCKS4", "socks4", CURLPROXY_SOCKS4, false},
    {"SOCKS4a", "socks4a", CURLPROXY_SOCKS4A, true},
    {"SOCKS5", "socks5", CURLPROXY_SOCKS5, false},
    {"SOCKS5h", "socks5h", CURLPROXY_SOCKS5_HOSTNAME, true},
};
#define KINDS COUNT(kinds)

/* ---- how the program uses it ---- */

static void plainly(CURL *curl)
{
  (void)curl;
}

static void tunnel(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_HTTPPROXYTUNNEL, 1L);
}

static void unified(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_HEADEROPT, (long)CURLHEADER_UNIFIED);
}

static void unified_tunnel(CURL *curl)
{
  unified(curl);
  tunnel(curl);
}

static void password(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_PROXYUSERPWD, "me:mine");
}

static void any_method(CURL *curl)
{
  password(curl);
  curl_easy_setopt(curl, CURLOPT_PROXYAUTH, (long)CURLAUTH_ANY);
}

static void bearer_method(CURL *curl)
{
  password(curl);
  curl_easy_setopt(curl, CURLOPT_PROXYAUTH, (long)CURLAUTH_BEARER);
}

static void new_connections(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
}

static void proxy_not_verified(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_PROXY_SSL_VERIFYPEER, 0L);
  curl_easy_setopt(curl, CURLOPT_PROXY_SSL_VERIFYHOST, 0L);
}

static void not_verified(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
}

static void follow(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_UNRESTRICTED_AUTH, 1L);
}

static void follow_unified(CURL *curl)
{
  follow(curl);
  unified_tunnel(curl);
  new_connections(curl);
}

typedef struct Use {
  const char *name;
  void (*set)(CURL *curl);
  const char *url, *due; /* what is due in two transfers */
  const char *to;        /* the first one is redirected */
} Use;

static const Use uses[] = {
    {"plainly", plainly, GOOD_URL, "BB", NULL},
    {"for the partner's path", plainly, PARTNER_URL, "PP", NULL},
    {"tunnel", tunnel, GOOD_URL, "BB", NULL},
    {"unified headers", unified, GOOD_URL, "bb", NULL},
    {"unified headers, tunnel", unified_tunnel, GOOD_URL, "bb", NULL},
    {"password", password, GOOD_URL, "BB", NULL},
    {"any method", any_method, GOOD_URL, "bb", NULL},
    {"Bearer for the proxy", bearer_method, GOOD_URL, "bb", NULL},
    {"new connections", new_connections, GOOD_URL, "BB", NULL},
    {"proxy not verified", proxy_not_verified, GOOD_URL, "BB", NULL},
    {"not verified", not_verified, GOOD_URL, "", NULL},
    {"http", plainly, "http://" HOST INVOICES, "", NULL},
    {"http, tunnel", tunnel, "http://" HOST INVOICES, "", NULL},
    {"http, unified headers", unified, "http://" HOST INVOICES, "", NULL},
    {"elsewhere", plainly, "https://" EVIL INVOICES, "", NULL},
    {"elsewhere, unified headers", unified, "https://" EVIL INVOICES, "", NULL},
    {"another port", plainly, "https://" HOST ":4430" INVOICES, "", NULL},
    {"dot", plainly, "https://" HOST "." INVOICES, "", NULL},
    {"user", plainly, "https://user:pw@" HOST INVOICES, "", NULL},
    {"redirect elsewhere", follow, GOOD_URL, "Bb", "https://" EVIL INVOICES},
    {"redirect to http", follow, GOOD_URL, "Bb", "http://" HOST INVOICES},
    {"redirect elsewhere, unified", follow_unified, GOOD_URL, "bb", "https://" EVIL INVOICES},
    {"redirect to http, unified", follow_unified, GOOD_URL, "bb", "http://" HOST INVOICES},
    {"redirect to the sibling", follow, GOOD_URL, "B-b", "https://" SIBLING INVOICES},
};

/* How it gets to the proxy. */
typedef enum Manner { BY_URL, BY_TYPE, BY_PRE_PROXY, BY_VARIABLE, BY_ALL_VARIABLE, MANNERS } Manner;
static const char *const manner_names[] = {"PROXY", "PROXYTYPE", "PRE_PROXY", "https_proxy",
                                           "ALL_PROXY"};

static void set_proxy(CURL *curl, const Kind *kind, Manner manner)
{
  char url[64], http[64];
  snprintf(url, sizeof url, "%s://127.0.0.1:%u", kind->scheme, world.proxy.port);
  snprintf(http, sizeof http, "http://127.0.0.1:%u", world.proxy.port);
  curl_easy_setopt(curl, CURLOPT_PROXY, NULL);
  if (manner == BY_URL)
    curl_easy_setopt(curl, CURLOPT_PROXY, url);
  if (manner == BY_URL || manner == BY_TYPE)
    curl_easy_setopt(curl, CURLOPT_PROXYTYPE, kind->type);
  if (manner == BY_TYPE)
    curl_easy_setopt(curl, CURLOPT_PROXY, strstr(http, "127"));
  if (manner == BY_PRE_PROXY) { /* SOCKS before HTTP */
    curl_easy_setopt(curl, CURLOPT_PRE_PROXY, url);
    curl_easy_setopt(curl, CURLOPT_PROXY, http);
  }
  if (manner == BY_VARIABLE || manner == BY_ALL_VARIABLE) {
    setenv(manner == BY_VARIABLE ? "https_proxy" : "ALL_PROXY", url, 1);
    setenv("http_proxy", url, 1);
  }
}

static void unset_proxy(void)
{
  unsetenv("https_proxy");
  unsetenv("http_proxy");
  unsetenv("ALL_PROXY");
}

/* The names of hosts are told to a proxy that resolves them; another one is told addresses. */
static void set_way_through(Attack *attack, const Kind *kind, bool by_name)
{
  if (by_name && kind->resolves)
    curl_easy_setopt(attack->client.curl, CURLOPT_CONNECT_TO, NULL);
}

static void try_proxy(Attack *attack, size_t i)
{
  const Use *use = &uses[i / KINDS];
  const Kind *kind = &kinds[i % KINDS];
  Manner manner = (Manner)(i % MANNERS);
  bool socks = strncmp(kind->scheme, "socks", 5) == 0;
  if (manner == BY_PRE_PROXY && !socks)
    manner = BY_URL;
  attack_named(attack, "%s proxy by %s, %s", kind->name, manner_names[manner], use->name);
  attack->due = use->due;
  attack->uses_proxy = true;
  if (use->to)
    attack_redirects(attack, true, 307, use->to);
  attack_set_answers(attack);
  attack_open(attack, use->url, use->set);
  set_way_through(attack, kind, i / KINDS % 2 == 0 || manner == BY_PRE_PROXY);
  set_proxy(attack->client.curl, kind, manner);
  attack_run(attack);
  attack_run(attack);
  unset_proxy();
}

const Family families_ways[] = {
    {"proxies, and ways to use them", KINDS *COUNT(uses), 100, true, 3, try_proxy},
    {NULL, 0, 0, false, 0, NULL},
};
