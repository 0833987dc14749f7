/* SPDX-License-Identifier: MIT */
/* exec.c - `thredctl exec`: a program that knows nothing of thred-auth, run under the shim. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "lib/route.h"
#include "tools/thredctl/command.h"
#include "tools/thredctl/diagnosis.h"
#include "tools/thredctl/pair.h"

/* ld.so(8), LD_PRELOAD: what separates its entries; nothing can escape them. */
#define PRELOAD_SEPARATORS " :"

/* The loader only prints a warning over an object that it cannot load, and runs the program without
 * it. Then its requests would carry no token, and nobody would know why. */
static int check_shim(const char *shim)
{
  struct stat st;
  if (strpbrk(shim, PRELOAD_SEPARATORS))
    return command_error(EXIT_FAILED,
                         "exec: '%s' cannot stand in LD_PRELOAD: there is a space or a colon in "
                         "it, which separate the entries there (ld.so(8))",
                         shim);
  if (stat(shim, &st) == 0 && !S_ISREG(st.st_mode))
    return command_error(EXIT_FAILED, "exec: the shim '%s' is not a regular file", shim);
  if (access(shim, R_OK) != 0)
    return command_error(EXIT_FAILED, "exec: the shim '%s': %s", shim, strerror(errno));
  return EXIT_DONE;
}

/* The shim in front, once, or behind `first`, unless that is NULL. (The loader knows the same file
 * under another name by its inode.) */
static char *preload_list(const char *first, const char *shim, const char *others)
{
  GString *list = g_string_new(first);
  g_string_append_printf(list, "%s%s", first ? ":" : "", shim);
  g_auto(GStrv) entries = g_strsplit_set(others ? others : "", PRELOAD_SEPARATORS, -1);
  for (char **entry = entries; *entry; entry++)
    if (**entry && strcmp(*entry, shim) != 0 && g_strcmp0(*entry, first) != 0)
      g_string_append_printf(list, ":%s", *entry);
  return g_string_free(list, FALSE);
}

/* execve(2) says ENOENT of a script, too, if it is the interpreter that is missing. */
static int explain(const Program *program, const char *name, int error)
{
  const char *change = program->problem ? diagnosis_change(program->reason) : NULL;
  if (program->problem && strcmp(program->reason, "not-found") != 0) {
    g_autofree char *problem = command_printable(program->problem);
    command_error(EXIT_FAILED, "exec: cannot run '%s': %s: %s", name, strerror(error), problem);
  } else {
    command_error(EXIT_FAILED, "exec: cannot run '%s': %s", name, strerror(error));
  }
  return change ? command_error(EXIT_FAILED, "change: %s", change) : EXIT_FAILED;
}

/* Returns only if the program could not be run. `business` may be NULL. */
static int run(const char *business, char **command)
{
  g_autoptr(Diagnosis) needs = diagnose_needs(command[0]);
  g_autofree char *list = preload_list(needs->first, THRED_PRELOAD_OBJECT, getenv("LD_PRELOAD"));
  g_autofree char *folders = needs->folders ? pair_library_path(needs->folders) : NULL;
  g_autofree char *name = command_printable(command[0]);
  if (setenv("LD_PRELOAD", list, 1) || (folders && setenv("LD_LIBRARY_PATH", folders, 1)) ||
      (business && setenv("THRED_BUSINESS_ID", business, 1)))
    return command_error(EXIT_FAILED, "exec: %s", strerror(errno));
  execvp(command[0], command);
  return explain(needs->program, name, errno);
}

static int check_and_run(const char *business, char **command)
{
  char id[UUID_LENGTH + 1];
  if (business && !route_parse_uuid(business, strlen(business), id)) {
    g_autofree char *shown = command_printable(business);
    return command_error(EXIT_USAGE, "exec: --business: '%s' is not a UUID", shown);
  }
  if (!command[0])
    return command_error(EXIT_USAGE, "exec: no command given (see 'thredctl exec --help')");
  int status = check_shim(THRED_PRELOAD_OBJECT);
  return status == EXIT_DONE ? run(business ? id : NULL, command) : status;
}

int command_exec(int argc, char **argv)
{
  g_autofree char *business = NULL;
  const GOptionEntry entries[] = {{"business", 'b', 0, G_OPTION_ARG_STRING, &business,
                                   "The business for paths that name none", "ID"},
                                  {NULL}};
  int status;
  if (!command_options("[--] CMD [ARGUMENT...] - run a program under the shim",
                       "CMD and its ARGUMENTs are taken as they stand; '--' is needed only if CMD "
                       "begins with '-'.\nThe exit status is CMD's.\n\n"
                       "Example:\n  thredctl exec curl -s "
                       "https://sandbox.thredfi.com/v1/platform/businesses/",
                       entries, REST_COMMAND, &argc, &argv, &status))
    return status;
  return check_and_run(business, argv + 1);
}
