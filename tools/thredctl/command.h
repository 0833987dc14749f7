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
} Command;

int command_token(int argc, char **argv);
int command_flush(int argc, char **argv);

/*
 * Parses the command's options; what is left over is an error unless `rest` is given. False:
 * *status is what to exit with (0 after --help, 2 after a mistake, which has been explained on
 * stderr).
 */
bool command_options(const char *usage, const char *description, const GOptionEntry *entries,
                     int *argc, char ***argv, int *status);

/* "thredctl: ..." on stderr. Returns `status`. */
int command_error(int status, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* All of `text` in one write(2) if the system takes it in one; false: it did not go out. */
bool command_output(const char *text, size_t length);

#endif
