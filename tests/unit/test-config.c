/* SPDX-License-Identifier: MIT */
/* lib/fetch/config: lines, keys and values, and how files merge. */
#include "tests/unit/config-fixture.h"

#define BUSINESS "3c90c3cc-0d44-4b50-8888-8dd25736052a"
#define OTHER    "11111111-2222-3333-4444-555555555555"
#define SANDBOX  "[environment sandbox]\nhosts = sandbox.thredfi.com;\n"
#define ACTIVE   SANDBOX "credentials = env\n"

static void load(Fixture *f, const char *text)
{
  fixture_write(f, "$A/a.conf", text);
  fixture_load(f);
}

/* ---- defaults and values ---- */

static void nothing_at_all(void **state)
{
  Fixture *f = *state;
  fixture_load(f);
  assert_no_problems(f);
  assert_int_equal(f->snapshot->environments.count, 0);
  assert_int_equal(f->snapshot->routes.count, 0);
  assert_int_equal(f->snapshot->default_environment, SNAPSHOT_NONE);
  assert_int_equal(f->snapshot->log, SNAPSHOT_LOG_WARNING);
  assert_int_equal(f->snapshot->seal, SNAPSHOT_SEAL_AUTO);
  assert_int_equal(f->snapshot->entries, 1024);
}

static void defaults_of_an_environment(void **state)
{
  Fixture *f = *state;
  load(f, ACTIVE);
  assert_no_problems(f);
  const SnapshotEnvironment *e = fixture_environment(f, "sandbox");
  assert_int_equal(e->active, 1);
  assert_int_equal(e->business, 0);
  assert_int_equal(e->pin_business, 0);
  assert_int_equal(e->allow, SNAPSHOT_ALLOW_PARTNER | SNAPSHOT_ALLOW_BUSINESS);
  assert_int_equal(e->existing_authorization, SNAPSHOT_EXISTING_KEEP);
  assert_int_equal(e->refresh_before, 300);
  assert_int_equal(e->connect_timeout, 5);
  assert_int_equal(e->timeout, 15);
  assert_int_equal(e->key_created, 0);
  assert_int_equal(e->ca_file, 0);
  assert_int_equal(e->connect_to, 0);
  assert_int_equal(e->next.count, 0);
  assert_int_equal(e->line, 3);
  assert_int_equal(f->snapshot->default_environment, 0);
}

static void every_value(void **state)
{
  Fixture *f = *state;
  load(f, "[thred]\nlog = debug\nseal = required\nentries=16\nenvironment = sandbox\n"
          "[environment sandbox]\n"
          "hosts = Sandbox.ThredFi.com; sandbox-backend.thredfi.com ;sandbox.thredfi.com\n"
          "credentials = env\nnext = file\n"
          "business = 3C90C3CC-0D44-4B50-8888-8DD25736052A\npin-business = YES\n"
          "allow = business;\nrefresh-before = 0\nexisting-authorization = replace\n"
          "connect-timeout = 300\ntimeout = 1\nkey-created = 2024-02-29\n"
          "ca-file = /path/with\\sspace.pem\nconnect-to = ::127.0.0.1:8443\n");
  assert_no_problems(f);
  assert_int_equal(f->snapshot->log, SNAPSHOT_LOG_DEBUG);
  assert_int_equal(f->snapshot->seal, SNAPSHOT_SEAL_REQUIRED);
  assert_int_equal(f->snapshot->entries, 16);
  const SnapshotEnvironment *e = fixture_environment(f, "sandbox");
  assert_int_equal(e->active, 1);
  assert_string_equal(fixture_string(f, e->business), BUSINESS);
  assert_int_equal(e->pin_business, 1);
  assert_int_equal(e->allow, SNAPSHOT_ALLOW_BUSINESS);
  assert_int_equal(e->refresh_before, 0);
  assert_int_equal(e->existing_authorization, SNAPSHOT_EXISTING_REPLACE);
  assert_int_equal(e->connect_timeout, 300);
  assert_int_equal(e->timeout, 1);
  assert_string_equal(fixture_string(f, e->key_created), "2024-02-29");
  assert_string_equal(fixture_string(f, e->ca_file), "/path/with space.pem");
  assert_string_equal(fixture_string(f, e->connect_to), "::127.0.0.1:8443");
  assert_int_equal(e->next.count, 1);
  char *hosts = fixture_hosts(f, "sandbox");
  assert_string_equal(hosts, "sandbox.thredfi.com sandbox-backend.thredfi.com ");
  free(hosts);
}

