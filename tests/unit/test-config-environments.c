/* SPDX-License-Identifier: MIT */
/* lib/fetch/config-environments and config-limits: environments as wholes, the default one, and
 * what a user's file may not widen. */
#include "tests/unit/config-fixture.h"

#define BUSINESS "3c90c3cc-0d44-4b50-8888-8dd25736052a"
#define OTHER    "11111111-2222-3333-4444-555555555555"
#define SANDBOX  "[environment sandbox]\nhosts = sandbox.thredfi.com;\n"
#define ACTIVE   SANDBOX "credentials = env\n"
#define CEILING(text)                                                                              \
  "\"" text "\" is neither thredfi.com nor a host below it; no token goes anywhere else"

static void load(Fixture *f, const char *text)
{
  fixture_write(f, "$A/a.conf", text);
  fixture_load(f);
}

/* ---- environments as wholes ---- */

static void inactive_environments_keep_their_hosts(void **state)
{
  Fixture *f = *state;
  load(f, "[environment b]\nhosts = b.thredfi.com\ntimeout = x\ncredentials = env\n"
          "[environment a]\nhosts = a.thredfi.com\n[environment c]\n");
  assert_int_equal(f->snapshot->problems.count, 1);
  assert_int_equal(f->snapshot->environments.count, 3);
  assert_string_equal(fixture_string(f, snapshot_environment(f->snapshot, 0)->name), "a");
  assert_int_equal(fixture_environment(f, "a")->active, 0);
  assert_int_equal(fixture_environment(f, "b")->active, 0);
  assert_int_equal(fixture_environment(f, "c")->active, 0);
  assert_int_equal(f->snapshot->hosts.count, 2);
  assert_int_equal(fixture_environment(f, "a")->line, 5);
  assert_int_equal(fixture_environment(f, "b")->line, 4);
  assert_int_equal(f->identity_calls, 0);
}

static void the_right_hosts_of_a_wrong_list_stay_claimed(void **state)
{
  Fixture *f = *state;
  load(f, "[environment a]\nhosts = api.thredfi.com;evil.com;\ncredentials = env\n"
          "[environment b]\nhosts = api.thredfi.com\ncredentials = env\n");
  fixture_problems(f, "$A/a.conf:2: [environment a] hosts: " CEILING("evil.com"),
                   "$A/a.conf:2: [environment a] hosts: api.thredfi.com is named in [environment "
                   "b] ($A/a.conf:5) too; both are disabled, for a host belongs to one environment",
                   "$A/a.conf:5: [environment b] hosts: api.thredfi.com is named in [environment "
                   "a] ($A/a.conf:2) too; both are disabled, for a host belongs to one environment",
                   (const char *)NULL);
  assert_int_equal(fixture_environment(f, "a")->active, 0);
  assert_int_equal(fixture_environment(f, "b")->active, 0);
}

static void a_host_moved_by_an_override_is_no_conflict(void **state)
{
  Fixture *f = *state;
  fixture_write(f, "$S/s.conf",
                "[environment a]\nhosts = x.thredfi.com\ncredentials = env\n"
                "[environment b]\nhosts = y.thredfi.com\ncredentials = env\n");
  fixture_write(f, "$A/z.conf",
                "[environment a]\nhosts = Y.thredfi.com\n"
                "[environment b]\nhosts = x.thredfi.com\n");
  fixture_load(f);
  assert_no_problems(f);
  fixture_write(f, "$A/z.conf", "[environment a]\nhosts = Y.thredfi.com\n");
  fixture_load(f);
  assert_int_equal(f->snapshot->problems.count, 2);
  assert_int_equal(f->snapshot->default_environment, SNAPSHOT_NONE);
}

static void credentials_without_hosts(void **state)
{
  Fixture *f = *state;
  load(f, "[environment sandboxx]\ncredentials = env\n");
  fixture_problems(f,
                   "$A/a.conf:2: [environment sandboxx] hosts: is missing; an environment with "
                   "credentials needs a host like sandbox.thredfi.com;",
                   (const char *)NULL);
  assert_int_equal(fixture_environment(f, "sandboxx")->active, 0);
}

static void pin_without_business(void **state)
{
  Fixture *f = *state;
  load(f, ACTIVE "pin-business = yes\n");
  fixture_problems(f,
                   "$A/a.conf:4: [environment sandbox] pin-business: is yes, but there is no "
                   "business to pin; set business to its UUID",
                   (const char *)NULL);
  assert_int_equal(fixture_environment(f, "sandbox")->active, 0);
}

