/* SPDX-License-Identifier: MIT */
/* audience-callbacks.c - options that change while a transfer runs, from every callback. */
#include "audience.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

/* ---- what is changed ---- */

static Attack *current;

static CURL *curl_of_current(void)
{
  return current->client.curl;
}

static void url_elsewhere(void)
{
  curl_easy_setopt(curl_of_current(), CURLOPT_URL, "https://" EVIL INVOICES);
}

static void url_plain(void)
{
  curl_easy_setopt(curl_of_current(), CURLOPT_URL, "http://" HOST INVOICES);
}

static void url_port(void)
{
  curl_easy_setopt(curl_of_current(), CURLOPT_URL, "https://" HOST ":4430" INVOICES);
}

static void url_partner(void)
{
  curl_easy_setopt(curl_of_current(), CURLOPT_URL, PARTNER_URL);
}

static void url_sibling(void)
{
  curl_easy_setopt(curl_of_current(), CURLOPT_URL, "https://" SIBLING INVOICES);
}

static void parsed_elsewhere(void)
{
  if (!current->curlu)
    current->curlu = curl_url();
  curl_url_set(current->curlu, CURLUPART_URL, "https://" EVIL INVOICES, 0);
  curl_easy_setopt(curl_of_current(), CURLOPT_URL, NULL);
  curl_easy_setopt(curl_of_current(), CURLOPT_CURLU, current->curlu);
}

static void impostor(void)
{
  attack_lead_to_impostor(current, &current->client, false);
}

static void peer_off(void)
{
  curl_easy_setopt(curl_of_current(), CURLOPT_SSL_VERIFYPEER, 0L);
}

static void both_off(void)
{
  peer_off();
  curl_easy_setopt(curl_of_current(), CURLOPT_SSL_VERIFYHOST, 0L);
}

/* And the next connection is a new one. */
static void impostor_both_off(void)
{
  impostor();
  both_off();
  curl_easy_setopt(curl_of_current(), CURLOPT_FRESH_CONNECT, 1L);
}

static void other_host(void)
{
  curl_easy_setopt(curl_of_current(), CURLOPT_HTTPHEADER, attack_list(current, "Host: " EVIL));
}

static void no_headers(void)
{
  curl_easy_setopt(curl_of_current(), CURLOPT_HTTPHEADER, NULL);
}

static void method(void)
{
  curl_easy_setopt(curl_of_current(), CURLOPT_CUSTOMREQUEST,
                   "GET " INVOICES_2 " HTTP/1.1\r\nX-Rest:");
}

static void password(void)
{
  curl_easy_setopt(curl_of_current(), CURLOPT_USERPWD, "user:pw");
}

static void proxy(void)
{
  char url[64];
  snprintf(url, sizeof url, "http://127.0.0.1:%u", world.proxy.port);
  current->uses_proxy = true;
  curl_easy_setopt(curl_of_current(), CURLOPT_PROXY, url);
}

static void unrestricted(void)
{
  curl_easy_setopt(curl_of_current(), CURLOPT_UNRESTRICTED_AUTH, 1L);
  curl_easy_setopt(curl_of_current(), CURLOPT_FOLLOWLOCATION, 1L);
}

static void target(void)
{
  curl_easy_setopt(curl_of_current(), CURLOPT_REQUEST_TARGET, INVOICES_2);
}

static void port(void)
{
  curl_easy_setopt(curl_of_current(), CURLOPT_PORT, 4430L);
}

static void unified_proxy(void)
{
  curl_easy_setopt(curl_of_current(), CURLOPT_HEADEROPT, (long)CURLHEADER_UNIFIED);
  curl_easy_setopt(curl_of_current(), CURLOPT_FRESH_CONNECT, 1L);
  proxy();
}

typedef struct Change {
  const char *name;
  void (*make)(void);
  const char *due;   /* of the two transfers */
  bool watched_only; /* taken over or ruled out by thred.h: the shim alone can see it */
} Change;

