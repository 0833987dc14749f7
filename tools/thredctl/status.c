/* SPDX-License-Identifier: MIT */
/* status.c - `thredctl status`: what lies in the cache, and how its tokens are. */
#include <string.h>

#include "tools/thredctl/command.h"
#include "tools/thredctl/output.h"
#include "tools/thredctl/status-report.h"
#include "tools/thredctl/watch.h"

#define WATCH_DEFAULT 2.0
#define WATCH_MIN     0.1
#define WATCH_MAX     86400.0

typedef struct {
  gboolean json, metrics;
  char *output;
  double watch; /* seconds; 0: once */
} Options;

static double watched; /* where the callback puts it: it is given nothing of ours */

static gboolean parse_watch(const char *name, const char *value, gpointer data, GError **error)
{
  char *end = NULL;
  (void)data;
  watched = value ? g_ascii_strtod(value, &end) : WATCH_DEFAULT;
  if (!value || (*value && !*end && watched >= WATCH_MIN && watched <= WATCH_MAX))
    return TRUE;
  g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
              "%s: '%s' is no number of seconds from 0.1 to 86400", name, value);
  return FALSE;
}

static char *take(const Options *options)
{
  Report report;
  report_take(&report);
  char *text = options->json      ? report_as_json(&report)
               : options->metrics ? report_as_metrics(&report)
                                  : report_as_text(&report);
  report_clear(&report);
  return text;
}

/* A reader of the file sees the old report or the new one: it is written under another name in the
 * same directory, which does not end in .prom, and renamed. */
static int write_file(const char *path, const char *text)
{
  g_autoptr(GError) error = NULL;
  if (g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0644, &error))
    return EXIT_DONE;
  return command_error(EXIT_FAILED, "status: %s", error->message);
}

static int report_once(const Options *options)
{
  g_autofree char *text = take(options);
  if (options->output)
    return write_file(options->output, text);
  return command_output(text, strlen(text))
             ? EXIT_DONE
             : command_error(EXIT_FAILED, "status: cannot write to standard output");
}

/* The time in front, and an empty line between two. */
static char *dated(const Options *options, char *text, bool first)
{
  if (options->json || options->metrics)
    return text;
  g_autoptr(GDateTime) now = g_date_time_new_now_local();
  g_autofree char *time = g_date_time_format(now, "%F %T"), *report = text;
  GString *whole = g_string_new(first || watch_has_screen() ? "" : "\n");
  output_line(whole, "time", STYLE_QUIET, "%s", time);
  g_string_append(whole, report);
  return g_string_free(whole, FALSE);
}

static int report_again(const Options *options)
{
  const int64_t interval = (int64_t)(options->watch * 1000);
  watch_begin(!options->json && !options->metrics);
  for (bool first = true;; first = false) {
    g_autofree char *text = dated(options, take(options), first);
    if (options->output) {
      int status = write_file(options->output, text);
      if (status)
        return status;
    } else if (!watch_show(text)) {
      return command_error(EXIT_FAILED, "status: cannot write to standard output");
    }
    watch_wait(interval);
  }
}

static const char *check(const Options *options)
{
  if (options->json && options->metrics)
    return "--json and --metrics exclude each other";
  if (options->output && !options->json && !options->metrics)
    return "--output is for --json and --metrics";
  return NULL;
}

static bool parse(Options *options, int *argc, char ***argv, int *status)
{
  const GOptionArgFunc function = parse_watch;
  gpointer callback;
  memcpy(&callback, &function, sizeof callback);
  const GOptionEntry entries[] = {
      {"json", 0, 0, G_OPTION_ARG_NONE, &options->json, "As JSON", NULL},
      {"metrics", 0, 0, G_OPTION_ARG_NONE, &options->metrics,
       "As OpenMetrics text, which node_exporter's textfile collector reads, too", NULL},
      {"output", 'o', 0, G_OPTION_ARG_FILENAME, &options->output,
       "Write to FILE instead, whole at once: with --json or --metrics", "FILE"},
      {"watch", 'w', G_OPTION_FLAG_OPTIONAL_ARG, G_OPTION_ARG_CALLBACK, callback,
       "Again every so many seconds (2), in place on a terminal", "SECONDS"},
      {NULL}};
  const bool good = command_options("- show the cached tokens of this user",
                                    "No token is printed, and nothing is changed.\n\n"
                                    "Example:\n  thredctl status --watch",
                                    entries, REST_NONE, argc, argv, status);
  options->watch = watched;
  return good;
}

int command_status(int argc, char **argv)
{
  Options options = {0};
  int status;
  if (parse(&options, &argc, &argv, &status)) {
    const char *mistake = check(&options);
    status = mistake             ? command_error(EXIT_USAGE, "status: %s", mistake)
             : options.watch > 0 ? report_again(&options)
                                 : report_once(&options);
  }
  g_free(options.output);
  return status;
}
