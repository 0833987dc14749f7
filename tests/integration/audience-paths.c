/* SPDX-License-Identifier: MIT */
/* audience-paths.c - paths, queries and methods: the wrong token for what is asked, or one for
 * something that a server or proxy would take for another path. */
#include "audience.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

/* ---- paths ---- */

static const char *const paths[] = {
    "/v1/platform/businesses/../businesses/",
    "/v1/platform/./businesses/",
    "/v1/platform/businesses/.",
    "/v1/platform/businesses/..",
    "/..",
    "/.",
    "/../",
    "/v1/platform/businesses/%2e%2e/",
    "/v1/platform/businesses/%2E%2e/x",
    "/v1/platform/businesses/.%2e/",
    "/v1/platform/businesses/%2e/",
    "/v1/platform/businesses/..;/",
    "/v1/platform/businesses/..;x=y/" FIRST "/invoices/",
    "/v1/platform/businesses/.;/",
    "/v1/platform/businesses/;/",
    "/v1/platform/businesses;/",
    "/v1/platform/businesses;x/" FIRST "/invoices/",
    "/v1/platform/businesses/..\\" FIRST "/invoices/",
    "//v1/platform/businesses/",
    "/v1//platform/businesses/",
    "/v1/platform//businesses/",
    "/v1/platform/businesses//",
    "/v1/platform/businesses//" FIRST "/invoices/",
    BUSINESSES FIRST "//invoices/",
    BUSINESSES FIRST "/invoices//",
    "//" EVIL BUSINESSES,
    "/\\" EVIL BUSINESSES,
    "/%2f" EVIL BUSINESSES,
    "/v1/platform%2fbusinesses/",
    "/v1/platform/businesses%2f",
    "/v1/platform/businesses%2f" FIRST "%2finvoices%2f",
    BUSINESSES FIRST "%2finvoices/",
    BUSINESSES FIRST "%5cinvoices/",
    BUSINESSES FIRST "/%2e%2e/" SECOND "/invoices/",
    BUSINESSES FIRST "/../" SECOND "/invoices/",
    BUSINESSES FIRST "/%252e%252e/" SECOND "/invoices/",
    BUSINESSES FIRST "/..%2f" SECOND "/invoices/",
    BUSINESSES FIRST "/%2e%2e%2f" SECOND "/invoices/",
    BUSINESSES FIRST "/..%252f" SECOND "/invoices/",
    BUSINESSES FIRST "/..%5c" SECOND "/invoices/",
    BUSINESSES FIRST "/..%00/" SECOND "/invoices/",
    BUSINESSES FIRST "/invoices/%00",
    BUSINESSES "%00" FIRST "/invoices/",
    BUSINESSES "%00",
    BUSINESSES FIRST "%00",
    BUSINESSES FIRST "/invoices/%0d%0aHost:%20" EVIL,
    BUSINESSES FIRST "/invoices/%0a",
    BUSINESSES FIRST "/invoices/%c0%ae%c0%ae/",
    BUSINESSES FIRST "/invoices/%u002e/",
    BUSINESSES FIRST "/invoices/%",
    BUSINESSES FIRST "/invoices/%2",
    BUSINESSES FIRST "/invoices/%zz",
    "/%76%31/platform/businesses/",
    "/v1/platform/%62usinesses/",
    "/V1/platform/businesses/",
    "/v1/platform/BUSINESSES/",
    "/v1/platform/businesses/x/",
    "/v1/platform/businesses/" FIRST FIRST "/invoices/",
    "/v1/platform/businesses/-/invoices/",
    "/v1/platform/businesses/{3c90c3cc-0d44-4b50-8888-8dd25736052a}/invoices/",
    "/v1/platform/businesses/3c90c3cc0d444b5088888dd25736052a/invoices/",
    "/v1/platform/businesses/%33c90c3cc-0d44-4b50-8888-8dd25736052a/invoices/",
    "/v1/platform/businesses/" FIRST " /invoices/",
    "/v1/platform/businesses/ " FIRST "/invoices/",
    "/v1/platform/businesses/*/invoices/",
    "/v1/platform/businesses/{business_id}/invoices/",
    "*",
    "/*",
    "",
    "/",
    "/v1",
    "/v1/",
    "/v1/platform/",
    "/v2/platform/businesses/",
    "/v1/platform/oauth2/token/",
    "/v1/platform/" FIRST "/oauth2/token/",
    "/api/v1/product-pricing",
    "/api/v1/product-pricing/x",
    "/api/friday/token",
    "/api/ai-tools/",
    "/api/ai-tools/x/y",
    "/v1/platform/transaction-categories/",
    "/x" BUSINESSES,
    BUSINESSES "\xe2\x80\xa6/",
    BUSINESSES FIRST "/invoices/\xc0\xaf"};

