/* SPDX-License-Identifier: MIT */
/* main.c - thredctl: see it, check it, ask it why. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "tools/thredctl/command.h"

static const Command commands[] = {
    {"exec", "run a program that gets its bearers without knowing it", command_exec},
    {"token", "print a token", command_token},
    {"route", "explain what would be attached to a request", command_route},
    {"check", "check all that stands between a program and its token", command_check},
    {"doctor", "tell whether the shim reaches a program", command_doctor},
    {"flush", "forget every cached token", command_flush},
};

int command_error(int status, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  g_autofree char *text = g_strdup_vprintf(format, args);
  va_end(args);
  fprintf(stderr, "thredctl: %s\n", text);
  return status;
}

char *command_printable(const char *text)
{
  return g_strescape(text, "\"");
}

bool command_output(const char *text, size_t length)
{
  while (length > 0) {
    ssize_t written = write(STDOUT_FILENO, text, length);
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return false;
    text += written;
    length -= (size_t)written;
  }
  return true;
}

/* GOption leaves the "--" in its place if one of the arguments behind it begins with '-'. */
static void drop_separator(int *argc, char **argv)
{
  if (*argc < 2 || strcmp(argv[1], "--") != 0)
    return;
  for (int i = 1; i < *argc; i++)
    argv[i] = argv[i + 1];
  (*argc)--;
}

bool command_options(const char *usage, const char *description, const GOptionEntry *entries,
                     CommandRest rest, int *argc, char ***argv, int *status)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GOptionContext) context = g_option_context_new(usage);
  gboolean help = FALSE;
  const GOptionEntry help_entry[] = {
      {"help", 'h', 0, G_OPTION_ARG_NONE, &help, "Show this help", NULL}, {NULL}};
  g_option_context_set_help_enabled(context, FALSE);
  g_option_context_set_strict_posix(context, rest == REST_COMMAND);
  g_option_context_set_description(context, description);
  g_option_context_add_main_entries(context, entries, NULL);
  g_option_context_add_main_entries(context, help_entry, NULL);
  *status = EXIT_USAGE;
  if (!g_option_context_parse(context, argc, argv, &error)) {
    command_error(EXIT_USAGE, "%s (see 'thredctl %s --help')", error->message, (*argv)[0]);
    return false;
  }
  if (help) {
    g_autofree char *text = g_option_context_get_help(context, TRUE, NULL);
    *status = command_output(text, strlen(text)) ? EXIT_DONE : EXIT_FAILED;
    return false;
  }
  drop_separator(argc, *argv);
  if (rest == REST_NONE && *argc > 1) {
    command_error(EXIT_USAGE, "%s: unexpected argument '%s'", (*argv)[0], (*argv)[1]);
    return false;
  }
  return true;
}

static int usage(FILE *stream, int status)
{
  fprintf(stream, "Usage: thredctl COMMAND [OPTION...]\n\nCommands:\n");
  for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
    fprintf(stream, "  %-8s %s\n", commands[i].name, commands[i].summary);
  fprintf(stream, "\n'thredctl COMMAND --help' shows the options of a command.\n");
  return fflush(stream) == 0 ? status : EXIT_FAILED;
}

int main(int argc, char **argv)
{
  if (argc < 2)
    return usage(stderr, EXIT_USAGE);
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
    return usage(stdout, EXIT_DONE);
  if (strcmp(argv[1], "--version") == 0)
    return printf("thredctl %s\n", THRED_VERSION) > 0 && fflush(stdout) == 0 ? EXIT_DONE
                                                                             : EXIT_FAILED;
  for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
    if (strcmp(argv[1], commands[i].name) != 0)
      continue;
    g_autofree char *name = g_strconcat("thredctl ", argv[1], NULL);
    g_set_prgname(name); /* the help begins with it */
    return commands[i].run(argc - 1, argv + 1);
  }
  command_error(EXIT_USAGE, "unknown command '%s'", argv[1]);
  return usage(stderr, EXIT_USAGE);
}
