/* SPDX-License-Identifier: MIT */
/* audience-redirects.c - where a server of Thred's, or another's, may send a program to. */
#include "audience.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

static const int statuses[] = {300, 301, 302, 303, 307, 308};
#define STATUSES COUNT(statuses)

/* How the program asks: what lets libcurl send more to the next host. */
typedef enum How { PLAIN, UNRESTRICTED, WITH_NETRC, POSTING, HOWS } How;
static const char *const how_names[] = {"", ", UNRESTRICTED_AUTH", ", with a netrc entry",
                                        ", POST"};

static void write_netrc(char *path, size_t size)
{
  static const char text[] = "machine " EVIL " login someone password theirs\n";
  snprintf(path, size, "%s/netrc", emulator.dir);
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
  close(fd);
}

static void follow(Attack *attack, How how)
{
  CURL *curl = attack->client.curl;
  char path[128];
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 6L);
  if (how != PLAIN)
    curl_easy_setopt(curl, CURLOPT_UNRESTRICTED_AUTH, 1L);
  if (how == WITH_NETRC) {
    write_netrc(path, sizeof path);
    curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_OPTIONAL);
    curl_easy_setopt(curl, CURLOPT_NETRC_FILE, path);
  }
  if (how == POSTING) {
    curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, "{}");
    curl_easy_setopt(curl, CURLOPT_POSTREDIR, (long)CURL_REDIR_POST_ALL);
  }
}

/* ---- from Thred, and back ---- */

static const struct {
  const char *to, *due; /* of the second request at the right server and of the third */
} targets[] = {
    {"https://" EVIL INVOICES, ""},
    {"http://" HOST INVOICES, ""},
    {"http://" HOST ":443" INVOICES, ""},
    {"http://" EVIL INVOICES, ""},
    {"https://" HOST ":4430" INVOICES, ""},
    {"https://" HOST ":80" INVOICES, ""},
    {"https://a." HOST INVOICES, ""},
    {"https://thredfi.com" INVOICES, ""},
    {"https://" HOST "." EVIL INVOICES, ""},
    {"https://evil" HOST INVOICES, ""},
    {"https://sandbox-thredfi.com" INVOICES, ""},
    {"https://" HOST "." INVOICES, ""},
    {"https://s\xd0\xb0ndbox.thredfi.com" INVOICES, ""},
    {"https://" SIBLING INVOICES, ""},
    {"https://" STAGING INVOICES, ""},
    {"https://api.thredfi.com" INVOICES, ""},
    {"https://user:pw@" HOST INVOICES, ""},
    {"https://user:pw@" EVIL INVOICES, ""},
    {"https://" HOST "@" EVIL INVOICES, ""},
    {"https://" HOST ":pw@" EVIL INVOICES, ""},
    {"https://" EVIL "#@" HOST INVOICES, ""},
    {"https://" EVIL "\\@" HOST INVOICES, ""},
    {"https://" HOST "\\@" EVIL INVOICES, ""},
    {"//" EVIL INVOICES, ""},
    {"///" EVIL INVOICES, "bb"},
    {"////" EVIL INVOICES, "bb"},
    {"\\\\" EVIL INVOICES, "bb"},
    {"/\\" EVIL INVOICES, "bb"},
    {"https:" EVIL INVOICES, "bb"},
    {"https:/" EVIL INVOICES, ""},
    {"https:///" EVIL INVOICES, ""},
    {"HTTPS://" EVIL INVOICES, ""},
    {"https://127.0.0.1" INVOICES, ""},
    {"https://[::1]" INVOICES, ""},
    {"https://" HOST "%2e" EVIL INVOICES, ""},
    {"https://" HOST "%00." EVIL INVOICES, ""},
    {"https://" HOST "%09." EVIL INVOICES, ""},
    {" https://" EVIL INVOICES, ""},
    {"ftp://" HOST INVOICES, ""},
    {"ftps://" HOST INVOICES, ""},
    {"wss://" HOST INVOICES, ""},
    {"file:///etc/passwd", ""},
    {"gopher://" HOST INVOICES, ""},
    {"#", "bb"},
    {"@" EVIL INVOICES, "bb"},
    {"." EVIL INVOICES, "bb"},
    {":4430" INVOICES, "bb"},
    /* where it began: what is due there */
    {INVOICES_2, "cb"},
    {"//" HOST INVOICES_2, "cb"},
    {"https://" HOST ":443" INVOICES_2, "cb"},
    {BUSINESSES, "pb"},
    {"../" SECOND, "bb"},
    {BUSINESSES FIRST "/%2e%2e/" SECOND "/invoices/", "-b"},
    {"//v1/platform/businesses/", ""},
};

static void try_target(Attack *attack, size_t i)
{
  static char due[8];
  How how = (How)(i % HOWS);
  const size_t target = i / STATUSES;
  const int status = statuses[i % STATUSES];
  attack_named(attack, "%d to '%s' and back%s", status, targets[target].to, how_names[how]);
  snprintf(due, sizeof due, "B%s", targets[target].due);
  attack->due = due;
  attack_redirects(attack, true, status, targets[target].to);
  attack_redirects(attack, true, 302, GOOD_URL);
  if (i % 3 == 0) /* it asks for a token, too */
    attack_answers(&attack->elsewhere, "HTTP/1.1 401 Who\r\nWWW-Authenticate: Bearer\r\n"
                                       "Content-Length: 0\r\n\r\n");
  attack_redirects(attack, false, status, GOOD_URL);
  attack_set_answers(attack);
  world.elsewhere.patience_ms = 50; /* for those who wait for a server's greeting */
  attack_open(attack, GOOD_URL, NULL);
  follow(attack, how);
  attack_run(attack);
}

