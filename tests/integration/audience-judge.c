/* SPDX-License-Identifier: MIT */
/* audience-judge.c - what the servers received, and whether it was due. */
#include "audience.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
void judge_start(void)
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
  const char *found = strcasestr(target, token->business ? token->business : "/invoices");
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

/* The library's own, for a business that is not in the cache: the one use of a partner token that
 * no attack has asked for. */
static bool is_token_request(json_object *log, size_t i)
{
  const char *host = log_text(log, i, "host"), *value = log_authorization(log, i);
  bool good = false;
  for (size_t k = 0; k < KNOWN; k++)
    good |= !known[k].business && strcmp(known[k].host, host) == 0 &&
            strncmp(value, "Bearer ", 7) == 0 && strcmp(value + 7, known[k].text) == 0;
  return good && log_authorizations(log, i) == 1 &&
         strcmp(log_text(log, i, "scheme"), "https") == 0 &&
         strcmp(log_text(log, i, "method"), "POST") == 0 &&
         strstr(log_text(log, i, "target"), "/oauth2/token/");
}

static void look_at_emulator(void)
{
  json_object *log = request_log(&emulator);
  for (size_t i = 0; i < json_object_array_length(log); i++) {
    const char *value = log_authorizations(log, i) ? log_authorization(log, i) : NULL;
    if (is_token_request(log, i))
      continue;
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

bool judge(const Attack *attack)
{
  look(attack);
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

void judge_stop(void)
{
  for (size_t i = 0; i < KNOWN; i++)
    free(known[i].text);
}
