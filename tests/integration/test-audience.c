/* SPDX-License-Identifier: MIT */
/*
 * test-audience.c - no token outside its audience, shown by attack: see audience.h for how, the
 * audience-*.c for what.
 */
#include <stdio.h>
#include <stdlib.h>

#include "audience.h"

#define LEAST 300

static const Family *const all[] = {
    families_urls,         families_paths, families_parsed,  families_callbacks, families_redirects,
    families_verification, families_ways,  families_options, families_reuse,     families_mutations,
};

#define FAMILIES 64

static void run(void **state)
{
  audience_run(*state);
}

/* The servers would have seen a token: each of them has. */
static void the_judges_see(void **state)
{
  (void)state;
  print_message(
      "# %s: %zu attacks, %zu transfers, %zu runs reached a server; tokens that were due: "
      "%zu at the emulator, %zu at its twin, %zu at the impostor, %zu through a proxy\n",
      world.linked ? "linked" : "under the shim", audience_totals.attacks,
      audience_totals.transfers, audience_totals.arrived, audience_totals.by_emulator,
      audience_totals.by_twin, audience_totals.by_impostor, audience_totals.by_proxy);
  assert_true(audience_totals.attacks >= LEAST);
  assert_true(audience_totals.by_emulator > 0);
  assert_true(audience_totals.by_twin > 0);
  assert_true(audience_totals.by_impostor > 0);
  assert_true(audience_totals.by_proxy > 0);
}

static struct CMUnitTest named(const Family *family)
{
  char *name = NULL;
  if (asprintf(&name, "%s (%zu attacks)", family->name, audience_count(family)) < 0)
    abort();
  return (struct CMUnitTest){name, run, NULL, NULL, (void *)(uintptr_t)family};
}

int main(void)
{
  struct CMUnitTest tests[FAMILIES] = {{0}};
  size_t count = 0;
  harness_require_installation();
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
    for (const Family *family = all[i]; family->name; family++)
      tests[count++] = named(family);
  tests[count] =
      (struct CMUnitTest){"the judges see what is due", the_judges_see, NULL, NULL, NULL};
  int failed = cmocka_run_group_tests(tests, audience_start, audience_stop);
  for (size_t i = 0; i < count; i++)
    free((void *)(uintptr_t)tests[i].name);
  return failed;
}
