/* SPDX-License-Identifier: MIT */
/*
 * audience-mutations.c - a good URL with a few things changed at random, the same ones in each run.
 * libcurl's own reading of the result says whether a token may go: only to a host that is named, to
 * the letter, over https, at port 443.
 */
#include "audience.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(rows)  (sizeof(rows) / sizeof(rows)[0])
#define MUTATIONS    20000
#define IN_SHORT_RUN 61 /* every so many-th one */

/* splitmix64: numbers of a seed's own, so that a failure can be had again. */
static uint64_t next(uint64_t *state)
{
  uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

static size_t below(uint64_t *state, size_t limit)
{
  return (size_t)(next(state) % limit);
}

static const char *const seeds[] = {
    GOOD_URL,
    PARTNER_URL,
    "https://" HOST ":443" INVOICES "?a=b#c",
    "https://" SIBLING INVOICES,
    "https://user:pw@" HOST INVOICES,
    "https://" EVIL "/" HOST INVOICES,
};

static const char *const bits[] = {"/",         "//",
                                   "\\",        "@",
                                   ":",         "::",
                                   "?",         "#",
                                   ".",         "..",
                                   "%",         "%2e",
                                   "%2f",       "%00",
                                   "%40",       "%23",
                                   "%5c",       "%0d%0a",
                                   "%25",       "\t",
                                   "\r\n",      " ",
                                   "\x01",      "\x7f",
                                   "\x80",      "\xff",
                                   "[",         "]",
                                   ";",         ",",
                                   "&",         "=",
                                   "*",         "http",
                                   "s",         "443",
                                   ":80",       ":0443",
                                   ":4430",     "0",
                                   EVIL,        "." EVIL,
                                   "@" EVIL,    HOST,
                                   "." HOST,    ".thredfi.com",
                                   "https://",  "http://",
                                   "/../",      "/./",
                                   "\xd0\xb0",  "\xe3\x80\x82",
                                   "xn--",      "A",
                                   "-",         "_",
                                   "user:pw@",  "localhost",
                                   "127.0.0.1", "[::1]"};

#define SIZE 512

/* Puts `bit` in the place of `cut` characters at `at`. */
static void replace(char *url, size_t at, size_t cut, const char *bit)
{
  char made[SIZE];
  size_t length = strlen(url);
  if (at > length)
    at = length;
  if (cut > length - at)
    cut = length - at;
  snprintf(made, sizeof made, "%.*s%s%s", (int)at, url, bit, url + at + cut);
  memcpy(url, made, sizeof made);
}

/* Most of them where the host is: there the decision lies. */
static size_t somewhere(uint64_t *state, const char *url)
{
  size_t length = strlen(url);
  return below(state, 3) ? below(state, length < 34 ? length + 1 : 34) : below(state, length + 1);
}

static void mutate(char *url, uint64_t *state)
{
  char one[8];
  size_t at = somewhere(state, url);
  switch (below(state, 6)) {
  case 0: /* something put in */
  case 1:
    replace(url, at, 0, bits[below(state, COUNT(bits))]);
    break;
  case 2: /* something in the place of another */
    replace(url, at, 1 + below(state, 4), bits[below(state, COUNT(bits))]);
    break;
  case 3: /* something left out */
    replace(url, at, 1 + below(state, 3), "");
    break;
  case 4: /* a character escaped */
    snprintf(one, sizeof one, "%%%02x", (unsigned char)url[at]);
    replace(url, at, 1, url[at] ? one : "");
    break;
  default: /* a character's case, or its lowest bit */
    if (url[at])
      url[at] = (char)(url[at] ^ (below(state, 2) ? 0x20 : 1));
  }
}

static bool is_named(const char *host)
{
  return strcasecmp(host, HOST) == 0 || strcasecmp(host, SIBLING) == 0 ||
         strcasecmp(host, STAGING) == 0;
}

/* As libcurl reads it. */
static bool may_get_token(const char *url)
{
  CURLU *parsed = curl_url();
  char *scheme = NULL, *host = NULL, *port = NULL, *user = NULL;
  bool may =
      !curl_url_set(parsed, CURLUPART_URL, url, CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME) &&
      !curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) &&
      !curl_url_get(parsed, CURLUPART_HOST, &host, 0) &&
      !curl_url_get(parsed, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) &&
      curl_url_get(parsed, CURLUPART_USER, &user, 0) && strcmp(scheme, "https") == 0 &&
      is_named(host) && strcmp(port, "443") == 0;
  curl_free(scheme);
  curl_free(host);
  curl_free(port);
  curl_free(user);
  curl_url_cleanup(parsed);
  return may;
}

static void try_mutation(Attack *attack, size_t i)
{
  char url[SIZE] = "";
  uint64_t state = i;
  strcpy(url, seeds[below(&state, COUNT(seeds))]);
  for (size_t changes = 1 + below(&state, 3); changes > 0; changes--)
    mutate(url, &state);
  world.elsewhere.patience_ms = 50;
  attack_named(attack, "mutation %zu: %s", i, url);
  attack->due = may_get_token(url) ? "*" : "";
  attack_open(attack, url, NULL);
  curl_easy_setopt(attack->client.curl, CURLOPT_TIMEOUT_MS, 2000L);
  attack_run(attack);
}

const Family families_mutations[] = {
    {"mutations of good URLs", MUTATIONS, 30, true, IN_SHORT_RUN, try_mutation},
    {NULL, 0, 0, false, 0, NULL},
};
