/* SPDX-License-Identifier: MIT */
/* lib/fetch/config-files: which files are read, which replaced, which refused. */
#include "tests/unit/config-fixture.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define ACTIVE "[environment sandbox]\nhosts = sandbox.thredfi.com\ncredentials = env\n"
#define CLOSED "; what it forbids is unknown, so no environment is active until it is mended"
#define GROUPS "; the groups that it names are disabled until it is mended"
#define LEFT   "; it is left out"

static bool active(const Fixture *f)
{
  return fixture_environment(f, "sandbox")->active;
}

static void link_to(const Fixture *f, const char *target, const char *path)
{
  char *from = fixture_expand(f, path), *to = fixture_expand(f, target);
  assert_int_equal(symlink(to, from), 0);
  free(from);
  free(to);
}

/* ---- which files ---- */

static void absent_and_missing_levels(void **state)
{
  Fixture *f = *state;
  fixture_remove(f, "$A");
  f->origin.user = NULL;
  fixture_write(f, "$S/a.conf", ACTIVE);
  fixture_load(f);
  assert_no_problems(f);
  assert_true(active(f));
  assert_true(fixture_has_source(f, "$S", true));
  assert_true(fixture_has_source(f, "$A", false));
  assert_false(fixture_has_source(f, "$U", true));
  assert_false(fixture_has_source(f, "$U", false));
}

static void an_origin_of_nothing(void **state)
{
  Fixture *f = *state;
  f->origin.shipped = f->origin.admin = f->origin.user = f->origin.modules = NULL;
  fixture_load(f);
  assert_no_problems(f);
  assert_int_equal(f->snapshot->sources.count, 0);
}

static void names_of_files(void **state)
{
  Fixture *f = *state;
  fixture_write(f, "$A/A_b-1.2.conf", ACTIVE);
  fixture_write(f, "$A/readme", "nonsense");
  fixture_write(f, "$A/a.conf~", "nonsense");
  fixture_write(f, "$A/a.conf.bak", "nonsense");
  fixture_write(f, "$A/.conf", "nonsense");
  fixture_load(f);
  fixture_problems(f,
                   "$A: \".conf\" is not read; the name of a file has letters, digits, . _ and - "
                   "before .conf",
                   (const char *)NULL);
  assert_true(active(f));
  fixture_remove(f, "$A/.conf");
  fixture_write(f, "$A/b c.conf", "nonsense");
  fixture_load(f);
  fixture_problems(f,
                   "$A: \"b c.conf\" is not read; the name of a file has letters, digits, . _ and "
                   "- before .conf",
                   (const char *)NULL);
  assert_true(active(f));
  assert_false(fixture_has_source(f, "$A/b c.conf", true));
}

static void sorted_as_bytes(void **state)
{
  Fixture *f = *state;
  static const char *const names[] = {"$A/9.conf", "$A/10.conf", "$S/Z.conf", "$A/_.conf",
                                      "$S/a.conf"};
  for (size_t i = 0; i < 5; i++)
    fixture_write(f, names[i], "[thred]\nlog = wrong\n");
  fixture_load(f);
  static const char *const order[] = {"$A/10.conf", "$A/9.conf", "$S/Z.conf", "$A/_.conf",
                                      "$S/a.conf"};
  assert_int_equal(f->snapshot->problems.count, 5);
  for (uint32_t i = 0; i < 5; i++) {
    char *path = fixture_expand(f, order[i]);
    assert_string_equal(fixture_string(f, snapshot_problem(f->snapshot, i)->file), path);
    free(path);
  }
}

static void the_same_name_replaces(void **state)
{
  Fixture *f = *state;
  fixture_write(f, "$S/a.conf", "[thred]\nlog = error\nentries = 100\n");
  fixture_write(f, "$A/a.conf", "[thred]\nlog = info\n");
  fixture_load(f);
  assert_no_problems(f);
  assert_int_equal(f->snapshot->log, SNAPSHOT_LOG_INFO);
  assert_int_equal(f->snapshot->entries, 1024);
  fixture_write(f, "$U/a.conf", "[thred]\nlog = debug\n");
  fixture_load(f);
  assert_int_equal(f->snapshot->log, SNAPSHOT_LOG_DEBUG);
}

