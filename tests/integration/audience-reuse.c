/* SPDX-License-Identifier: MIT */
/* audience-reuse.c - connections and TLS sessions that somebody else made, duplicates, and handles
 * that are used again. */
#include "audience.h"

#include <stdio.h>
#include <string.h>

#include "false-trust.h"
#include "h2.h"

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

/* ---- another handle's connection ---- */

static const struct {
  const char *name;
  long peer, host;
  curl_ssl_ctx_callback callback; /* libcurl does not compare it when it looks for a connection */
} looks[] = {
    {"as it should", 1, 2, NULL},
    {"VERIFYPEER off", 0, 2, NULL},
    {"VERIFYHOST off", 1, 0, NULL},
    {"both off", 0, 0, NULL},
    {"a callback for the certificate", 1, 2, false_trust_at_once},
    {"a callback for the certificate, VERIFYHOST off", 1, 0, false_trust_at_once},
    {"a verify callback", 1, 2, false_trust_verify},
};

static const char *const names[] = {"good", "self-signed", "for another host", "expired",
                                    "of an untrusted authority"};

/* What they share. */
typedef enum Shared { CONNECTIONS, SESSIONS, BOTH, SHARED } Shared;

static void share_with_second(Attack *attack, Shared what)
{
  attack->share = curl_share_init();
  if (what != SESSIONS)
    curl_share_setopt(attack->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_CONNECT);
  if (what != CONNECTIONS)
    curl_share_setopt(attack->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
  curl_easy_setopt(attack->client.curl, CURLOPT_SHARE, attack->share);
  curl_easy_setopt(attack->second.curl, CURLOPT_SHARE, attack->share);
  if (what == SESSIONS)
    curl_easy_setopt(attack->second.curl, CURLOPT_FORBID_REUSE, 1L);
}

/* The second handle goes first, and the first one, which looks as it should, after it. Every other
 * time the first one does not look at the name: it would take what the second one left. */
static void try_inheritance(Attack *attack, size_t i)
{
  const size_t look = i % COUNT(looks), name = i / COUNT(looks) % COUNT(names);
  Shared what = (Shared)(i / COUNT(looks) / COUNT(names) % SHARED);
  const bool good = name == 0, careless = i / COUNT(looks) / COUNT(names) / SHARED;
  attack_named(attack, "certificate %s, another handle looked: %s; shared: %d%s", names[name],
               looks[look].name, (int)what, careless ? ", careless" : "");
  certificates_use(world.impostor.tls, certificate_named(names[name]));
  attack_open(attack, GOOD_URL, NULL);
  attack_open_second(attack, GOOD_URL, false);
  share_with_second(attack, what);
  attack_lead_to_impostor(attack, &attack->client, false);
  attack_lead_to_impostor(attack, &attack->second, false);
  curl_easy_setopt(attack->second.curl, CURLOPT_SSL_VERIFYPEER, looks[look].peer);
  curl_easy_setopt(attack->second.curl, CURLOPT_SSL_VERIFYHOST, looks[look].host);
  if (looks[look].callback)
    curl_easy_setopt(attack->second.curl, CURLOPT_SSL_CTX_FUNCTION, looks[look].callback);
  if (careless)
    curl_easy_setopt(attack->client.curl, CURLOPT_SSL_VERIFYHOST, 0L);
  if (good) /* the second one is nobody's in linked mode */
    attack->impostor_due = world.linked ? "-b" : "bb";
  attack_run_second(attack);
  attack_run(attack);
}

/* ---- what one handle did before ---- */

static void run_at(Attack *attack, const char *url)
{
  curl_easy_setopt(attack->client.curl, CURLOPT_URL, url);
  attack_run(attack);
}

static void elsewhere_then_good(Attack *attack)
{
  attack->due = "B-B";
  attack_run(attack);
  run_at(attack, "https://" EVIL INVOICES);
  run_at(attack, "http://" HOST INVOICES);
  run_at(attack, "https://" HOST ":4430" INVOICES);
  run_at(attack, "https://user@" HOST INVOICES);
  run_at(attack, GOOD_URL);
}

static void one_business_then_another(Attack *attack)
{
  attack->due = "BCPSB";
  attack_run(attack);
  run_at(attack, BASE INVOICES_2);
  run_at(attack, PARTNER_URL);
  run_at(attack, "https://" SIBLING INVOICES);
  run_at(attack, GOOD_URL);
}

static size_t ignore(char *data, size_t size, size_t count, void *to)
{
  (void)data, (void)to;
  return size * count;
}

static void reset_then_elsewhere(Attack *attack)
{
  attack->due = "B";
  attack_run(attack);
  curl_easy_reset(attack->client.curl);
  curl_easy_setopt(attack->client.curl, CURLOPT_CONNECT_TO, attack->client.connect_to);
  curl_easy_setopt(attack->client.curl, CURLOPT_CAINFO, world.bundle);
  curl_easy_setopt(attack->client.curl, CURLOPT_WRITEFUNCTION, ignore);
  run_at(attack, "https://" EVIL INVOICES);
}

static void detached_then_good(Attack *attack)
{
  attack->due = world.linked ? "B-" : "BB";
  attack_run(attack);
  if (world.linked)
    assert_int_equal(thred_curl_detach(attack->client.curl), THRED_OK);
  attack_run(attack);
  run_at(attack, "https://" EVIL INVOICES);
}

static size_t refuse(char *data, size_t size, size_t count, void *to)
{
  (void)data, (void)size, (void)count, (void)to;
  return 0;
}

static void aborted_then_elsewhere(Attack *attack)
{
  attack->due = "B";
  curl_easy_setopt(attack->client.curl, CURLOPT_HEADERFUNCTION, refuse);
  attack_run(attack);
  curl_easy_setopt(attack->client.curl, CURLOPT_HEADERFUNCTION, NULL);
  run_at(attack, "https://" EVIL INVOICES);
}

static void timed_out_then_elsewhere(Attack *attack)
{
  attack->due = "b";
  attack_answers(&attack->right, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
  attack_set_answers(attack);
  curl_easy_setopt(attack->client.curl, CURLOPT_TIMEOUT_MS, 50L);
  attack_run(attack);
  curl_easy_setopt(attack->client.curl, CURLOPT_TIMEOUT_MS, 0L);
  run_at(attack, "https://" EVIL INVOICES);
  run_at(attack, "http://" HOST INVOICES);
}

/* Taken out of its multi handle in the middle. */
static void taken_out_then_elsewhere(Attack *attack)
{
  CURLM *multi = curl_multi_init();
  int running;
  attack->due = "bbbbbbbbbbbb";
  for (int steps = 0; steps < 12; steps++) {
    curl_easy_setopt(attack->client.curl, CURLOPT_URL, GOOD_URL);
    curl_multi_add_handle(multi, attack->client.curl);
    for (int i = 0; i < steps; i++) {
      curl_multi_perform(multi, &running);
      curl_multi_poll(multi, NULL, 0, 2, NULL);
    }
    curl_multi_remove_handle(multi, attack->client.curl);
    run_at(attack, "https://" EVIL INVOICES);
  }
  curl_multi_cleanup(multi);
}

/* thred.h says not to. The header node is still there, and the hook is not. */
static void without_our_hook(Attack *attack)
{
  attack->due = "B";
  attack_run(attack);
  curl_easy_setopt(attack->client.curl, CURLOPT_PREREQFUNCTION, NULL);
  run_at(attack, "https://" EVIL INVOICES);
  run_at(attack, "http://" HOST INVOICES);
  run_at(attack, "https://" HOST ":4430" INVOICES);
}

static void without_our_other_hook(Attack *attack)
{
  attack->due = "B";
  attack_run(attack);
  curl_easy_setopt(attack->client.curl, CURLOPT_SOCKOPTFUNCTION, NULL);
  run_at(attack, "https://" EVIL INVOICES);
  run_at(attack, "http://" HOST INVOICES);
}

static void unrestricted_without_our_header(Attack *attack)
{
  attack->due = "bb";
  attack_redirects(attack, true, 302, "https://" EVIL INVOICES);
  attack_set_answers(attack);
  attack_run(attack);
  curl_easy_setopt(attack->client.curl, CURLOPT_HTTPHEADER, NULL);
  curl_easy_setopt(attack->client.curl, CURLOPT_UNRESTRICTED_AUTH, 1L);
  curl_easy_setopt(attack->client.curl, CURLOPT_FOLLOWLOCATION, 1L);
  run_at(attack, "https://" EVIL INVOICES);
}

/* ---- duplicates ---- */

static void adopt(Attack *attack, CURL *copy)
{
  client_adopt(&attack->second, &attack->client, copy);
  attack->second.multi = NULL;
}

static CURL *known_copy(Attack *attack)
{
  return world.linked ? thred_curl_duphandle(attack->client.curl)
                      : curl_easy_duphandle(attack->client.curl);
}

static void second_at(Attack *attack, const char *url)
{
  curl_easy_setopt(attack->second.curl, CURLOPT_URL, url);
  attack_run_second(attack);
}

static void a_plain_copy(Attack *attack)
{
  attack->due = world.linked ? "B" : "BB"; /* linked: it is aborted */
  attack_run(attack);
  adopt(attack, curl_easy_duphandle(attack->client.curl));
  attack->second.detach = NULL;
  attack_run_second(attack);
  second_at(attack, "https://" EVIL INVOICES);
}

static void a_plain_copy_elsewhere(Attack *attack)
{
  attack->due = "BB";
  adopt(attack, curl_easy_duphandle(attack->client.curl));
  attack->second.detach = NULL;
  attack_run(attack);
  second_at(attack, "https://" EVIL INVOICES);
  second_at(attack, "http://" HOST INVOICES);
  second_at(attack, "https://" HOST ":4430" INVOICES);
  attack_run(attack);
}

static void a_known_copy(Attack *attack)
{
  attack->due = "BB";
  attack_run(attack);
  adopt(attack, known_copy(attack));
  attack_run_second(attack);
  second_at(attack, "https://" EVIL INVOICES);
  second_at(attack, "http://" HOST INVOICES);
  second_at(attack, "https://user@" HOST ":4430" INVOICES);
}

static void a_known_copy_not_verified(Attack *attack)
{
  certificates_use(world.impostor.tls, certificate_named("self-signed"));
  attack->due = "B";
  attack_run(attack);
  adopt(attack, known_copy(attack));
  curl_easy_setopt(attack->second.curl, CURLOPT_SSL_VERIFYPEER, 0L);
  curl_easy_setopt(attack->second.curl, CURLOPT_SSL_VERIFYHOST, 0L);
  attack_lead_to_impostor(attack, &attack->second, false);
  attack_run_second(attack);
}

static void a_copy_whose_original_is_gone(Attack *attack)
{
  attack->due = world.linked ? "B" : "BB";
  attack_run(attack);
  adopt(attack, curl_easy_duphandle(attack->client.curl));
  attack->second.detach = NULL;
  CURLM *multi = attack->client.multi;
  attack->client.multi = NULL;
  client_close(&attack->client);
  attack->client.multi = multi;
  attack_run_second(attack);
  second_at(attack, "https://" EVIL INVOICES);
}

static Attack *current;

static size_t copy_in_header(char *data, size_t size, size_t count, void *to)
{
  (void)data, (void)to;
  if (!current->second.curl) {
    adopt(current, curl_easy_duphandle(current->client.curl));
    current->second.detach = NULL;
    curl_easy_setopt(current->second.curl, CURLOPT_HEADERFUNCTION, NULL);
  }
  return size * count;
}

/* While the token is on the handle. */
static void a_copy_made_in_a_callback(Attack *attack)
{
  current = attack;
  attack->due = world.linked ? "B" : "BB";
  curl_easy_setopt(attack->client.curl, CURLOPT_HEADERFUNCTION, copy_in_header);
  attack_run(attack);
  second_at(attack, "https://" EVIL INVOICES);
  second_at(attack, "http://" HOST INVOICES);
  second_at(attack, GOOD_URL);
}

static void a_copy_that_follows(Attack *attack)
{
  attack->due = "B-B";
  attack_redirects(attack, true, 302, "https://" EVIL INVOICES);
  attack_redirects(attack, false, 302, GOOD_URL);
  attack_set_answers(attack);
  curl_easy_setopt(attack->client.curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(attack->client.curl, CURLOPT_UNRESTRICTED_AUTH, 1L);
  adopt(attack, known_copy(attack));
  attack_run_second(attack);
  attack_run(attack);
}

typedef struct Story {
  const char *name;
  void (*tell)(Attack *attack);
} Story;

static const Story stories[] = {
    {"elsewhere, then good", elsewhere_then_good},
    {"one business, then another", one_business_then_another},
    {"reset, then elsewhere", reset_then_elsewhere},
    {"detached, then good", detached_then_good},
    {"aborted, then elsewhere", aborted_then_elsewhere},
    {"timed out, then elsewhere", timed_out_then_elsewhere},
    {"taken out of a multi handle, then elsewhere", taken_out_then_elsewhere},
    {"PREREQFUNCTION taken away", without_our_hook},
    {"SOCKOPTFUNCTION taken away", without_our_other_hook},
    {"HTTPHEADER taken away", unrestricted_without_our_header},
    {"a plain copy", a_plain_copy},
    {"a plain copy, elsewhere", a_plain_copy_elsewhere},
    {"a known copy", a_known_copy},
    {"a known copy, not verified", a_known_copy_not_verified},
    {"a copy whose original is gone", a_copy_whose_original_is_gone},
    {"a copy made in a callback", a_copy_made_in_a_callback},
    {"a copy that follows redirects", a_copy_that_follows},
};

static void try_story(Attack *attack, size_t i)
{
  attack_named(attack, "%s", stories[i].name);
  attack_open(attack, GOOD_URL, NULL);
  stories[i].tell(attack);
}

/* ---- HTTP/2 ---- */

static const struct {
  const char *url, *to, *due;
} streams[] = {
    {GOOD_URL, NULL, "B"},
    {PARTNER_URL, NULL, "P"},
    {"https://" EVIL INVOICES, NULL, ""},
    {"https://" HOST ":4430" INVOICES, NULL, ""},
    {"https://" HOST "." INVOICES, NULL, ""},
    {"https://user@" HOST INVOICES, NULL, ""},
    {GOOD_URL, "https://" EVIL INVOICES, "B"},
    {GOOD_URL, "https://" SIBLING INVOICES, "B"},
    {GOOD_URL, "https://" HOST ":4430" INVOICES, "B"},
    {GOOD_URL, INVOICES_2, "BC"},
    {"https://" EVIL INVOICES, GOOD_URL, ""},
};

/* In front of the emulator: whose log has what came. */
static void try_stream(Attack *attack, size_t i)
{
  attack_named(attack, "HTTP/2, %s to %s", streams[i].url, streams[i].to ? streams[i].to : "");
  attack->left_out = !world.emulated;
  if (attack->left_out)
    return;
  attack->mode.h2 = true;
  attack->due = streams[i].due;
  world.right = h2_port();
  if (streams[i].to)
    attack_redirects(attack, strcmp(streams[i].url, GOOD_URL) == 0, 307, streams[i].to);
  attack_set_answers(attack);
  attack_open(attack, streams[i].url, NULL);
  curl_easy_setopt(attack->client.curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(attack->client.curl, CURLOPT_UNRESTRICTED_AUTH, 1L);
  attack_run(attack);
}

const Family families_reuse[] = {
    {"other handles' connections and TLS sessions", 2 * SHARED *COUNT(looks) * COUNT(names), 50,
     true, 3, try_inheritance},
    {"handles used again, and their copies", COUNT(stories), 100, false, 1, try_story},
    {"HTTP/2", COUNT(streams), 40, false, 1, try_stream},
    {NULL, 0, 0, false, 0, NULL},
};
