/* SPDX-License-Identifier: MIT */
#include "tools/thredctl/config-report.h"

#include <string.h>

#include "lib/process.h"
#include "tools/thredctl/command.h"
#include "tools/thredctl/output.h"

enum { KEY_WIDTH = 22 }; /* of the longest key, existing-authorization */

static const char hidden[] = "(hidden)";

ConfigReport config_report_make(const char *wanted, bool files_only)
{
  return (ConfigReport){.wanted = wanted,
                        .files_only = files_only,
                        .names = g_ptr_array_new_with_free_func(g_free),
                        .files = g_string_new(NULL),
                        .groups = g_string_new(NULL),
                        .problems = g_string_new(NULL),
                        .json_files = json_object_new_array(),
                        .json_groups = json_object_new_array(),
                        .json_problems = json_object_new_array()};
}

void config_report_clear(ConfigReport *report)
{
  g_ptr_array_unref(report->names);
  g_string_free(report->files, TRUE);
  g_string_free(report->groups, TRUE);
  g_string_free(report->problems, TRUE);
  json_object_put(report->json_files);
  json_object_put(report->json_groups);
  json_object_put(report->json_problems);
}

static void add_line_number(struct json_object *object, const char *file, uint32_t line)
{
  output_json_string(object, "file", file);
  json_object_object_add(object, "line", file && line ? json_object_new_int64(line) : NULL);
}

/* ---- files ---- */

static Style style_of(const char *fate)
{
  if (strcmp(fate, "read") == 0)
    return STYLE_PLAIN;
  return strcmp(fate, "refused") == 0 ? STYLE_BAD : STYLE_QUIET;
}

static void take_file(const FetchFile *file, void *data)
{
  ConfigReport *report = data;
  g_autofree char *path = command_printable(file->path);
  g_autofree char *why = file->why ? command_printable(file->why) : NULL;
  output_line(report->files, file->fate, style_of(file->fate), "%s (%s)%s%s", path, file->level,
              why ? ": " : "", why ? why : "");
  struct json_object *object = json_object_new_object();
  output_json_string(object, "path", file->path);
  output_json_string(object, "origin", file->level);
  output_json_string(object, "fate", file->fate);
  output_json_string(object, "why", file->why);
  json_object_array_add(report->json_files, object);
}

/* ---- groups ---- */

static bool is_wanted(ConfigReport *report, const FetchGroup *group)
{
  g_autofree char *label =
      *group->name ? g_strconcat(group->kind, " ", group->name, NULL) : g_strdup(group->kind);
  bool is_environment = strcmp(group->kind, "environment") == 0;
  if (is_environment)
    g_ptr_array_add(report->names, g_strdup(group->name));
  bool wanted = !report->wanted || strcmp(report->wanted, label) == 0 ||
                (is_environment && strcmp(report->wanted, group->name) == 0);
  g_ptr_array_add(report->names, g_steal_pointer(&label));
  return wanted;
}

static void add_header(GString *text, const FetchGroup *group)
{
  g_autofree char *label =
      g_strdup_printf("[%s%s%s]", group->kind, *group->name ? " " : "", group->name);
  g_autofree char *line = group->line ? g_strdup_printf(":%u", group->line) : g_strdup("");
  if (text->len)
    g_string_append_c(text, '\n');
  g_string_append(text, label);
  if (group->file) {
    g_autofree char *why = g_strdup_printf("  disabled by the error in %s%s", group->file, line);
    output_styled(text, STYLE_BAD, why);
  } else if (strcmp(group->state, "in-force") != 0) {
    g_string_append(text, "  ");
    output_styled(text, strcmp(group->state, "active") == 0 ? STYLE_GOOD : STYLE_QUIET,
                  group->state);
  }
  g_string_append_c(text, '\n');
}

static void take_group(const FetchGroup *group, void *data)
{
  ConfigReport *report = data;
  report->is_taken = is_wanted(report, group) && !report->files_only;
  if (!report->is_taken)
    return;
  report->found = true;
  /* Three inactive environments with all that they could have would hide the one that counts. */
  report->is_thrifty = !report->wanted && strcmp(group->state, "inactive") == 0;
  add_header(report->groups, group);
  struct json_object *object = json_object_new_object();
  output_json_string(object, "kind", group->kind);
  output_json_string(object, "name", *group->name ? group->name : NULL);
  output_json_string(object, "state", group->state);
  add_line_number(object, group->file, group->line);
  report->json_values = json_object_new_array();
  json_object_object_add(object, "values", report->json_values);
  json_object_array_add(report->json_groups, object);
}

/* ---- values ---- */

