/* SPDX-License-Identifier: MIT */
/* config.c - `thredctl config`: every value, and where it came from. */
#include <string.h>

#include "lib/fetch-load.h"
#include "lib/process.h"
#include "tools/thredctl/command.h"
#include "tools/thredctl/config-init.h"
#include "tools/thredctl/config-report.h"
#include "tools/thredctl/nearest.h"

typedef struct {
  gboolean json, files;
  char *init;
} Options;

static int no_such_group(ConfigReport *report)
{
  g_autofree char *shown = command_printable(report->wanted);
  g_ptr_array_add(report->names, NULL);
  const char *near = nearest(report->wanted, (const char *const *)report->names->pdata);
  if (near)
    return command_error(EXIT_FAILED, "config: there is no group '%s'; did you mean '%s'?", shown,
                         near);
  return command_error(EXIT_FAILED,
                       "config: there is no group or environment '%s'; 'thredctl config' shows all",
                       shown);
}

static int print(const Options *options, ConfigReport *report)
{
  if (report->wanted && !report->found)
    return no_such_group(report);
  g_autofree char *text = options->json ? config_report_json(report) : config_report_text(report);
  return command_output(text, strlen(text))
             ? EXIT_DONE
             : command_error(EXIT_FAILED, "config: cannot write to standard output");
}

static int show(const Options *options, const char *wanted)
{
  Error error = ERROR_INIT;
  ProcessPaths paths;
  ConfigReport report = config_report_make(wanted, options->files);
  const FetchApi *fetch = process_paths(&paths) ? fetch_load(paths.fetch_object, &error) : NULL;
  int status;
  if (fetch && !fetch->explain_config(&paths.origin, &config_report_explain, &report, &error))
    status = print(options, &report);
  else
    status = command_error(EXIT_FAILED, "config: %s",
                           error.message[0] ? error.message : "out of memory");
  process_paths_clear(&paths);
  config_report_clear(&report);
  return status;
}

/* What is wrong with the command line, or NULL. */
static const char *judge(const Options *options, const char *wanted)
{
  if (options->init && (options->json || options->files || wanted))
    return "--init stands alone";
  if (options->files && wanted)
    return "--files shows no groups: leave the group out";
  return NULL;
}

static int run(const Options *options, int argc, char **argv)
{
  /* "route businesses" as it stands in brackets, in one word or in two */
  g_autofree char *wanted = argc > 1 ? g_strjoinv(" ", argv + 1) : NULL;
  const char *mistake = judge(options, wanted);
  if (mistake)
    return command_error(EXIT_USAGE, "config: %s", mistake);
  if (options->init)
    return config_init(options->init);
  return show(options, wanted);
}

int command_config(int argc, char **argv)
{
  Options options = {0};
  const GOptionEntry entries[] = {
      {"files", 0, 0, G_OPTION_ARG_NONE, &options.files, "The files only, in reading order", NULL},
      {"init", 0, 0, G_OPTION_ARG_FILENAME, &options.init,
       "Write a commented file to begin with into DIR", "DIR"},
      {"json", 0, 0, G_OPTION_ARG_NONE, &options.json, "As JSON", NULL},
      {NULL}};
  int status;
  if (command_options("[GROUP] - every value, and where it came from",
                      "GROUP is an environment, or what stands between the brackets in a file: "
                      "thred, credentials file, route businesses.\nA value that may be a secret is "
                      "not shown.\n\n"
                      "Example:\n  thredctl config\n  thredctl config sandbox\n"
                      "  thredctl config route businesses\n  thredctl config --files\n"
                      "  thredctl config --init ./conf.d",
                      entries, REST_ARGUMENTS, &argc, &argv, &status))
    status = run(&options, argc, argv);
  g_free(options.init);
  return status;
}
