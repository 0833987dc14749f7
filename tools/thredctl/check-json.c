/* SPDX-License-Identifier: MIT */
/* check-json.c - what `thredctl check` found, for programs. */
#include "tools/thredctl/check.h"
#include "tools/thredctl/output.h"

static struct json_object *stack_json(const CheckedEnvironment *checked, bool next)
{
  struct json_object *list = json_object_new_array();
  for (guint i = 0; i < checked->answers->len; i++) {
    const Answer *answer = &g_array_index(checked->answers, Answer, i);
    if (answer->next != next)
      continue;
    struct json_object *one = json_object_new_object();
    output_json_string(one, "name", answer->name);
    output_json_string(one, "module", answer->module);
    output_json_string(one, "status", answer->status);
    output_json_string(one, "said", answer->said[0] ? answer->said : NULL);
    json_object_object_add(one, "used", json_object_new_boolean(answer->used));
    json_object_array_add(list, one);
  }
  return list;
}

static struct json_object *environment_json(const Checkup *checkup,
                                            const CheckedEnvironment *checked)
{
  const Snapshot *snapshot = checkup->snapshot;
  const SnapshotEnvironment *environment = checked->environment;
  struct json_object *object = json_object_new_object();
  output_json_string(object, "name", snapshot_string(snapshot, environment->name));
  output_json_string(object, "file", snapshot_string(snapshot, environment->file));
  json_object_object_add(object, "line", json_object_new_int64(environment->line));
  output_json_string(object, "key_created", snapshot_string(snapshot, environment->key_created));
  json_object_object_add(object, "key_age_days",
                         checked->has_age ? json_object_new_int(checked->age) : NULL);
  json_object_object_add(object, "credentials", stack_json(checked, false));
  json_object_object_add(object, "next", stack_json(checked, true));
  json_object_object_add(object, "usable", json_object_new_boolean(checked->usable));
  return object;
}

static struct json_object *host_json(const Checkup *checkup, const CheckedEnvironment *checked,
                                     const CheckedHost *host)
{
  struct json_object *object = json_object_new_object(), *steps = json_object_new_array();
  for (guint i = 0; i < host->steps->len; i++) {
    const Step *step = &g_array_index(host->steps, Step, i);
    struct json_object *one = json_object_new_object();
    const bool asked = step->state != STEP_SKIPPED;
    output_json_string(one, "step", step->name);
    json_object_object_add(one, "good",
                           asked ? json_object_new_boolean(step->state == STEP_GOOD) : NULL);
    json_object_object_add(
        one, "ms",
        asked && step->us != TIME_UNKNOWN ? json_object_new_int64(step->us / 1000) : NULL);
    output_json_string(one, "said", step->said[0] ? step->said : NULL);
    json_object_array_add(steps, one);
  }
  output_json_string(object, "environment", check_text(checkup, checked->environment->name));
  output_json_string(object, "host", host->name);
  json_object_object_add(object, "steps", steps);
  return object;
}

/* The two lists go together: the change of each problem. */
typedef struct {
  struct json_object *problems, *warnings, *changes;
} Lists;

static void add_findings(const Lists *lists, const GPtrArray *findings)
{
  for (guint i = 0; i < findings->len; i++) {
    const Finding *finding = findings->pdata[i];
    struct json_object *one = json_object_new_object();
    output_json_string(one, "file", finding->file);
    json_object_object_add(one, "line",
                           finding->line ? json_object_new_int64(finding->line) : NULL);
    output_json_string(one, "text", finding->what);
    if (finding->warning)
      output_json_string(one, "change", finding->change);
    else
      json_object_array_add(lists->changes, output_json_text(finding->change));
    json_object_array_add(finding->warning ? lists->warnings : lists->problems, one);
  }
}

char *check_as_json(const Checkup *checkup)
{
  struct json_object *object = json_object_new_object(), *environments = json_object_new_array(),
                     *hosts = json_object_new_array();
  const Lists lists = {json_object_new_array(), json_object_new_array(), json_object_new_array()};
  for (guint i = 0; i < checkup->environments->len; i++) {
    const CheckedEnvironment *checked =
        &g_array_index(checkup->environments, CheckedEnvironment, i);
    json_object_array_add(environments, environment_json(checkup, checked));
    for (guint k = 0; checked->hosts && k < checked->hosts->len; k++)
      json_object_array_add(
          hosts, host_json(checkup, checked, &g_array_index(checked->hosts, CheckedHost, k)));
    add_findings(&lists, checked->findings);
  }
  add_findings(&lists, checkup->findings);
  json_object_object_add(object, "version", json_object_new_int(1));
  json_object_object_add(object, "good", json_object_new_boolean(checkup->good));
  output_json_string(object, "verdict", checkup->verdict);
  json_object_object_add(object, "environments", environments);
  json_object_object_add(object, "hosts", hosts);
  json_object_object_add(object, "problems", lists.problems);
  json_object_object_add(object, "changes", lists.changes);
  json_object_object_add(object, "warnings", lists.warnings);
  return output_json_line(object);
}
