/* SPDX-License-Identifier: MIT */
/* options.c - what stands behind a command's name, and what to say if it cannot. */
#include <string.h>

#include "tools/thredctl/command.h"
#include "tools/thredctl/nearest.h"

/* ---- what was mistyped ---- */

/* The entry of an option as it was given: "--json", "--business=ID", "-b", "-bID"; or NULL. */
static const GOptionEntry *find_option(const GOptionEntry *entries, const char *word)
{
  const char *name = word + 2;
  for (; entries->long_name; entries++) {
    if (word[1] == '-' ? strncmp(name, entries->long_name, strcspn(name, "=")) == 0 &&
                             entries->long_name[strcspn(name, "=")] == 0
                       : word[1] == entries->short_name)
      return entries;
  }
  return NULL;
}

/* The first option that there is not; NULL if they all are. */
static const char *find_unknown(const GOptionEntry *entries, CommandRest rest, char **argv)
{
  for (char **word = argv + 1; *word && strcmp(*word, "--") != 0; word++) {
    if (**word != '-' || !(*word)[1]) {
      if (rest == REST_COMMAND)
        return NULL;
      continue;
    }
    const GOptionEntry *entry = find_option(entries, *word);
    if (!entry && strcmp(*word, "--help") != 0 && strcmp(*word, "-h") != 0)
      return *word;
    bool has_value = (*word)[1] == '-' ? strchr(*word, '=') != NULL : (*word)[2] != 0;
    if (entry && entry->arg != G_OPTION_ARG_NONE && !has_value && word[1])
      word++;
  }
  return NULL;
}

/* Of "--jsn", and of "-json", which GOption takes for four short ones. */
static const char *nearest_option(const GOptionEntry *entries, const char *word)
{
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  const char *name = word + strspn(word, "-");
  g_autofree char *bare = g_strndup(name, strcspn(name, "="));
  for (; entries->long_name; entries++)
    g_ptr_array_add(names, (gpointer)entries->long_name);
  g_ptr_array_add(names, (gpointer) "help");
  g_ptr_array_add(names, NULL);
  return nearest(bare, (const char *const *)names->pdata);
}

static int unknown_option(const char *command, const GOptionEntry *entries, const char *word)
{
  g_autofree char *given = g_strndup(word, strcspn(word, "="));
  g_autofree char *shown = command_printable(given);
  const char *near = nearest_option(entries, word);
  return command_error(EXIT_USAGE, "%s: unknown option '%s'%s%s%s (see 'thredctl %s --help')",
                       command, shown, near ? "; did you mean '--" : "", near ? near : "",
                       near ? "'?" : "", command);
}

/* What GOption found, told once more where there is more to say. */
static int option_error(const GError *error, const GOptionEntry *entries, CommandRest rest,
                        char **argv)
{
  const char *unknown = g_error_matches(error, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION)
                            ? find_unknown(entries, rest, argv)
                            : NULL;
  if (unknown)
    return unknown_option(argv[0], entries, unknown);
  g_autofree char *shown = command_printable(error->message);
  return command_error(EXIT_USAGE, "%s: %s (see 'thredctl %s --help')", argv[0], shown, argv[0]);
}

/* ---- options ---- */

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
    option_error(error, entries, rest, *argv);
    return false;
  }
  if (help) {
    g_autofree char *text = g_option_context_get_help(context, TRUE, NULL);
    *status = command_output(text, strlen(text))
                  ? EXIT_DONE
                  : command_error(EXIT_FAILED, "%s: cannot write to standard output", (*argv)[0]);
    return false;
  }
  drop_separator(argc, *argv);
  if (rest == REST_NONE && *argc > 1) {
    g_autofree char *shown = command_printable((*argv)[1]);
    command_error(EXIT_USAGE, "%s: unexpected argument '%s' (see 'thredctl %s --help')", (*argv)[0],
                  shown, (*argv)[0]);
    return false;
  }
  return true;
}
