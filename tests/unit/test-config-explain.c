/* SPDX-License-Identifier: MIT */
/* lib/fetch/config-explain: every value with where it came from, and what it stands in for. */
#include <unistd.h>

#include "tests/unit/config-fixture.h"

static const char secret[] = "sk_live_51Hq8Zx9Kc2Lm4Np6Rt";

/* ---- what is told, as lines ---- */

static void note_file(const FetchFile *file, void *data)
{
  g_string_append_printf(data, "%s %s (%s)\n", file->fate, file->path, file->level);
  assert_int_equal(!file->why, strcmp(file->fate, "read") == 0);
}

static void note_group(const FetchGroup *group, void *data)
{
  g_string_append_printf(data, "[%s%s%s] %s", group->kind, *group->name ? " " : "", group->name,
                         group->state);
  if (group->file)
    g_string_append_printf(data, " %s:%u", group->file, group->line);
  g_string_append_c(data, '\n');
}

static void note_value(const FetchValue *value, void *data)
{
  const bool in_force = strcmp(value->fate, "in-force") == 0;
  g_string_append_printf(data, "%s%s = %s (%s", in_force ? "" : value->fate,
                         in_force ? value->key ? value->key : "?" : "",
                         value->hidden  ? "HIDDEN"
                         : value->value ? value->value
                                        : "NOTHING",
                         value->level);
  if (value->file)
    g_string_append_printf(data, " %s:%u", value->file, value->line);
  g_string_append(data, ")\n");
}

static void note_problem(const char *file, uint32_t line, const char *text, void *data)
{
  (void)file, (void)line;
  g_string_append_printf(data, "problem %s\n", text);
}

static char *explain(const Fixture *f)
{
  static const FetchExplain each = {note_file, note_group, note_value, note_problem};
  Error error = ERROR_INIT;
  GString *told = g_string_new(NULL);
  assert_int_equal(config_explain(&f->origin, &each, told, &error), THRED_OK);
  assert_null(strstr(told->str, secret));
  return g_string_free(told, FALSE);
}

/* All of `lines`, which follow each other, are told. */
static void assert_told(const Fixture *f, const char *lines)
{
  g_autofree char *told = explain(f), *expected = fixture_expand(f, lines);
  if (!strstr(told, expected))
    fail_msg("not told:\n%sbut:\n%s", expected, told);
}

static void assert_not_told(const Fixture *f, const char *text)
{
  g_autofree char *told = explain(f);
  if (strstr(told, text))
    fail_msg("told: %s in:\n%s", text, told);
}

/* ---- tests ---- */

static void test_defaults(void **state)
{
  Fixture *f = *state;
  assert_told(f, "[thred] in-force\nlog = warning (default)\nseal = auto (default)\n"
                 "entries = 1024 (default)\nenvironment = NOTHING (default)\n");
  fixture_write(f, "$S/10.conf", "[environment sandbox]\nhosts = sandbox.thredfi.com;\n");
  assert_told(f, "environment = NOTHING (default)\n"
                 "[environment sandbox] inactive\n"
                 "hosts = sandbox.thredfi.com; (shipped $S/10.conf:2)\n"
                 "credentials = NOTHING (default)\nnext = NOTHING (default)\n"
                 "business = NOTHING (default)\npin-business = no (default)\n"
                 "allow = partner;business; (default)\nrefresh-before = 300 (default)\n"
                 "existing-authorization = keep (default)\nconnect-timeout = 5 (default)\n"
                 "timeout = 15 (default)\nkey-created = NOTHING (default)\n"
                 "ca-file = NOTHING (default)\nconnect-to = NOTHING (default)\n");
  fixture_write(f, "$A/20.conf", "[environment sandbox]\ncredentials = env\n");
  assert_told(f, "environment = sandbox (default)\n[environment sandbox] active\n");
}

/* What is told of a value that is not set is what counts then: written out, it makes the same
 * block. */