typedef struct {
  const char *key, *value;
  const char *why; /* NULL: accepted */
} Value;

#define HIDDEN                  "(not shown: it may be a secret)"
#define NUMBER(text, low, high) "\"" text "\" is not a whole number from " low " to " high
#define UUID_WHY(text)          "\"" text "\" is not a UUID like " BUSINESS
#define HOST_WHY(text)          "\"" text "\" is not a host name (no port, no trailing dot, no address)"
#define CEILING(text)                                                                              \
  "\"" text "\" is neither thredfi.com nor a host below it; no token goes anywhere else"
#define HOSTS_WHY  "is not a list of host names like sandbox.thredfi.com;"
#define DATE(text) "\"" text "\" is not a date like 2026-09-01"
#define CT_WHY(t)                                                                                  \
  "\"" t "\" is not HOST:PORT:CONNECT-TO-HOST:CONNECT-TO-PORT, as ::127.0.0.1:8443 is"
#define ESCAPE   "has a wrong escape; \\s \\n \\t \\r and \\\\ are the ones there are"
#define LABEL_63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const Value environment_values[] = {
    {"refresh-before", "86400", NULL},
    {"refresh-before", "86401", NUMBER("86401", "0", "86400")},
    {"refresh-before", "-1", NUMBER("-1", "0", "86400")},
    {"refresh-before", "", NUMBER("", "0", "86400")},
    {"refresh-before", "5m", NUMBER("5m", "0", "86400")},
    {"refresh-before", "0x10", NUMBER("0x10", "0", "86400")},
    {"refresh-before", "99999999999999999999",
     NUMBER("(not shown: it may be a secret)", "0", "86400")},
    {"connect-timeout", "1", NULL},
    {"connect-timeout", "0", NUMBER("0", "1", "300")},
    {"connect-timeout", "301", NUMBER("301", "1", "300")},
    {"timeout", "300", NULL},
    {"timeout", "1.5", NUMBER("1.5", "1", "300")},
    {"timeout", "15 # seconds", NUMBER("15 # seconds", "1", "300")},
    {"pin-business", "no", NULL},
    {"pin-business", "False", NULL},
    {"pin-business", "0", "\"0\" is neither yes nor no"},
    {"pin-business", "", "\"\" is neither yes nor no"},
    {"allow", "partner", NULL},
    {"allow", " business ; partner ;", NULL},
    {"allow", "Partner", "\"Partner\" is neither partner nor business"},
    {"allow", "", "is not a list of token kinds like partner;business;"},
    {"allow", "partner;\\q;", "is not a list of token kinds like partner;business;"},
    {"ca-file", "/a\\", ESCAPE},
    {"allow", ";", "is not a list of token kinds like partner;business;"},
    {"allow", "partner,business", "\"partner,business\" is neither partner nor business"},
    {"existing-authorization", "keep", NULL},
    {"existing-authorization", "drop", "\"drop\" is not one of: keep, replace"},
    {"business", OTHER, NULL},
    {"business", "3c90c3cc0d444b5088888dd25736052a", UUID_WHY(HIDDEN)},
    {"business", "{" BUSINESS "}", UUID_WHY(HIDDEN)},
    {"business", "", UUID_WHY("")},
    {"key-created", "2026-09-01", NULL},
    {"key-created", "2023-02-29", DATE("2023-02-29")},
    {"key-created", "2026-13-01", DATE("2026-13-01")},
    {"key-created", "2026-9-1", DATE("2026-9-1")},
    {"key-created", "01.09.2026", DATE("01.09.2026")},
    {"key-created", "2026-09-01T00:00", DATE("2026-09-01T00:00")},
    {"key-created", "+026-09-01", DATE("+026-09-01")},
    {"ca-file", "/ca.pem", NULL},
    {"ca-file", "ca.pem", "\"ca.pem\" is not an absolute path"},
    {"ca-file", "", "\"\" is not an absolute path"},
    {"ca-file", "/a\\nb", "\"/a?b\" is not an absolute path"},
    {"ca-file", "/a\\qb", ESCAPE},
    {"connect-to", "a.example:443:[::1]:8443", NULL},
    {"connect-to", ":::", NULL},
    {"connect-to", "127.0.0.1:8443", CT_WHY("127.0.0.1:8443")},
    {"connect-to", "::host:70000", CT_WHY("::host:70000")},
    {"connect-to", "::host:0", CT_WHY("::host:0")},
    {"connect-to", "::host:1:2", CT_WHY("::host:1:2")},
    {"connect-to", "::ho st:1", CT_WHY("::ho st:1")},
    {"connect-to", "::[::1:1", CT_WHY("::[::1:1")},
    {"connect-to", "", CT_WHY("")},
    {"hosts", "thredfi.com", NULL},
    {"hosts", LABEL_63 ".thredfi.com", NULL},
    {"hosts", "a" LABEL_63 ".thredfi.com", HOST_WHY("a" LABEL_63 ".thredfi.com")},
    {"hosts", "evil.com", CEILING("evil.com")},
    {"hosts", "evilthredfi.com", CEILING("evilthredfi.com")},
    {"hosts", "thredfi.com.evil.example", CEILING("thredfi.com.evil.example")},
    {"hosts", "sandbox.thredfi.com.", HOST_WHY("sandbox.thredfi.com.")},
    {"hosts", "sandbox.thredfi.com:443", HOST_WHY("sandbox.thredfi.com:443")},
    {"hosts", "https://sandbox.thredfi.com", HOST_WHY("https://sandbox.thredfi.com")},
    {"hosts", ".thredfi.com", HOST_WHY(".thredfi.com")},
    {"hosts", "a..thredfi.com", HOST_WHY("a..thredfi.com")},
    {"hosts", "-a.thredfi.com", HOST_WHY("-a.thredfi.com")},
    {"hosts", "a-.thredfi.com", HOST_WHY("a-.thredfi.com")},
    {"hosts", "*.thredfi.com", HOST_WHY("*.thredfi.com")},
    {"hosts", "b\xc3\xbc.thredfi.com", HOST_WHY("b??.thredfi.com")},
    {"hosts", "sandbox.thredfi.com evil.com", HOST_WHY("sandbox.thredfi.com evil.com")},
    {"hosts", "", HOSTS_WHY},
    {"hosts", "a.thredfi.com;;b.thredfi.com", HOSTS_WHY},
};

