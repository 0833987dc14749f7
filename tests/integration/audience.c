/* SPDX-License-Identifier: MIT */
/* audience.c - the servers, one attack after the other, and the judge. */
#include "audience.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "h2.h"

World world;
Totals audience_totals;

/* ---- the tokens ---- */

typedef struct Known {
  char letter; /* see Attack.due */
  const char *environment, *host, *business;
  char *text;
} Known;

static Known known[] = {
    {'B', "sandbox", HOST, FIRST, NULL},   {'C', "sandbox", HOST, SECOND, NULL},
    {'P', "sandbox", HOST, NULL, NULL},    {'S', "sandbox", SIBLING, FIRST, NULL},
    {'s', "sandbox", SIBLING, NULL, NULL}, {'G', "staging", STAGING, FIRST, NULL},
    {'g', "staging", STAGING, NULL, NULL},
};
#define KNOWN (sizeof known / sizeof known[0])

/* Into the cache, so that nothing but the attacks' own requests comes to the emulator later. */
static void get_tokens(void)
{
  for (size_t i = 0; i < KNOWN; i++) {
    ThredTokenRequest request = {.size = sizeof request,
                                 .kind =
                                     known[i].business ? THRED_TOKEN_BUSINESS : THRED_TOKEN_PARTNER,
                                 .environment = known[i].environment,
                                 .host = known[i].host,
                                 .business_id = known[i].business};
    ThredToken token = {.size = sizeof token};
    int code = thred_token_get(&request, &token);
    if (code)
      print_error("%s: %s\n", known[i].host, thred_last_message());
    assert_int_equal(code, THRED_OK);
    known[i].text = strdup(token.value);
    thred_token_clear(&token);
  }
}

/* A partner token where a business's will do, or a business's where another one is asked for. */
static bool is_misplaced(const Known *token, const char *target)
{
  const char *end = target + strcspn(target, "?#");
  const char *found = strstr(target, token->business ? token->business : "/invoices");
  bool stands = found && found < end;
  return token->business ? !stands : stands;
}

/* '-': no Authorization, or the program's own; '?': what is nobody's there. */
static char letter_of(const char *host, const char *target, const char *authorization)
{
  if (!authorization || strncasecmp(authorization, "bearer", 6) != 0)
    return '-';
  for (size_t i = 0; i < KNOWN && strncmp(authorization, "Bearer ", 7) == 0; i++)
    if (strcmp(authorization + 7, known[i].text) == 0 && strcasecmp(host, known[i].host) == 0 &&
        isupper((unsigned char)known[i].letter) && !is_misplaced(&known[i], target))
      return known[i].letter;
  return '?';
}

/* How often a token, or anything that looks like one, stands in these bytes. */
static size_t count_tokens(const char *bytes, size_t length)
{
  size_t count = 0;
  for (const char *at = bytes; at && at < bytes + length; at++) {
    size_t left = (size_t)(bytes + length - at);
    count += left >= 6 && strncasecmp(at, "bearer", 6) == 0;
    /* The signature of each is its own. */
    for (size_t i = 0; i < KNOWN; i++) {
      const char *signature = strrchr(known[i].text, '.') + 1;
      count += *at == *signature && left >= strlen(signature) &&
               memcmp(at, signature, strlen(signature)) == 0;
    }
  }
  return count;
}

/* ---- what was seen ---- */

static char seen[64], seen_by_impostor[64];

static void see(char *text, size_t size, char letter)
{
  size_t length = strlen(text);
  assert_true(length + 1 < size);
  text[length] = letter;
  text[length + 1] = '\0';
}

static void look_at_emulator(void)
{
  json_object *log = request_log(&emulator);
  for (size_t i = 0; i < json_object_array_length(log); i++) {
    const char *value = log_authorizations(log, i) ? log_authorization(log, i) : NULL;
    bool good = log_authorizations(log, i) <= 1 && strcmp(log_text(log, i, "scheme"), "https") == 0;
    see(seen, sizeof seen,
        good ? letter_of(log_text(log, i, "host"), log_text(log, i, "target"), value) : '?');
  }
  json_object_put(log);
}

