/* SPDX-License-Identifier: MIT */
/* test-preload-redirect.c - where a redirect of an unchanged program's transfer may take the token:
 * nowhere but along the host where it began. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "capture.h"
#include "preload-client.h"

#define EVIL  "https://evil.example" BUSINESSES
#define THRED BASE BUSINESSES
#define OTHER "https://" SIBLING BUSINESSES
#define PLAIN "http://" HOST BUSINESSES

#define START                 SENT(BUSINESSES, "partner", "307")
#define SEEN(host, a, status) "GET https " host " " BUSINESSES " " a " " status "\n"

typedef struct Step {
  const char *host, *to;
} Step;

typedef struct Case {
  const char *name, *url;
  Step steps[3];
  const char *expected;
} Case;

static const Case cases[] = {
    {"to another domain", THRED, {{HOST, EVIL}}, START SEEN("evil.example", "none", "200")},
    {"to the sibling", THRED, {{HOST, OTHER}}, START SEEN(SIBLING, "none", "401")},
    {"to plain HTTP", THRED, {{HOST, PLAIN}}, START "GET http " HOST " " BUSINESSES " none 401\n"},
    {"away and back",
     THRED,
     {{HOST, EVIL}, {"evil.example", THRED}},
     START SEEN("evil.example", "none", "307") SEEN(HOST, "none", "401")},
    {"from another domain",
     EVIL,
     {{"evil.example", THRED}},
     SEEN("evil.example", "none", "307") SEEN(HOST, "none", "401")},
    {"from plain HTTP",
     PLAIN,
     {{HOST, THRED}},
     "GET http " HOST " " BUSINESSES " none 307\n" SEEN(HOST, "none", "401")},
    {"on the origin",
     THRED,
     {{HOST, INVOICES}},
     START LOG_BUSINESS_TOKEN SENT(INVOICES, "business=3c90", "200")},
};

static void open_case(Client *client, Mode mode, const Case *one)
{
  harness_fresh(NULL);
  control(&emulator, "POST", "set?www_authenticate=no");
  for (size_t i = 0; one->steps[i].host; i++)
    control_redirect(&emulator, one->steps[i].host, BUSINESSES, one->steps[i].to);
  client_open_plain(client, &emulator, mode, one->url);
  curl_easy_setopt(client->curl, CURLOPT_FOLLOWLOCATION, 1L);
}

static void expect_case(const Case *one)
{
  char text[2048];
  bool begins_there = strcmp(one->url, THRED) == 0;
  snprintf(text, sizeof text, "%s%s", begins_there ? LOG_PARTNER_TOKEN : "", one->expected);
  expect_log(&emulator, text);
}

static void follow_all(Mode mode, long unrestricted)
{
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    Client client;
    open_case(&client, mode, &cases[i]);
    curl_easy_setopt(client.curl, CURLOPT_UNRESTRICTED_AUTH, unrestricted);
    assert_int_equal(client_run(&client), CURLE_OK);
    expect_case(&cases[i]);
    client_close(&client);
  }
}

static void restricted(void **state)
{
  follow_all(MODE(state), 0);
}

static void unrestricted(void **state)
{
  follow_all(MODE(state), 1);
}

/* ---- the program's own passwords, for other hosts ---- */

static void write_netrc(char *path, size_t size)
{
  static const char text[] = "machine evil.example login someone password theirs\n"
                             "machine " SIBLING " login someone password theirs\n";
  snprintf(path, size, "%s/netrc", emulator.dir);
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
  close(fd);
}

static void open_with_netrc(Client *client, Mode mode, const Case *one)
{
  char path[128];
  write_netrc(path, sizeof path);
  open_case(client, mode, one);
  curl_easy_setopt(client->curl, CURLOPT_NETRC, (long)CURL_NETRC_OPTIONAL);
  curl_easy_setopt(client->curl, CURLOPT_NETRC_FILE, path);
}

static void expect_no_bearer_elsewhere(void)
{
  json_object *log = request_log(&emulator);
  for (size_t i = 0; i < json_object_array_length(log); i++)
    if (strcmp(log_text(log, i, "host"), HOST) != 0)
      assert_null(strcasestr(log_authorization(log, i), "bearer"));
  json_object_put(log);
}

/* libcurl's worst place for leaks (CVE-2026-3783). */
static void with_netrc(void **state)
{
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    Client client;
    open_with_netrc(&client, MODE(state), &cases[i]);
    curl_easy_setopt(client.curl, CURLOPT_UNRESTRICTED_AUTH, (long)(i & 1));
    assert_int_equal(client_run(&client), CURLE_OK);
    expect_no_bearer_elsewhere();
    client_close(&client);
  }
}

/* From 8.21 on libcurl is not made ready to answer a 401 itself (may_retry in lib/preload.c). */
static bool libcurl_answers(void)
{
  return curl_version_info(CURLVERSION_NOW)->version_num < 0x081500;
}