static void values_of_an_environment(void **state)
{
  Fixture *f = *state;
  for (size_t i = 0; i < sizeof environment_values / sizeof *environment_values; i++) {
    const Value *v = &environment_values[i];
    char *text = NULL, *expected = NULL;
    bool hosts = strcmp(v->key, "hosts") == 0;
    assert_true(asprintf(&text, "%s%s = %s\ncredentials = env\n",
                         hosts ? "[environment sandbox]\n#\n" : SANDBOX, v->key, v->value) > 0);
    load(f, text);
    if (v->why) {
      assert_true(asprintf(&expected, "$A/a.conf:3: [environment sandbox] %s: %s", v->key, v->why) >
                  0);
      fixture_problems(f, expected, (const char *)NULL);
    } else {
      assert_no_problems(f);
    }
    assert_int_equal(fixture_environment(f, "sandbox")->active, v->why == NULL);
    assert_int_equal(f->snapshot->default_environment, v->why ? SNAPSHOT_NONE : 0);
    free(text);
    free(expected);
  }
}

static const Value thred_values[] = {
    {"log", "error", NULL},
    {"log", "loud", "\"loud\" is not one of: error, warning, info, debug"},
    {"log", "Debug", "\"Debug\" is not one of: error, warning, info, debug"},
    {"seal", "off", NULL},
    {"seal", "maybe", "\"maybe\" is not one of: auto, required, off"},
    {"entries", "131072", NULL},
    {"entries", "131073", NUMBER("131073", "16", "131072")},
    {"entries", "15", NUMBER("15", "16", "131072")},
    {"environment", "a b", "\"a b\" is not a name; letters, digits, _ and - make one"},
    {"environment", "", "\"\" is not a name; letters, digits, _ and - make one"},
    {"environment", "none", "there is no [environment none]; name one that there is"},
    {"environment", "idle",
     "[environment idle] is not active: set its credentials, or name another one"},
    {"nonsense", "1", "unknown key; here are log, seal, entries, environment"},
};

