/* SPDX-License-Identifier: MIT */
/* options - the command line. */
#ifndef EMULATOR_OPTIONS_H
#define EMULATOR_OPTIONS_H

#include <stdbool.h>

typedef struct Options {
  char *host;    /* of --listen */
  unsigned port; /* of --listen; 0: any free one */
  char *dir;
  char **names;  /* of the certificate; never empty */
  char *api_key; /* NULL: a random one */
  bool expired;
  bool plain_http;
  bool proxy;
  char *git; /* of --git; NULL: no repositories */
} Options;

/* What the program does after the command line was read. */
typedef enum OptionsResult { OPTIONS_RUN, OPTIONS_DONE, OPTIONS_BAD } OptionsResult;

/* Prints what --help and --version ask for, and what is wrong, on stderr. */
OptionsResult options_parse(Options *options, int *argc, char ***argv);

void options_clear(Options *options);

#endif
