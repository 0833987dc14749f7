/* SPDX-License-Identifier: MIT */
/* main.c - thredctl: see it, check it, ask it why. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "tools/thredctl/command.h"
#include "tools/thredctl/nearest.h"

static int command_help(int argc, char **argv);

static const Command commands[] = {
    {"exec", "run a program that gets its bearers without knowing it", command_exec,
     "thredctl exec curl -s https://sandbox.thredfi.com/v1/platform/businesses/"},
    {"token", "print a token", command_token,
     "thredctl token --business 3c90c3cc-0d44-4b50-8888-8dd25736052a"},
    {"route", "explain what would be attached to a request", command_route,
     "thredctl route -X POST https://sandbox.thredfi.com/v1/platform/businesses/"},
    {"check", "check all that stands between a program and its token", command_check,
     "thredctl check"},
    {"config", "show every value, and where it came from", command_config, "thredctl config"},
    {"doctor", "tell whether the shim reaches a program", command_doctor, "thredctl doctor php"},
    {"status", "show the cached tokens, and who fetches one", command_status, "thredctl status"},
    {"flush", "forget every cached token", command_flush, "thredctl flush"},
    {"help", "show the options of a command", command_help, "thredctl help route"},
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

char *command_quoted(const char *path)
{
  static const char plain[] = G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "/._-+:,@%";
  return *path && !path[strspn(path, plain)] ? g_strdup(path) : g_shell_quote(path);
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

static int unknown_command(const char *word)
{
  const char *names[G_N_ELEMENTS(commands) + 3] = {0};
  guint n = 0;
  for (; n < G_N_ELEMENTS(commands); n++)
    names[n] = commands[n].name;
  names[n++] = "--help";
  names[n] = "--version";
  g_autofree char *shown = command_printable(word);
  const char *near = nearest(word, names), *what = *word == '-' ? "option" : "command";
  if (near)
    return command_error(EXIT_USAGE, "unknown %s '%s'; did you mean '%s'?", what, shown, near);
  return command_error(EXIT_USAGE, "unknown %s '%s' (see 'thredctl --help')", what, shown);
}

static int usage(FILE *stream, int status)
{
  fprintf(stream, "Usage: thredctl COMMAND [OPTION...]\n\nCommands:\n");
  for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
    fprintf(stream, "  %-8s %s\n", commands[i].name, commands[i].summary);
  fprintf(stream, "\nExamples:\n");
  for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
    if (commands[i].example)
      fprintf(stream, "  %s\n", commands[i].example);
  fprintf(stream,
          "\n'thredctl COMMAND --help' shows the options of a command, 'thredctl --version' "
          "the version.\n");
  return fflush(stream) == 0 ? status
                             : command_error(EXIT_FAILED, "cannot write to standard output");
}

static int version(void)
{
  return printf("thredctl %s\n", THRED_VERSION) > 0 && fflush(stdout) == 0
             ? EXIT_DONE
             : command_error(EXIT_FAILED, "cannot write to standard output");
}

/* argv[0] is the command's name. */
static int run(int argc, char **argv)
{
  for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
    if (strcmp(argv[0], commands[i].name) != 0)
      continue;
    g_autofree char *name = g_strconcat("thredctl ", argv[0], NULL);
    g_set_prgname(name); /* the help begins with it */
    return commands[i].run(argc, argv);
  }
  return unknown_command(argv[0]);
}

static int command_help(int argc, char **argv)
{
  const GOptionEntry entries[] = {{NULL}};
  int status;
  if (!command_options("[COMMAND] - show the options of a command",
                       "Without COMMAND: the commands.\n\nExample:\n  thredctl help route", entries,
                       REST_ARGUMENTS, &argc, &argv, &status))
    return status;
  if (argc == 1)
    return usage(stdout, EXIT_DONE);
  if (argc > 2)
    return command_error(EXIT_USAGE, "help: name one command");
  char option[] = "--help", *words[] = {argv[1], option, NULL};
  return run(2, words);
}

int main(int argc, char **argv)
{
  if (argc < 2)
    return usage(stderr, EXIT_USAGE);
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
    return usage(stdout, EXIT_DONE);
  if (strcmp(argv[1], "--version") == 0)
    return version();
  return run(argc - 1, argv + 1);
}
