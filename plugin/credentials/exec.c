/* SPDX-License-Identifier: MIT */
/*
 * exec - the credential from a command, as JSON on its standard output:
 *
 *     {"version":1,"partner_uuid":"...","api_key":"...","expires_in":3600}
 *
 * No shell: the words of `command` are taken apart as a shell would, and that is all. What it
 * writes on standard error is for the log, without whatever it repeats of its answer.
 */
#include <glib.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "lib/errno-text.h"
#include "lib/fetch/secret-json.h"
#include "lib/secure.h"
#include "plugin/credentials/exec-run.h"
#include "plugin/credentials/module.h"

#define WINDOW     8u /* so many bytes of the answer are not repeated in the log */
#define PATH_VALUE "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define VARIABLES  32u

typedef struct {
  char *command, *passed;
  char **argv;  /* g_strfreev */
  char **names; /* of variables that are passed on */
} Exec;

static const ModuleRule rules[] = {
    {"command", offsetof(Exec, command), MODULE_TEXT, NULL},
    {"pass-environment", offsetof(Exec, passed), MODULE_TEXT, NULL},
    MODULE_RULES_END,
};

static void exec_close(void *instance)
{
  Exec *exec = instance;
  g_strfreev(exec->argv);
  g_strfreev(exec->names);
  module_free(rules, exec);
}

/* ---- open and identity ---- */

static bool is_variable(const char *name)
{
  size_t length = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
  return name[0] && !name[length] && !g_ascii_isdigit(name[0]);
}

/* What a program is told of the loader's is not for a command of the administrator's. */
static const char *names_problem(char **names)
{
  size_t count = 0;
  for (char **name = names; *name; name++, count++)
    if (!is_variable(*name) || g_str_has_prefix(*name, "LD_"))
      return "pass-environment: one of its words is no name of a variable, or begins with LD_";
  return count > VARIABLES ? "pass-environment: more than 32 names" : NULL;
}

/* The words of a list, without the empty ones. */
static char **split(const char *list)
{
  g_auto(GStrv) words = g_strsplit_set(list, "; \t", -1);
  GPtrArray *names = g_ptr_array_new();
  for (char **word = words; *word; word++)
    if (**word)
      g_ptr_array_add(names, g_strdup(*word));
  g_ptr_array_add(names, NULL);
  return (char **)g_ptr_array_free(names, FALSE);
}

static const char *take_words(Exec *exec)
{
  g_autoptr(GError) error = NULL;
  if (!exec->command)
    return "no command";
  if (!g_shell_parse_argv(exec->command, NULL, &exec->argv, &error))
    return "command: a quote is not closed, or it is empty";
  if (exec->argv[0][0] != '/')
    return "command: its first word is not an absolute path";
  exec->names = split(exec->passed ? exec->passed : "");
  return names_problem(exec->names);
}

static ThredCredentialStatus exec_open(const ThredModuleHost *host,
                                       const ThredModuleOption *options, size_t n_options,
                                       void **instance)
{
  Exec *exec = calloc(1, sizeof *exec);
  if (!exec)
    return module_says(host, THRED_CREDENTIAL_UNAVAIL, "out of memory");
  if (module_read(host, "exec", rules, exec, options, n_options)) {
    const char *why = take_words(exec);
    if (!why) {
      *instance = exec;
      return THRED_CREDENTIAL_SUCCESS;
    }
    if (n_options)
      module_says(host, THRED_CREDENTIAL_UNAVAIL, "%s:%u: the module exec: %s", options[0].file,
                  options[0].line, why);
    else
      module_says(host, THRED_CREDENTIAL_UNAVAIL, "the module exec: %s", why);
  }
  exec_close(exec);
  return THRED_CREDENTIAL_UNAVAIL;
}

static ThredCredentialStatus exec_identity(void *instance, const ThredModuleHost *host)
{
  const Exec *exec = instance;
  host->identity(host, THRED_IDENTITY_TEXT, exec->command);
  host->identity(host, THRED_IDENTITY_FILE, exec->argv[0]);
  for (char **name = exec->names; *name && !host->at_secure; name++)
    host->identity(host, THRED_IDENTITY_ENV, *name);
  return THRED_CREDENTIAL_SUCCESS;
}

/* ---- what it says on standard error ---- */

/* Whatever it repeats of its answer, WINDOW bytes or more, becomes stars. */
static void mask(char *text, size_t length, const char *secret, size_t secret_length)
{
  bool masked[EXEC_ERR_MAX] = {false};
  for (size_t i = 0; secret_length >= WINDOW && i + WINDOW <= length; i++)
    if (memmem(secret, secret_length, text + i, WINDOW))
      memset(masked + i, true, WINDOW);
  for (size_t i = 0; i < length; i++)
    if (masked[i] || text[i] == '\0')
      text[i] = '*';
}

