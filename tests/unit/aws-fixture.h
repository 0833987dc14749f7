/* SPDX-License-Identifier: MIT */
/*
 * aws-fixture.h - the module aws-secrets-manager, called as the library calls it, and the stand-in
 * for AWS (tests/stand-ins/aws.mjs) that it asks.
 *
 * All that must not be told has "s3cr3t" in it: no sentence of the module's may.
 */
#ifndef THRED_TESTS_UNIT_AWS_FIXTURE_H
#define THRED_TESTS_UNIT_AWS_FIXTURE_H

#include "tests/unit/credentials-fixture.h"

#define UUID "3c90c3cc-0d44-4b50-8888-8dd25736052a"
#define KEY  "s3cr3t-api-key"

#define OK       THRED_CREDENTIAL_SUCCESS
#define NOTFOUND THRED_CREDENTIAL_NOTFOUND
#define UNAVAIL  THRED_CREDENTIAL_UNAVAIL
#define TRYAGAIN THRED_CREDENTIAL_TRYAGAIN

/* ---- the module ---- */

typedef struct {
  ThredCredentialStatus status;
  char said[1024]; /* by the module, the last of each call */
  char uuid[256], key[5000];
  int delivered;
  int waits; /* begun and ended; -1: not in turns */
  bool waiting;
} Outcome;

typedef struct {
  int at_secure, refused;
  bool old;            /* a library from before `refused` and `wait` */
  int64_t deadline_ms; /* 0: far */
} Terms;

/* The directory with a copy of the module. */
const char *aws_module_dir(void);

/* Asks once. `options` as in stack_add(); `terms` may be NULL. */
Outcome aws_ask(const char *options, const Terms *terms);

/* What `identity` names, "KIND TEXT;" each; or what `open` said. */
Outcome aws_identities(const char *options, int at_secure);

/* The same, and checks it; what was delivered is UUID and KEY. */
#define expect(options, status_, says) expect_on((Terms *)NULL, options, status_, says)
#define expect_on(terms, options, status_, says)                                                   \
  do {                                                                                             \
    Outcome seen_ = aws_ask(options, terms);                                                       \
    aws_check(&seen_, status_, says, __LINE__);                                                    \
  } while (0)
void aws_check(const Outcome *outcome, ThredCredentialStatus status, const char *says, int line);

/* Sets AWS's variables to "NAME=value|..." and no others. */
void aws_environment(const char *variables);

int aws_set_up(void **state);
int aws_tear_down(void **state);

/* DIR/NAME of the fixture: at() for all files of the program. */
__attribute__((format(printf, 1, 2))) const char *aws_at(const char *format, ...);

/* ---- the stand-in ---- */

typedef enum { AWS_SERVICE, AWS_METADATA, AWS_CONTAINER, AWS_CONTROL, AWS_PORTS } AwsPort;

extern int aws_ports[AWS_PORTS];

/* NULL, or why there can be none: then the program is to end with what it returns. */
const char *aws_stand_in_missing(void);

/* Starts it in the fixture's directory; `link` as in aws.mjs. */
void aws_stand_in_start(bool link);
void aws_stand_in_stop(void);

/* What is not as in the stand-in's defaults, as JSON with ' for ". */
__attribute__((format(printf, 1, 2))) void aws_state(const char *format, ...);

/* What it has seen, in a static buffer; and that as a number. */
const char *aws_seen(const char *name);
int aws_count(const char *name);

#endif
