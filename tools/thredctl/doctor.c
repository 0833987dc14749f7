/* SPDX-License-Identifier: MIT */
/* doctor.c - `thredctl doctor`: can the shim reach a program? */
#include <string.h>

#include "tools/thredctl/command.h"
#include "tools/thredctl/diagnosis.h"
#include "tools/thredctl/libcurls.h"
#include "tools/thredctl/output.h"

/* ---- for people ---- */

static void add_line(GString *text, const char *key, Style style, const char *value)
{
  g_autofree char *shown = command_printable(value);
  output_line(text, key, style, "%s", shown);
}

static void add_libcurl(GString *text, const Libcurl *libcurl)
{
  g_autofree char *through =
      libcurl->through ? g_strdup_printf(", through %s", libcurl->through) : g_strdup("");
  g_autofree char *line = g_strdup_printf(
      "%s (%s, %s)%s", libcurl->path, libcurl->version ? libcurl->version : "version unknown",
      libcurl->flavour ? libcurl->flavour : "no symbol version", through);
  add_line(text, "libcurl", STYLE_PLAIN, line);
}

static char *as_text(const Diagnosis *diagnosis, const char *command)
{
  GString *text = g_string_new(NULL);
  add_line(text, "program", STYLE_PLAIN, command);
  for (guint i = 0; i < diagnosis->program->chain->len; i++)
    add_line(text, i ? "run by" : "file", STYLE_PLAIN, diagnosis->program->chain->pdata[i]);
  for (guint i = 0; i < diagnosis->libcurls->len; i++)
    add_libcurl(text, diagnosis->libcurls->pdata[i]);
  add_line(text, "reachable", diagnosis_is_reachable(diagnosis) ? STYLE_GOOD : STYLE_BAD,
           diagnosis_is_reachable(diagnosis) ? "yes" : "no");
  if (!diagnosis_is_reachable(diagnosis)) {
    add_line(text, "because", STYLE_PLAIN, diagnosis->verdict);
    add_line(text, "change", STYLE_PLAIN, diagnosis_change(diagnosis->reason));
  }
  for (guint i = 0; i < diagnosis->notes->len; i++)
    add_line(text, "note", STYLE_PLAIN, diagnosis->notes->pdata[i]);
  return g_string_free(text, FALSE);
}

/* ---- for programs ---- */

static struct json_object *strings_of(const GPtrArray *values)
{
  struct json_object *list = json_object_new_array();
  for (guint i = 0; i < values->len; i++)
    json_object_array_add(list, output_json_text(values->pdata[i]));
  return list;
}

static struct json_object *libcurls_json(const GPtrArray *libcurls)
{
  struct json_object *list = json_object_new_array();
  for (guint i = 0; i < libcurls->len; i++) {
    const Libcurl *libcurl = libcurls->pdata[i];
    struct json_object *one = json_object_new_object();
    output_json_string(one, "path", libcurl->path);
    output_json_string(one, "version", libcurl->version);
    output_json_string(one, "flavour", libcurl->flavour);
    output_json_string(one, "through", libcurl->through);
    json_object_array_add(list, one);
  }
  return list;
}

static char *as_json(const Diagnosis *diagnosis, const char *command)
{
  struct json_object *object = json_object_new_object();
  json_object_object_add(object, "version", json_object_new_int(1));
  output_json_string(object, "program", command);
  json_object_object_add(object, "files", strings_of(diagnosis->program->chain));
  json_object_object_add(object, "reachable",
                         json_object_new_boolean(diagnosis_is_reachable(diagnosis)));
  output_json_string(object, "reason", diagnosis->reason);
  output_json_string(object, "because", diagnosis->verdict);
  output_json_string(object, "change", diagnosis_change(diagnosis->reason));
  json_object_object_add(object, "libcurl", libcurls_json(diagnosis->libcurls));
  output_json_string(object, "preload_first", diagnosis->first);
  output_json_string(object, "library_path", diagnosis->folders);
  json_object_object_add(object, "notes", strings_of(diagnosis->notes));
  return output_json_line(object);
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
