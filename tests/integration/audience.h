/* SPDX-License-Identifier: MIT */
/*
 * audience.h - attacks on promise 1: a token goes only over https, port 443, to a host below
 * thredfi.com that an active environment names, over a connection that was verified.
 *
 * Every attack is a real transfer, or several, in a network of servers that keep what they receive:
 *
 *   right      what is asked for at port 443 of HOST, SIBLING and STAGING: the emulator, or its
 *              twin, which keeps every byte. A token is due there, now and then.
 *   elsewhere  every other host and port, with a good certificate for each: never a token.
 *   impostor   where an attack leads to it, with a certificate of its choice: most often false.
 *   proxy      HTTP and SOCKS, with and without TLS: never a token.
 *
 * When the clients are gone, what the servers have is the judge.
 */
#ifndef TESTS_INTEGRATION_AUDIENCE_H
#define TESTS_INTEGRATION_AUDIENCE_H

#include "audience-certificates.h"
#include "capture.h"
#include "client.h"

#define STAGING     "staging-backend.thredfi.com" /* another active environment's */
#define EVIL        "evil.example"
#define GOOD_URL    BASE INVOICES
#define PARTNER_URL BASE BUSINESSES

typedef struct World {
  Capture twin, elsewhere, impostor, proxy;
  char bundle[96]; /* the authorities that clients trust */
  bool linked;     /* thred_curl_attach(), not the shim */
  unsigned right;  /* the port of the emulator or its twin */
  bool emulated;   /* which one that is */
} World;

extern World world;

#define ANSWERS 8

/* Answers that a server gives before its usual one. */
typedef struct Script {
  char *answers[ANSWERS + 1];
  size_t count;
} Script;

typedef struct Attack {
  char name[256];
  Mode mode;
  Client client;
  /*
   * What the right server may receive, a letter for each request, in the order in which they come:
   *   B  HOST's token of the business FIRST     C  of SECOND     P  HOST's partner token
   *   S  SIBLING's token of FIRST               G  STAGING's of FIRST
   * A capital letter: it must be there, or the attack shows nothing. A small one: that or none.
   * '*': any token of its own, or none.
   * '-', and whatever comes behind the end: none. A '~' before all: what libcurl tidies before it
   * sends it, so that a hook that sees what is sent lets it pass, and the shim, which looks at what
   * the program wrote, does not. In linked mode the rest holds, under the shim nothing.
   */
  const char *due;
  const char *impostor_due; /* the same for the impostor; NULL: nothing */
  Script right, elsewhere;
  struct curl_slist *lists[8]; /* freed when it is over */
  size_t list_count;
  CURLSH *share;
  CURLU *curlu;
  Client second; /* closed before the first */
  int count;     /* for callbacks */
  bool uses_impostor, uses_proxy;
  bool left_out; /* not one for this mode: nothing was run */
} Attack;

typedef struct Family {
  const char *name;
  size_t count;
  /* So many of its transfers reach some server, at least: or libcurl's own refusals are all that
   * was seen. Of a hundred. */
  unsigned arriving;
  bool once;      /* each attack in one way only, in turn: for families with many of a kind */
  unsigned every; /* .. and in a short run every so many-th of them; all with THRED_TEST_LONG */
  /* Names the attack, says what is due, runs its transfers. */
  void (*attack)(Attack *attack, size_t index);
} Family;

/* The servers, with the tokens in the cache. */
int audience_start(void **state);
int audience_stop(void **state);

/* Every attack of a family, against the emulator and its twin, once with curl_easy_perform and once
 * in a multi handle. */
void audience_run(const Family *family);

/* All that was run. */
typedef struct Totals {
  size_t attacks, transfers, arrived;
  size_t by_emulator, by_twin, by_impostor, by_proxy; /* tokens that were due and came */
} Totals;
extern Totals audience_totals;

/* The tokens, into the cache and the judge's hands. */
void judge_start(void);
void judge_stop(void);
/* When the clients of an attack are gone. False: something leaked, or a token that had to come did
 * not. */
bool judge(const Attack *attack);

/* ---- for the families ---- */

void attack_named(Attack *attack, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A handle as a program makes it, for `url` (NULL: none), attached in linked mode. `set` (or NULL)
 * sets options before it is attached. */
void attack_open(Attack *attack, const char *url, void (*set)(CURL *curl));
/* Another one beside it, in attack->second; in the same multi handle, if it is one. */
void attack_open_second(Attack *attack, const char *url, bool attached);
void attack_attach(Client *client);
/* The way to the servers, for a handle that was made without attack_open(). */
void attack_set_way(Client *client);

/* A transfer. What libcurl says of it is not asked for. */
CURLcode attack_run(Attack *attack);
/* Both in one: of attack->second first. */
void attack_run_second(Attack *attack);

/* open, run, close */
void attack_url(Attack *attack, const char *url, const char *due);

/* A list with one line that lives as long as the attack. */
struct curl_slist *attack_list(Attack *attack, const char *line);
void attack_set_headers(Attack *attack, struct curl_slist *headers);
/* Requests for HOST (and all other hosts, if `all`) go to the impostor. */
void attack_lead_to_impostor(Attack *attack, Client *client, bool all);

/* The next answers. */
void attack_redirects(Attack *attack, bool right, int status, const char *to);
void attack_answers(Script *script, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* To be called when all answers are known, before the first transfer that shall get them. */
void attack_set_answers(Attack *attack);

/* Environments' hosts that the configuration of these tests tries to add. */
#define AUDIENCE_CONFIGURED 24
extern const char *const audience_configured_hosts[AUDIENCE_CONFIGURED];

/* The families. */
extern const Family families_urls[], families_paths[], families_parsed[], families_callbacks[],
    families_redirects[], families_verification[], families_ways[], families_options[],
    families_reuse[], families_mutations[];

void audience_proxy_speak(CaptureConnection *connection);

#endif
