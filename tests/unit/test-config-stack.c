/* SPDX-License-Identifier: MIT */
/* lib/fetch/config-stack: stack lines, [credentials NAME] groups, identities of modules. */
#include "tests/unit/config-fixture.h"

#define SANDBOX "[environment sandbox]\nhosts = sandbox.thredfi.com\n"

static void load(Fixture *f, const char *text)
{
  fixture_write(f, "$A/a.conf", text);
  fixture_load(f);
}

static const struct {
  const char *line;
  const char *stack; /* word:module:actions by status, or */
  const char *why;   /* what is wrong with the line */
} lines[] = {
    {"env", "env:env:RCCC ", NULL},
    {"env\tfile   exec", "env:env:RCCC file:file:RCCC exec:exec:RCCC ", NULL},
    {"env [NOTFOUND=return] file", "env:env:RRCC file:file:RCCC ", NULL},
    {"env[unavail=Return]file", "env:env:RCRC file:file:RCCC ", NULL},
    {"env [SUCCESS=continue TRYAGAIN=return]", "env:env:CCCR ", NULL},
    {"env [ NOTFOUND=return  UNAVAIL=return ] [TRYAGAIN=RETURN]", "env:env:RRRR ", NULL},
    {"env [!SUCCESS=return] file", "env:env:RRRR file:file:RCCC ", NULL},
    {"env [!UNAVAIL=continue]", "env:env:CCCC ", NULL},
    {"env [!NOTFOUND=return NOTFOUND=continue]", "env:env:RCRR ", NULL},
    {"my-File_2", "my-File_2:my-File_2:RCCC ", NULL},
    {"env env", "env:env:RCCC env:env:RCCC ", NULL},
    {"", NULL, "names no source; it takes words like: env systemd file"},
    {"[NOTFOUND=return] env", NULL, "an action in brackets has no source before it"},
    {"env [NOTFOUND=return", NULL, "a bracket is not closed"},
    {"env []", NULL, "[] is empty; it takes STATUS=ACTION, as UNAVAIL=return"},
    {"env [NOTFOUND]", NULL, "\"NOTFOUND\" is not STATUS=ACTION, as UNAVAIL=return is"},
    {"env [NOTFOUND = return]", NULL, "\"NOTFOUND\" is not STATUS=ACTION, as UNAVAIL=return is"},
    {"env [MISSING=return]", NULL,
     "\"MISSING=return\": the statuses are SUCCESS, NOTFOUND, UNAVAIL and TRYAGAIN"},
    {"env [!=return]", NULL,
     "\"!=return\": the statuses are SUCCESS, NOTFOUND, UNAVAIL and TRYAGAIN"},
    {"env [NOTFOUND=merge]", NULL, "\"NOTFOUND=merge\": the actions are return and continue"},
    {"env ]", NULL, "\"]\" is not the name of a source; letters, digits, _ and - make one"},
    {"env, file", NULL, "\"env,\" is not the name of a source; letters, digits, _ and - make one"},
    {"../evil", NULL, "\"../evil\" is not the name of a source; letters, digits, _ and - make one"},
    {"/etc/x.so", NULL,
     "\"/etc/x.so\" is not the name of a source; letters, digits, _ and - make one"},
    {"a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a", NULL,
     "more than 32 sources"},
};

static void stack_lines(void **state)
{
  Fixture *f = *state;
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
    char text[256], expected[256];
    snprintf(text, sizeof text, SANDBOX "credentials = %s\n", lines[i].line);
    load(f, text);
    const SnapshotEnvironment *e = fixture_environment(f, "sandbox");
    assert_int_equal(e->active, lines[i].stack != NULL);
    if (lines[i].stack) {
      char *stack = fixture_stack(f, e->credentials);
      assert_string_equal(stack, lines[i].stack);
      free(stack);
    } else {
      snprintf(expected, sizeof expected, "$A/a.conf:3: [environment sandbox] credentials: %s",
               lines[i].why);
      fixture_problems(f, expected, (const char *)NULL);
      assert_int_equal(e->credentials.count, 0);
    }
  }
}