static void the_default_environment(void **state)
{
  Fixture *f = *state;
  const char *two = "[environment a]\nhosts = a.thredfi.com\ncredentials = env\n"
                    "[environment b]\nhosts = b.thredfi.com\ncredentials = env\n";
  load(f, two);
  assert_no_problems(f);
  assert_int_equal(f->snapshot->default_environment, SNAPSHOT_NONE);
  fixture_write(f, "$A/b.conf", "[thred]\nenvironment = b\n");
  fixture_load(f);
  assert_no_problems(f);
  assert_int_equal(f->snapshot->default_environment, 1);
}

/* ---- what a user may not widen ---- */

typedef struct {
  const char *system, *user; /* lines of [environment sandbox] */
  const char *problem;
  uint32_t allow, pin;
  const char *business;
} Limit;

#define REFUSED(key, kept)                                                                         \
  "$U/u.conf:2: [environment sandbox] " key                                                        \
  ": refused: a user's file may only tighten this; " kept " stays in force"
enum { PARTNER = 1, BUSINESS_ONLY = 2, BOTH = 3 };

static const Limit limits[] = {
    {"", "allow = business", NULL, BUSINESS_ONLY, 0, NULL},
    {"", "allow = partner;business", NULL, BOTH, 0, NULL},
    {"allow = business", "allow = business", NULL, BUSINESS_ONLY, 0, NULL},
    {"allow = business", "allow = partner;business", REFUSED("allow", "business;"), BUSINESS_ONLY,
     0, NULL},
    {"allow = partner", "allow = business", REFUSED("allow", "partner;"), PARTNER, 0, NULL},
    {"business = " BUSINESS, "pin-business = yes", NULL, BOTH, 1, BUSINESS},
    {"business = " BUSINESS, "business = " OTHER, NULL, BOTH, 0, OTHER},
    {"", "business = " OTHER, NULL, BOTH, 0, OTHER},
    {"business = " BUSINESS "\npin-business = yes", "pin-business = no",
     REFUSED("pin-business", "yes"), BOTH, 1, BUSINESS},
    {"business = " BUSINESS "\npin-business = yes", "pin-business = yes", NULL, BOTH, 1, BUSINESS},
    {"business = " BUSINESS "\npin-business = yes", "business = " BUSINESS, NULL, BOTH, 1,
     BUSINESS},
    {"business = " BUSINESS "\npin-business = yes", "business = " OTHER,
     REFUSED("business", BUSINESS), BOTH, 1, BUSINESS},
    {"pin-business = no", "pin-business = no", NULL, BOTH, 0, NULL},
};

/* `system` and `user`: their files. Whichever sorts first, the outcome is the same. */
static void check_limits(Fixture *f, const char *system)
{
  for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
    const Limit *l = &limits[i];
    char *text = NULL;
    assert_true(asprintf(&text, ACTIVE "%s\n", l->system) > 0);
    fixture_write(f, system, text);
    free(text);
    assert_true(asprintf(&text, "[environment sandbox]\n%s\n", l->user) > 0);
    fixture_write(f, "$U/u.conf", text);
    free(text);
    fixture_load(f);
    fixture_problems(f, l->problem, (const char *)NULL);
    const SnapshotEnvironment *e = fixture_environment(f, "sandbox");
    assert_int_equal(e->active, 1);
    assert_int_equal(e->allow, l->allow);
    assert_int_equal(e->pin_business, l->pin);
    if (!l->business)
      assert_int_equal(e->business, 0);
    else if (strcmp(system, "$A/a.conf") == 0 || l->pin || !strstr(l->system, "business = "))
      assert_string_equal(fixture_string(f, e->business), l->business);
    else /* not pinned: a key like any other, and the later file is the system's */
      assert_string_equal(fixture_string(f, e->business), BUSINESS);
  }
}

static void a_user_may_only_tighten(void **state)
{
  check_limits(*state, "$A/a.conf");
}

static void whatever_sorts_first(void **state)
{
  check_limits(*state, "$A/z.conf");
}

static void against_the_shipped_level_too(void **state)
{
  check_limits(*state, "$S/z.conf");
}