/* Plain once libcurl has removed the dot segments: a token as that path says. Or, an escape that is
 * no ASCII character's. */
static const struct {
  const char *path, *due;
} plain[] = {
    {"/v1/platform/businesses/../businesses/", "p"},
    {"/v1/platform/./businesses/", "p"},
    {"/v1/platform/businesses/.", "p"},
    {BUSINESSES FIRST "/../" SECOND "/invoices/", "c"},
    {BUSINESSES FIRST "/invoices/%c0%ae%c0%ae/", "b"},
};

static const char *due_at(const char *path, bool as_is)
{
  for (size_t i = 0; i < COUNT(plain); i++)
    if (strcmp(plain[i].path, path) == 0 && !(as_is && plain[i].due[0] == '~'))
      return plain[i].due;
  return "";
}

/* Every other one as it is written: for servers that see what libcurl would have mended. */
static void try_path(Attack *attack, size_t i)
{
  char url[512];
  bool as_is = i % 2;
  const char *path = paths[i / 2];
  snprintf(url, sizeof url, BASE "%s", path);
  attack_named(attack, "%.200s%s", path, as_is ? ", as it is" : "");
  attack->due = due_at(path, as_is);
  attack_open(attack, url, NULL);
  curl_easy_setopt(attack->client.curl, CURLOPT_PATH_AS_IS, (long)as_is);
  attack_run(attack);
}

/* ---- queries and fragments ---- */

static const struct {
  const char *rest, *due;
} queries[] = {
    {BUSINESSES "?/" FIRST "/invoices/", "p"},
    {BUSINESSES "#/" FIRST "/invoices/", "p"},
    {INVOICES "?@" EVIL, "b"},
    {INVOICES "?https://" EVIL "/", "b"},
    {INVOICES "?/../../../", "b"},
    {INVOICES "?..%2f..%2f", "b"},
    {INVOICES "?%00", "b"},
    {INVOICES "?a=%0d%0aHost:%20" EVIL, "b"},
    {INVOICES "??", "b"},
    {INVOICES "?#", "b"},
    {INVOICES "#?", "b"},
    {INVOICES "?", "b"},
    {INVOICES "#", "b"},
    {INVOICES "?access_token=x", "b"},
    {INVOICES "?host=" HOST, "b"},
    {INVOICES "#@" EVIL "/", "b"},
    {INVOICES "##", "b"},
    {INVOICES "?\xff", "b"},
    {INVOICES "%3f@" EVIL, "b"},
    {INVOICES "%23@" EVIL, "b"},
    {INVOICES_2 "?" FIRST, "c"},
    {INVOICES_2 "#" FIRST, "c"},
    {"?" BUSINESSES, ""},
    {"#" BUSINESSES, ""},
    {"?", ""},
    {"#", ""},
    {"/?" INVOICES, ""},
    {"/#" INVOICES, ""},
};

static void try_query(Attack *attack, size_t i)
{
  char url[512];
  snprintf(url, sizeof url, BASE "%s", queries[i].rest);
  attack_url(attack, url, queries[i].due);
}

/* ---- length ---- */

static const struct {
  const char *before, *behind, *due;
  size_t length;
  char filler;
} lengths[] = {
    {GOOD_URL, "", "b", 1000, 'a'},
    {GOOD_URL, "", "b", 8000, 'a'},
    {GOOD_URL, "", "b", 60000, 'a'},
    {GOOD_URL "?", "", "b", 60000, 'a'},
    {GOOD_URL "#", "", "b", 60000, 'a'},
    {PARTNER_URL "?", "", "p", 100000, '/'},
    {GOOD_URL, "", "", 4000, '/'},
    {BASE "/", BUSINESSES, "", 20000, '/'},
    {BASE BUSINESSES, FIRST "/invoices/", "", 20000, '/'},
    {"https://", HOST INVOICES, "", 300, 'a'},
    {"https://", "." HOST INVOICES, "", 63, 'a'},
    {"https://", "." HOST INVOICES, "", 300, 'a'},
    {"https://" HOST, "." EVIL INVOICES, "", 63, 'a'},
    {"https://" HOST, "." EVIL INVOICES, "", 70000, 'a'},
    {"https://", "@" HOST INVOICES, "", 70000, 'a'},
    {"https://" HOST ":", "443" INVOICES, "~b", 1000, '0'},
    {"https://" HOST, INVOICES, "", 300, '.'},
    {"https://" EVIL "/", HOST INVOICES, "", 70000, 'a'},
    {"https://" HOST, INVOICES, "", 7999998, 'a'},
    {"https://" HOST "/", INVOICES, "", 8000001, 'a'},
};

