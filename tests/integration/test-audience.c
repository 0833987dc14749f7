/* SPDX-License-Identifier: MIT */
/*
 * test-audience.c - no token outside its audience, shown by attack: see audience.h for how, the
 * audience-*.c for what.
 */
#include <stdio.h>

#include "audience.h"

#define LEAST 300

static const Family *const all[] = {
    families_urls,         families_paths, families_parsed,  families_callbacks, families_redirects,
    families_verification, families_ways,  families_options, families_reuse,     families_mutations,
};

#define FAMILIES 64

/* A test's name says how many attacks there were: some are not for linked mode. */
typedef struct Case {
  const Family *family;
  char name[128];
} Case;

static void run(void **state)
{
  Case *one = *state;
  size_t before = audience_totals.attacks;
  audience_run(one->family);
  snprintf(one->name, sizeof one->name, "%s: %zu attacks", one->family->name,
           audience_totals.attacks - before);
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

int main(void)
{
  static Case cases[FAMILIES];
  struct CMUnitTest tests[FAMILIES + 1] = {{0}};
  size_t count = 0;
  harness_require_installation();
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
    for (const Family *family = all[i]; family->name; family++) {
      Case *one = &cases[count];
      *one = (Case){.family = family};
      snprintf(one->name, sizeof one->name, "%s", family->name);
      tests[count++] = (struct CMUnitTest){one->name, run, NULL, NULL, one};
    }
  tests[count] =
      (struct CMUnitTest){"the judges see what is due", the_judges_see, NULL, NULL, NULL};
  return cmocka_run_group_tests(tests, audience_start, audience_stop);
}