/* A key shorter than the window is masked as a whole. */
static void mask_word(char *text, size_t length, const char *word, size_t word_length)
{
  char *end = text + length;
  for (char *at = text; word_length > 0 && at < end &&
                        (at = memmem(at, (size_t)(end - at), word, word_length)) != NULL;
       at += word_length)
    memset(at, '*', word_length);
}

/* Hands each line to the log. The last one is left in the text, for a message. */
static const char *note_lines(const ThredModuleHost *host, char *text)
{
  const char *last = "";
  char *rest = text;
  for (char *line = strtok_r(rest, "\r\n", &rest); line; line = strtok_r(NULL, "\r\n", &rest)) {
    if (host->note)
      host->note(host, line);
    last = line;
  }
  return last;
}

/* ---- its answer ---- */

static ThredCredentialStatus bad_answer(const ThredModuleHost *host, const Exec *exec,
                                        const char *why)
{
  return module_says(host, THRED_CREDENTIAL_UNAVAIL, "%.200s: its answer cannot be used: %s",
                     exec->argv[0], why);
}

static ThredCredentialStatus deliver(const ThredModuleHost *host, const Exec *exec,
                                     json_object *answer)
{
  json_object *version = secret_json_member(answer, "version");
  json_object *expires = secret_json_member(answer, "expires_in");
  size_t uuid_length = 0, key_length = 0;
  const char *uuid = secret_json_string(answer, "partner_uuid", &uuid_length);
  const char *key = secret_json_string(answer, "api_key", &key_length);
  if (!json_object_is_type(version, json_type_int) || json_object_get_int64(version) != 1)
    return bad_answer(host, exec, "\"version\" is not 1");
  if (!uuid)
    return bad_answer(host, exec, "\"partner_uuid\" is missing or not a string");
  if (!key)
    return bad_answer(host, exec, "\"api_key\" is missing or not a string");
  if (expires && !json_object_is_type(expires, json_type_int))
    return bad_answer(host, exec, "\"expires_in\" is not a whole number of seconds");
  if (expires && json_object_get_int64(expires) <= 0)
    return module_says(host, THRED_CREDENTIAL_TRYAGAIN,
                       "%.200s: the credential that it gave has expired (\"expires_in\")",
                       exec->argv[0]);
  return module_deliver(host, uuid, uuid_length, key, key_length);
}

static ThredCredentialStatus read_answer(const ThredModuleHost *host, const Exec *exec,
                                         ExecResult *result)
{
  SecretJson json;
  char why[200];
  size_t at;
  if (result->out_too_long)
    return bad_answer(host, exec, "it is longer than 16 KiB");
  if (result->out_length == 0)
    return module_says(host, THRED_CREDENTIAL_NOTFOUND, "%.200s: it printed nothing",
                       exec->argv[0]);
  const char *problem = secret_json_read(&json, result->out, result->out_length, &at);
  ThredCredentialStatus status = THRED_CREDENTIAL_UNAVAIL;
  if (problem) {
    snprintf(why, sizeof why, "%s at byte %zu", problem, at);
    bad_answer(host, exec, why);
  } else {
    status = deliver(host, exec, json.object);
  }
  secret_json_done(&json);
  return status;
}

static void say_nothing(ExecResult *result)
{
  memset(result->err, 0, sizeof result->err);
  result->err_length = 0;
}

/* White space of JSON (RFC 8259, 2). A NUL is none: json-c would end there. */
static void trim(ExecResult *result)
{
  while (result->out_length > 0 && memchr(" \t\r\n", result->out[result->out_length - 1], 4))
    result->out[--result->out_length] = 0;
}

/* A key may be written in the answer otherwise than it is (with escapes). Where it cannot be read,
 * or has another name than it should, none of what was said can be shown. */
static void mask_key(ExecResult *result)
{
  SecretJson json;
  size_t at, length;
  const char *problem = secret_json_read(&json, result->out, result->out_length, &at);
  const char *key = problem ? NULL : secret_json_string(json.object, "api_key", &length);
  if (key) {
    mask(result->err, result->err_length, key, length);
    mask_word(result->err, result->err_length, key, length);
  }
  if (!key && memchr(result->out, '\\', result->out_length))
    say_nothing(result);
  secret_json_done(&json);
}

/* ---- get ---- */

/* EX_TEMPFAIL (sysexits.h): "try again later". */
static ThredCredentialStatus failed(const ThredModuleHost *host, const Exec *exec, int wait_status,
                                    const char *last)
{
  if (WIFSIGNALED(wait_status))
    return module_says(host, THRED_CREDENTIAL_UNAVAIL, "%.200s: was killed by signal %d%s%.200s",
                       exec->argv[0], WTERMSIG(wait_status), *last ? ": " : "", last);
  int code = WEXITSTATUS(wait_status);
  return module_says(
      host, code == EX_TEMPFAIL ? THRED_CREDENTIAL_TRYAGAIN : THRED_CREDENTIAL_UNAVAIL,
      "%.200s: exit status %d%s%.200s", exec->argv[0], code, *last ? ": " : "", last);
}