static void values_of_thred(void **state)
{
  Fixture *f = *state;
  for (size_t i = 0; i < sizeof thred_values / sizeof *thred_values; i++) {
    const Value *v = &thred_values[i];
    char *text = NULL, *expected = NULL;
    assert_true(asprintf(&text, "[thred]\n%s = %s\n[environment idle]\n" ACTIVE, v->key, v->value) >
                0);
    load(f, text);
    if (v->why) {
      assert_true(asprintf(&expected, "$A/a.conf:2: [thred] %s: %s", v->key, v->why) > 0);
      fixture_problems(f, expected, (const char *)NULL);
      assert_int_equal(f->snapshot->log, SNAPSHOT_LOG_WARNING);
      assert_int_equal(f->snapshot->seal,
                       strcmp(v->key, "seal") == 0 ? SNAPSHOT_SEAL_REQUIRED : SNAPSHOT_SEAL_AUTO);
      assert_int_equal(f->snapshot->entries, 1024);
    } else {
      assert_no_problems(f);
    }
    /* Nothing but [thred] is disabled by an error in it. */
    assert_int_equal(fixture_environment(f, "sandbox")->active, 1);
    free(text);
    free(expected);
  }
}

static void an_error_in_thred_keeps_a_required_seal(void **state)
{
  Fixture *f = *state;
  load(f, "[thred]\nseal = required\nentries = many\nlog = debug\nenvironment = b\n"
          "[environment a]\nhosts = a.thredfi.com\ncredentials = env\n"
          "[environment b]\nhosts = b.thredfi.com\n");
  fixture_problems(f, "$A/a.conf:3: [thred] entries: " NUMBER("many", "16", "131072"),
                   (const char *)NULL);
  assert_int_equal(f->snapshot->seal, SNAPSHOT_SEAL_REQUIRED);
  assert_int_equal(f->snapshot->log, SNAPSHOT_LOG_WARNING);
  /* It was told to be b: a does not slip in. */
  assert_int_equal(f->snapshot->default_environment, SNAPSHOT_NONE);
  load(f, "[thred]\nseal = off\nentries = many\n");
  assert_int_equal(f->snapshot->seal, SNAPSHOT_SEAL_AUTO);
}

/* What disables it has been told; that it is not active follows from that. */
static void a_mistake_in_the_default_environment_is_told_once(void **state)
{
  Fixture *f = *state;
  load(f, "[thred]\nenvironment = sandbox\n" ACTIVE "timeout = soon\n");
  fixture_problems(f, "$A/a.conf:6: [environment sandbox] timeout: " NUMBER("soon", "1", "300"),
                   (const char *)NULL);
  assert_int_equal(f->snapshot->default_environment, SNAPSHOT_NONE);
}

/* ---- lines ---- */

typedef struct {
  const char *text;    /* written before an active [environment sandbox] in lines of its own */
  const char *problem; /* NULL: none */
  bool disables;       /* the sandbox */
} Line;

#define NO_PAIR   "a line must be key = value, a [group], or a comment that starts with #"
#define NO_HEADER "a line that starts with [ must be a group's name in brackets"
#define NO_GROUP                                                                                   \
  " is not a group; [thred], [environment NAME], [credentials NAME] and [route NAME] are, with "   \
  "letters, digits, _ and - in NAME"
#define S "[environment sandbox]\n"
#define P "$A/a.conf:2: [environment sandbox]"

