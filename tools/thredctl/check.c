/* SPDX-License-Identifier: MIT */
/* check.c - `thredctl check`: is the configuration whole, and what does each source answer? */
#include <string.h>

#include "lib/clock.h"
#include "lib/config-current.h"
#include "lib/fetch-load.h"
#include "lib/key-age.h"
#include "lib/process.h"
#include "tools/thredctl/command.h"
#include "tools/thredctl/output.h"

/* What was found out; the strings are the snapshot's or malloc'ed here. */
typedef struct {
  bool next;
  char *name, *module, *status, *said;
  bool returns, used;
} Answer;

typedef struct {
  const SnapshotEnvironment *environment;
  GArray *answers; /* Answer */
  bool usable;     /* the stack delivers */
  bool next_fails; /* it delivers nothing, and not because there is nothing yet */
  bool has_age;
  int age; /* days */
} Examined;

/* ---- asking ---- */

static void take_answer(const FetchAnswer *answer, void *data)
{
  Answer copy = {.next = answer->next,
                 .name = g_strdup(answer->name),
                 .module = g_strdup(answer->module),
                 .status = g_strdup(answer->status),
                 .said = command_printable(answer->said),
                 .returns = answer->returns};
  g_array_append_val((GArray *)data, copy);
}

static void free_answer(gpointer data)
{
  Answer *answer = data;
  g_free(answer->name);
  g_free(answer->module);
  g_free(answer->status);
  g_free(answer->said);
}

/* As a fetch would come to them: the last one that delivers before the stack ends. */
static bool mark_used(GArray *answers, bool next)
{
  Answer *used = NULL;
  for (guint i = 0; i < answers->len; i++) {
    Answer *answer = &g_array_index(answers, Answer, i);
    if (answer->next != next)
      continue;
    if (strcmp(answer->status, "SUCCESS") == 0)
      used = answer;
    if (answer->returns)
      break;
  }
  if (used)
    used->used = true;
  return used != NULL;
}

static bool has_unusable(const GArray *answers, bool next)
{
  for (guint i = 0; i < answers->len; i++) {
    const Answer *answer = &g_array_index(answers, Answer, i);
    if (answer->next == next && strcmp(answer->status, "UNAVAIL") == 0)
      return true;
  }
  return false;
}

static Examined examine(const Snapshot *snapshot, uint32_t index, const FetchApi *fetch,
                        const ProcessPaths *paths)
{
  const SnapshotEnvironment *environment = snapshot_environment(snapshot, index);
  Examined examined = {.environment = environment,
                       .answers = g_array_new(FALSE, FALSE, sizeof(Answer))};
  const FetchRequest request = {.snapshot = snapshot,
                                .environment = index,
                                .module_dir = paths->modules,
                                .at_secure = (int)paths->origin.at_secure,
                                .deadline_ms =
                                    clock_monotonic_ms() + (int64_t)environment->timeout * 1000};
  g_array_set_clear_func(examined.answers, free_answer);
  fetch->ask_sources(&request, take_answer, examined.answers);
  examined.usable = mark_used(examined.answers, false);
  examined.next_fails = !mark_used(examined.answers, true) && has_unusable(examined.answers, true);
  examined.has_age = key_age_days(snapshot_string(snapshot, environment->key_created),
                                  clock_real_ms() / 1000, &examined.age);
  return examined;
}

/* ---- for people ---- */

static void add_stack(GString *text, const Examined *examined, bool next)
{
  bool first = true;
  for (guint i = 0; i < examined->answers->len; i++) {
    const Answer *answer = &g_array_index(examined->answers, Answer, i);
    if (answer->next != next)
      continue;
    g_string_append_printf(text, "%-11s  %-9s %s", first ? next ? "next" : "credentials" : "",
                           answer->status, answer->name);
    if (strcmp(answer->name, answer->module) != 0)
      g_string_append_printf(text, " (module %s)", answer->module);
    if (answer->said[0])
      g_string_append_printf(text, ": %s", answer->said);
    g_string_append_printf(text, "%s\n", answer->used ? ", and is used" : "");
    first = false;
  }
}

static void add_age(GString *text, const Snapshot *snapshot, const Examined *examined)
{
  if (!examined->has_age)
    return;
  g_string_append_printf(text, "key-created  %s, %d days ago%s\n",
                         snapshot_string(snapshot, examined->environment->key_created),
                         examined->age,
                         examined->age >= KEY_AGE_LIMIT ? ": Thred asks for a new key every 90 days"
                         : examined->age >= KEY_AGE_WARN ? ": it is to be changed within 90 days"
                                                         : "");
}

static void add_environment(GString *text, const Snapshot *snapshot, const Examined *examined)
{
  const SnapshotEnvironment *environment = examined->environment;
  const char *file = snapshot_string(snapshot, environment->file);
  g_string_append_printf(text, "environment  %s (%s:%u)\n",
                         snapshot_string(snapshot, environment->name), file ? file : "",
                         environment->line);
  add_age(text, snapshot, examined);
  add_stack(text, examined, false);
  add_stack(text, examined, true);
  if (!examined->usable)
    g_string_append(text, "problem      no source delivers a credential\n");
  if (examined->next_fails)
    g_string_append(text, "problem      a source of next is there and cannot be used\n");
}