static void groups_name_modules_and_options(void **state)
{
  Fixture *f = *state;
  load(f, SANDBOX "credentials = env first second\nnext = second\n"
                  "[credentials first]\nmodule = file\npath = /key\\s1\nmode-check = a;b;\n"
                  "[credentials second]\nmodule = file\n"
                  "[credentials unused]\nanything = goes\n");
  assert_no_problems(f);
  const SnapshotEnvironment *e = fixture_environment(f, "sandbox");
  char *stack = fixture_stack(f, e->credentials), *next = fixture_stack(f, e->next);
  assert_string_equal(stack, "env:env:RCCC first:file:RCCC second:file:RCCC ");
  assert_string_equal(next, "second:file:RCCC ");
  free(stack);
  free(next);
  const SnapshotStackEntry *first = snapshot_stack(f->snapshot, e->credentials.offset + 1);
  assert_int_equal(first->options.count, 2);
  const SnapshotOption *path = snapshot_option(f->snapshot, first->options.offset);
  assert_string_equal(fixture_string(f, path->key), "path");
  assert_string_equal(fixture_string(f, path->value), "/key 1");
  assert_int_equal(path->line, 7);
  char *file = fixture_expand(f, "$A/a.conf");
  assert_string_equal(fixture_string(f, path->file), file);
  free(file);
  const SnapshotOption *mode = snapshot_option(f->snapshot, first->options.offset + 1);
  assert_string_equal(fixture_string(f, mode->key), "mode-check");
  assert_string_equal(fixture_string(f, mode->value), "a;b;");
  assert_int_equal(f->snapshot->options.count, 2);
}

static void identities_are_stored(void **state)
{
  Fixture *f = *state;
  load(f, SANDBOX "credentials = env file\n[credentials file]\npath = /secret\n");
  assert_no_problems(f);
  const SnapshotEnvironment *e = fixture_environment(f, "sandbox");
  const SnapshotStackEntry *env = snapshot_stack(f->snapshot, e->credentials.offset);
  const SnapshotStackEntry *file = snapshot_stack(f->snapshot, e->credentials.offset + 1);
  assert_int_equal(env->identities.count, 2);
  assert_int_equal(file->identities.count, 1);
  const SnapshotIdentity *key = snapshot_identity(f->snapshot, env->identities.offset + 1);
  assert_int_equal(key->kind, THRED_IDENTITY_ENV);
  assert_string_equal(fixture_string(f, key->text), "THRED_API_KEY");
  const SnapshotIdentity *path = snapshot_identity(f->snapshot, file->identities.offset);
  assert_int_equal(path->kind, THRED_IDENTITY_FILE);
  assert_string_equal(fixture_string(f, path->text), "/secret");
}

static void at_secure_reaches_the_modules(void **state)
{
  Fixture *f = *state;
  f->origin.at_secure = 1;
  load(f, SANDBOX "credentials = env file\n");
  fixture_problems(f,
                   "$A/a.conf:3: [environment sandbox] credentials: module env cannot be used: no "
                   "environment under AT_SECURE",
                   (const char *)NULL);
}

static void a_module_that_cannot_say_keeps_its_entry(void **state)
{
  static const struct {
    const char *module, *why;
  } cases[] = {
      {"missing", "no module 'missing' is installed"}, {"half", "no module 'half' is installed"},
      {"silent", "the module did not say why"},        {"flood", "it names too many identities"},
      {"Upper", "no module 'Upper' is installed"},
  };
  Fixture *f = *state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[128], expected[256];
    snprintf(text, sizeof text, SANDBOX "credentials = %s env\n", cases[i].module);
    snprintf(expected, sizeof expected,
             "$A/a.conf:3: [environment sandbox] credentials: module %s cannot be used: %s",
             cases[i].module, cases[i].why);
    load(f, text);
    fixture_problems(f, expected, (const char *)NULL);
    const SnapshotEnvironment *e = fixture_environment(f, "sandbox");
    assert_int_equal(e->active, 1);
    assert_int_equal(e->credentials.count, 2);
    assert_int_equal(snapshot_stack(f->snapshot, 0)->identities.count, 0);
    assert_int_equal(snapshot_stack(f->snapshot, 1)->identities.count, 2);
    assert_int_equal(f->snapshot->identities.count, 2);
  }
}

static void a_module_refuses_an_option(void **state)
{
  Fixture *f = *state;
  load(f, SANDBOX "credentials = other\n[credentials other]\nmodule = missing\npth = /x\n");
  fixture_problems(f,
                   "$A/a.conf:3: [environment sandbox] credentials: module missing cannot be used: "
                   "$A/a.conf:6: no option pth",
                   (const char *)NULL);
}

static void modules_are_sources(void **state)
{
  Fixture *f = *state;
  fixture_write(f, "$M/file.so", "");
  load(f, SANDBOX "credentials = env mine Upper\nnext = env\n[credentials mine]\nmodule = file\n");
  assert_true(fixture_has_source(f, "$M", true));
  assert_true(fixture_has_source(f, "$M/file.so", true));
  assert_true(fixture_has_source(f, "$M/env.so", false));
  /* three directories, a.conf, the modules' directory, two modules: each once */
  assert_int_equal(f->snapshot->sources.count, 7);
}