/* What the file has for the other host goes there when that asks for it. (At once without the shim,
 * and with libcurl 8.21: with two methods to choose from, libcurl waits for the challenge.) */
static void a_netrc_password_goes_to_its_host(void **state)
{
  static const char *const answers[] = {"HTTP/1.1 307 Temporary Redirect\r\nLocation: " EVIL
                                        "\r\nContent-Length: 0\r\n\r\n",
                                        "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic "
                                        "realm=\"x\"\r\nContent-Length: 0\r\n\r\n",
                                        NULL};
  Client client;
  Capture capture;
  char pem[96], to[64];
  snprintf(pem, sizeof pem, "%s/server.pem", emulator.dir);
  capture_start(&capture, pem);
  capture_reset(&capture, answers);
  open_with_netrc(&client, MODE(state), &cases[0]);
  snprintf(to, sizeof to, "::127.0.0.1:%u", capture.port);
  struct curl_slist *list = curl_slist_append(NULL, to);
  curl_easy_setopt(client.curl, CURLOPT_CONNECT_TO, list);
  client_expect(&client, libcurl_answers() ? 200 : 401);
  assert_int_equal(capture_count(&capture, "\nAuthorization: Bearer "), 1);
  /* someone:theirs */
  assert_int_equal(capture_count(&capture, "\nAuthorization: Basic c29tZW9uZTp0aGVpcnM="), 1);
  client_close(&client);
  curl_slist_free_all(list);
  capture_stop(&capture);
}

/* ---- challenges ---- */

static void challenged_elsewhere(void **state)
{
  for (long unrestricted_auth = 0; unrestricted_auth < 2; unrestricted_auth++) {
    Client client;
    open_case(&client, MODE(state), &cases[0]);
    control(&emulator, "POST",
            "fault?host=evil.example&action=status&status=401&times=0&www_authenticate=yes");
    curl_easy_setopt(client.curl, CURLOPT_UNRESTRICTED_AUTH, unrestricted_auth);
    client_expect(&client, 401);
    expect_no_leak(&emulator);
    expect_counter(&emulator, "foreign_requests", 1);
    client_close(&client);
  }
}

/* If libcurl does not answer it, the program gets it: what came before would be done twice. */
static void a_401_after_a_redirect(void **state)
{
  const bool answered = libcurl_answers();
  Client client;
  preload_open_warm(&client, MODE(state));
  curl_easy_setopt(client.curl, CURLOPT_FOLLOWLOCATION, 1L);
  preload_revoke_business_tokens();
  control_redirect(&emulator, HOST, BUSINESSES, INVOICES);
  assert_int_equal(client_run_url(&client, THRED), CURLE_OK);
  assert_int_equal(client_status(&client), answered ? 200 : 401);
  if (answered)
    expect_log(&emulator, START SENT(INVOICES, "invalid", "401")
                              LOG_BUSINESS_TOKEN SENT(INVOICES, "business=3c90", "200"));
  else
    expect_log(&emulator, START SENT(INVOICES, "invalid", "401"));
  client_close(&client);
}

/* libcurl is led away with what it has ready to answer a 401. */
static void away_after_a_401(void **state)
{
  for (long unrestricted_auth = 0; unrestricted_auth < 2; unrestricted_auth++) {
    Client client;
    preload_open_warm(&client, MODE(state));
    control(&emulator, "POST", "fault?path=" BUSINESSES "&action=status&status=401");
    control_redirect(&emulator, HOST, BUSINESSES, EVIL);
    curl_easy_setopt(client.curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(client.curl, CURLOPT_UNRESTRICTED_AUTH, unrestricted_auth);
    client_expect(&client, 200);
    expect_log(&emulator, SENT(INVOICES, "business=3c90", "401")
                              LOG_BUSINESS_TOKEN SENT(INVOICES, "business=3c90", "307")
                                  SEEN("evil.example", "none", "200"));
    client_close(&client);
  }
}

/* The next transfer of the handle begins anew, wherever the last one ended. */
static void the_next_transfer_begins_anew(void **state)
{
  Client client;
  open_case(&client, MODE(state), &cases[3]);
  client_expect(&client, 401);
  control(&emulator, "POST", "reset");
  client_expect(&client, 200); /* CURLOPT_URL still holds */
  expect_log(&emulator, SENT(BUSINESSES, "partner", "200"));
  client_close(&client);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      EASY_AND_MULTI(restricted),           EASY_AND_MULTI(unrestricted),
      EASY_AND_MULTI(with_netrc),           EASY_AND_MULTI(a_netrc_password_goes_to_its_host),
      EASY_AND_MULTI(challenged_elsewhere), EASY_AND_MULTI(a_401_after_a_redirect),
      EASY_AND_MULTI(away_after_a_401),     EASY_AND_MULTI(the_next_transfer_begins_anew),
  };
  return PRELOAD_MAIN_RUN(tests);
}