/* ---- longer ones ---- */

/* What the servers answer, one after the other: R the right one, E elsewhere. */
static const struct {
  const char *start, *due;
  struct {
    char who;
    const char *to;
  } steps[5];
} journeys[] = {
    {"https://" EVIL "/", "", {{'E', GOOD_URL}}},
    {"http://" HOST INVOICES, "", {{'E', GOOD_URL}}},
    {"https://" HOST ":4430" INVOICES, "", {{'E', GOOD_URL}}},
    {"https://a." HOST INVOICES, "", {{'E', GOOD_URL}}},
    {"https://" HOST "." EVIL INVOICES, "", {{'E', GOOD_URL}}},
    {"https://user:pw@" EVIL INVOICES, "", {{'E', GOOD_URL}}},
    {"https://" SIBLING INVOICES, "S", {{'R', GOOD_URL}}},
    {"https://" SIBLING INVOICES, "S", {{'R', GOOD_URL}, {'R', "https://" SIBLING INVOICES}}},
    {"https://" STAGING INVOICES, "G", {{'R', GOOD_URL}}},
    {GOOD_URL, "B", {{'R', "https://" SIBLING INVOICES}, {'R', GOOD_URL}}},
    {GOOD_URL, "B", {{'R', "https://" STAGING INVOICES}, {'R', GOOD_URL}}},
    {GOOD_URL, "Bc", {{'R', INVOICES_2}, {'R', "https://" EVIL "/"}, {'E', GOOD_URL}}},
    {GOOD_URL, "B", {{'R', "https://" EVIL "/"}, {'E', "https://third.example/"}, {'E', GOOD_URL}}},
    {GOOD_URL,
     "B",
     {{'R', "https://" EVIL "/"}, {'E', GOOD_URL}, {'R', GOOD_URL}, {'R', INVOICES_2}}},
    {GOOD_URL, "B", {{'R', "https://" EVIL "/"}, {'E', "http://" HOST "/"}, {'E', GOOD_URL}}},
    {GOOD_URL, "B", {{'R', "http://" HOST "/"}, {'E', GOOD_URL}, {'R', "https://" EVIL "/"}}},
    {GOOD_URL, "B", {{'R', "https://" HOST ":4430/"}, {'E', "https://" HOST ":443" INVOICES}}},
    {PARTNER_URL, "P", {{'R', "https://" EVIL BUSINESSES}, {'E', PARTNER_URL}}},
    {PARTNER_URL, "Pb", {{'R', INVOICES}, {'R', "https://" EVIL BUSINESSES}}},
    {BASE "/api/v1/product-pricing", "-p", {{'R', BUSINESSES}}},
    {BASE "/api/v1/product-pricing", "-", {{'R', "https://" EVIL "/"}, {'E', PARTNER_URL}}},
    {BASE "/nothing/", "-b", {{'R', INVOICES}}},
    {"https://api.thredfi.com" INVOICES, "", {{'E', GOOD_URL}}},
};

/* Twice with one handle: what is remembered of the first must not speak for the second. */
static void try_journey(Attack *attack, size_t i)
{
  How how = (How)(i % HOWS);
  const size_t journey = i / HOWS;
  attack_named(attack, "journey %zu from %s%s", journey, journeys[journey].start, how_names[how]);
  attack->due = journeys[journey].due;
  for (size_t k = 0; k < 5 && journeys[journey].steps[k].who; k++)
    attack_redirects(attack, journeys[journey].steps[k].who == 'R', 307,
                     journeys[journey].steps[k].to);
  attack_set_answers(attack);
  attack_open(attack, journeys[journey].start, NULL);
  follow(attack, how);
  attack_run(attack);
}

/* ---- a handle that was elsewhere before ---- */

static const struct {
  const char *first, *to, *second, *due;
} later[] = {
    {GOOD_URL, "https://" EVIL "/", "https://" EVIL "/", "B"},
    {GOOD_URL, "https://" EVIL "/", GOOD_URL, "Bb"},
    {GOOD_URL, "http://" HOST "/", "http://" HOST "/", "B"},
    {GOOD_URL, "https://" EVIL "/", "http://" HOST INVOICES, "B"},
    {"https://" EVIL "/", GOOD_URL, "https://" EVIL "/", "-"},
    {"https://" EVIL "/", GOOD_URL, GOOD_URL, "-b"},
    {GOOD_URL, "https://" SIBLING INVOICES, "https://" SIBLING INVOICES, "B-s"},
    {GOOD_URL, "https://" SIBLING INVOICES, "https://" SIBLING ":4430" INVOICES, "B-"},
    {GOOD_URL, "https://" EVIL "/", NULL, "Bb"},
    {"https://" EVIL "/", GOOD_URL, NULL, "-"},
};

static void try_later(Attack *attack, size_t i)
{
  attack_named(attack, "%s to %s, then %s", later[i].first, later[i].to,
               later[i].second ? later[i].second : "as it is");
  attack->due = later[i].due;
  attack_redirects(attack, strcmp(later[i].first, GOOD_URL) == 0, 302, later[i].to);
  attack_set_answers(attack);
  attack_open(attack, later[i].first, NULL);
  follow(attack, UNRESTRICTED);
  attack_run(attack);
  if (later[i].second)
    curl_easy_setopt(attack->client.curl, CURLOPT_URL, later[i].second);
  attack_run(attack);
}

const Family families_redirects[] = {
    {"redirects from Thred, and back", STATUSES *COUNT(targets), 100, true, 5, try_target},
    {"longer journeys", HOWS *COUNT(journeys), 100, true, 3, try_journey},
    {"a transfer after a redirect", COUNT(later), 100, false, 1, try_later},
    {NULL, 0, 0, false, 0, NULL},
};