static const Line lines[] = {
    {"# comment\n\n  # indented = comment\n   \n\t\n", NULL, false},
    {"\xef\xbb\xbf" S "timeout = 20\n", NULL, false},
    {S "timeout = 20\r\nconnect-timeout=3\r\n", NULL, false},
    {S "  timeout  =  20  \n", NULL, false},
    {"  [environment   sandbox]  \ntimeout = 20\n", NULL, false},
    {S "# latin-1: \xe4\n", NULL, false},
    {S "timeout\n", P ": " NO_PAIR, true},
    {S "; comment\n", P ": " NO_PAIR, true},
    {S "time out = 20\n", P ": a key has letters, digits and - only", true},
    {S "timeout[de] = 20\n", P ": a key has letters, digits and - only", true},
    {S "= 20\n", P ": a key has letters, digits and - only", true},
    {S "key-created = \xe4\n", P ": the line is not UTF-8; save the file in that encoding", true},
    {S "unknown = 1\n",
     P " unknown: unknown key; here are hosts, credentials, next, business, pin-business, allow, "
       "refresh-before, existing-authorization, connect-timeout, timeout, key-created, ca-file, "
       "connect-to",
     true},
    {S "Timeout = 20\n", P " Timeout: unknown key", true},
    {S "timeout = 20\ntimeout = 20\n",
     "$A/a.conf:3: [environment sandbox] timeout: is given twice in this file, in line 2 before; "
     "once is right",
     true},
    {"timeout = 20\n", "$A/a.conf:1: timeout: stands before any [group]", false},
    {"nonsense\n", "$A/a.conf:1: " NO_PAIR, false},
    {"[nonsense]\nany = 1\nthing\n", "$A/a.conf:1: \"nonsense\"" NO_GROUP, false},
    {"[environment]\nhosts = 1\n", "$A/a.conf:1: \"environment\"" NO_GROUP, false},
    {"[environment a b]\n", "$A/a.conf:1: \"environment a b\"" NO_GROUP, false},
    {"[environment a.b]\n", "$A/a.conf:1: \"environment a.b\"" NO_GROUP, false},
    {"[thred x]\n", "$A/a.conf:1: \"thred x\"" NO_GROUP, false},
    {"[Thred]\n", "$A/a.conf:1: \"Thred\"" NO_GROUP, false},
    {"[ESC\x1b[31m]\n", "$A/a.conf:1: " NO_HEADER, false},
    {"[ESC\x1b]\n", "$A/a.conf:1: \"ESC?\"" NO_GROUP, false},
    {"[]\n", "$A/a.conf:1: " NO_HEADER, false},
    /* The group that the line seems to open is disabled; what follows belongs to nobody. */
    {"[environment sandbox\ntimeout = x\n", "$A/a.conf:1: " NO_HEADER, true},
    {"[environment sandbox] # why\n", "$A/a.conf:1: " NO_HEADER, true},
    {"[environment\tsandbox\n", "$A/a.conf:1: " NO_HEADER, true},
    {"[environment other\n", "$A/a.conf:1: " NO_HEADER, false},
    /* and so is the one that it stands in. */
    {S "[thred\nlog = x\n", P ": " NO_HEADER, true},
};

static void lines_of_a_file(void **state)
{
  Fixture *f = *state;
  fixture_write(f, "$S/s.conf", ACTIVE);
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
    load(f, lines[i].text);
    if (lines[i].problem) {
      assert_int_equal(f->snapshot->problems.count, 1);
      if (!fixture_has_problem(f, lines[i].problem))
        fail_msg("%s, not %s", fixture_string(f, snapshot_problem(f->snapshot, 0)->text),
                 lines[i].problem);
    } else {
      assert_no_problems(f);
    }
    assert_int_equal(fixture_environment(f, "sandbox")->active, !lines[i].disables);
  }
}

static void nul_byte(void **state)
{
  Fixture *f = *state;
  static const char text[] = ACTIVE "timeout = 20\0\nconnect-timeout = 3\n";
  fixture_write_bytes(f, "$A/a.conf", text, sizeof text - 1);
  fixture_load(f);
  fixture_problems(f, "$A/a.conf:4: [environment sandbox]: the line has a NUL byte",
                   (const char *)NULL);
  assert_int_equal(fixture_environment(f, "sandbox")->active, 0);
  assert_int_equal(fixture_environment(f, "sandbox")->timeout, 15);
  assert_int_equal(fixture_environment(f, "sandbox")->connect_timeout, 3);
}

static void a_long_line(void **state)
{
  Fixture *f = *state;
  enum { LONGEST = 4096 };
  char text[sizeof ACTIVE + LONGEST + 16];
  for (int over = 0; over <= 1; over++) {
    size_t length = (size_t)sprintf(text, "%sca-file=/", ACTIVE);
    size_t end = sizeof ACTIVE - 1 + LONGEST + (size_t)over;
    memset(text + length, 'x', end - length);
    strcpy(text + end, "\n");
    load(f, text);
    if (over)
      fixture_problems(f, "$A/a.conf:4: [environment sandbox]: the line is longer than 4096 bytes",
                       (const char *)NULL);
    else
      assert_no_problems(f);
    assert_int_equal(fixture_environment(f, "sandbox")->active, !over);
  }
}

static void a_pasted_secret_is_not_shown(void **state)
{
  Fixture *f = *state;
  load(f, ACTIVE "s3cret-pasted-alone\napi-key = s3cret-as-a-value\n");
  assert_int_equal(f->snapshot->problems.count, 2);
  assert_false(fixture_has_problem(f, "s3cret"));
}

