/* SPDX-License-Identifier: MIT */
/* lib/route: whatever the URL looks like, a token goes where libcurl would send it. */
#include <strings.h>

#include "tests/unit/route-fixture.h"

#define SEED      0x9e3779b97f4a7c15u
#define MUTATIONS 20000
#define URL_ROOM  1024

static uint64_t random_state;

static size_t random_below(size_t limit)
{
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return (size_t)(random_state >> 11) % limit;
}

static const char *const good_urls[] = {
    MINE "/invoices/",
    API "/businesses/",
    "https://API.thredfi.com:443/v1/platform/" ID "/oauth2/token/",
    "https://backend.thredfi.com/v1/platform/reports?from=1#top",
    "https://user@sandbox.thredfi.com/v1/platform/businesses/",
    "https://evil.example@sandbox.thredfi.com/sandbox.thredfi.com",
};
static const char *const pieces[] = {
    "@",         ":",           "/",
    "//",        "\\",          "..",
    ".",         "%2e",         "%00",
    "%40",       "#",           "?",
    "evil.test", ":443",        ":8443",
    ":0443",     "https://",    "http://",
    "[",         "]",           "%",
    " ",         "\t",          "\n",
    "\xc3\xa9",  "thredfi.com", "user",
    "user:p",    "xn--",        "\xef\xbc\x8e",
    "-",         "S",           ".thredfi.com",
    "sandbox.",  ";",           "&",
    "=",         "%2F",         "*",
    "\x7f",
};

/* Puts `piece` at `at`, over `removed` bytes of what is there. */
static void splice(char *url, size_t at, size_t removed, const char *piece)
{
  char tail[URL_ROOM];
  size_t length = strlen(url);
  if (at > length)
    at = length;
  if (removed > length - at)
    removed = length - at;
  if (length - removed + strlen(piece) >= URL_ROOM)
    return;
  strcpy(tail, url + at + removed);
  strcpy(url + at, piece);
  strcat(url, tail);
}

static void mutate(char *url)
{
  for (size_t n = random_below(3) + 1; n > 0; n--) {
    /* Half of the mutations hit the part that decides where a request goes. */
    size_t length = strlen(url), reach = random_below(2) && length > 32 ? 32 : length + 1;
    size_t at = random_below(reach);
    const char *piece = pieces[random_below(sizeof pieces / sizeof *pieces)];
    char byte[2] = {(char)(random_below(255) + 1), 0};
    switch (random_below(5)) {
    case 0:
      splice(url, at, 0, piece);
      break;
    case 1:
      splice(url, at, random_below(4), piece);
      break;
    case 2:
      splice(url, at, 1, byte);
      break;
    case 3:
      splice(url, at, random_below(3) + 1, "");
      break;
    default:
      if (at < length)
        url[at] ^= 0x20;
      if (at < length && !url[at])
        url[at] = '.';
    }
  }
}

/* What libcurl, asked in this way, makes of one part; NULL if it has none. */
static bool part_is(CURLU *parsed, CURLUPart part, unsigned flags, const char *expected)
{
  char *text = NULL;
  bool same = curl_url_get(parsed, part, &text, flags) == CURLUE_OK
                  ? expected && strcasecmp(text, expected) == 0
                  : !expected;
  curl_free(text);
  return same;
}

static bool has_active_host(const Snapshot *snapshot, CURLU *parsed)
{
  bool found = false;
  for (uint32_t i = 0; i < snapshot->hosts.count && !found; i++) {
    const SnapshotHost *host = snapshot_host(snapshot, i);
    found = snapshot_environment(snapshot, host->environment)->active &&
            part_is(parsed, CURLUPART_HOST, 0, snapshot_string(snapshot, host->name));
  }
  return found;
}

static void check_where_it_goes(const Snapshot *snapshot, const char *url, unsigned flags)
{
  CURLU *parsed = curl_url();
  assert_non_null(parsed);
  bool right = curl_url_set(parsed, CURLUPART_URL, url, flags) == CURLUE_OK &&
               part_is(parsed, CURLUPART_SCHEME, 0, "https") &&
               part_is(parsed, CURLUPART_PORT, CURLU_DEFAULT_PORT, "443") &&
               part_is(parsed, CURLUPART_USER, 0, NULL) &&
               part_is(parsed, CURLUPART_PASSWORD, 0, NULL) && has_active_host(snapshot, parsed);
  curl_url_cleanup(parsed);
  if (!right)
    fail_msg("a token for %s", url);
}

