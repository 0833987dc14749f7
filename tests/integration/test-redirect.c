/* SPDX-License-Identifier: MIT */
/*
 * test-redirect.c - a token goes to the origin where the transfer began, and no more once the
 * transfer was anywhere else; CURLOPT_UNRESTRICTED_AUTH or not, netrc or not.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"

#define START                 "GET https " HOST " " BUSINESSES " partner 307\n"
#define SEEN(host, a, status) "GET https " host " " BUSINESSES " " a " " status "\n"

/* One step: who is asked, and where the answer leads to. */
typedef struct Step {
  const char *host, *to;
} Step;

typedef struct Case {
  const char *name, *url;
  Step steps[4];
  const char *expected;
} Case;

#define EVIL   "https://evil.example" BUSINESSES
#define THRED  BASE BUSINESSES
#define DOCS   "https://docs.thredfi.com" BUSINESSES
#define OTHER  "https://" SIBLING BUSINESSES
#define PORT   "https://" HOST ":8443" BUSINESSES
#define PLAIN  "http://" HOST BUSINESSES
#define DOTTED "https://" HOST "." BUSINESSES

static const Case cases[] = {
    {"to another domain", THRED, {{HOST, EVIL}}, START SEEN("evil.example", "none", "200")},
    {"to the documentation", THRED, {{HOST, DOCS}}, START SEEN("docs.thredfi.com", "none", "200")},
    {"to the sibling", THRED, {{HOST, OTHER}}, START SEEN(SIBLING, "none", "401")},
    {"to another port", THRED, {{HOST, PORT}}, START SEEN(HOST, "none", "401")},
    {"to a trailing dot", THRED, {{HOST, DOTTED}}, START SEEN(HOST, "none", "401")},
    {"to plain HTTP", THRED, {{HOST, PLAIN}}, START "GET http " HOST " " BUSINESSES " none 401\n"},
    {"away and back",
     THRED,
     {{HOST, EVIL}, {"evil.example", THRED}},
     START SEEN("evil.example", "none", "307") SEEN(HOST, "none", "401")},
    {"to the sibling and back",
     THRED,
     {{HOST, OTHER}, {SIBLING, THRED}},
     START SEEN(SIBLING, "none", "307") SEEN(HOST, "none", "401")},
    {"from another domain",
     EVIL,
     {{"evil.example", THRED}},
     SEEN("evil.example", "none", "307") SEEN(HOST, "none", "401")},
    {"from plain HTTP",
     PLAIN,
     {{HOST, THRED}},
     "GET http " HOST " " BUSINESSES " none 307\n" SEEN(HOST, "none", "401")},
    {"on the origin, another token",
     THRED,
     {{HOST, BASE INVOICES}},
     START LOG_BUSINESS_TOKEN "GET https " HOST " " INVOICES " business=3c90 200\n"},
    {"on the origin, relative",
     THRED,
     {{HOST, INVOICES_2}},
     START LOG_BUSINESS_TOKEN "GET https " HOST " " INVOICES_2 " business=1111 200\n"},
    {"on the origin, no token there",
     THRED,
     {{HOST, "/v1/platform/customers/"}},
     START "GET https " HOST " /v1/platform/customers/ none 401\n"},
    {"on the origin, through a place without a token",
     THRED,
     {{HOST, "/api/friday/token"}, {HOST, INVOICES}},
     START "GET https " HOST " /api/friday/token none 307\n" LOG_BUSINESS_TOKEN "GET https " HOST
           " " INVOICES " business=3c90 200\n"},
};

/* The second redirect of one host: by its path, which the first one leads to. */
static const char *path_of(const Case *one, size_t step)
{
  const char *to = step ? one->steps[step - 1].to : BUSINESSES;
  return to[0] == '/' ? to : BUSINESSES;
}

static void prepare(const Case *one)
{
  harness_fresh(NULL);
  control(&emulator, "POST", "set?www_authenticate=no"); /* see test-retry-limits.c */
  for (size_t i = 0; one->steps[i].host; i++)
    control_redirect(&emulator, one->steps[i].host, path_of(one, i), one->steps[i].to);
}