static void masking(void **state)
{
  Fixture *f = *state;
  fixture_write(f, "$S/a.conf", ACTIVE);
  link_to(f, "/dev/null", "$A/a.conf");
  fixture_load(f);
  assert_no_problems(f);
  assert_int_equal(f->snapshot->environments.count, 0);
  fixture_write(f, "$A/b.conf", ACTIVE "allow = business\n");
  link_to(f, "/dev/null", "$U/b.conf");
  fixture_load(f);
  assert_no_problems(f);
  assert_int_equal(f->snapshot->environments.count, 0);
}

static void a_user_mask_keeps_the_limits(void **state)
{
  Fixture *f = *state;
  fixture_write(f, "$S/a.conf", ACTIVE);
  fixture_write(f, "$A/b.conf", "[environment sandbox]\nallow = business\n");
  link_to(f, "/dev/null", "$U/b.conf");
  fixture_load(f);
  assert_no_problems(f);
  assert_int_equal(fixture_environment(f, "sandbox")->allow, SNAPSHOT_ALLOW_BUSINESS);
}

static void links_are_followed(void **state)
{
  Fixture *f = *state;
  fixture_write(f, "$R/real", ACTIVE);
  link_to(f, "$R/real", "$A/a.conf");
  fixture_load(f);
  assert_no_problems(f);
  assert_true(active(f));
}

/* ---- what is refused ---- */

static void files_open_to_others_to_write(void **state)
{
  static const struct {
    const char *path, *suffix;
    bool active;
  } cases[] = {
      {"$S/b.conf", GROUPS, false}, {"$A/b.conf", GROUPS, false}, {"$U/b.conf", LEFT, true}};
  static const unsigned modes[] = {0666, 0664, 0646};
  Fixture *f = *state;
  fixture_write(f, "$S/a.conf", ACTIVE);
  for (size_t i = 0; i < 3; i++) {
    fixture_write(f, cases[i].path, "[environment sandbox]\ntimeout = 99\n");
    for (size_t m = 0; m < 3; m++) {
      char expected[256];
      fixture_chmod(f, cases[i].path, modes[m]);
      snprintf(
          expected, sizeof expected,
          "%s: refused: it is writable by group or others (owner %u, mode %04o): chmod go-w %s%s",
          cases[i].path, (unsigned)geteuid(), modes[m], cases[i].path, cases[i].suffix);
      fixture_load(f);
      fixture_problems(f, expected, (const char *)NULL);
      assert_int_equal(active(f), cases[i].active);
      assert_int_equal(fixture_environment(f, "sandbox")->timeout, 15);
      assert_true(fixture_has_source(f, cases[i].path, true));
    }
    fixture_chmod(f, cases[i].path, 0640);
    fixture_load(f);
    assert_no_problems(f);
    fixture_remove(f, cases[i].path);
  }
}

static void directories_open_to_others_to_write(void **state)
{
  Fixture *f = *state;
  fixture_write(f, "$S/a.conf", ACTIVE);
  fixture_write(f, "$A/b.conf", "[environment sandbox]\ntimeout = 99\n");
  fixture_write(f, "$U/c.conf", "[environment sandbox]\nconnect-timeout = 99\n");
  char expected[256];
  snprintf(
      expected, sizeof expected,
      "$A: refused: it is writable by group or others (owner %u, mode 0775): chmod go-w $A" CLOSED,
      (unsigned)geteuid());
  fixture_chmod(f, "$A", 0775);
  fixture_load(f);
  fixture_problems(f, expected, (const char *)NULL);
  assert_false(active(f));
  assert_int_equal(fixture_environment(f, "sandbox")->timeout, 15);
  assert_int_equal(fixture_environment(f, "sandbox")->connect_timeout, 99);
  assert_false(fixture_has_source(f, "$A/b.conf", true));
  fixture_chmod(f, "$A", 0755);
  fixture_chmod(f, "$U", 0757);
  fixture_load(f);
  assert_int_equal(f->snapshot->problems.count, 1);
  assert_true(active(f));
  assert_int_equal(fixture_environment(f, "sandbox")->connect_timeout, 5);
}