static const Change changes[] = {
    {"URL: another host", url_elsewhere, "b"},
    {"URL: http", url_plain, "b"},
    {"URL: another port", url_port, "b"},
    {"URL: the partner's", url_partner, "bp", true},
    {"URL: the sibling's", url_sibling, "bs"},
    {"CURLU: another host", parsed_elsewhere, "b"},
    {"CONNECT_TO", impostor, "bb"},
    /* libcurl says so of the connection that there is, too, which was verified. */
    {"SSL_VERIFYPEER", peer_off, "bb"},
    {"both verifications", both_off, "bb"},
    {"both verifications and CONNECT_TO", impostor_both_off, "b-"},
    {"CUSTOMREQUEST and more", method, "b-"},
    {"USERPWD", password, "bb"},
    {"PROXY", proxy, "bb"},
    {"UNRESTRICTED_AUTH", unrestricted, "bb"},
    {"HTTPHEADER: another Host", other_host, "bb", true},
    {"HTTPHEADER: none", no_headers, "bb", true},
    {"REQUEST_TARGET", target, "b-", true},
    {"PORT", port, "b", true},
    {"HEADEROPT and PROXY", unified_proxy, "bb", true},
};

/* ---- from where ---- */

static const Change *change;

/* Once, at the first call. */
static void act(void)
{
  if (current->count++ == 0)
    change->make();
}

static size_t on_data(char *data, size_t size, size_t count, void *to)
{
  (void)data, (void)to;
  act();
  return size * count;
}

static size_t on_read(char *data, size_t size, size_t count, void *from)
{
  (void)size, (void)count, (void)from;
  act();
  memcpy(data, "{}", 2);
  return 2;
}

static int on_debug(CURL *curl, curl_infotype type, char *data, size_t size, void *to)
{
  (void)curl, (void)type, (void)data, (void)size, (void)to;
  act();
  return 0;
}

static int on_progress(void *data, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
  (void)data, (void)a, (void)b, (void)c, (void)d;
  act();
  return 0;
}

static curl_socket_t on_open(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
  (void)data, (void)purpose;
  act();
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static int on_close(void *data, curl_socket_t fd)
{
  (void)data;
  return close(fd);
}

static int on_socket(void *data, curl_socket_t fd, curlsocktype purpose)
{
  (void)data, (void)fd, (void)purpose;
  act();
  return CURL_SOCKOPT_OK;
}

static int on_resolve(void *state, void *reserved, void *data)
{
  (void)state, (void)reserved, (void)data;
  act();
  return 0;
}

static CURLcode on_tls(CURL *curl, void *context, void *data)
{
  (void)curl, (void)context, (void)data;
  act();
  return CURLE_OK;
}

static int on_request(void *data, char *ip, char *local_ip, int remote_port, int local_port)
{
  (void)data, (void)ip, (void)local_ip, (void)remote_port, (void)local_port;
  act();
  return CURL_PREREQFUNC_OK;
}

/* ---- listening ---- */

static void by_header(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_data);
}

static void by_write(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
}

static void by_read(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
  curl_easy_setopt(curl, CURLOPT_POST, 1L);
  curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, 2L);
}

static void by_debug(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_DEBUGFUNCTION, on_debug);
  curl_easy_setopt(curl, CURLOPT_VERBOSE, 1L);
}

static void by_progress(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
}

static void by_open(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, on_open);
  curl_easy_setopt(curl, CURLOPT_CLOSESOCKETFUNCTION, on_close);
}

/* An attached handle has a hook of ours there, and passes the program's on, set before. */
static void by_socket(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_SOCKOPTFUNCTION, on_socket);
}

static void by_resolve(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_RESOLVER_START_FUNCTION, on_resolve);
}

static void by_tls(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, on_tls);
}

static void by_request(CURL *curl)
{
  if (world.linked)
    thred_curl_set_prereq(curl, on_request, NULL);
  else
    curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, on_request);
}

static const struct {
  const char *name;
  void (*listen)(CURL *curl);
} places[] = {
    {"HEADERFUNCTION", by_header},     {"WRITEFUNCTION", by_write},
    {"READFUNCTION", by_read},         {"DEBUGFUNCTION", by_debug},
    {"XFERINFOFUNCTION", by_progress}, {"OPENSOCKETFUNCTION", by_open},
    {"SOCKOPTFUNCTION", by_socket},    {"RESOLVER_START_FUNCTION", by_resolve},
    {"SSL_CTX_FUNCTION", by_tls},      {"PREREQFUNCTION", by_request},
};
#define PLACES COUNT(places)

static void listen_at(Attack *attack, size_t place, const Change *what, const char *due)
{
  current = attack;
  change = what;
  attack->due = due;
  certificates_use(world.impostor.tls, certificate_named("self-signed"));
  places[place].listen(attack->client.curl);
}

