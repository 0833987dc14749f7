/* SPDX-License-Identifier: MIT */
/* command.h - one file a command; what they share. */
#ifndef THREDCTL_COMMAND_H
#define THREDCTL_COMMAND_H

#include <glib.h>
#include <stdbool.h>

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* argv[0] is the command's name. Returns an exit status. */
typedef struct {
  const char *name;
  const char *summary;
  int (*run)(int argc, char **argv);
  const char *example; /* as its own help shows it */
} Command;

int command_exec(int argc, char **argv);
int command_token(int argc, char **argv);
int command_route(int argc, char **argv);
int command_check(int argc, char **argv);
int command_config(int argc, char **argv);
int command_doctor(int argc, char **argv);
int command_status(int argc, char **argv);
int command_flush(int argc, char **argv);

/* What may stand beside the options. */
typedef enum {
  REST_NONE,      /* nothing: what is left over is an error */
  REST_ARGUMENTS, /* arguments, before and behind the options */
  REST_COMMAND    /* a command line: from its first word on, nothing is an option of ours */
} CommandRest;

/*
 * Parses the command's options; what is left over stays in argv, behind argv[0], without the "--"
 * that may stand in front of it. `usage` is what the help shows behind "thredctl NAME [OPTION...]".
 * False: *status is what to exit with (0 after --help, 2 after a mistake, which has been explained
 * on stderr).
 */
bool command_options(const char *usage, const char *description, const GOptionEntry *entries,
                     CommandRest rest, int *argc, char ***argv, int *status);

/* "thredctl: ..." on stderr. Returns `status`. */
int command_error(int status, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* `text` as a C string literal has it: nothing in it moves a terminal. To be freed. */
char *command_printable(const char *text);

/* `path` as a shell takes it for one word: as it is, or quoted. To be freed. */
char *command_quoted(const char *path);

/* All of `text` in one write(2) if the system takes it in one; false: it did not go out. */
bool command_output(const char *text, size_t length);

#endif