static void open_following(Client *client, Mode mode, const Case *one, long unrestricted)
{
  client_open(client, mode, one->url);
  curl_easy_setopt(client->curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(client->curl, CURLOPT_UNRESTRICTED_AUTH, unrestricted);
}

/* Most begin at the Thred host, whose token has to be fetched first. */
static void expect_case(const Case *one)
{
  char expected[2048];
  bool begins_there = strncmp(one->url, BASE "/", strlen(BASE "/")) == 0;
  snprintf(expected, sizeof expected, "%s%s", begins_there ? LOG_PARTNER_TOKEN : "", one->expected);
  expect_log(&emulator, expected);
  expect_no_leak(&emulator);
}

static void follow_all(Mode mode, long unrestricted)
{
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    Client client;
    prepare(&cases[i]);
    open_following(&client, mode, &cases[i], unrestricted);
    CURLcode code = client_run(&client);
    if (code)
      print_error("%s: %s\n", cases[i].name, client.trouble);
    assert_int_equal(code, CURLE_OK);
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

static void write_netrc(char *path, size_t size)
{
  static const char text[] = "machine evil.example login someone password theirs\n"
                             "machine docs.thredfi.com login someone password theirs\n"
                             "machine " SIBLING " login someone password theirs\n";
  snprintf(path, size, "%s/netrc", emulator.dir);
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
  close(fd);
}

/* An attached handle sends no Authorization but ours and what stands in its headers: no netrc. */
static void with_netrc(void **state)
{
  char path[128];
  write_netrc(path, sizeof path);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    Client client;
    prepare(&cases[i]);
    open_following(&client, MODE(state), &cases[i], (long)(i & 1));
    curl_easy_setopt(client.curl, CURLOPT_NETRC, (long)CURL_NETRC_OPTIONAL);
    curl_easy_setopt(client.curl, CURLOPT_NETRC_FILE, path);
    assert_int_equal(client_run(&client), CURLE_OK);
    expect_case(&cases[i]);
    client_close(&client);
  }
}

/* A 401 at the end of a redirect on the origin is answered, with that URL's token. */
static void a_401_after_a_redirect(void **state)
{
  Client client;
  client_open(&client, MODE(state), BASE INVOICES);
  curl_easy_setopt(client.curl, CURLOPT_FOLLOWLOCATION, 1L);
  client_expect(&client, 200);
  control(&emulator, "POST", "revoke?kind=business");
  control(&emulator, "POST", "reset");
  control_redirect(&emulator, HOST, BUSINESSES, INVOICES);
  assert_int_equal(client_run_url(&client, THRED), CURLE_OK);
  assert_int_equal(client_status(&client), 200);
  expect_log(&emulator, START "GET https " HOST " " INVOICES " invalid 401\n" LOG_BUSINESS_TOKEN
                              "GET https " HOST " " INVOICES " business=3c90 200\n");
  client_close(&client);
}

/* A third party's challenge, and the token with which the transfer began. */
static void challenged_elsewhere(void **state)
{
  for (long unrestricted_auth = 0; unrestricted_auth < 2; unrestricted_auth++) {
    Client client;
    prepare(&cases[0]);
    control(&emulator, "POST",
            "fault?host=evil.example&action=status&status=401&times=0&www_authenticate=yes");
    open_following(&client, MODE(state), &cases[0], unrestricted_auth);
    client_expect(&client, 401);
    assert_non_null(strstr(client.body.data, "invalid_token"));
    expect_no_leak(&emulator);
    expect_counter(&emulator, "foreign_authorization", 0);
    client_close(&client);
  }
}

/* The next transfer of the handle begins anew, wherever the last one ended. */
static void the_next_transfer_begins_anew(void **state)
{
  Client client;
  prepare(&cases[6]);
  open_following(&client, MODE(state), &cases[6], 0);
  client_expect(&client, 401);
  control(&emulator, "POST", "reset");
  client_expect(&client, 200); /* CURLOPT_URL still holds */
  expect_log(&emulator, SEEN(HOST, "partner", "200"));
  client_close(&client);
}

/* ---- no configuration when the transfer begins ---- */

static int token_code(void)
{
  ThredTokenRequest request = {.size = sizeof request, .kind = THRED_TOKEN_PARTNER};
  ThredToken token = {.size = sizeof token};
  int code = thred_token_try_get(&request, &token);
  thred_token_clear(&token);
  return code;
}

static bool token_code_is(void *code)
{
  return token_code() == *(int *)code;
}

/* A change of directory is noticed within a second. */
static void use_configuration(const char *directory, int code)
{
  assert_int_equal(setenv("THRED_CONF_DIR", directory, 1), 0);
  wait_until(token_code_is, &code);
}

/* The configuration comes back between the first request and the second. */
static int bring_it_back(void *calls, char *primary_ip, char *local_ip, int primary_port,
                         int local_port)
{
  (void)primary_ip, (void)local_ip, (void)primary_port, (void)local_port;
  if (++*(int *)calls == 1)
    use_configuration(emulator.conf_dir, THRED_OK);
  return CURL_PREREQFUNC_OK;
}

/* The transfer before began at Thred; this one does not, whatever is known then. */
static void without_a_configuration_at_first(void **state)
{
  Client client;
  int calls = 0;
  client_open(&client, MODE(state), THRED);
  client_expect(&client, 200);
  control(&emulator, "POST", "reset");
  control(&emulator, "POST", "set?www_authenticate=no");
  control_redirect(&emulator, "evil.example", BUSINESSES, THRED);
  curl_easy_setopt(client.curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(client.curl, CURLOPT_UNRESTRICTED_AUTH, 1L);
  assert_int_equal(thred_curl_set_prereq(client.curl, bring_it_back, &calls), THRED_OK);
  use_configuration("/nonexistent", THRED_E_CONFIG);
  assert_int_equal(client_run_url(&client, EVIL), CURLE_OK);
  assert_int_equal(calls, 2);
  expect_log(&emulator, SEEN("evil.example", "none", "307") SEEN(HOST, "none", "401"));
  expect_no_leak(&emulator);
  client_close(&client);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      EASY_AND_MULTI(restricted),
      EASY_AND_MULTI(unrestricted),
      EASY_AND_MULTI(with_netrc),
      EASY_AND_MULTI(a_401_after_a_redirect),
      EASY_AND_MULTI(challenged_elsewhere),
      EASY_AND_MULTI(the_next_transfer_begins_anew),
      EASY_AND_MULTI(without_a_configuration_at_first),
  };
  harness_require_installation();
  return cmocka_run_group_tests(tests, harness_start, harness_stop);
}
