/* SPDX-License-Identifier: MIT */
/* audience-urls.c - URLs that look as if they led to Thred: schemes, users, hosts, ports. */
#include "audience.h"

#include <stdio.h>
#include <string.h>

typedef struct Url {
  const char *url, *due;
} Url;

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

/* ---- the right ones ---- */

/* What all others are compared with: the servers would have seen a token. */
static const Url good[] = {
    {GOOD_URL, "B"},
    {PARTNER_URL, "P"},
    {BASE INVOICES_2, "C"},
    {"https://" SIBLING INVOICES, "S"},
    {"https://" STAGING INVOICES, "G"},
    {"https://" HOST ":443" INVOICES, "B"},
    {"HTTPS://" HOST INVOICES, "B"},
    {"https://SANDBOX.THREDFI.COM" INVOICES, "B"},
    {"https://Sandbox.ThredFi.com" INVOICES, "B"},
    {GOOD_URL "?a=b", "B"},
    {GOOD_URL "#fragment", "B"},
    {BASE BUSINESSES FIRST, "P"},
    {BASE "/v1/platform/businesses", "P"},
};

static void try_good(Attack *attack, size_t i)
{
  attack_url(attack, good[i].url, good[i].due);
}

/* Not how they are written, but libcurl asks the right host at the right port. */
static const Url tidied[] = {
    {"https:/" HOST INVOICES, "~b"},
    {"https:///" HOST INVOICES, "~b"},
    {"https://sandbox%2ethredfi.com" INVOICES, "~b"},
    {"https://sandbox.thredfi%2Ecom" INVOICES, "~b"},
    {"https://%73andbox.thredfi.com" INVOICES, "~b"},
    {"https://" HOST ":" INVOICES, "~b"},
    {"https://" HOST ":0443" INVOICES, "~b"},
    {"https://" HOST ":000000443" INVOICES, "~b"},
    {"https://" HOST ":0000000000000000000000000000000000000443" INVOICES, "~b"},
};

static void try_tidied(Attack *attack, size_t i)
{
  attack_url(attack, tidied[i].url, tidied[i].due);
}

/* ---- the user's part ---- */

static const Url users[] = {
    {"https://user:pw@" HOST INVOICES, ""},
    {"https://user@" HOST INVOICES, ""},
    {"https://:pw@" HOST INVOICES, ""},
    {"https://:@" HOST INVOICES, ""},
    {"https://@" HOST INVOICES, ""},
    {"https://" HOST "@" EVIL INVOICES, ""},
    {"https://" HOST ":443@" EVIL INVOICES, ""},
    {"https://" HOST "%2f@" EVIL INVOICES, ""},
    {"https://" HOST "%00@" EVIL INVOICES, ""},
    {"https://" HOST "@" EVIL ":443" INVOICES, ""},
    {"https://a@" HOST "@" EVIL INVOICES, ""},
    {"https://" EVIL "@a@" HOST INVOICES, ""},
    {"https://" HOST "%40" EVIL INVOICES, ""},
    {"https://user%40" EVIL "@" HOST INVOICES, ""},
    {"https://user;AUTH=BEARER@" HOST INVOICES, ""},
    {"https://" EVIL "#@" HOST INVOICES, ""},
    {"https://" EVIL "?@" HOST INVOICES, ""},
    {"https://" EVIL "/@" HOST INVOICES, ""},
    {"https://" EVIL "\\@" HOST INVOICES, ""},
    {"https://" EVIL ":80\\@" HOST INVOICES, ""},
    {"https://" EVIL ";@" HOST INVOICES, ""},
    {"https://" EVIL " @" HOST INVOICES, ""},
    {"https://[::1]@" HOST INVOICES, ""},
    {"https://" HOST "\\@" EVIL INVOICES, ""},
    {"https://" HOST "#@" EVIL INVOICES, ""},
    {"https://" HOST "?@" EVIL INVOICES, ""},
    {"https://" HOST ";@" EVIL INVOICES, ""},
};

static void try_user(Attack *attack, size_t i)
{
  attack_url(attack, users[i].url, users[i].due);
}

/* ---- hosts ---- */

