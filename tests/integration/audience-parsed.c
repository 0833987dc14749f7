/* SPDX-License-Identifier: MIT */
/* audience-parsed.c - URLs that a program sets part by part (CURLOPT_CURLU), and changes later. */
#include "audience.h"

#include <stdio.h>
#include <string.h>

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

typedef struct Part {
  CURLUPart part;
  const char *value;
  unsigned flags;
  const char *due; /* of GOOD_URL with this part; as before if libcurl refuses it */
} Part;

static const Part parts[] = {
    {CURLUPART_HOST, EVIL, 0, ""},
    {CURLUPART_HOST, SIBLING, 0, "s"},
    {CURLUPART_HOST, "SANDBOX.thredfi.com", 0, "b"},
    {CURLUPART_HOST, HOST ".", 0, ""},
    {CURLUPART_HOST, HOST "..", 0, ""},
    {CURLUPART_HOST, HOST "." EVIL, 0, ""},
    {CURLUPART_HOST, "evil" HOST, 0, ""},
    {CURLUPART_HOST, "thredfi.com", 0, ""},
    {CURLUPART_HOST, HOST ":4430", 0, ""},
    {CURLUPART_HOST, EVIL "/", 0, ""},
    {CURLUPART_HOST, HOST "@" EVIL, 0, ""},
    {CURLUPART_HOST, EVIL "#." HOST, 0, ""},
    {CURLUPART_HOST, EVIL "%00." HOST, CURLU_URLENCODE, ""},
    {CURLUPART_HOST, EVIL "\\." HOST, CURLU_URLENCODE, ""},
    {CURLUPART_HOST, HOST "\r\nX: y", CURLU_URLENCODE, ""},
    {CURLUPART_HOST, "127.0.0.1", 0, ""},
    {CURLUPART_HOST, "[::1]", 0, ""},
    {CURLUPART_HOST, "s\xd0\xb0ndbox.thredfi.com", 0, ""},
    {CURLUPART_HOST, "", CURLU_NO_AUTHORITY, ""},
    {CURLUPART_HOST, NULL, 0, ""},
    {CURLUPART_PORT, "80", 0, ""},
    {CURLUPART_PORT, "0", 0, ""},
    {CURLUPART_PORT, "4430", 0, ""},
    {CURLUPART_PORT, "443", 0, "b"},
    {CURLUPART_PORT, "0443", 0, "b"},
    {CURLUPART_PORT, "65979", 0, ""},
    {CURLUPART_SCHEME, "http", 0, ""},
    {CURLUPART_SCHEME, "HTTPS", 0, "b"},
    {CURLUPART_SCHEME, "wss", CURLU_NON_SUPPORT_SCHEME, ""},
    {CURLUPART_SCHEME, "ftps", CURLU_NON_SUPPORT_SCHEME, ""},
    {CURLUPART_SCHEME, "httpsx", CURLU_NON_SUPPORT_SCHEME, ""},
    {CURLUPART_SCHEME, NULL, 0, ""},
    {CURLUPART_USER, "user", 0, ""},
    {CURLUPART_USER, "", 0, ""},
    {CURLUPART_USER, EVIL "/", CURLU_URLENCODE, ""},
    {CURLUPART_USER, EVIL "/", 0, ""},
    {CURLUPART_PASSWORD, "pw", 0, ""},
    {CURLUPART_PASSWORD, "@" EVIL "/", 0, ""},
    {CURLUPART_OPTIONS, "AUTH=BEARER", 0, "b"}, /* for IMAP and the like */
    {CURLUPART_ZONEID, "lo", 0, "b"},
    {CURLUPART_PATH, BUSINESSES, 0, "p"},
    {CURLUPART_PATH, INVOICES_2, 0, "c"},
    {CURLUPART_PATH, BUSINESSES "?/" FIRST "/invoices/", CURLU_URLENCODE, ""},
    {CURLUPART_PATH, BUSINESSES FIRST "/../" SECOND "/invoices/", 0, "c"},
    {CURLUPART_PATH, "//" EVIL "/", 0, ""},
    {CURLUPART_PATH, "\\\\" EVIL "/", 0, ""},
    {CURLUPART_PATH, "@" EVIL "/", 0, ""},
    {CURLUPART_PATH, "." EVIL "/", 0, ""},
    {CURLUPART_PATH, ":4430/", 0, ""},
    {CURLUPART_PATH, INVOICES "\r\nHost: " EVIL, 0, ""},
    {CURLUPART_PATH, INVOICES " HTTP/1.1\r\nHost: " EVIL "\r\nX:", CURLU_URLENCODE, ""},
    {CURLUPART_PATH, NULL, 0, ""},
    {CURLUPART_QUERY, "a=@" EVIL, 0, "b"},
    {CURLUPART_QUERY, "a\r\nHost: " EVIL, 0, ""},
    {CURLUPART_QUERY, "a\r\nHost: " EVIL, CURLU_URLENCODE, "b"},
    {CURLUPART_QUERY, " HTTP/1.1", 0, ""},
    {CURLUPART_FRAGMENT, "@" EVIL, 0, "b"},
    {CURLUPART_FRAGMENT, "\r\n", 0, "b"},
    {CURLUPART_URL, "https://" EVIL INVOICES, 0, ""},
    {CURLUPART_URL, "//" EVIL INVOICES, 0, ""},
    {CURLUPART_URL, "http://" HOST INVOICES, 0, ""},
    {CURLUPART_URL, HOST INVOICES, CURLU_GUESS_SCHEME, "b"}, /* a relative one */
    {CURLUPART_URL, HOST INVOICES, CURLU_DEFAULT_SCHEME, "b"},
    {CURLUPART_URL, "https://user@" HOST INVOICES, CURLU_DISALLOW_USER, ""},
    {CURLUPART_URL, "https://user@" HOST INVOICES, 0, ""},
    {CURLUPART_URL, BASE BUSINESSES FIRST "/../" SECOND "/invoices/", CURLU_PATH_AS_IS, ""},
    {CURLUPART_URL, "../../" SECOND "/invoices/", 0, "c"},
    {CURLUPART_URL, "?a=b", 0, "b"},
    {CURLUPART_URL, "https://" HOST INVOICES, CURLU_NO_AUTHORITY, "b"},
};