static void try_length(Attack *attack, size_t i)
{
  size_t before = strlen(lengths[i].before), length = lengths[i].length;
  char *url = malloc(before + length + strlen(lengths[i].behind) + 1);
  memcpy(url, lengths[i].before, before);
  memset(url + before, lengths[i].filler, length);
  strcpy(url + before + length, lengths[i].behind);
  attack_named(attack, "%s, %zu times '%c', %s", lengths[i].before, length, lengths[i].filler,
               lengths[i].behind);
  attack->due = lengths[i].due;
  attack_open(attack, url, NULL);
  attack_run(attack);
  free(url);
}

/* ---- methods ---- */

static const struct {
  const char *method, *path, *due;
} methods[] = {
    {"GET", BUSINESSES, "P"},
    {"POST", BUSINESSES, "P"},
    {"HEAD", BUSINESSES, "p"},
    {"DELETE", BUSINESSES, ""},
    {"PUT", BUSINESSES, ""},
    {"PATCH", BUSINESSES, ""},
    {"OPTIONS", BUSINESSES, ""},
    {"TRACE", BUSINESSES, ""},
    {"get", BUSINESSES, ""},
    {"Get", BUSINESSES, ""},
    {"GET2", BUSINESSES, ""},
    {"XGET", BUSINESSES, ""},
    {"GET;POST", BUSINESSES, ""},
    {"*", BUSINESSES, ""},
    {"GET ", BUSINESSES, ""},
    {" GET", BUSINESSES, ""},
    {"GET\t", BUSINESSES, ""},
    {"GET " INVOICES " HTTP/1.1\r\nX:", BUSINESSES, ""},
    {"GET\r\nHost: " EVIL "\r\nX:", BUSINESSES, ""},
    {"GET\nX: y\n", BUSINESSES, ""},
    {"GET\r", BUSINESSES, ""},
    {"GET https://" EVIL "/ HTTP/1.1\r\n", BUSINESSES, ""},
    {"CONNECT", BUSINESSES, ""},
    {"", BUSINESSES, ""},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", BUSINESSES, ""},
    {"GE\xcc\x81T", BUSINESSES, ""},
    {"GET:", BUSINESSES, ""},
    {"GET/", BUSINESSES, ""},
    {"DELETE", BUSINESSES FIRST, ""},
    {"PUT", BUSINESSES FIRST, ""},
    {"POST", BUSINESSES FIRST, ""},
    {"PATCH", BUSINESSES FIRST, "P"},
    {"GET", BUSINESSES FIRST "/archive", "B"},
    {"POST", BUSINESSES FIRST "/archive", "P"},
    {"POST", BUSINESSES FIRST "/archived", "B"},
    {"POST", BUSINESSES FIRST "/archive/x", "B"},
    {"POST", BUSINESSES FIRST "/unarchive", "P"},
    {"PUT", BUSINESSES FIRST "/unarchive", "B"},
    {"GET", "/v1/platform/" FIRST "/oauth2/token", ""},
    {"PUT", "/v1/platform/" FIRST "/oauth2/token", ""},
    {"POST", "/v1/platform/oauth2/token", ""},
    {"GET", "/v1/platform/transaction-categories/" FIRST, "B"},
    {"POST", "/api/ai-tools/" FIRST "/x", "B"},
    {"DELETE", INVOICES, "B"},
    {"BREW", INVOICES, "B"},
    {"GET " BUSINESSES " HTTP/1.1\r\nX:", INVOICES, ""},
};

static void try_method(Attack *attack, size_t i)
{
  char url[256];
  const char *method = methods[i].method;
  snprintf(url, sizeof url, BASE "%s", methods[i].path);
  attack_named(attack, "%s %s", method, methods[i].path);
  attack->due = methods[i].due;
  attack_open(attack, url, NULL);
  /* What a program asks for so, the server may take for the answer to it. */
  curl_easy_setopt(attack->client.curl, CURLOPT_NOBODY, (long)(strcmp(method, "HEAD") == 0));
  curl_easy_setopt(attack->client.curl, CURLOPT_CUSTOMREQUEST, method);
  curl_easy_setopt(attack->client.curl, CURLOPT_TIMEOUT_MS, 1000L);
  curl_easy_setopt(attack->client.curl, CURLOPT_HTTP09_ALLOWED, 0L);
  attack_run(attack);
}

const Family families_paths[] = {
    {"paths: dots, slashes, escapes, no route", 2 * COUNT(paths), 90, true, 1, try_path},
    {"queries and fragments", COUNT(queries), 100, false, 1, try_query},
    {"very long URLs", COUNT(lengths), 60, false, 1, try_length},
    {"methods, and partner or business", COUNT(methods), 90, false, 1, try_method},
    {NULL, 0, 0, false, 0, NULL},
};