static void mutated_urls(void **state)
{
  const Fixture *f = *state;
  size_t tokens = 0;
  random_state = SEED;
  print_message("seed %#llx, %d mutations\n", (unsigned long long)SEED, MUTATIONS);
  for (int i = 0; i < MUTATIONS; i++) {
    char url[URL_ROOM];
    strcpy(url, good_urls[random_below(sizeof good_urls / sizeof *good_urls)]);
    mutate(url);
    if (route_decide(f->snapshot, thred_curl_api(), "GET", url, OWN).reason != ROUTE_TOKEN)
      continue;
    tokens++;
    check_where_it_goes(f->snapshot, url, 0);
    check_where_it_goes(f->snapshot, url, CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME);
  }
  print_message("%zu of them get a token\n", tokens);
  assert_true(tokens > MUTATIONS / 100 && tokens < MUTATIONS);
}

/* The same with the port, which libcurl is asked for; false: there is a port or a user already, or
 * no path. */
static bool add_port(const char *url, char *with)
{
  size_t scheme = strlen("https://"), length;
  if (strncasecmp(url, "https://", scheme) != 0)
    return false;
  length = scheme + strcspn(url + scheme, "/?#@:");
  if (url[length] != '/' || strlen(url) + 5 > URL_ROOM)
    return false;
  sprintf(with, "%.*s:443%s", (int)length, url, url + length);
  return true;
}

static void check_same(const char *url, const RouteDecision *one, const RouteDecision *other)
{
  bool decided = one->reason == ROUTE_TOKEN || other->reason == ROUTE_TOKEN ||
                 one->environment != SNAPSHOT_NONE || other->environment != SNAPSHOT_NONE;
  if (decided &&
      (one->reason != other->reason || one->environment != other->environment ||
       one->host != other->host || one->route != other->route || one->token != other->token ||
       one->by_default != other->by_default || strcmp(one->business, other->business) != 0))
    fail_msg("%s, with its port or without: %d, %d", url, one->reason, other->reason);
}

/* Where nothing but a name stands between https:// and the path, libcurl is not asked. */
static void libcurl_would_say_the_same(void **state)
{
  const Fixture *f = *state;
  size_t compared = 0, tokens = 0;
  random_state = SEED;
  for (int i = 0; i < MUTATIONS; i++) {
    char url[URL_ROOM], with[URL_ROOM];
    strcpy(url, good_urls[random_below(sizeof good_urls / sizeof *good_urls)]);
    if (i % 8)
      mutate(url);
    if (!add_port(url, with))
      continue;
    RouteDecision one = route_decide(f->snapshot, thred_curl_api(), "GET", url, OWN),
                  other = route_decide(f->snapshot, thred_curl_api(), "GET", with, OWN);
    check_same(url, &one, &other);
    compared++;
    tokens += one.reason == ROUTE_TOKEN;
  }
  print_message("%zu URLs, %zu tokens\n", compared, tokens);
  assert_true(tokens > MUTATIONS / 100 && compared - tokens > MUTATIONS / 100);
}

static CURLU *no_parser(void)
{
  return NULL;
}

/* .. and where anything else does, it is: without it there is no token. */
static void libcurl_is_asked(void **state)
{
  static const struct {
    const char *url;
    bool plain;
  } cases[] = {
      {MINE "/invoices/", true},
      {"https://SANDBOX.thredfi.com/v1/platform/businesses/" ID, true},
      {"https://sandbox.thredfi.com:443/v1/platform/businesses/" ID, false},
      {"https://sandbox.thredfi.com?/v1/platform/businesses/" ID, false},
      {"https://sandbox.thredfi.com./v1/platform/businesses/" ID, false},
      {"https://user@sandbox.thredfi.com/v1/platform/businesses/" ID, false},
      {"https://sandbox%2ethredfi.com/v1/platform/businesses/" ID, false},
      {"https:/sandbox.thredfi.com/v1/platform/businesses/" ID, false},
      {"https:///sandbox.thredfi.com/v1/platform/businesses/" ID, false},
      {"https:\\\\sandbox.thredfi.com/v1/platform/businesses/" ID, false},
      {MINE "/invoices/?a b", false},
      {MINE "/invoices/#\t", false},
  };
  const Fixture *f = *state;
  ThredCurlApi api = *thred_curl_api();
  api.url = no_parser;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    RouteReason reason = route_decide(f->snapshot, &api, "GET", cases[i].url, OWN).reason;
    if (reason != (cases[i].plain ? ROUTE_TOKEN : ROUTE_BAD_URL))
      fail_msg("%s: %s", cases[i].url, route_reason_text(reason));
  }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, shipped_setup, fixture_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(mutated_urls),
      TEST(libcurl_would_say_the_same),
      TEST(libcurl_is_asked),
  };
  return cmocka_run_group_tests_name("route-mutations", tests, NULL, NULL);
}
