/* SPDX-License-Identifier: MIT */
/* plain-scenarios.h - what programs that know nothing of thred-auth ask of libcurl: one table for
 * the program that does it (probe-plain.c) and for the tests that judge it. */
#ifndef TESTS_INTEGRATION_PLAIN_SCENARIOS_H
#define TESTS_INTEGRATION_PLAIN_SCENARIOS_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

/* What the shim is to do with it. */
typedef enum Verdict {
  ASIDE,     /* nothing, though it goes to Thred's domain */
  ELSEWHERE, /* nothing; and the library is not even opened */
  CARRIED,   /* put the token on */
} Verdict;

/* `text`, or, if that is NULL, `number`. */
typedef struct Setting {
  CURLoption option;
  const char *text;
  long number;
} Setting;

typedef struct Scenario {
  const char *name;
  Verdict verdict;
  const char *url; /* NULL: a business's path at Thred */
  const char *headers[4];
  Setting settings[5];
  const char *netrc;            /* the file for CURLOPT_NETRC_FILE */
  const char *home_netrc;       /* the file ~/.netrc */
  const char *refusal;          /* "CURLCODE ", where a later libcurl refuses it by itself */
  bool once;                    /* not two transfers */
  bool curlu;                   /* by CURLOPT_CURLU .. */
  const char *curlu_user;       /* .. which has this user */
  const char *const answers[3]; /* of the capturing server, before it answers 200 */
} Scenario;

extern const Scenario scenarios[];
extern const size_t scenario_count;

/* NULL: no such name. */
const Scenario *scenario_find(const char *name);

#endif