/* Copies the value of the one field of that name in a head; "Bearer and another", which
 * is no host's name either, if there are more. */
static const char *field_in(const char *head, const char *name, char *value, size_t size)
{
  char line[64];
  snprintf(line, sizeof line, "\r\n%s:", name);
  const char *field = strcasestr(head, line);
  if (!field)
    return NULL;
  const char *start = field + strlen(line);
  start += strspn(start, " \t");
  snprintf(value, size, "%.*s", (int)strcspn(start, "\r\n"), start);
  return strcasestr(field + 1, line) ? "Bearer and another" : value;
}

/* One request, and the name that TLS was asked for, which the Host field must not gainsay. */
static char letter_of_request(const char *server, const char *head)
{
  static char target[200000], authorization[40000], host[512];
  const char *token = field_in(head, "Authorization", authorization, sizeof authorization);
  const char *named = field_in(head, "Host", host, sizeof host);
  if (sscanf(head, "%*[^ ] %199999[^ \r\n]", target) != 1)
    target[0] = '\0';
  if (named && strlen(named) > 4 && strcmp(named + strlen(named) - 4, ":443") == 0)
    host[strlen(named) - 4] = '\0';
  if (!named || strcasecmp(named, server) != 0)
    server = "-";
  return letter_of(server, target, token);
}

/* "[1 sandbox.thredfi.com]\nGET ..": the server name is that of the connection. */
static void look_at_capture(Capture *capture, char *text, size_t size)
{
  char *copy = strdup(capture_text(capture)), server[128];
  size_t named = 0;
  for (char *at = copy, *next; at && *at; at = next) {
    char *head = strchr(at, '\n');
    head = head ? head + 1 : at;
    next = strstr(head, "\r\n\r\n");
    next = next ? strchr(next, '[') : NULL; /* no body of these tests has one */
    if (next)
      *next = '\0';
    if (sscanf(at, "[%*u %127[^]]", server) != 1)
      strcpy(server, "-");
    named += count_tokens(head, strlen(head));
    see(text, size, letter_of_request(server, head));
    if (next)
      *next = '[';
  }
  free(copy);
  /* Nor in what was no request. */
  if (count_tokens(capture->raw, capture->raw_length) != named)
    see(text, size, '?');
}

/* ---- the judge ---- */

typedef enum Judgement { FINE, LEAK, SILENCE } Judgement;

/* `letters` came, `due` was due. SILENCE: a token that had to come did not. */
static Judgement compare(const char *letters, const char *due)
{
  Judgement judgement = FINE;
  size_t length = strlen(due);
  for (size_t i = 0; letters[i]; i++) {
    char wanted = i < length ? due[i] : '-';
    bool fits = wanted == '*' ? letters[i] != '?' : letters[i] == toupper((unsigned char)wanted);
    if (letters[i] != '-' && !fits)
      return LEAK;
    if (letters[i] == '-' && isupper((unsigned char)wanted))
      judgement = SILENCE;
  }
  for (size_t i = strlen(letters); i < length; i++)
    if (isupper((unsigned char)due[i]))
      judgement = SILENCE;
  return judgement;
}

static size_t tokens_in(const char *letters)
{
  size_t count = 0;
  for (; *letters; letters++)
    count += *letters != '-';
  return count;
}

static void look(const Attack *attack)
{
  seen[0] = seen_by_impostor[0] = '\0';
  if (attack->uses_proxy)
    capture_settle(&world.proxy); /* before the servers behind it */
  capture_settle(&world.elsewhere);
  if (attack->uses_impostor)
    capture_settle(&world.impostor);
  if (world.emulated)
    look_at_emulator();
  else
    capture_settle(&world.twin);
  look_at_capture(&world.twin, seen, sizeof seen);
  look_at_capture(&world.impostor, seen_by_impostor, sizeof seen_by_impostor);
}

static bool has_arrived(void)
{
  return seen[0] || seen_by_impostor[0] || world.elsewhere.raw_length || world.proxy.raw_length;
}