static void owned_by_a_stranger(void **state)
{
  Fixture *f = *state;
  if (geteuid() != 0)
    skip();
  fixture_write(f, "$S/a.conf", ACTIVE);
  fixture_write(f, "$A/b.conf", "[environment sandbox]\ntimeout = 99\n");
  char *path = fixture_expand(f, "$A/b.conf");
  assert_int_equal(chown(path, 12345, 0), 0);
  fixture_load(f);
  fixture_problems(
      f,
      "$A/b.conf: refused: it is owned by neither root nor this user (owner 12345, mode "
      "0644): chown root $A/b.conf" GROUPS,
      (const char *)NULL);
  assert_false(active(f));
  assert_int_equal(chown(path, 0, 0), 0);
  assert_int_equal(chown(f->admin, 12345, 0), 0);
  fixture_load(f);
  fixture_problems(f,
                   "$A: refused: it is owned by neither root nor this user (owner 12345, mode "
                   "0755): chown root $A" CLOSED,
                   (const char *)NULL);
  assert_false(active(f));
  free(path);
}

static void readable_by_root_only(void **state)
{
  Fixture *f = *state;
  if (geteuid() != 0)
    skip();
  fixture_write(f, "$S/a.conf", ACTIVE);
  fixture_write(f, "$A/b.conf", "[environment sandbox]\ntimeout = 99\n");
  fixture_chmod(f, "$A/b.conf", 0600);
  assert_int_equal(seteuid(65534), 0);
  fixture_load(f);
  assert_int_equal(seteuid(0), 0);
  fixture_problems(f,
                   "$A/b.conf: Permission denied (owner 0, group 0, mode 0600): only its owner may "
                   "read it" LEFT,
                   (const char *)NULL);
  assert_true(active(f));
  fixture_chmod(f, "$A/b.conf", 0640);
  assert_int_equal(setegid(65534), 0);
  assert_int_equal(seteuid(65534), 0);
  fixture_load(f);
  assert_int_equal(seteuid(0), 0);
  assert_int_equal(setegid(0), 0);
  fixture_problems(f,
                   "$A/b.conf: Permission denied (owner 0, group 0, mode 0640): its owner and its "
                   "group may read it; who has become a member has to log in again" LEFT,
                   (const char *)NULL);
  fixture_chmod(f, "$A", 0700);
  assert_int_equal(seteuid(65534), 0);
  fixture_load(f);
  assert_int_equal(seteuid(0), 0);
  fixture_problems(f, "$A: Permission denied" LEFT, (const char *)NULL);
  assert_true(active(f));
}

/* Descriptors run out for a moment, somewhere while the files are read: no block comes of it, or
 * one with all that they forbid. */
static void out_of_descriptors(void **state)
{
  Fixture *f = *state;
  struct rlimit before;
  Error error = ERROR_INIT;
  void *block = NULL;
  size_t size;
  fixture_write(f, "$S/a.conf", ACTIVE);
  fixture_write(f, "$A/b.conf", "[environment sandbox]\nallow = business;\n");
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
  const int next = dup(0);
  close(next);
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){(rlim_t)next, before.rlim_max}), 0);
  const int none = config_load(&f->origin, &block, &size, &error);
  setrlimit(RLIMIT_NOFILE, &before);
  assert_int_equal(none, THRED_E_NO_MEMORY);
  assert_null(block);
  fixture_load(f);
  assert_true(active(f));
  assert_int_equal(fixture_environment(f, "sandbox")->allow, SNAPSHOT_ALLOW_BUSINESS);
}

/* Nobody can tell what it would have forbidden. */
static void a_link_to_itself(void **state)
{
  Fixture *f = *state;
  char *path = fixture_expand(f, "$A/b.conf");
  fixture_write(f, "$S/a.conf", ACTIVE);
  assert_int_equal(symlink("b.conf", path), 0);
  fixture_load(f);
  assert_true(fixture_has_problem(f, "$A/b.conf: Too many levels of symbolic links"));
  assert_false(active(f));
  free(path);
}

