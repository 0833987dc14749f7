/* SPDX-License-Identifier: MIT */
/* config-report.h - what `thredctl config` prints, gathered while the miss part tells it. */
#ifndef THREDCTL_CONFIG_REPORT_H
#define THREDCTL_CONFIG_REPORT_H

#include <glib.h>
#include <json.h>
#include <stdbool.h>

#include "lib/fetch-abi.h"

typedef struct {
  const char *wanted; /* "sandbox", "environment sandbox", "thred"; NULL: every group */
  bool files_only;
  bool found;       /* a group is `wanted` */
  GPtrArray *names; /* what could be wanted; the strings are its own */
  /* for people */
  GString *files, *groups, *problems;
  bool is_taken;   /* the group that values belong to now is shown */
  bool is_thrifty; /* .. and of it only what is set */
  /* for programs; the last three are parts of the first three, or NULL */
  struct json_object *json_files, *json_groups, *json_problems;
  struct json_object *json_values, *json_overrides;
} ConfigReport;

/* To be released with config_report_clear(). `wanted` may be NULL. */
ConfigReport config_report_make(const char *wanted, bool files_only);
void config_report_clear(ConfigReport *report);

/* What fills a ConfigReport, given as `data`. */
extern const FetchExplain config_report_explain;

/* All of it, to be freed; once. */
char *config_report_text(const ConfigReport *report);
char *config_report_json(ConfigReport *report);

#endif