static char *as_text(const Snapshot *snapshot, const GArray *all)
{
  GString *text = g_string_new(NULL);
  for (guint i = 0; i < all->len; i++)
    add_environment(text, snapshot, &g_array_index(all, Examined, i));
  for (uint32_t i = 0; i < snapshot->problems.count; i++)
    g_string_append_printf(text, "problem      %s\n",
                           snapshot_string(snapshot, snapshot_problem(snapshot, i)->text));
  if (all->len == 0)
    g_string_append(text, "problem      no environment is active: none has credentials\n");
  return g_string_free(text, FALSE);
}

/* ---- for programs ---- */

static struct json_object *stack_json(const Examined *examined, bool next)
{
  struct json_object *list = json_object_new_array();
  for (guint i = 0; i < examined->answers->len; i++) {
    const Answer *answer = &g_array_index(examined->answers, Answer, i);
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

static struct json_object *environment_json(const Snapshot *snapshot, const Examined *examined)
{
  const SnapshotEnvironment *environment = examined->environment;
  struct json_object *object = json_object_new_object();
  output_json_string(object, "name", snapshot_string(snapshot, environment->name));
  output_json_string(object, "file", snapshot_string(snapshot, environment->file));
  json_object_object_add(object, "line", json_object_new_int64(environment->line));
  output_json_string(object, "key_created", snapshot_string(snapshot, environment->key_created));
  json_object_object_add(object, "key_age_days",
                         examined->has_age ? json_object_new_int(examined->age) : NULL);
  json_object_object_add(object, "credentials", stack_json(examined, false));
  json_object_object_add(object, "next", stack_json(examined, true));
  json_object_object_add(object, "usable", json_object_new_boolean(examined->usable));
  return object;
}

static char *as_json(const Snapshot *snapshot, const GArray *all, bool good)
{
  struct json_object *object = json_object_new_object(), *environments = json_object_new_array();
  struct json_object *problems = json_object_new_array();
  for (guint i = 0; i < all->len; i++)
    json_object_array_add(environments,
                          environment_json(snapshot, &g_array_index(all, Examined, i)));
  for (uint32_t i = 0; i < snapshot->problems.count; i++) {
    const SnapshotProblem *problem = snapshot_problem(snapshot, i);
    struct json_object *one = json_object_new_object();
    output_json_string(one, "file", snapshot_string(snapshot, problem->file));
    json_object_object_add(one, "line", json_object_new_int64(problem->line));
    output_json_string(one, "text", snapshot_string(snapshot, problem->text));
    json_object_array_add(problems, one);
  }
  json_object_object_add(object, "version", json_object_new_int(1));
  json_object_object_add(object, "good", json_object_new_boolean(good));
  json_object_object_add(object, "environments", environments);
  json_object_object_add(object, "problems", problems);
  return output_json_line(object);
}

/* ---- the command ---- */

static void free_examined(gpointer data)
{
  g_array_unref(((Examined *)data)->answers);
}

static int print(const Snapshot *snapshot, const FetchApi *fetch, const ProcessPaths *paths,
                 bool json)
{
  g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(Examined));
  bool good = snapshot->problems.count == 0;
  g_array_set_clear_func(all, free_examined);
  for (uint32_t i = 0; i < snapshot->environments.count; i++) {
    if (!snapshot_environment(snapshot, i)->active)
      continue;
    Examined examined = examine(snapshot, i, fetch, paths);
    good &= examined.usable && !examined.next_fails;
    g_array_append_val(all, examined);
  }
  good &= all->len > 0;
  g_autofree char *text = json ? as_json(snapshot, all, good) : as_text(snapshot, all);
  if (!command_output(text, strlen(text)))
    return command_error(EXIT_FAILED, "cannot write to standard output");
  return good ? EXIT_DONE : EXIT_FAILED;
}

static int check(bool json)
{
  Error error = ERROR_INIT;
  ProcessPaths paths;
  const Snapshot *snapshot = config_acquire(&error);
  const FetchApi *fetch =
      snapshot && process_paths(&paths) ? fetch_load(paths.fetch_object, &error) : NULL;
  int status =
      fetch ? print(snapshot, fetch, &paths, json)
            : command_error(EXIT_FAILED, "%s", error.message[0] ? error.message : "out of memory");
  if (snapshot)
    process_paths_clear(&paths);
  config_release(snapshot);
  return status;
}

int command_check(int argc, char **argv)
{
  gboolean json = FALSE;
  const GOptionEntry entries[] = {{"json", 0, 0, G_OPTION_ARG_NONE, &json, "As JSON", NULL},
                                  {NULL}};
  int status;
  if (!command_options("- check the configuration, and ask each source of credentials",
                       "Asks every source, but Thred itself: no token is fetched.\n\n"
                       "Example:\n  thredctl check",
                       entries, REST_NONE, &argc, &argv, &status))
    return status;
  return process_disabled() ? command_error(EXIT_FAILED, "THRED_DISABLE=1 switches all of it off")
                            : check(json);
}