/* " (FILE:LINE, administrator)" or " (default)". */
static void add_origin(GString *text, const FetchValue *value)
{
  g_autofree char *file = value->file ? command_printable(value->file) : NULL;
  g_autofree char *origin = file ? g_strdup_printf("(%s:%u, %s)", file, value->line, value->level)
                                 : g_strdup_printf("(%s)", value->level);
  g_string_append_c(text, ' ');
  output_styled(text, STYLE_QUIET, origin);
}

static void add_value(const ConfigReport *report, const FetchValue *value, bool in_force)
{
  static const char *const leads[][2] = {{"overridden", "  in place of"},
                                         {"refused", "  refused"},
                                         {"replaced", "  replaced"},
                                         {"disabled", "  disabled"}};
  GString *text = report->groups;
  const char *lead = value->key ? value->key : hidden;
  if (report->is_thrifty && !value->file && in_force)
    return;
  for (guint i = 0; !in_force && i < G_N_ELEMENTS(leads); i++)
    if (strcmp(leads[i][0], value->fate) == 0)
      lead = leads[i][1];
  g_string_append_printf(text, "%-*s  ", KEY_WIDTH, lead);
  if (!value->value && !value->hidden) {
    output_styled(text, STYLE_QUIET, "(not set)");
  } else {
    g_autofree char *shown = command_printable(value->hidden ? hidden : value->value);
    output_styled(text, in_force ? STYLE_PLAIN : STYLE_QUIET, shown);
    add_origin(text, value);
  }
  g_string_append_c(text, '\n');
}

static void take_value(const FetchValue *value, void *data)
{
  ConfigReport *report = data;
  const bool in_force = strcmp(value->fate, "in-force") == 0;
  if (!report->is_taken)
    return;
  add_value(report, value, in_force);
  struct json_object *object = json_object_new_object();
  if (in_force)
    output_json_string(object, "key", value->key ? value->key : hidden);
  output_json_string(object, "value", value->value);
  json_object_object_add(object, "hidden", json_object_new_boolean(value->hidden));
  output_json_string(object, "origin", value->level);
  add_line_number(object, value->file, value->line);
  if (in_force) {
    report->json_overrides = json_object_new_array();
    json_object_object_add(object, "overrides", report->json_overrides);
  } else {
    output_json_string(object, "fate", value->fate);
  }
  json_object_array_add(in_force ? report->json_values : report->json_overrides, object);
}

static void take_problem(const char *file, uint32_t line, const char *text, void *data)
{
  ConfigReport *report = data;
  g_autofree char *shown = command_printable(text);
  output_line(report->problems, "problem", STYLE_BAD, "%s", shown);
  struct json_object *object = json_object_new_object();
  add_line_number(object, file, line);
  output_json_string(object, "text", text);
  json_object_array_add(report->json_problems, object);
}

const FetchExplain config_report_explain = {
    .file = take_file, .group = take_group, .value = take_value, .problem = take_problem};

/* ---- all of it ---- */

/* What stands above every file, for this process; the two that are a credential are not shown. */
static const char *const variables[] = {"THRED_CONF_DIR", "THRED_BUSINESS_ID", "THRED_LOG",
                                        "THRED_DISABLE", "THRED_MODULE_DIR"};

static void add_variables(GString *text)
{
  for (guint i = 0; i < G_N_ELEMENTS(variables); i++) {
    const char *value = process_env(variables[i]);
    g_autofree char *shown = value ? command_printable(value) : NULL;
    if (shown)
      output_line(text, "variable", STYLE_WARNING, "%s=%s", variables[i], shown);
  }
}

char *config_report_text(const ConfigReport *report)
{
  if (report->files_only)
    return g_strdup(report->files->str);
  GString *end = g_string_new(report->wanted ? NULL : report->files->str);
  add_variables(end);
  g_string_append(end, report->problems->str);
  char *text = g_strconcat(report->groups->str, end->len ? "\n" : "", end->str, NULL);
  g_string_free(end, TRUE);
  return text;
}

char *config_report_json(ConfigReport *report)
{
  struct json_object *object = json_object_new_object(), *all = json_object_new_object();
  for (guint i = 0; i < G_N_ELEMENTS(variables); i++)
    output_json_string(all, variables[i], process_env(variables[i]));
  json_object_object_add(object, "version", json_object_new_int(1));
  json_object_object_add(object, "groups",
                         report->files_only ? NULL : json_object_get(report->json_groups));
  json_object_object_add(object, "files", json_object_get(report->json_files));
  json_object_object_add(object, "variables", all);
  json_object_object_add(object, "problems", json_object_get(report->json_problems));
  return output_json_line(object);
}
