/* SPDX-License-Identifier: MIT */
/* options - the command line. */
#ifndef EMULATOR_OPTIONS_H
#define EMULATOR_OPTIONS_H

#include <stdbool.h>

/* Whether the command gets namespaces of its own. */
typedef enum Isolate { ISOLATE_AUTO = 0, ISOLATE_REQUIRED, ISOLATE_OFF } Isolate;

typedef struct Options {
  char *host;    /* of --listen */
  unsigned port; /* of --listen; 0: any free one */
  char *dir;     /* NULL (with a command only): a temporary one */
  char **names;  /* of the certificate; never empty */
  char *api_key; /* NULL: a random one */
  bool expired;
  bool plain_http;
  bool proxy;
  char *git;      /* of --git; NULL: no repositories */
  char *faults;   /* of --faults, or NULL */
  char *report;   /* of --report, or NULL */
  char **command; /* NULL: none, serve until a signal comes. Points into argv */
  Isolate isolate;
} Options;

/* What the program does after the command line was read. */
typedef enum OptionsResult {
  OPTIONS_RUN,
  OPTIONS_DONE,
  OPTIONS_BAD,
  OPTIONS_BAD_RUN /* wrong, and there is a command that would have had a status of its own */
} OptionsResult;

/*
 * Prints what --help and --version ask for, and what is wrong, on stderr. What stands behind "--"
 * is the command; it is never looked at.
 */
OptionsResult options_parse(Options *options, int *argc, char ***argv);

void options_clear(Options *options);

#endif