static const char *const hosts[] = {
    /* before and behind the domain */
    HOST ".evil.example", "thredfi.com.evil.example", "evilthredfi.com", "sandbox-thredfi.com",
    "sandbox.thredfi.com-evil.example", "sandbox.thredfi.comevil.example", "sandbox.thredfi.co",
    "sandbox.thredfi.com.", "sandbox.thredfi.com..", "sandbox..thredfi.com", ".sandbox.thredfi.com",
    "sandbox.thredfi.com.com", "sandbox.thredfi.con", "sandbox.thredfi.org", "sandbox.thredf.com",
    "sandbox.thredfi.com.evil", "sandboxthredfi.com", "sandbox_thredfi.com",
    "xsandbox.thredfi.com.x",
    /* below the domain, and nobody's */
    "thredfi.com", "www.thredfi.com", "evil.thredfi.com", "xsandbox.thredfi.com",
    "sandbox.sandbox.thredfi.com", "a.sandbox.thredfi.com", "*.thredfi.com", "-.thredfi.com",
    "sandbox-.thredfi.com", "thredfi.com.thredfi.com", "sandbox.thredfi.com.thredfi.com",
    /* below the domain, of environments without credentials */
    "api.thredfi.com", "backend.thredfi.com", "dev-backend.thredfi.com",
    /* percent-encoded */

    "sandbox.thredfi.com%2e", "sandbox.thredfi.com%2eevil.example", "sandbox.thredfi.com%00",
    "sandbox.thredfi.com%00.evil.example", "evil.example%00.thredfi.com",
    "evil.example%2f.thredfi.com", "evil.example%23.thredfi.com", "evil.example%3f.thredfi.com",
    "evil.example%40sandbox.thredfi.com", "evil.example%5c.thredfi.com", "sandbox.thredfi.com%0a",
    "sandbox.thredfi.com%0d%0aX:y", "sandbox.thredfi.com%20", "sandbox.thredfi.com%09",
    "sandbox.thredfi.com%3a443", "sandbox%252ethredfi.com", "sandbox.thredfi.com%",
    "sandbox.thredfi.com%g0",
    /* letters that look alike, or become the same ones in some mapping (UTS 46) */
    "s\xd0\xb0ndbox.thredfi.com" /* Cyrillic a */, "sandbox.thredf\xd1\x96.com",
    "sandbox.thr\xd0\xb5"
    "dfi.com",
    "\xef\xbd\x93"
    "andbox.thredfi.com" /* fullwidth s */,
    "sandbox\xe3\x80\x82thredfi.com" /* ideographic full stop */, "sandbox\xef\xbc\x8ethredfi.com",
    "sandbox\xef\xbd\xa1thredfi.com",
    "sandbox.thredfi\xe3\x80\x82"
    "com",
    "sandbox.thred\xef\xac\x81.com" /* ligature fi */, "sandbox.thredfi.\xe2\x84\x82om",
    "\xc5\xbf"
    "andbox.thredfi.com" /* long s */,
    "sandbo\xd1\x85.thredfi.com", "sandbox.thredfi.com\xe2\x81\xad",
    "\xe2\x80\x8bsandbox.thredfi.com",
    "sand\xc2\xad"
    "box.thredfi.com" /* soft hyphen */,
    "sandbox.thredfi.com\xef\xbc\x8f.evil.example" /* fullwidth slash */,
    "evil.example\xef\xbc\x83.thredfi.com", "evil.example\xe2\x81\x84.thredfi.com",
    "xn--sandbox-.thredfi.com", "xn--sndbox-7ve.thredfi.com", "sandbox.xn--thredf-4ze.com",
    "sandbox.thredfi.xn--om-zrb", "sandbox.thredfi.com\x80", "sandbox.thredfi.com\xff",
    "\xc0\xaesandbox.thredfi.com",
    /* addresses, in all the ways to write one */
    "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001",
    "127.0.0.1.", "0", "0.0.0.0", "127.0.0.1.thredfi.com", "127.0.0.1%2ethredfi.com", "[::1]",
    "[::ffff:127.0.0.1]", "[0:0:0:0:0:0:0:1]", "[::1%25lo]", "[::1%25thredfi.com]",
    "[sandbox.thredfi.com]", "[::1].thredfi.com", "[v1.sandbox.thredfi.com]", "[::1", "::1",
    "localhost", "localhost.thredfi.com",
    /* other marks */
    "sandbox.thredfi.com,evil.example", "evil.example,.thredfi.com", "sandbox.thredfi.com;x",
    "evil.example;.thredfi.com", "sandbox.thredfi.com&x", "evil.example&.thredfi.com",
    "sandbox.thredfi.com'", "sandbox.thredfi.com\"", "<sandbox.thredfi.com>",
    "(sandbox.thredfi.com)", "{sandbox.thredfi.com}", "sandbox.thredfi.com|x",
    "sandbox.thredfi.com^", "sandbox.thredfi.com`", "sandbox.thredfi.com!", "sandbox.thredfi.com$",
    "sandbox.thredfi.com*", "sandbox.thredfi.com+", "sandbox.thredfi.com=", "~sandbox.thredfi.com",
    "", ".", "..", ".thredfi.com"};