static void show(const char *name, const Capture *capture)
{
  if (capture->raw_length)
    print_error("  %s received: %.*s\n", name,
                (int)(capture->raw_length > 2000 ? 2000 : capture->raw_length), capture->raw);
}

static bool judge(const Attack *attack)
{
  look(attack);
  world.seen = seen;
  const char *impostor_due = attack->impostor_due ? attack->impostor_due : "";
  size_t strays = count_tokens(world.elsewhere.raw, world.elsewhere.raw_length) +
                  count_tokens(world.proxy.raw, world.proxy.raw_length);
  Judgement right = compare(seen, attack->due), impostor = compare(seen_by_impostor, impostor_due);
  audience_totals.arrived += has_arrived();
  *(world.emulated ? &audience_totals.by_emulator : &audience_totals.by_twin) += tokens_in(seen);
  audience_totals.by_impostor += tokens_in(seen_by_impostor);
  if (world.proxy.raw_length)
    audience_totals.by_proxy += tokens_in(seen);
  if (!strays && right == FINE && impostor == FINE)
    return true;
  print_error("%s: %s, %s: the right server saw [%s], due was [%s]; the impostor [%s], [%s]; %zu "
              "astray\n",
              strays || right == LEAK || impostor == LEAK ? "LEAK" : "NO TOKEN", attack->name,
              world.emulated ? "emulator" : "twin", seen, attack->due, seen_by_impostor,
              impostor_due, strays);
  show("elsewhere", &world.elsewhere);
  show("impostor", &world.impostor);
  show("twin", &world.twin);
  show("proxy", &world.proxy);
  return false;
}

/* ---- one attack ---- */

static void forget(void)
{
  if (world.emulated)
    control(&emulator, "POST", "reset");
  capture_reset(&world.twin, NULL);
  capture_reset(&world.elsewhere, NULL);
  capture_reset(&world.impostor, NULL);
  capture_reset(&world.proxy, NULL);
  world.elsewhere.patience_ms = -1;
}

static void free_script(Script *script)
{
  for (size_t i = 0; i < script->count; i++)
    free(script->answers[i]);
}

static void close_all(Attack *attack)
{
  CURLM *multi = attack->client.multi;
  if (attack->second.multi == multi)
    attack->second.multi = NULL;
  client_close(&attack->second);
  client_close(&attack->client);
  for (size_t i = 0; i < attack->list_count; i++)
    curl_slist_free_all(attack->lists[i]);
  curl_share_cleanup(attack->share);
  curl_url_cleanup(attack->curlu);
}

/* What became of one run. */
typedef struct Result {
  size_t runs, wrong;
} Result;

static void attack_once(const Family *family, size_t index, bool emulated, bool multi,
                        Result *result)
{
  Attack attack = {.mode = {.multi = multi}, .due = ""};
  world.emulated = emulated;
  world.right = emulated ? emulator.port : world.twin.port;
  forget();
  family->attack(&attack, index);
  if (attack.due[0] == '~')
    attack.due = world.linked ? attack.due + 1 : "";
  close_all(&attack);
  if (!attack.left_out) {
    result->runs++;
    result->wrong += !judge(&attack);
  }
  free_script(&attack.right);
  free_script(&attack.elsewhere);
}

/* Odd, so that it meets every way to run an attack. */
static size_t step_of(const Family *family)
{
  return getenv("THRED_TEST_LONG") ? 1 : family->every;
}

size_t audience_count(const Family *family)
{
  return (family->count + step_of(family) - 1) / step_of(family);
}

void audience_run(const Family *family)
{
  size_t before = audience_totals.arrived, attacks = 0;
  Result all = {0, 0};
  int64_t start = now_ms();
  const size_t step = step_of(family);
  for (size_t i = 0; i < family->count; i += step) {
    size_t runs = all.runs;
    if (!family->once || i / 2 % 2)
      attack_once(family, i, true, i % 2, &all);
    if (!family->once || !(i / 2 % 2))
      attack_once(family, i, false, !(i % 2), &all);
    attacks += all.runs > runs;
  }
  audience_totals.attacks += attacks;
  size_t arrived = audience_totals.arrived - before;
  print_message("# %s: %zu attacks, %zu runs, %zu reached a server, %d ms\n", family->name, attacks,
                all.runs, arrived, (int)(now_ms() - start));
  assert_int_equal(all.wrong, 0);
  assert_true(arrived * 100 >= all.runs * family->arriving);
}