static void test_defaults_are_true(void **state)
{
  Fixture *f = *state;
  fixture_write(f, "$S/10.conf",
                "[environment sandbox]\nhosts = sandbox.thredfi.com;\n"
                "credentials = env\n[route a]\npath = /a\ntoken = none\n");
  g_autofree char *told = explain(f);
  g_autoptr(GString) written = g_string_new(NULL);
  g_auto(GStrv) lines = g_strsplit(told, "\n", -1);
  for (char **line = lines; *line; line++) {
    char *end = strchr(*line, *line[0] == '[' ? ']' : '(');
    if (**line == '[')
      g_string_append_printf(written, "%.*s]\n", (int)(end - *line), *line);
    else if (strstr(*line, "(default)") && !strstr(*line, "NOTHING"))
      g_string_append_printf(written, "%.*s\n", (int)(end - *line), *line);
  }
  fixture_load(f);
  SnapshotHeader before = *f->snapshot;
  SnapshotEnvironment sandbox = *fixture_environment(f, "sandbox");
  fixture_write(f, "$A/20.conf", written->str);
  fixture_load(f);
  assert_no_problems(f);
  assert_non_null(strstr(written->str, "timeout = 15"));
  const SnapshotEnvironment *after = fixture_environment(f, "sandbox");
  assert_int_equal(f->snapshot->log, before.log);
  assert_int_equal(f->snapshot->seal, before.seal);
  assert_int_equal(f->snapshot->entries, before.entries);
  assert_int_equal(f->snapshot->default_environment, before.default_environment);
  assert_int_equal(after->pin_business, sandbox.pin_business);
  assert_int_equal(after->allow, sandbox.allow);
  assert_int_equal(after->refresh_before, sandbox.refresh_before);
  assert_int_equal(after->existing_authorization, sandbox.existing_authorization);
  assert_int_equal(after->connect_timeout, sandbox.connect_timeout);
  assert_int_equal(after->timeout, sandbox.timeout);
  assert_string_equal(fixture_string(f, fixture_route(f, "a")->methods), "*");
}

static void test_overrides(void **state)
{
  Fixture *f = *state;
  fixture_write(f, "$S/10.conf", "[thred]\nlog = error\n");
  fixture_write(f, "$A/20.conf", "[thred]\n\nlog = info\n");
  fixture_write(f, "$U/30.conf", "[thred]\nlog = debug\nseal = required\n");
  assert_told(f, "read $S/10.conf (shipped)\nread $A/20.conf (administrator)\n"
                 "read $U/30.conf (user)\n");
  assert_told(f, "log = debug (user $U/30.conf:2)\noverridden = info (administrator $A/20.conf:3)\n"
                 "overridden = error (shipped $S/10.conf:2)\n"
                 "seal = required (user $U/30.conf:3)\n");
  /* the name sorts, not the level */
  fixture_write(f, "$S/40.conf", "[thred]\nlog = warning\n");
  assert_told(f, "log = warning (shipped $S/40.conf:2)\noverridden = debug (user $U/30.conf:2)\n");
}

static void test_limits(void **state)
{
  Fixture *f = *state;
  fixture_write(f, "$S/10.conf",
                "[environment sandbox]\nhosts = sandbox.thredfi.com;\n"
                "credentials = env\nallow = business;\n[thred]\nseal = auto\n");
  fixture_write(f, "$U/20.conf",
                "[environment sandbox]\nallow = partner;\npin-business = no\n"
                "[thred]\nseal = off\n");
  assert_told(f, "seal = auto (shipped $S/10.conf:6)\nrefused = off (user $U/20.conf:5)\n");
  assert_told(f, "pin-business = no (user $U/20.conf:3)\nallow = business; (shipped $S/10.conf:4)\n"
                 "refused = partner; (user $U/20.conf:2)\n");
  /* refused, and nothing of the system's says otherwise but the default */
  fixture_write(f, "$S/10.conf", "[thred]\nlog = info\n");
  assert_told(f, "seal = auto (default)\nrefused = off (user $U/20.conf:5)\n");
}

static void test_replaced(void **state)
{
  Fixture *f = *state;
  fixture_write(f, "$S/10.conf", "[thred]\nlog = error\n");
  fixture_write(f, "$A/10.conf", "[thred]\nlog = info\nseal = required\n");
  assert_told(f, "replaced $S/10.conf (shipped)\nread $A/10.conf (administrator)\n");
  assert_told(f, "log = info (administrator $A/10.conf:2)\nseal = required");
  fixture_write(f, "$U/10.conf", "[thred]\nlog = debug\n");
  assert_told(f, "replaced $A/10.conf (administrator)\nreplaced $S/10.conf (shipped)\n"
                 "read $U/10.conf (user)\n");
  /* what a user may not widen still counts; the rest is not even overridden */
  assert_told(f, "log = debug (user $U/10.conf:2)\n"
                 "seal = required (administrator $A/10.conf:3)\n");
  /* or went with its file after all */
  fixture_write(f, "$A/10.conf",
                "[environment sandbox]\nhosts = sandbox.thredfi.com;\n"
                "business = 3C90C3CC-0d44-4b50-8888-8dd25736052a\n");
  fixture_write(f, "$U/10.conf", "[environment sandbox]\ncredentials = env\n");
  assert_told(f, "business = NOTHING (default)\nreplaced = 3c90c3cc-0d44-4b50-8888-8dd25736052a "
                 "(administrator $A/10.conf:3)\n");
}