static void try_host(Attack *attack, size_t i)
{
  char url[256];
  snprintf(url, sizeof url, "https://%s" INVOICES, hosts[i]);
  attack_url(attack, url, "");
}

/* ---- ports ---- */

static const char *const ports[] = {
    "80",
    "0",

    "443x",
    "443 ",
    " 443",
    "44 3",
    "4430",
    "65979",
    "65535",
    "65536",
    "4294967739",
    "-443",
    "+443",
    "4.43e2",
    "0x1bb",

    "%3443",
    "443%00",
    "8443",
    "444",
    "442",
    "443:80",
    "80:443",
    ":443",
    "443@" EVIL,
    "443." EVIL,
    "443\\",
    "443;80",
    "443,80",
    "443\xef\xbc\x91",
    "\xef\xbc\x94\x34\x33",
    "0443/../:80",
};

static void try_port(Attack *attack, size_t i)
{
  char url[256];
  snprintf(url, sizeof url, "https://" HOST ":%s" INVOICES, ports[i]);
  attack_url(attack, url, "");
}

/* ---- schemes and slashes ---- */

static const Url schemes[] = {
    {"http://" HOST INVOICES, ""},
    {"HTTP://" HOST INVOICES, ""},
    {"http://" HOST ":443" INVOICES, ""},
    {"https:" HOST INVOICES, ""},
    {"https:////" HOST INVOICES, ""},
    {"https:\\\\" HOST INVOICES, ""},
    {"https:/\\" HOST INVOICES, ""},
    {"https:\\/" HOST INVOICES, ""},
    {"https//" HOST INVOICES, ""},
    {"https;//" HOST INVOICES, ""},
    {"https%3a//" HOST INVOICES, ""},
    {"https:%2f%2f" HOST INVOICES, ""},
    {"https :// " HOST INVOICES, ""},
    {" https://" HOST INVOICES, ""},
    {"\thttps://" HOST INVOICES, ""},
    {"\nhttps://" HOST INVOICES, ""},
    {"https://https://" HOST INVOICES, ""},
    {"https://" EVIL "/https://" HOST INVOICES, ""},
    {"url:https://" HOST INVOICES, ""},
    {"view-source:https://" HOST INVOICES, ""},
    {"httpss://" HOST INVOICES, ""},
    {"xhttps://" HOST INVOICES, ""},
    {"h\xd1\x82tps://" HOST INVOICES, ""},
    {"http\xc5\xbf://" HOST INVOICES, ""},
    {"//" HOST INVOICES, ""},
    {HOST INVOICES, ""},
    {HOST ":443" INVOICES, ""},
    {"https." HOST INVOICES, ""},
    {"://" HOST INVOICES, ""},
    {"ws://" HOST INVOICES, ""},
    {"wss://" HOST INVOICES, ""},
    {"ftp://" HOST INVOICES, ""},
    {"ftps://" HOST ":443" INVOICES, ""},
    {"ftp." HOST INVOICES, ""},
    {"imap." HOST INVOICES, ""},
    {"file://" HOST INVOICES, ""},
    {"file:///" HOST INVOICES, ""},
    {"gopher://" HOST ":443" INVOICES, ""},
    {"gophers://" HOST ":443" INVOICES, ""},
    {"dict://" HOST ":443" INVOICES, ""},
    {"imaps://" HOST ":443" INVOICES, ""},
    {"imap://" HOST INVOICES, ""},
    {"pop3s://" HOST ":443" INVOICES, ""},
    {"smtps://" HOST ":443" INVOICES, ""},
    {"ldaps://" HOST ":443" INVOICES, ""},
    {"telnet://" HOST ":443" INVOICES, ""},
    {"mqtt://" HOST ":443" INVOICES, ""},
    {"rtsp://" HOST ":443" INVOICES, ""},
    {"smb://" HOST ":443" INVOICES, ""},
    {"javascript:https://" HOST INVOICES, ""},
    {"data:text/plain,https://" HOST INVOICES, ""},
};