/* ---- for the families ---- */

void attack_named(Attack *attack, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  vsnprintf(attack->name, sizeof attack->name, format, args);
  va_end(args);
}

static int detach(CURL *curl)
{
  return thred_curl_detach(curl);
}

void attack_attach(Client *client)
{
  if (!world.linked)
    return;
  client->detach = detach;
  assert_int_equal(thred_curl_attach(client->curl), THRED_OK);
}

void attack_set_way(Client *client)
{
  static const char *const hosts[] = {HOST, SIBLING, STAGING};
  char line[96];
  curl_slist_free_all(client->connect_to);
  client->connect_to = NULL;
  for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
    snprintf(line, sizeof line, "%s:443:127.0.0.1:%u", hosts[i], world.right);
    client->connect_to = curl_slist_append(client->connect_to, line);
  }
  snprintf(line, sizeof line, "::127.0.0.1:%u", world.elsewhere.port);
  client->connect_to = curl_slist_append(client->connect_to, line);
  curl_easy_setopt(client->curl, CURLOPT_CONNECT_TO, client->connect_to);
  curl_easy_setopt(client->curl, CURLOPT_CAINFO, world.bundle);
  curl_easy_setopt(client->curl, CURLOPT_PROXY_CAINFO, world.bundle);
  curl_easy_setopt(client->curl, CURLOPT_TIMEOUT, 20L);
}

void attack_open(Attack *attack, const char *url, void (*set)(CURL *curl))
{
  client_open_plain(&attack->client, &emulator, attack->mode, url);
  attack_set_way(&attack->client);
  if (set)
    set(attack->client.curl);
  attack_attach(&attack->client);
}

void attack_open_second(Attack *attack, const char *url, bool attached)
{
  client_open_plain(&attack->second, &emulator, attack->mode, url);
  attack_set_way(&attack->second);
  if (attack->mode.multi && !attack->client.multi)
    attack->client.multi = curl_multi_init();
  attack->second.multi = attack->client.multi;
  if (attached)
    attack_attach(&attack->second);
}

CURLcode attack_run(Attack *attack)
{
  audience_totals.transfers++;
  return client_run(&attack->client);
}

void attack_run_second(Attack *attack)
{
  audience_totals.transfers++;
  client_run(&attack->second);
}

void attack_url(Attack *attack, const char *url, const char *due)
{
  attack_named(attack, "%.200s", url);
  attack->due = due;
  attack_open(attack, url, NULL);
  attack_run(attack);
}

struct curl_slist *attack_list(Attack *attack, const char *line)
{
  struct curl_slist *list = curl_slist_append(NULL, line);
  assert_true(attack->list_count < sizeof attack->lists / sizeof attack->lists[0]);
  attack->lists[attack->list_count++] = list;
  return list;
}

void attack_set_headers(Attack *attack, struct curl_slist *headers)
{
  if (world.linked)
    assert_int_equal(thred_curl_set_headers(attack->client.curl, headers), THRED_OK);
  else
    curl_easy_setopt(attack->client.curl, CURLOPT_HTTPHEADER, headers);
}

void attack_lead_to_impostor(Attack *attack, Client *client, bool all)
{
  char line[96];
  attack->uses_impostor = true;
  snprintf(line, sizeof line, "%s:%s:127.0.0.1:%u", all ? "" : HOST, all ? "" : "443",
           world.impostor.port);
  curl_easy_setopt(client->curl, CURLOPT_CONNECT_TO, attack_list(attack, line));
}

void attack_answers(Script *script, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  assert_true(script->count < ANSWERS);
  assert_true(vasprintf(&script->answers[script->count++], format, args) > 0);
  va_end(args);
}