static void a_disabled_group_disables_who_uses_it(void **state)
{
  Fixture *f = *state;
  load(f, SANDBOX "credentials = env file\nnext = file\n"
                  "[credentials file]\npath = /x\npath = /y\n"
                  "[environment other]\nhosts = api.thredfi.com\ncredentials = env\n");
#define WHY                                                                                        \
  "[credentials file] is disabled by the error in $A/a.conf:7; the environment is disabled with "  \
  "it, for the other sources could hold another key than the one meant"
  fixture_problems(f,
                   "$A/a.conf:7: [credentials file] path: is given twice in this file, in line 6 "
                   "before; once is right",
                   "$A/a.conf:3: [environment sandbox] credentials: " WHY,
                   "$A/a.conf:4: [environment sandbox] next: " WHY, (const char *)NULL);
  assert_int_equal(fixture_environment(f, "sandbox")->active, 0);
  assert_int_equal(fixture_environment(f, "sandbox")->credentials.count, 2);
  assert_int_equal(fixture_environment(f, "other")->active, 1);
  assert_int_equal(f->snapshot->default_environment, 0);
}

static void errors_in_an_unused_group_disable_nothing(void **state)
{
  Fixture *f = *state;
  load(f, SANDBOX "credentials = env\n[credentials file]\nmodule = no/slash\nline\npath = a\\q\n");
  fixture_problems(
      f,
      "$A/a.conf:5: [credentials file] module: \"no/slash\" is not a name; letters, digits, _ and "
      "- make one",
      "$A/a.conf:6: [credentials file]: a line must be key = value, a [group], or a comment that "
      "starts with #",
      "$A/a.conf:7: [credentials file] path: has a wrong escape; \\s \\n \\t \\r and \\\\ are the "
      "ones there are",
      (const char *)NULL);
  assert_int_equal(fixture_environment(f, "sandbox")->active, 1);
}

static void inactive_environments_ask_no_module(void **state)
{
  Fixture *f = *state;
  load(f, SANDBOX "credentials = env missing\ntimeout = x\n");
  assert_int_equal(f->snapshot->problems.count, 1);
  assert_int_equal(f->identity_calls, 0);
  assert_int_equal(fixture_environment(f, "sandbox")->credentials.count, 2);
  assert_int_equal(f->snapshot->identities.count, 0);
}

static void each_environment_has_its_own_run(void **state)
{
  Fixture *f = *state;
  load(f, "[environment a]\nhosts = a.thredfi.com\ncredentials = env\nnext = file\n"
          "[environment b]\nhosts = b.thredfi.com\ncredentials = file env\n");
  assert_no_problems(f);
  char *a = fixture_stack(f, fixture_environment(f, "a")->credentials);
  char *next = fixture_stack(f, fixture_environment(f, "a")->next);
  char *b = fixture_stack(f, fixture_environment(f, "b")->credentials);
  assert_string_equal(a, "env:env:RCCC ");
  assert_string_equal(next, "file:file:RCCC ");
  assert_string_equal(b, "file:file:RCCC env:env:RCCC ");
  assert_int_equal(f->snapshot->stack.count, 4);
  free(a);
  free(next);
  free(b);
}

static void options_merge_over_files(void **state)
{
  Fixture *f = *state;
  fixture_write(f, "$A/b.conf", "[credentials file]\npath = /later\nextra = 1\n");
  load(f, SANDBOX "credentials = file\n[credentials file]\npath = /first\nkeep = 2\n");
  assert_no_problems(f);
  const SnapshotStackEntry *entry = snapshot_stack(f->snapshot, 0);
  assert_int_equal(entry->options.count, 3);
  static const char *const expected[] = {"keep", "2", "path", "/later", "extra", "1"};
  for (uint32_t i = 0; i < 3; i++) {
    const SnapshotOption *option = snapshot_option(f->snapshot, i);
    assert_string_equal(fixture_string(f, option->key), expected[2 * i]);
    assert_string_equal(fixture_string(f, option->value), expected[2 * i + 1]);
  }
}

#define T(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      T(stack_lines),
      T(groups_name_modules_and_options),
      T(identities_are_stored),
      T(at_secure_reaches_the_modules),
      T(a_module_that_cannot_say_keeps_its_entry),
      T(a_module_refuses_an_option),
      T(modules_are_sources),
      T(a_disabled_group_disables_who_uses_it),
      T(errors_in_an_unused_group_disable_nothing),
      T(inactive_environments_ask_no_module),
      T(each_environment_has_its_own_run),
      T(options_merge_over_files),
  };
  return cmocka_run_group_tests_name("config-stack", tests, NULL, NULL);
}