static ThredCredentialStatus judge(const ThredModuleHost *host, const Exec *exec,
                                   ExecOutcome outcome, int errno_value, ExecResult *result)
{
  char text[128];
  if (outcome == EXEC_NO_ROOM || outcome == EXEC_REFUSED)
    return module_says(host, THRED_CREDENTIAL_UNAVAIL, "%.200s: cannot be run: %s", exec->argv[0],
                       errno_value ? errno_text(errno_value, text, sizeof text)
                                   : "the process that starts it was killed");
  if (result->out_too_long) /* what was dropped cannot be looked for */
    say_nothing(result);
  trim(result); /* so that what is masked is what is read */
  mask(result->err, result->err_length, result->out, result->out_length);
  mask_key(result);
  if (outcome == EXEC_LATE) {
    note_lines(host, result->err);
    return module_says(host, THRED_CREDENTIAL_TRYAGAIN,
                       "%.200s: was killed, it took longer than it may", exec->argv[0]);
  }
  const bool ended_well = WIFEXITED(result->wait_status) && WEXITSTATUS(result->wait_status) == 0;
  ThredCredentialStatus status =
      ended_well ? read_answer(host, exec, result) : THRED_CREDENTIAL_UNAVAIL;
  const char *last = note_lines(host, result->err);
  return ended_well ? status : failed(host, exec, result->wait_status, last);
}

static bool is_judged(const ThredModuleHost *host, const char *path, SecureRule rule)
{
  struct stat st;
  char why[480];
  int fd = secure_open(path, rule, &st, why, sizeof why);
  if (fd >= 0)
    close(fd);
  if (fd < 0)
    module_says(host, THRED_CREDENTIAL_UNAVAIL, "%s", why);
  else if (module_is_callers(host, &st))
    module_says(host, THRED_CREDENTIAL_UNAVAIL,
                "%.400s: refused: it belongs to the calling user (%u), whose files do not count in "
                "a program with AT_SECURE",
                path, (unsigned)st.st_uid);
  else
    return true;
  return false;
}

static bool is_folder_judged(const ThredModuleHost *host, const char *path)
{
  g_autofree char *folder = g_path_get_dirname(path);
  return is_judged(host, folder, SECURE_DIRECTORY);
}

/* Whoever may write the file, or exchange it or a link to it in its folder, is whoever gets to run
 * in this process's name. */
static bool is_trusted(const ThredModuleHost *host, const char *path)
{
  if (!is_judged(host, path, SECURE_CONFIG) || !is_folder_judged(host, path))
    return false;
  char *real = realpath(path, NULL);
  const bool trusted = real && is_folder_judged(host, real);
  if (!real)
    module_says(host, THRED_CREDENTIAL_UNAVAIL, "%.400s: where it leads to cannot be told", path);
  free(real);
  return trusted;
}

/* A variable that is passed on comes first: PATH, too. */
/* "NAME=value" of each variable that is passed on; to be freed with g_strfreev(). */
static char **make_environment(const Exec *exec, const ThredModuleHost *host)
{
  GPtrArray *entries = g_ptr_array_new();
  for (char **name = exec->names; *name && !host->at_secure; name++) {
    const char *value = getenv(*name);
    if (value)
      g_ptr_array_add(entries, g_strconcat(*name, "=", value, NULL));
  }
  g_ptr_array_add(entries, g_strdup(PATH_VALUE));
  g_ptr_array_add(entries, NULL);
  return (char **)g_ptr_array_free(entries, FALSE);
}

static void wipe_environment(char **environment)
{
  for (char **entry = environment; entry && *entry; entry++)
    secure_wipe(*entry, strlen(*entry));
  g_strfreev(environment);
}

static ThredCredentialStatus exec_get(void *instance, const ThredModuleHost *host,
                                      int64_t deadline_ms)
{
  const Exec *exec = instance;
  int errno_value = 0;
  if (!is_trusted(host, exec->argv[0]))
    return THRED_CREDENTIAL_UNAVAIL;
  ExecResult *result = malloc(sizeof *result);
  if (!result)
    return module_says(host, THRED_CREDENTIAL_UNAVAIL, "out of memory");
  char **environment = make_environment(exec, host);
  ExecOutcome outcome = exec_run(host, exec->argv, environment, deadline_ms, result, &errno_value);
  ThredCredentialStatus status = judge(host, exec, outcome, errno_value, result);
  wipe_environment(environment);
  secure_wipe(result, sizeof *result);
  free(result);
  return status;
}

const ThredCredentialModule thred_credential_module = {
    .abi = THRED_CREDENTIAL_MODULE_ABI,
    .struct_size = sizeof(ThredCredentialModule),
    .name = "exec",
    .open = exec_open,
    .identity = exec_identity,
    .get = exec_get,
    .close = exec_close,
};
