/* SPDX-License-Identifier: MIT */
/* check-sources.c - what does each source of credentials answer, and how old is the key? */
#include <string.h>

#include "lib/clock.h"
#include "lib/key-age.h"
#include "tools/thredctl/check.h"
#include "tools/thredctl/command.h"

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

static void judge_stacks(const char *name, CheckedEnvironment *checked)
{
  checked->usable = mark_used(checked->answers, false);
  if (!checked->usable)
    check_add(
        checked->findings, false, name, g_strdup("no source delivers a credential"),
        g_strdup(has_unusable(checked->answers, false)
                     ? "mend what each source that is UNAVAIL says; see "
                       "thred-credential-MODULE(5)"
                     : "put the partner UUID and the API key where one of these sources looks "
                       "(thred-credential-file(5) and so on)"));
  if (!mark_used(checked->answers, true) && has_unusable(checked->answers, true))
    check_add(checked->findings, false, name,
              g_strdup("a source of next is there and cannot be used"),
              g_strdup("mend what the source that is UNAVAIL says, or take it out of `next`"));
}

static void judge_age(const Checkup *checkup, const char *name, CheckedEnvironment *checked)
{
  checked->has_age =
      key_age_days(snapshot_string(checkup->snapshot, checked->environment->key_created),
                   clock_real_ms() / 1000, &checked->age);
  if (checked->has_age && checked->age >= KEY_AGE_WARN)
    check_add(checked->findings, true, name,
              g_strdup_printf("the API key is %d days old; Thred asks for a new one every %d days",
                              checked->age, KEY_AGE_LIMIT),
              g_strdup("have Thred make a new one, put it where `next` looks, then in the first "
                       "place, and its date in `key-created`"));
}

void check_sources(const Checkup *checkup, uint32_t index, CheckedEnvironment *checked)
{
  const char *name = check_text(checkup, checked->environment->name);
  const FetchRequest request = check_request(checkup, index);
  checked->answers = g_array_new(FALSE, FALSE, sizeof(Answer));
  g_array_set_clear_func(checked->answers, free_answer);
  checkup->fetch->ask_sources(&request, take_answer, checked->answers);
  judge_stacks(name, checked);
  judge_age(checkup, name, checked);
}