void attack_redirects(Attack *attack, bool right, int status, const char *to)
{
  if (right && world.emulated) {
    char *escaped = curl_easy_escape(NULL, to, 0);
    control(&emulator, "POST", "fault?action=redirect&status=%d&to=%s", status, escaped);
    curl_free(escaped);
    return;
  }
  attack_answers(right ? &attack->right : &attack->elsewhere,
                 "HTTP/1.1 %d Moved\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", status, to);
}

void attack_set_answers(Attack *attack)
{
  capture_reset(&world.twin, (const char *const *)attack->right.answers);
  capture_reset(&world.elsewhere, (const char *const *)attack->elsewhere.answers);
}

/* ---- the servers ---- */

static void copy_file(const char *from, const char *to)
{
  char text[16384];
  int in = open(from, O_RDONLY | O_CLOEXEC),
      out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  ssize_t length = read(in, text, sizeof text);
  assert_true(length > 0);
  assert_int_equal(write(out, text, (size_t)length), length);
  close(in);
  close(out);
}

/* Outside of Thred's domain, or no host names; one environment for each. */
const char *const audience_configured_hosts[AUDIENCE_CONFIGURED] = {
    "evil.example",
    "thredfi.com.evil.example",
    "evilthredfi.com",
    "sandbox-thredfi.com",
    "thredfi.co",
    "thredfi.com.",
    "evil.thredfi.com.",
    "*.thredfi.com",
    "*",
    ".thredfi.com",
    "127.0.0.1",
    "[::1]",
    "evil.example/.thredfi.com",
    "evil.example#.thredfi.com",
    "evil.example?.thredfi.com",
    "evil.example\\.thredfi.com",
    "evil.example:443",
    "evil.thredfi.com:4430",
    "user@evil.thredfi.com",
    "evil.example@x.thredfi.com",
    "evil.example%2f.thredfi.com",
    "evil.example .thredfi.com",
    "xn--thredfi-.com",
    "th\xd0\xb3"
    "edfi.com",
};

static void configure(void)
{
  char text[8192];
  size_t length = (size_t)snprintf(
      text, sizeof text,
      "[thred]\nenvironment = sandbox\n"
      "[environment staging]\ncredentials = file\nconnect-to = ::127.0.0.1:%u\nca-file = %s\n",
      emulator.port, emulator.ca);
  emulator_configure(&emulator, "60-staging.conf", text);
  length = 0;
  for (size_t i = 0; i < AUDIENCE_CONFIGURED; i++)
    length += (size_t)snprintf(text + length, sizeof text - length,
                               "[environment outside-%zu]\nhosts = %s;\ncredentials = file\n"
                               "connect-to = ::127.0.0.1:%u\nca-file = %s\n",
                               i, audience_configured_hosts[i], emulator.port, emulator.ca);
  assert_true(length < sizeof text);
  emulator_configure(&emulator, "70-outside.conf", text);
}

int audience_start(void **state)
{
  char pem[96];
  int result = harness_start(state);
  world.linked = getenv("THRED_TEST_SHIM") == NULL;
  snprintf(world.bundle, sizeof world.bundle, "%s/bundle.pem", emulator.dir);
  snprintf(pem, sizeof pem, "%s/server.pem", emulator.dir);
  copy_file(emulator.ca, world.bundle);
  certificates_start(world.bundle);
  configure();
  capture_start(&world.twin, pem);
  capture_start(&world.elsewhere, pem);
  certificates_for_all(world.elsewhere.tls);
  capture_start(&world.impostor, pem);
  capture_start(&world.proxy, pem);
  world.proxy.speak = audience_proxy_speak;
  get_tokens();
  return result;
}

int audience_stop(void **state)
{
  capture_stop(&world.proxy);
  capture_stop(&world.impostor);
  capture_stop(&world.elsewhere);
  capture_stop(&world.twin);
  certificates_stop();
  h2_stop();
  for (size_t i = 0; i < KNOWN; i++)
    free(known[i].text);
  return harness_stop(state);
}