static void try_change(Attack *attack, size_t i)
{
  const size_t place = i % PLACES;
  const Change *what = &changes[i / PLACES];
  attack_named(attack, "%s, changed in %s", what->name, places[place].name);
  /* The program's own PREREQFUNCTION is called after ours: what it sets there is too late. */
  bool late = what->make == method && places[place].listen == by_request;
  attack->left_out = (what->watched_only || late) && world.linked;
  if (attack->left_out)
    return;
  if (what->make == unrestricted)
    attack_redirects(attack, true, 302, "https://" EVIL INVOICES);
  attack_set_answers(attack);
  attack_open(attack, GOOD_URL, NULL);
  listen_at(attack, place, what, what->due);
  attack_run(attack);
  attack_run(attack);
}

/* ---- the other way round ---- */

static void url_good(void)
{
  curl_easy_setopt(curl_of_current(), CURLOPT_URL, GOOD_URL);
}

static void parsed_good(void)
{
  curl_easy_setopt(curl_of_current(), CURLOPT_CURLU, current->curlu);
}

static void parts_good(void)
{
  curl_url_set(current->curlu, CURLUPART_URL, GOOD_URL, 0);
}

static void parsed_gone(void)
{
  curl_easy_setopt(curl_of_current(), CURLOPT_CURLU, NULL);
}

static void verified(void)
{
  curl_easy_setopt(curl_of_current(), CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(curl_of_current(), CURLOPT_SSL_VERIFYHOST, 2L);
}

static const Change betterments[] = {
    {"URL", url_good, "", false},
    {"CURLU", parsed_good, "", false},
    {"CURLU's parts", parts_good, "", false},
    {"CURLU gone, URL", parsed_gone, "", false},
};

/* A transfer that goes elsewhere, and says meanwhile that it goes to Thred. */
static const struct {
  const char *url, *due; /* .. and then to Thred */
  bool watched_only;     /* the hook sees the connection, and that is for HOST */
} starts[] = {
    {"https://" EVIL INVOICES, "b", false},        {"http://" HOST INVOICES, "b", false},
    {"https://" SIBLING INVOICES, "sb", false},    {"https://a." HOST INVOICES, "b", false},
    {"https://" HOST ":4430" INVOICES, "b", true}, {"https://" HOST "." INVOICES, "b", true},
    {"https://user@" HOST INVOICES, "-b", true},   {BASE BUSINESSES FIRST "/", "pb", true},
};

static void try_betterment(Attack *attack, size_t i)
{
  const size_t place = i % PLACES, start = i / PLACES % COUNT(starts);
  const Change *what = &betterments[i / PLACES / COUNT(starts)];
  const char *url = starts[start].url;
  attack_named(attack, "%s, %s good in %s", url, what->name, places[place].name);
  attack->left_out = starts[start].watched_only && world.linked;
  if (attack->left_out)
    return;
  attack->curlu = curl_url();
  curl_url_set(attack->curlu, CURLUPART_URL, what->make == parsed_good ? GOOD_URL : url, 0);
  attack_open(attack, what->make == parsed_gone ? GOOD_URL : url, NULL);
  if (what->make == parts_good)
    curl_easy_setopt(attack->client.curl, CURLOPT_URL, NULL);
  if (what->make == parts_good || what->make == parsed_gone)
    curl_easy_setopt(attack->client.curl, CURLOPT_CURLU, attack->curlu);
  listen_at(attack, place, what, starts[start].due);
  attack_run(attack);
  if (attack->count > 0)
    attack_run(attack);
}

/* An unverified connection, which libcurl takes for verified when the options say so. */
static void try_verified_later(Attack *attack, size_t i)
{
  static const Change what = {"both verifications", verified, "", false};
  attack_named(attack, "not verified, but then, in %s", places[i].name);
  attack_open(attack, GOOD_URL, NULL);
  curl_easy_setopt(attack->client.curl, CURLOPT_SSL_VERIFYPEER, 0L);
  curl_easy_setopt(attack->client.curl, CURLOPT_SSL_VERIFYHOST, 0L);
  attack_lead_to_impostor(attack, &attack->client, false);
  listen_at(attack, i, &what, "");
  attack_run(attack);
  attack_run(attack);
}

const Family families_callbacks[] = {
    {"options changed in callbacks", PLACES *COUNT(changes), 60, true, 1, try_change},
    {"a transfer elsewhere that says it goes to Thred", PLACES *COUNT(starts) * COUNT(betterments),
     50, true, 3, try_betterment},
    {"verification switched on in callbacks", PLACES, 35, false, 1, try_verified_later},
    {NULL, 0, 0, false, 0, NULL},
};