/* A server of another protocol would speak first. */
static void try_scheme(Attack *attack, size_t i)
{
  world.elsewhere.patience_ms = world.twin.patience_ms = 20;
  attack_named(attack, "%s", schemes[i].url);
  attack->due = schemes[i].due;
  attack_open(attack, schemes[i].url, NULL);
  curl_easy_setopt(attack->client.curl, CURLOPT_TIMEOUT_MS, 100L);
  attack_run(attack);
  world.twin.patience_ms = -1;
}

/* ---- a character in every part ---- */

static const struct {
  const char *name, *text;
  bool harmless; /* in a query or a fragment */
} marks[] = {
    {"tab", "\t", false},
    {"newline", "\n", false},
    {"return", "\r", false},
    {"CRLF", "\r\n", false},
    {"blank", " ", false},
    {"0x01", "\x01", false},
    {"0x08", "\b", false},
    {"0x0b", "\v", false},
    {"0x1f", "\x1f", false},
    {"DEL", "\x7f", false},
    {"0x80", "\x80", true},
    {"0xff", "\xff", true},
    {"backslash", "\\", true},
    {"%00", "%00", true},
    {"%0d%0a", "%0d%0aX:%20y", true},
    {"%09", "%09", true},
    {"%7f", "%7f", true},
    {"%5c", "%5c", true},
    {"%ff", "%ff", true},
    {"bad escape", "%zz", true},
    {"half an escape", "%", true},
    {"no-break space", "\xc2\xa0", true},
    {"new line (NEL)", "\xc2\x85", true},
    {"line separator", "\xe2\x80\xa8", true},
    {"right to left", "\xe2\x80\xae", true},
};

/* What stands before and behind the character. */
static const struct {
  const char *name, *before, *behind;
  bool behind_path;
} places[] = {
    {"before all", "", "https://" HOST INVOICES, false},
    {"in the scheme", "htt", "ps://" HOST INVOICES, false},
    {"before the host", "https://", HOST INVOICES, false},
    {"in the host", "https://sandbox", ".thredfi.com" INVOICES, false},
    {"behind the host", "https://" HOST, INVOICES, false},
    {"before another host", "https://" HOST, ".evil.example" INVOICES, false},
    {"behind another host", "https://evil.example", "." HOST INVOICES, false},
    {"in the port", "https://" HOST ":443", INVOICES, false},
    {"in the path", GOOD_URL, "x", false},
    {"before the path's end", BASE BUSINESSES FIRST, "/invoices/", false},
    {"in the query", GOOD_URL "?a", "b", true},
    {"in the fragment", GOOD_URL "#a", "b", true},
};

#define MARKS COUNT(marks)

static void try_mark(Attack *attack, size_t i)
{
  char url[256];
  size_t mark = i % MARKS, place = i / MARKS;
  bool harmless = marks[mark].harmless && places[place].behind_path;
  snprintf(url, sizeof url, "%s%s%s", places[place].before, marks[mark].text, places[place].behind);
  attack_named(attack, "%s %s", marks[mark].name, places[place].name);
  /* An escape of what is no ASCII character stands for itself, anywhere. */
  bool plain =
      strcmp(marks[mark].text, "%ff") == 0 && strncmp(places[place].before, GOOD_URL, 70) == 0;
  attack->due = harmless || plain ? "b" : "";
  attack_open(attack, url, NULL);
  attack_run(attack);
}

/* ---- configurations ---- */

/* Hosts that the configuration names (audience.c), and that are outside. */
static void try_configured(Attack *attack, size_t i)
{
  char url[256];
  snprintf(url, sizeof url, "https://%s" INVOICES, audience_configured_hosts[i]);
  attack_url(attack, url, "");
}

const Family families_urls[] = {
    {"the right URLs", COUNT(good), 100, false, 1, try_good},
    {"URLs that libcurl tidies", COUNT(tidied), 100, false, 1, try_tidied},
    {"userinfo", COUNT(users), 80, false, 1, try_user},
    {"hosts: look-alikes, IDN, encoded, dots, addresses", COUNT(hosts), 45, true, 1, try_host},
    {"ports", COUNT(ports), 25, false, 1, try_port},
    {"schemes and slashes", COUNT(schemes), 10, true, 1, try_scheme},
    {"a strange character in every part", MARKS *COUNT(places), 24, true, 3, try_mark},
    {"hosts that the configuration names outside", AUDIENCE_CONFIGURED, 70, false, 1,
     try_configured},
    {NULL, 0, 0, false, 0, NULL},
};
