/* SPDX-License-Identifier: MIT */
#include "tools/thredctl/program.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Linux: a script whose interpreter is a script and so on (BINPRM_MAX_RECURSION), and how much of a
 * first line counts (BINPRM_BUF_SIZE). */
#define DEPTH_MAX      5
#define FIRST_LINE_MAX 256

#define SHELL "/bin/sh"

static void fail(Program *program, const char *reason, const char *format, ...) G_GNUC_PRINTF(3, 4);
static void fail(Program *program, const char *reason, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  program->reason = reason;
  program->problem = g_strdup_vprintf(format, args);
  va_end(args);
}

/* ---- one file ---- */

static bool is_executable(const char *path)
{
  struct stat st;
  return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* execvp(3): a file that may not be executed is passed over, and is the answer if nothing else is.
 */
static char *find_in_path(const char *command)
{
  const char *path = g_getenv("PATH");
  g_auto(GStrv) folders = g_strsplit(path ? path : "/bin:/usr/bin", ":", -1);
  char *there = NULL;
  for (char **folder = folders; *folder; folder++) {
    char *file = g_build_filename(**folder ? *folder : ".", command, NULL);
    if (is_executable(file)) {
      g_free(there);
      return file;
    }
    if (!there && access(file, F_OK) == 0)
      there = file;
    else
      g_free(file);
  }
  return there;
}

static char *find(const char *command)
{
  return strchr(command, '/') ? g_strdup(command) : find_in_path(command);
}

/* False: it cannot be executed; the program's problem is set. */
static bool check(Program *program, const char *file, const char *of)
{
  struct stat st;
  bool there = stat(file, &st) == 0;
  if (!there && of)
    fail(program, "interpreter-missing", "the interpreter of %s, %s: %s", of, file,
         strerror(errno));
  else if (!there)
    fail(program, "not-found", "%s: %s", file, strerror(errno));
  else if (!S_ISREG(st.st_mode))
    fail(program, "not-executable", "%s is not a regular file", file);
  else if (access(file, X_OK) != 0)
    fail(program, "not-executable", "%s may not be executed: %s", file, strerror(errno));
  return !program->problem;
}

/* ---- scripts ---- */

/* The first line, without its end; NULL: it cannot be read. */
static char *first_line(const char *file, gsize *length)
{
  char *line = g_malloc0(FIRST_LINE_MAX + 1);
  int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  ssize_t got = fd >= 0 ? read(fd, line, FIRST_LINE_MAX) : -1;
  if (fd >= 0)
    close(fd);
  if (got < 0) {
    g_free(line);
    return NULL;
  }
  *length = (gsize)got;
  return line;
}

/* What an env(1) command line runs: its first word that is neither an option nor a variable. */
static const char *env_command(char **words, bool *cleared)
{
  for (char **word = words; *word; word++) {
    bool takes_value = strcmp(*word, "-u") == 0 || strcmp(*word, "-C") == 0;
    if (strcmp(*word, "-") == 0 || strcmp(*word, "-i") == 0 ||
        strcmp(*word, "--ignore-environment") == 0 || strcmp(*word, "-uLD_PRELOAD") == 0 ||
        strcmp(*word, "--unset=LD_PRELOAD") == 0 || g_str_has_prefix(*word, "LD_PRELOAD="))
      *cleared = true;
    else if (takes_value && word[1]) {
      *cleared |= strcmp(*word, "-u") == 0 && strcmp(word[1], "LD_PRELOAD") == 0;
      word++;
    } else if (**word != '-' && !strchr(*word, '='))
      return *word;
  }
  return NULL;
}

/* The kernel hands env(1) all that follows as one argument; -S splits it (without its escapes and
 * variables, which are not followed here). NULL: nothing that could be run. */
static char *env_target(char *argument, bool *cleared)
{
  if (g_str_has_prefix(argument, "--split-string"))
    argument += strlen("--split-string") + (argument[strlen("--split-string")] != 0);
  else if (argument[0] == '-' && strchr(argument, 'S') && !g_str_has_prefix(argument, "--"))
    argument = strchr(argument, 'S') + 1;
  else {
    char *one[] = {argument, NULL};
    return g_strdup(env_command(one, cleared));
  }
  g_auto(GStrv) words = NULL;
  return g_shell_parse_argv(argument, NULL, &words, NULL) ? g_strdup(env_command(words, cleared))
                                                          : NULL;
}

static bool is_env(const char *interpreter)
{
  const char *slash = strrchr(interpreter, '/');
  return strcmp(slash ? slash + 1 : interpreter, "env") == 0;
}

/* The file that runs the script with this first line; NULL: none, the problem is set. */
static char *interpreter_of(Program *program, const char *script, char *line)
{
  char *interpreter = g_strstrip(line + 2);
  char *argument = interpreter + strcspn(interpreter, " \t");
  if (*argument)
    *argument++ = 0;
  argument = g_strstrip(argument);
  if (!*interpreter) {
    fail(program, "interpreter-missing", "%s names no interpreter after its #!", script);
    return NULL;
  }
  if (!is_env(interpreter) || !*argument)
    return g_strdup(interpreter);
  if (!check(program, interpreter, script))
    return NULL;
  g_ptr_array_add(program->chain, g_strdup(interpreter));
  g_autofree char *command = env_target(argument, &program->cleared);
  char *file = command ? find(command) : NULL;
  if (!file)
    fail(program, "interpreter-missing", "the interpreter of %s, '%s', is not in PATH", script,
         command ? command : argument);
  return file;
}

/* What is neither a program nor a script with an interpreter is handed to the shell by execvp(3).
 */
static char *next_of(Program *program, const char *file)
{
  gsize length = 0;
  g_autofree char *line = first_line(file, &length);
  if (!line || (length >= 4 && memcmp(line, "\177ELF", 4) == 0))
    return NULL;
  if (length < 2 || line[0] != '#' || line[1] != '!')
    return g_strdup(SHELL);
  line[strcspn(line, "\n")] = 0;
  return interpreter_of(program, file, line);
}

/* ---- the chain ---- */

static void follow(Program *program, char *file)
{
  const char *script = NULL;
  for (unsigned depth = 0; file && !program->problem; depth++) {
    g_ptr_array_add(program->chain, file);
    if (!check(program, file, script))
      return;
    if (depth > DEPTH_MAX) {
      fail(program, "script-loop", "%s: more than %d scripts that are each other's interpreters",
           file, DEPTH_MAX);
      return;
    }
    script = file;
    file = next_of(program, file);
  }
}

Program *program_find(const char *command)
{
  Program *program = g_new0(Program, 1);
  program->chain = g_ptr_array_new_with_free_func(g_free);
  char *file = *command ? find(command) : NULL;
  if (!file)
    fail(program, "not-found", "there is no '%s' in PATH", command);
  else
    follow(program, file);
  program->name = program->chain->len ? g_path_get_basename(program_path(program)) : NULL;
  return program;
}

const char *program_path(const Program *program)
{
  return program->chain->len ? program->chain->pdata[program->chain->len - 1] : NULL;
}

void program_free(Program *program)
{
  g_ptr_array_unref(program->chain);
  g_free(program->name);
  g_free(program->problem);
  g_free(program);
}