static void a_refused_file_disables_what_it_names(void **state)
{
  Fixture *f = *state;
  fixture_write(f, "$S/a.conf",
                ACTIVE "[environment other]\nhosts = api.thredfi.com\ncredentials = env\n");
  fixture_write(f, "$A/b.conf", "key = value\n [environment other\nhosts = www.thredfi.com\n");
  fixture_chmod(f, "$A/b.conf", 0666);
  fixture_load(f);
  assert_int_equal(f->snapshot->problems.count, 1);
  assert_true(active(f));
  assert_false(fixture_environment(f, "other")->active);
  fixture_chmod(f, "$A/b.conf", 0600);
  fixture_write(f, "$A/b.conf", "# mended\n");
  fixture_load(f);
  assert_true(fixture_environment(f, "other")->active);
}

static void a_refused_file_still_replaces(void **state)
{
  Fixture *f = *state;
  fixture_write(f, "$S/a.conf", ACTIVE);
  fixture_write(f, "$S/b.conf", "[route r]\npath = /**\ntoken = business\n");
  fixture_write(f, "$A/b.conf", "[route r]\npath = /**\ntoken = none\n");
  fixture_chmod(f, "$A/b.conf", 0666);
  fixture_load(f);
  assert_int_equal(f->snapshot->problems.count, 1);
  assert_int_equal(f->snapshot->routes.count, 0);
  /* A user's file in its place does not hide that it is refused. */
  fixture_write(f, "$U/b.conf", "[route r]\npath = /**\ntoken = business\n");
  fixture_load(f);
  assert_int_equal(f->snapshot->problems.count, 1);
  assert_int_equal(f->snapshot->routes.count, 1);
  assert_int_equal(snapshot_route(f->snapshot, 0)->token, SNAPSHOT_TOKEN_NONE);
  assert_true(active(f));
}

static void what_is_no_file(void **state)
{
  Fixture *f = *state;
  fixture_write(f, "$S/a.conf", ACTIVE);
  char *path = fixture_expand(f, "$A/b.conf");
  assert_int_equal(mkfifo(path, 0644), 0);
  fixture_chmod(f, "$A/b.conf", 0644);
  fixture_load(f); /* and does not wait for a writer */
  assert_true(fixture_has_problem(f, "$A/b.conf: refused: it is not a regular file"));
  assert_true(active(f));
  assert_int_equal(unlink(path), 0);
  assert_int_equal(mkdir(path, 0755), 0);
  fixture_load(f);
  assert_true(fixture_has_problem(f, "$A/b.conf: refused: it is not a regular file"));
  assert_true(active(f));
  assert_int_equal(rmdir(path), 0);
  link_to(f, "$R/nowhere", "$A/b.conf");
  fixture_load(f);
  fixture_problems(f, "$A/b.conf: No such file or directory" LEFT, (const char *)NULL);
  assert_true(active(f));
  assert_int_equal(unlink(path), 0);
  link_to(f, "/dev/zero", "$A/b.conf");
  fixture_load(f);
  assert_true(fixture_has_problem(f, "$A/b.conf: refused: it is not a regular file"));
  free(path);
}

static void a_file_in_the_directory_place(void **state)
{
  Fixture *f = *state;
  fixture_write(f, "$S/a.conf", ACTIVE);
  fixture_remove(f, "$A");
  fixture_write(f, "$A", ACTIVE);
  fixture_load(f);
  fixture_problems(f, "$A: Not a directory" LEFT, (const char *)NULL);
  assert_true(active(f));
}

#define T(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      T(absent_and_missing_levels),
      T(an_origin_of_nothing),
      T(names_of_files),
      T(sorted_as_bytes),
      T(the_same_name_replaces),
      T(masking),
      T(a_user_mask_keeps_the_limits),
      T(links_are_followed),
      T(files_open_to_others_to_write),
      T(directories_open_to_others_to_write),
      T(owned_by_a_stranger),
      T(readable_by_root_only),
      T(out_of_descriptors),
      T(a_link_to_itself),
      T(a_refused_file_disables_what_it_names),
      T(a_refused_file_still_replaces),
      T(what_is_no_file),
      T(a_file_in_the_directory_place),
  };
  return cmocka_run_group_tests_name("config-files", tests, NULL, NULL);
}
