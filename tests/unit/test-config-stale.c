/* SPDX-License-Identifier: MIT */
/* lib/fetch/config: the sources of a block, and when snapshot_is_current() denies it. */
#include "tests/unit/config-fixture.h"

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ACTIVE "[environment sandbox]\nhosts = sandbox.thredfi.com\ncredentials = env\n"

static void link_to(const Fixture *f, const char *target, const char *path)
{
  char *from = fixture_expand(f, path), *to = fixture_expand(f, target);
  assert_int_equal(symlink(to, from), 0);
  free(from);
  free(to);
}

/* ---- when a block is stale ---- */

static bool current(const Fixture *f)
{
  return snapshot_is_current(f->snapshot);
}

/* The clock of file systems ticks in milliseconds: changes until one is seen, for five seconds. */
static void goes_stale(Fixture *f, void (*change)(const Fixture *f, int round))
{
  fixture_load(f);
  assert_true(current(f));
  struct timespec start, now;
  clock_gettime(CLOCK_MONOTONIC, &start);
  for (int round = 0; current(f); round++) {
    change(f, round);
    clock_gettime(CLOCK_MONOTONIC, &now);
    assert_true(now.tv_sec - start.tv_sec < 5);
  }
  fixture_load(f);
  assert_true(current(f));
}

static void change_content(const Fixture *f, int round)
{
  fixture_write(f, "$A/a.conf", round % 2 ? "# 1\n" : "# 2\n");
}

static void change_mode(const Fixture *f, int round)
{
  fixture_chmod(f, "$A/a.conf", round % 2 ? 0666 : 0644);
}

static void replace_file(const Fixture *f, int round)
{
  (void)round;
  fixture_write(f, "$R/new", ACTIVE);
  char *from = fixture_expand(f, "$R/new"), *to = fixture_expand(f, "$A/a.conf");
  assert_int_equal(rename(from, to), 0);
  free(from);
  free(to);
}

static void add_file(const Fixture *f, int round)
{
  char path[32];
  snprintf(path, sizeof path, "$U/new%d.conf", round);
  fixture_write(f, path, "");
}

static void remove_file(const Fixture *f, int round)
{
  (void)round;
  fixture_remove(f, "$A/a.conf");
}

static void make_absent_directory(const Fixture *f, int round)
{
  (void)round;
  assert_int_equal(mkdir(f->user, 0755), 0);
  assert_int_equal(chmod(f->user, 0755), 0);
}

static void fix_directory(const Fixture *f, int round)
{
  fixture_chmod(f, "$A", round % 2 ? 0777 : 0755);
}

static void install_module(const Fixture *f, int round)
{
  (void)round;
  fixture_write(f, "$M/env.so", "");
}

static void change_module(const Fixture *f, int round)
{
  fixture_write(f, "$M/env.so", round % 2 ? "1" : "22");
}

static void change_target(const Fixture *f, int round)
{
  fixture_write(f, "$R/target", round % 2 ? "# 1\n" : "# 2\n");
}

static void relink(const Fixture *f, int round)
{
  char name[16];
  snprintf(name, sizeof name, "$R/l%d", round);
  fixture_write(f, name, "# other\n");
  fixture_remove(f, "$A/link.conf");
  link_to(f, name, "$A/link.conf");
}

static void unmask(const Fixture *f, int round)
{
  (void)round;
  fixture_remove(f, "$A/mask.conf");
}

static void stale_after_each_change(void **state)
{
  Fixture *f = *state;
  fixture_write(f, "$A/a.conf", ACTIVE);
  goes_stale(f, install_module);
  goes_stale(f, change_module);
  goes_stale(f, change_content);
  goes_stale(f, replace_file);
  goes_stale(f, change_mode);
  fixture_chmod(f, "$A/a.conf", 0666);
  goes_stale(f, change_mode);
  goes_stale(f, add_file);
  fixture_write(f, "$R/target", "");
  link_to(f, "$R/target", "$A/link.conf");
  goes_stale(f, change_target);
  goes_stale(f, relink);
  link_to(f, "/dev/null", "$A/mask.conf");
  goes_stale(f, unmask);
  fixture_chmod(f, "$A", 0777);
  goes_stale(f, fix_directory);
  fixture_chmod(f, "$A", 0755);
  goes_stale(f, remove_file);
}

static void stale_when_an_absent_directory_appears(void **state)
{
  Fixture *f = *state;
  fixture_remove(f, "$U");
  goes_stale(f, make_absent_directory);
}

#define T(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      T(stale_after_each_change),
      T(stale_when_an_absent_directory_appears),
  };
  return cmocka_run_group_tests_name("config-stale", tests, NULL, NULL);
}
