/* SPDX-License-Identifier: MIT */
/* doctor.c - `thredctl doctor`: can the shim reach a program? */
#include <json.h>
#include <string.h>

#include "tools/thredctl/command.h"
#include "tools/thredctl/diagnosis.h"
#include "tools/thredctl/libcurls.h"

/* ---- for people ---- */

static void add_line(GString *text, const char *key, const char *value)
{
  g_autofree char *shown = command_printable(value);
  g_string_append_printf(text, "%-10s  %s\n", key, shown);
}

static void add_libcurl(GString *text, const Libcurl *libcurl)
{
  g_autofree char *through =
      libcurl->through ? g_strdup_printf(", through %s", libcurl->through) : g_strdup("");
  g_autofree char *line = g_strdup_printf(
      "%s (%s, %s)%s", libcurl->path, libcurl->version ? libcurl->version : "version unknown",
      libcurl->flavour ? libcurl->flavour : "no symbol version", through);
  add_line(text, "libcurl", line);
}

static char *as_text(const Diagnosis *diagnosis, const char *command)
{
  GString *text = g_string_new(NULL);
  add_line(text, "program", command);
  for (guint i = 0; i < diagnosis->program->chain->len; i++)
    add_line(text, i ? "run by" : "file", diagnosis->program->chain->pdata[i]);
  for (guint i = 0; i < diagnosis->libcurls->len; i++)
    add_libcurl(text, diagnosis->libcurls->pdata[i]);
  add_line(text, "reachable", diagnosis_is_reachable(diagnosis) ? "yes" : "no");
  if (!diagnosis_is_reachable(diagnosis))
    add_line(text, "because", diagnosis->verdict);
  for (guint i = 0; i < diagnosis->notes->len; i++)
    add_line(text, "note", diagnosis->notes->pdata[i]);
  return g_string_free(text, FALSE);
}

/* ---- for programs ---- */

/* NULL or a string; JSON is UTF-8, a path need not be. */
static struct json_object *string_of(const char *value)
{
  g_autofree char *valid = value ? g_utf8_make_valid(value, -1) : NULL;
  return valid ? json_object_new_string(valid) : NULL;
}

static struct json_object *strings_of(const GPtrArray *values)
{
  struct json_object *list = json_object_new_array();
  for (guint i = 0; i < values->len; i++)
    json_object_array_add(list, string_of(values->pdata[i]));
  return list;
}

static struct json_object *libcurls_json(const GPtrArray *libcurls)
{
  struct json_object *list = json_object_new_array();
  for (guint i = 0; i < libcurls->len; i++) {
    const Libcurl *libcurl = libcurls->pdata[i];
    struct json_object *one = json_object_new_object();
    json_object_object_add(one, "path", string_of(libcurl->path));
    json_object_object_add(one, "version", string_of(libcurl->version));
    json_object_object_add(one, "flavour", string_of(libcurl->flavour));
    json_object_object_add(one, "through", string_of(libcurl->through));
    json_object_array_add(list, one);
  }
  return list;
}

static char *as_json(const Diagnosis *diagnosis, const char *command)
{
  struct json_object *object = json_object_new_object();
  json_object_object_add(object, "version", json_object_new_int(1));
  json_object_object_add(object, "program", string_of(command));
  json_object_object_add(object, "files", strings_of(diagnosis->program->chain));
  json_object_object_add(object, "reachable",
                         json_object_new_boolean(diagnosis_is_reachable(diagnosis)));
  json_object_object_add(object, "reason", string_of(diagnosis->reason));
  json_object_object_add(object, "because", string_of(diagnosis->verdict));
  json_object_object_add(object, "libcurl", libcurls_json(diagnosis->libcurls));
  json_object_object_add(object, "preload_first", string_of(diagnosis->first));
  json_object_object_add(object, "library_path", string_of(diagnosis->folders));
  json_object_object_add(object, "notes", strings_of(diagnosis->notes));
  char *text =
      g_strdup_printf("%s\n", json_object_to_json_string_ext(
                                  object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
  json_object_put(object);
  return text;
}

/* ---- the command ---- */

static int examine(const char *command, bool json)
{
  g_autoptr(Diagnosis) diagnosis = diagnose(command);
  g_autofree char *text = json ? as_json(diagnosis, command) : as_text(diagnosis, command);
  if (!command_output(text, strlen(text)))
    return command_error(EXIT_FAILED, "doctor: cannot write");
  return diagnosis_is_reachable(diagnosis) ? EXIT_DONE : EXIT_FAILED;
}

int command_doctor(int argc, char **argv)
{
  gboolean json = FALSE;
  const GOptionEntry entries[] = {
      {"json", 0, 0, G_OPTION_ARG_NONE, &json, "Print a JSON object", NULL}, {NULL}};
  int status;
  if (!command_options(
          "PROGRAM - can the shim reach it?",
          "PROGRAM is looked for as a shell does; it is not run.\nThe exit status is 0 "
          "if the shim reaches it, 1 if not.\n\nExample:\n  thredctl doctor php",
          entries, REST_ARGUMENTS, &argc, &argv, &status))
    return status;
  if (argc != 2)
    return command_error(EXIT_USAGE, "doctor: name one program (see 'thredctl doctor --help')");
  return examine(argv[1], json);
}
