/* SPDX-License-Identifier: MIT */
/* check-text.c - what `thredctl check` found, for people. */
#include <string.h>

#include "lib/key-age.h"
#include "tools/thredctl/check.h"
#include "tools/thredctl/output.h"

static void add_stack(GString *text, const CheckedEnvironment *checked, bool next)
{
  bool first = true;
  for (guint i = 0; i < checked->answers->len; i++) {
    const Answer *answer = &g_array_index(checked->answers, Answer, i);
    if (answer->next != next)
      continue;
    g_autoptr(GString) line = g_string_new(NULL);
    g_string_append_printf(line, "%-9s %s", answer->status, answer->name);
    if (strcmp(answer->name, answer->module) != 0)
      g_string_append_printf(line, " (module %s)", answer->module);
    if (answer->said[0])
      g_string_append_printf(line, ": %s", answer->said);
    if (answer->used)
      g_string_append(line, ", and is used");
    output_line(text, first ? next ? "next" : "credentials" : "",
                answer->used                             ? STYLE_GOOD
                : strcmp(answer->status, "UNAVAIL") == 0 ? STYLE_WARNING
                                                         : STYLE_PLAIN,
                "%s", line->str);
    first = false;
  }
}

static void add_age(GString *text, const Checkup *checkup, const CheckedEnvironment *checked)
{
  if (checked->has_age)
    output_line(text, "key-created", checked->age >= KEY_AGE_WARN ? STYLE_WARNING : STYLE_PLAIN,
                "%s, %d days ago%s", check_text(checkup, checked->environment->key_created),
                checked->age,
                checked->age >= KEY_AGE_LIMIT  ? ": Thred asks for a new key every 90 days"
                : checked->age >= KEY_AGE_WARN ? ": it is to be changed within 90 days"
                                               : "");
}

static void add_step(GString *text, const Step *step)
{
  static const Style styles[] = {STYLE_GOOD, STYLE_BAD, STYLE_QUIET};
  static const char *const words[] = {"ok", "failed", "not asked"};
  g_autofree char *took = step->state == STEP_SKIPPED || step->us == TIME_UNKNOWN
                              ? g_strdup("")
                              : g_strdup_printf(", %lld ms", (long long)(step->us / 1000));
  output_line(text, step->name, styles[step->state], "%s%s%s%s", words[step->state], took,
              step->said[0] ? ": " : "", step->said);
}

static void add_hosts(GString *text, const CheckedEnvironment *checked)
{
  for (guint i = 0; checked->hosts && i < checked->hosts->len; i++) {
    const CheckedHost *host = &g_array_index(checked->hosts, CheckedHost, i);
    output_line(text, "host", STYLE_PLAIN, "%s", host->name);
    for (guint k = 0; k < host->steps->len; k++)
      add_step(text, &g_array_index(host->steps, Step, k));
  }
}

static void add_findings(GString *text, const GPtrArray *findings)
{
  for (guint i = 0; i < findings->len; i++) {
    const Finding *finding = findings->pdata[i];
    output_line(text, finding->warning ? "warning" : "problem",
                finding->warning ? STYLE_WARNING : STYLE_BAD, "%s", finding->what);
    output_line(text, "change", STYLE_PLAIN, "%s", finding->change);
  }
}

char *check_as_text(const Checkup *checkup)
{
  GString *text = g_string_new(NULL);
  for (guint i = 0; i < checkup->environments->len; i++) {
    const CheckedEnvironment *checked =
        &g_array_index(checkup->environments, CheckedEnvironment, i);
    output_line(text, "environment", STYLE_PLAIN, "%s (%s:%u)",
                check_text(checkup, checked->environment->name),
                check_text(checkup, checked->environment->file), checked->environment->line);
    add_age(text, checkup, checked);
    add_stack(text, checked, false);
    add_stack(text, checked, true);
    add_hosts(text, checked);
    add_findings(text, checked->findings);
  }
  add_findings(text, checkup->findings);
  output_line(text, "verdict", checkup->good ? STYLE_GOOD : STYLE_BAD, "%s", checkup->verdict);
  return g_string_free(text, FALSE);
}