/* When the part is set: the last one is after a transfer to GOOD_URL. */
typedef enum Moment { FIRST_OF_ALL, WHEN_GIVEN, WHEN_ATTACHED, LATER, MOMENTS } Moment;
static const char *const moment_names[] = {"before", "given to libcurl", "attached", "later"};

static bool set_part(Attack *attack, const Part *part)
{
  return curl_url_set(attack->curlu, part->part, part->value, part->flags) == CURLUE_OK;
}

static void start_parsed(Attack *attack)
{
  attack->curlu = curl_url();
  assert_int_equal(curl_url_set(attack->curlu, CURLUPART_URL, GOOD_URL, 0), CURLUE_OK);
}

static void open_parsed(Attack *attack)
{
  client_open_plain(&attack->client, &emulator, attack->mode, NULL);
  attack_set_way(&attack->client);
  curl_easy_setopt(attack->client.curl, CURLOPT_CURLU, attack->curlu);
}

static void try_part(Attack *attack, size_t i)
{
  static char due[8];
  const Part *part = &parts[i / MOMENTS];
  Moment moment = (Moment)(i % MOMENTS);
  bool taken = true;
  attack_named(attack, "part %d '%s', %s", (int)part->part, part->value ? part->value : "NULL",
               moment_names[moment]);
  world.elsewhere.patience_ms = 50; /* for those who wait for a server's greeting */
  start_parsed(attack);
  if (moment == FIRST_OF_ALL)
    taken = set_part(attack, part);
  open_parsed(attack);
  if (moment == WHEN_GIVEN)
    taken = set_part(attack, part);
  attack_attach(&attack->client);
  if (moment == LATER)
    attack_run(attack);
  if (moment >= WHEN_ATTACHED)
    taken = set_part(attack, part);
  /* As thred.h asks of those with a libcurl below 8.12. */
  curl_easy_setopt(attack->client.curl, CURLOPT_URL, NULL);
  snprintf(due, sizeof due, "%s%s", moment == LATER ? "B" : "", taken ? part->due : "b");
  attack->due = due;
  attack_run(attack);
}

/* ---- beside CURLOPT_URL ---- */

/* Where there are both, CURLU counts; a libcurl below 8.12 may tell of the other one. */
static const struct {
  const char *written, *parsed, *first, *due; /* of the written, of the parsed */
  bool watched_only; /* thred.h: with a libcurl below 8.12, not on an attached handle */
} pairs[] = {
    {"https://" EVIL INVOICES, GOOD_URL, "", "b"},
    {GOOD_URL, "https://" EVIL INVOICES, "B", ""},
    {GOOD_URL, "http://" HOST INVOICES, "B", ""},
    {GOOD_URL, "https://" HOST ":4430" INVOICES, "B", "", true},
    {GOOD_URL, "https://" SIBLING INVOICES, "B", "s"},
    {"https://" SIBLING INVOICES, GOOD_URL, "S", "b"},
    {GOOD_URL, "https://" HOST "." EVIL INVOICES, "B", ""},
    {GOOD_URL, "https://" HOST "." INVOICES, "B", "", true},
    {"http://" HOST INVOICES, GOOD_URL, "", "b"},
    {GOOD_URL, "https://user@" HOST INVOICES, "B", "", true},
    {PARTNER_URL, GOOD_URL, "P", "b", true},
    {GOOD_URL, PARTNER_URL, "B", "p", true},
};

/* At once, and after a transfer to the written one. */
static void try_pair(Attack *attack, size_t i)
{
  static char due[8];
  bool again = i % 2;
  i /= 2;
  attack_named(attack, "written %s, parsed %s%s", pairs[i].written, pairs[i].parsed,
               again ? ", later" : "");
  attack->left_out = pairs[i].watched_only && world.linked;
  if (attack->left_out)
    return;
  start_parsed(attack);
  curl_url_set(attack->curlu, CURLUPART_URL, pairs[i].parsed, 0);
  attack_open(attack, pairs[i].written, NULL);
  if (again)
    attack_run(attack);
  snprintf(due, sizeof due, "%s%s", again ? pairs[i].first : "", pairs[i].due);
  attack->due = due;
  curl_easy_setopt(attack->client.curl, CURLOPT_CURLU, attack->curlu);
  attack_run(attack);
}

const Family families_parsed[] = {
    {"CURLU, part by part", MOMENTS *COUNT(parts), 60, true, 3, try_part},
    {"CURLU beside CURLOPT_URL", 2 * COUNT(pairs), 90, false, 1, try_pair},
    {NULL, 0, 0, false, 0, NULL},
};
