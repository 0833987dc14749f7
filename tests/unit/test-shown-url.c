/* SPDX-License-Identifier: MIT */
/* lib/shown-url: no user or password of a URL that libcurl would take reaches a log. */
#include <curl/curl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/shown-url.h"

typedef struct {
  const char *url, *shown;
} Case;

static const Case cases[] = {
    {"https://host/path", "https://host/path"},
    {"https://host", "https://host"},
    {"https://host/a@b", "https://host/a@b"},
    {"https://host/?user=a@b", "https://host/?user=a@b"},
    {"https://host#a@b", "https://host#a@b"},
    {"https://user:secret@host/path", "https://host/path"},
    {"https://user:secret@host", "https://host"},
    {"https://us@er:sec@ret@host/a@b", "https://host/a@b"},
    {"https://user:sec\\ret@host/", "https://host/"},
    {"https:/user:secret@host/", "https:/host/"},
    {"https:///user:secret@host/", "https:///host/"},
    {"user:secret@host//x", "host//x"},
    {"user:secret@host", "host"},
    {"//user:secret@host/", "//host/"},
    {"https:\\\\user:secret@host/", "host/"},
    {"host/a@b", "host/a@b"},
    {"@", ""},
    {"", ""},
};

static void table(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char shown[128];
    ShownUrl parts = shown_url(cases[i].url);
    snprintf(shown, sizeof shown, "%.*s%s", parts.scheme_length, parts.scheme, parts.rest);
    assert_string_equal(shown, cases[i].shown);
  }
}

static uint32_t seed = 12345;

static const char *any(const char *const *pieces, size_t count)
{
  seed = seed * 1664525u + 1013904223u;
  return pieces[(seed >> 16) % count];
}

#define ANY(pieces) any(pieces, sizeof(pieces) / sizeof(pieces)[0])

/* More or less a URL with "secret" somewhere in it, most often where it is one. */
static void make_url(char *url)
{
  static const char *const starts[] = {"https://", "https:/", "https:///",  "http://", "//",
                                       "",         "x:",      "https:\\\\", "https:"};
  static const char *const users[] = {"secret",     "secret:",       "user:secret", ":secret",
                                      "u:p:secret", "u;secret",      "u\\secret",   "u%40:secret",
                                      "u@secret",   "u/secret",      "u?secret",    "u#secret",
                                      "secret:p@q", "s/ecret:secret"};
  static const char *const tails[] = {"@host",     "@host/",    "@host:443/a@b", "@[::1]/",
                                      "@host?q@r", "@host#f@g", "@host//x",      "@",
                                      "",          "@host\\x"};
  strcpy(url, ANY(starts));
  strcat(url, ANY(users));
  strcat(url, ANY(tails));
}

/* Does libcurl take a user or password with "secret" in it from this URL? */
static bool has_secret(const char *url)
{
  CURLU *parsed = curl_url();
  char *user = NULL, *password = NULL;
  if (!curl_url_set(parsed, CURLUPART_URL, url, CURLU_GUESS_SCHEME)) {
    curl_url_get(parsed, CURLUPART_USER, &user, 0);
    curl_url_get(parsed, CURLUPART_PASSWORD, &password, 0);
  }
  bool has = (user && strstr(user, "secret")) || (password && strstr(password, "secret"));
  curl_free(user);
  curl_free(password);
  curl_url_cleanup(parsed);
  return has;
}

static void libcurl_agrees(void **state)
{
  unsigned secrets = 0;
  (void)state;
  for (int i = 0; i < 20000; i++) {
    char url[128], shown[128];
    make_url(url);
    ShownUrl parts = shown_url(url);
    snprintf(shown, sizeof shown, "%.*s%s", parts.scheme_length, parts.scheme, parts.rest);
    if (has_secret(url) && strstr(shown, "secret"))
      fail_msg("%s is shown as %s", url, shown);
    secrets += has_secret(url);
  }
  assert_true(secrets > 1000);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(table), cmocka_unit_test(libcurl_agrees)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