static void test_files(void **state)
{
  Fixture *f = *state;
  g_autofree char *link = fixture_expand(f, "$A/15.conf");
  fixture_write(f, "$S/10.conf", "[thred]\nlog = error\n");
  fixture_write(f, "$S/15.conf", "[thred]\nlog = debug\n");
  assert_int_equal(symlink("/dev/null", link), 0);
  fixture_write(f, "$A/20.conf", "[thred]\nlog = info\n");
  fixture_chmod(f, "$A/20.conf", 0666);
  fixture_write(f, "$A/a b.conf", "");
  fixture_write(f, "$A/30.conf", "");
  assert_told(f, "refused $A/a b.conf (administrator)\nread $S/10.conf (shipped)\n"
                 "replaced $S/15.conf (shipped)\nmasked $A/15.conf (administrator)\n"
                 "refused $A/20.conf (administrator)\nread $A/30.conf (administrator)\n");
  fixture_remove(f, "$A/20.conf");
  f->origin.user = "/nonexistent/conf.d";
  assert_told(f, "missing /nonexistent/conf.d (user)\n");
  fixture_chmod(f, "$A", 0777);
  assert_told(f, "refused $A (administrator)\n");
}

static void test_disabled(void **state)
{
  Fixture *f = *state;
  fixture_write(f, "$S/10.conf",
                "[thred]\nlog = error\nseal = required\nentries = no\n"
                "[environment sandbox]\nhosts = sandbox.thredfi.com;\n"
                "credentials = env\ntimeout = soon\n"
                "[route a]\npath = /a\ntoken = partner\nmethod = ?\n");
  assert_told(f, "[thred] disabled $S/10.conf:4\nlog = warning (default)\n"
                 "disabled = error (shipped $S/10.conf:2)\n"
                 "seal = required (shipped $S/10.conf:3)\nentries = 1024 (default)\n");
  assert_told(f, "[environment sandbox] disabled $S/10.conf:8\n");
  assert_told(f, "timeout = 15 (default)\n");
  assert_told(f, "[route a] disabled $S/10.conf:12\nmethod = * (default)\n"
                 "path = /a (shipped $S/10.conf:10)\ntoken = none (default)\n"
                 "disabled = partner (shipped $S/10.conf:11)\n");
  assert_told(f, "problem $S/10.conf:4: [thred] entries: ");
  fixture_write(f, "$S/10.conf",
                "[thred]\nseal = of\n[environment sandbox]\n"
                "hosts = sandbox.thredfi.com;example.com;\n");
  assert_told(f, "seal = required (shipped $S/10.conf:2)\n");
  assert_told(f, "hosts = sandbox.thredfi.com; (shipped $S/10.conf:4)\n");
}

static void test_secrets(void **state)
{
  Fixture *f = *state;
  g_autofree char *text =
      g_strdup_printf("[environment sandbox]\nhosts = sandbox.thredfi.com;\ncredentials = file\n"
                      "timeout = %s\nnext = %s\n[credentials file]\npath = /etc/credentials\n"
                      "api-key = %s\npath-of-key = %s\n%s = 1\ncommand = get --token %s\n"
                      "%s\n[thred]\nenvironment = %s\n[credentials other]\nmodule = %s\n",
                      secret, secret, secret, secret, "sk-live-51Hq8Zx9Kc2Lm4Np6Rt", secret, secret,
                      "sandbox", secret);
  fixture_write(f, "$S/10.conf", text);
  fixture_write(f, "$A/20.conf", "[credentials file]\napi-key = short\n");
  assert_told(f, "path = /etc/credentials (shipped $S/10.conf:7)\n"
                 "path-of-key = HIDDEN (shipped $S/10.conf:9)\n"
                 "? = HIDDEN (shipped $S/10.conf:10)\n"
                 "command = HIDDEN (shipped $S/10.conf:11)\n"
                 "api-key = HIDDEN (administrator $A/20.conf:2)\n"
                 "overridden = HIDDEN (shipped $S/10.conf:8)\n");
  assert_told(f, "module = HIDDEN (shipped $S/10.conf:16)\n");
  assert_told(f, "next = HIDDEN (shipped $S/10.conf:5)\n");
  assert_not_told(f, "sk-live");
  assert_not_told(f, "short");
}

static void test_options(void **state)
{
  Fixture *f = *state;
  fixture_write(f, "$S/10.conf", "[credentials file-next]\nmodule = file\npath = /a\\sb\n");
  fixture_write(f, "$A/20.conf", "[credentials file-next]\nzone = b\npath = /c\n[credentials x]\n");
  assert_told(f, "[credentials file-next] in-force\nmodule = file (shipped $S/10.conf:2)\n"
                 "zone = b (administrator $A/20.conf:2)\npath = /c (administrator $A/20.conf:3)\n"
                 "overridden = /a b (shipped $S/10.conf:3)\n"
                 "[credentials x] in-force\nmodule = x (default)\n");
}

int main(void)
{
#define fixture_test(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
  const struct CMUnitTest tests[] = {
      fixture_test(test_defaults),  fixture_test(test_defaults_are_true),
      fixture_test(test_overrides), fixture_test(test_limits),
      fixture_test(test_replaced),  fixture_test(test_files),
      fixture_test(test_disabled),  fixture_test(test_secrets),
      fixture_test(test_options),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
