/* SPDX-License-Identifier: MIT */
/* check.c - `thredctl check`: would a program of this user get its tokens, and what is in the way?
 */
#include "tools/thredctl/check.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/config-current.h"
#include "lib/fetch-load.h"
#include "tools/thredctl/command.h"

/* ---- what the parts share ---- */

static void free_finding(gpointer data)
{
  Finding *finding = data;
  g_free(finding->where);
  g_free(finding->what);
  g_free(finding->change);
  g_free(finding);
}

GPtrArray *check_findings(void)
{
  return g_ptr_array_new_with_free_func(free_finding);
}

void check_add(GPtrArray *findings, bool warning, const char *where, char *what, char *change)
{
  Finding *finding = g_new0(Finding, 1);
  finding->warning = warning;
  finding->where = g_strdup(where);
  finding->what = what;
  finding->change = change;
  g_ptr_array_add(findings, finding);
}

const char *check_text(const Checkup *checkup, uint32_t string)
{
  return snapshot_text(checkup->snapshot, string);
}

FetchRequest check_request(const Checkup *checkup, uint32_t environment)
{
  const int64_t timeout = snapshot_environment(checkup->snapshot, environment)->timeout;
  return (FetchRequest){.snapshot = checkup->snapshot,
                        .environment = environment,
                        .module_dir = checkup->paths->modules,
                        .at_secure = (int)checkup->paths->origin.at_secure,
                        .deadline_ms = clock_monotonic_ms() + timeout * 1000};
}

/* ---- the verdict ---- */

typedef struct {
  unsigned n;
  GString *places;
} Tally;

static void count(Tally *tally, const GPtrArray *findings, bool warnings)
{
  for (guint i = 0; i < findings->len; i++) {
    const Finding *finding = findings->pdata[i];
    if (finding->warning != warnings)
      continue;
    g_string_append_printf(tally->places, "%s%s", tally->n ? "; " : "", finding->where);
    tally->n++;
  }
}

/* "2 problems: PLACE; PLACE", or NULL if there is none. */
static char *count_all(const Checkup *checkup, bool warnings, const char *word)
{
  Tally tally = {0, g_string_new(NULL)};
  for (guint i = 0; i < checkup->environments->len; i++)
    count(&tally, g_array_index(checkup->environments, CheckedEnvironment, i).findings, warnings);
  count(&tally, checkup->findings, warnings);
  g_autofree char *places = g_string_free(tally.places, FALSE);
  return tally.n ? g_strdup_printf("%u %s%s: %s", tally.n, word, tally.n == 1 ? "" : "s", places)
                 : NULL;
}

static void conclude(Checkup *checkup)
{
  g_autofree char *problems = count_all(checkup, false, "problem");
  g_autofree char *warnings = count_all(checkup, true, "warning");
  checkup->good = !problems;
  checkup->verdict = g_strdup_printf("%s%s%s", problems ? problems : "all is well",
                                     warnings ? "; " : "", warnings ? warnings : "");
}

/* ---- the command ---- */

static void free_environment(gpointer data)
{
  CheckedEnvironment *checked = data;
  g_array_unref(checked->answers);
  g_ptr_array_unref(checked->findings);
  if (checked->hosts)
    g_array_unref(checked->hosts);
}

static void examine(Checkup *checkup, bool offline)
{
  const Snapshot *snapshot = checkup->snapshot;
  for (uint32_t i = 0; i < snapshot->environments.count; i++) {
    CheckedEnvironment checked = {.environment = snapshot_environment(snapshot, i)};
    if (!checked.environment->active)
      continue;
    checked.findings = check_findings();
    check_sources(checkup, i, &checked);
    if (!offline)
      check_hosts(checkup, i, &checked);
    g_array_append_val(checkup->environments, checked);
  }
  check_configuration(checkup);
  check_files(checkup);
  conclude(checkup);
}

static int print(Checkup *checkup, bool offline, bool json)
{
  checkup->environments = g_array_new(FALSE, FALSE, sizeof(CheckedEnvironment));
  checkup->findings = check_findings();
  g_array_set_clear_func(checkup->environments, free_environment);
  examine(checkup, offline);
  g_autofree char *text = json ? check_as_json(checkup) : check_as_text(checkup);
  const bool good = checkup->good;
  g_array_unref(checkup->environments);
  g_ptr_array_unref(checkup->findings);
  g_free(checkup->verdict);
  if (!command_output(text, strlen(text)))
    return command_error(EXIT_FAILED, "check: cannot write to standard output");
  return good ? EXIT_DONE : EXIT_FAILED;
}

static int check(bool offline, bool json)
{
  Error error = ERROR_INIT;
  ProcessPaths paths;
  const Snapshot *snapshot = config_acquire(&error);
  Checkup checkup = {.snapshot = snapshot, .paths = &paths};
  if (snapshot && process_paths(&paths))
    checkup.fetch = fetch_load(paths.fetch_object, &error);
  int status = checkup.fetch ? print(&checkup, offline, json)
                             : command_error(EXIT_FAILED, "%s",
                                             error.message[0] ? error.message : "out of memory");
  if (snapshot)
    process_paths_clear(&paths);
  config_release(snapshot);
  return status;
}

int command_check(int argc, char **argv)
{
  gboolean json = FALSE, offline = FALSE;
  const GOptionEntry entries[] = {
      {"offline", 0, 0, G_OPTION_ARG_NONE, &offline, "Do not go out to Thred", NULL},
      {"json", 0, 0, G_OPTION_ARG_NONE, &json, "As JSON", NULL},
      {NULL}};
  int status;
  if (!command_options(
          "- check all that stands between a program and its token",
          "Reads the configuration, looks at the files, asks every source of "
          "credentials, and asks each\nhost of the active environments for a token, past "
          "the cache. The exit status is 0 if nothing\nis wrong.\n\n"
          "Example:\n  thredctl check",
          entries, REST_NONE, &argc, &argv, &status))
    return status;
  return process_disabled()
             ? command_error(EXIT_FAILED, "THRED_DISABLE=1 switches all of it off: unset it")
             : check(offline, json);
}