static void a_user_may_not_weaken_the_seal(void **state)
{
  static const struct {
    const char *system, *user;
    uint32_t seal;
    const char *kept;
  } cases[] = {
      {NULL, "auto", SNAPSHOT_SEAL_AUTO, NULL},
      {NULL, "required", SNAPSHOT_SEAL_REQUIRED, NULL},
      {NULL, "off", SNAPSHOT_SEAL_AUTO, "auto"},
      {"off", "auto", SNAPSHOT_SEAL_AUTO, NULL},
      {"off", "off", SNAPSHOT_SEAL_OFF, NULL},
      {"required", "auto", SNAPSHOT_SEAL_REQUIRED, "required"},
      {"required", "off", SNAPSHOT_SEAL_REQUIRED, "required"},
  };
  Fixture *f = *state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[64], expected[160];
    snprintf(text, sizeof text, "[thred]\n%s%s\n", cases[i].system ? "seal = " : "",
             cases[i].system ? cases[i].system : "");
    fixture_write(f, "$A/z.conf", text);
    snprintf(text, sizeof text, "[thred]\nseal = %s\nlog = info\n", cases[i].user);
    fixture_write(f, "$U/u.conf", text);
    snprintf(expected, sizeof expected,
             "$U/u.conf:2: [thred] seal: refused: a user's file may only tighten this; %s stays in "
             "force",
             cases[i].kept);
    fixture_load(f);
    fixture_problems(f, cases[i].kept ? expected : NULL, (const char *)NULL);
    assert_int_equal(f->snapshot->seal, cases[i].seal);
    assert_int_equal(f->snapshot->log, SNAPSHOT_LOG_INFO); /* [thred] is not disabled */
  }
}

static void a_user_may_not_widen_by_replacing_a_file(void **state)
{
  Fixture *f = *state;
  fixture_write(f, "$S/s.conf", ACTIVE);
  fixture_write(f, "$A/t.conf",
                "[thred]\nseal = required\n[environment sandbox]\n"
                "allow = business\npin-business = yes\nbusiness = " BUSINESS
                "\ntimeout = 20\n[environment gone]\nallow = partner\n");
  fixture_write(f, "$U/t.conf",
                "[environment sandbox]\nallow = partner;business\n"
                "connect-timeout = 2\n");
  fixture_load(f);
  fixture_problems(f,
                   "$U/t.conf:2: [environment sandbox] allow: refused: a user's file may only "
                   "tighten this; business; stays in force",
                   (const char *)NULL);
  const SnapshotEnvironment *e = fixture_environment(f, "sandbox");
  assert_int_equal(f->snapshot->seal, SNAPSHOT_SEAL_REQUIRED);
  assert_int_equal(e->allow, SNAPSHOT_ALLOW_BUSINESS);
  assert_int_equal(e->pin_business, 1);
  assert_string_equal(fixture_string(f, e->business), BUSINESS);
  assert_int_equal(e->timeout, 15); /* replaced */
  assert_int_equal(e->connect_timeout, 2);
  assert_int_equal(snapshot_find_environment(f->snapshot, "gone"), SNAPSHOT_NONE);
}

static void an_unpinned_business_goes_with_its_file(void **state)
{
  Fixture *f = *state;
  fixture_write(f, "$S/s.conf", ACTIVE);
  fixture_write(f, "$A/t.conf", "[environment sandbox]\nbusiness = " BUSINESS "\n");
  fixture_write(f, "$U/t.conf", "# nothing\n");
  fixture_load(f);
  assert_no_problems(f);
  assert_int_equal(fixture_environment(f, "sandbox")->business, 0);
}

static void a_user_may_set_the_rest(void **state)
{
  Fixture *f = *state;
  fixture_write(f, "$S/s.conf", SANDBOX "timeout = 20\n");
  fixture_write(f, "$U/u.conf",
                "[thred]\nenvironment = sandbox\n[credentials mine]\nmodule = file\n"
                "path = /home/me/key\n[environment sandbox]\ncredentials = mine\n"
                "next = env\ntimeout = 30\n");
  fixture_load(f);
  assert_no_problems(f);
  assert_int_equal(fixture_environment(f, "sandbox")->active, 1);
  assert_int_equal(fixture_environment(f, "sandbox")->timeout, 30);
  assert_int_equal(f->snapshot->default_environment, 0);
}

#define T(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      T(inactive_environments_keep_their_hosts),
      T(the_right_hosts_of_a_wrong_list_stay_claimed),
      T(a_host_moved_by_an_override_is_no_conflict),
      T(credentials_without_hosts),
      T(pin_without_business),
      T(the_default_environment),
      T(a_user_may_only_tighten),
      T(whatever_sorts_first),
      T(against_the_shipped_level_too),
      T(a_user_may_not_weaken_the_seal),
      T(a_user_may_not_widen_by_replacing_a_file),
      T(an_unpinned_business_goes_with_its_file),
      T(a_user_may_set_the_rest),
  };
  return cmocka_run_group_tests_name("config-environments", tests, NULL, NULL);
}