static void last_line_without_newline(void **state)
{
  Fixture *f = *state;
  load(f, ACTIVE "timeout = 20");
  assert_no_problems(f);
  assert_int_equal(fixture_environment(f, "sandbox")->timeout, 20);
}

static void repeated_headers_are_one_group(void **state)
{
  Fixture *f = *state;
  load(f, SANDBOX "[thred]\nlog = info\n[environment sandbox]\ncredentials = env\n");
  assert_no_problems(f);
  assert_int_equal(fixture_environment(f, "sandbox")->active, 1);
  load(f, ACTIVE "[thred]\nlog = info\n[environment sandbox]\nhosts = sandbox.thredfi.com\n");
  fixture_problems(f,
                   "$A/a.conf:7: [environment sandbox] hosts: is given twice in this file, in line "
                   "2 before; once is right",
                   (const char *)NULL);
}

static void a_key_called_encoding(void **state)
{
  /* GKeyFile gives up a whole file for `Encoding=` in its first group. */
  Fixture *f = *state;
  load(f, "[credentials file]\nEncoding = latin1\n" SANDBOX "credentials = file\n");
  assert_no_problems(f);
  assert_string_equal(fixture_string(f, snapshot_option(f->snapshot, 0)->value), "latin1");
}

/* ---- merging ---- */

static void later_files_override_key_by_key(void **state)
{
  Fixture *f = *state;
  fixture_write(f, "$S/50-x.conf", ACTIVE "timeout = 20\nconnect-timeout = 2\n");
  fixture_write(f, "$A/60-x.conf", "[environment sandbox]\ntimeout = 30\n");
  fixture_write(f, "$A/40-x.conf",
                "[environment sandbox]\nconnect-timeout = 9\nrefresh-before=7\n");
  fixture_load(f);
  assert_no_problems(f);
  const SnapshotEnvironment *e = fixture_environment(f, "sandbox");
  assert_int_equal(e->timeout, 30);
  assert_int_equal(e->connect_timeout, 2);
  assert_int_equal(e->refresh_before, 7);
  assert_int_equal(e->line, 3);
  char *file = fixture_expand(f, "$S/50-x.conf");
  assert_string_equal(fixture_string(f, e->file), file);
  free(file);
}

static void a_wrong_value_disables_even_where_a_later_one_is_right(void **state)
{
  Fixture *f = *state;
  fixture_write(f, "$A/10.conf", ACTIVE "timeout = soon\n");
  fixture_write(f, "$A/20.conf", "[environment sandbox]\ntimeout = 30\n");
  fixture_load(f);
  fixture_problems(f, "$A/10.conf:4: [environment sandbox] timeout: " NUMBER("soon", "1", "300"),
                   (const char *)NULL);
  assert_int_equal(fixture_environment(f, "sandbox")->active, 0);
}

static void problems_come_in_reading_order(void **state)
{
  Fixture *f = *state;
  fixture_write(f, "$S/20.conf", "[thred]\nlog = b\n");
  fixture_write(f, "$U/10.conf", "[thred]\nlog = a\n");
  fixture_write(f, "$A/30.conf", "[thred]\nlog = c\nentries = d\n");
  fixture_load(f);
  fixture_problems(f, "$U/10.conf:2: [thred] log: \"a\" is not one of: error, warning, info, debug",
                   "$S/20.conf:2: [thred] log: \"b\" is not one of: error, warning, info, debug",
                   "$A/30.conf:2: [thred] log: \"c\" is not one of: error, warning, info, debug",
                   "$A/30.conf:3: [thred] entries: " NUMBER("d", "16", "131072"),
                   (const char *)NULL);
}

#define T(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      T(nothing_at_all),
      T(defaults_of_an_environment),
      T(every_value),
      T(values_of_an_environment),
      T(values_of_thred),
      T(an_error_in_thred_keeps_a_required_seal),
      T(a_mistake_in_the_default_environment_is_told_once),
      T(lines_of_a_file),
      T(nul_byte),
      T(a_long_line),
      T(a_pasted_secret_is_not_shown),
      T(last_line_without_newline),
      T(repeated_headers_are_one_group),
      T(a_key_called_encoding),
      T(later_files_override_key_by_key),
      T(a_wrong_value_disables_even_where_a_later_one_is_right),
      T(problems_come_in_reading_order),
  };
  return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
