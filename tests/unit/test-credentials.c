/* SPDX-License-Identifier: MIT */
#include "tests/unit/credentials-fixture.h"

#include <dlfcn.h>

#include "tests/unit/modules/zoo.h"

#define ZOO    "THRED_TEST_MODULES"
#define UUID   "3c90c3cc-0d44-4b50-8888-8dd25736052a"
#define SECRET "s3cret-api-key"
#define GIVES  "uuid=" UUID "|key=" SECRET

static char zoo_dir[PATH_SIZE];

static int set_up(void **state)
{
  if (fixture_set_up(state))
    return -1;
  module_dir_with("zoo", ZOO, "script-local");
  snprintf(zoo_dir, sizeof zoo_dir, "%s", module_dir_with("zoo", ZOO, "script"));
  return 0;
}

/* The counters of the zoo's script.so, as loaded by the library; zeroed. */
static ZooCalls *zoo(void)
{
  void *handle = dlopen(at("zoo/script.so"), RTLD_NOW | RTLD_NOLOAD);
  if (!handle)
    return NULL;
  ZooCalls *calls = dlsym(handle, "zoo_calls");
  dlclose(handle);
  if (calls)
    *calls = (ZooCalls){0};
  return calls;
}

/* One script module with these options. */
static int run_script(const char *options, Credential *credential, Error *error)
{
  Stack s;
  stack_init(&s);
  stack_add(&s, "source", "script", options);
  return stack_get(&s, zoo_dir, SOON, credential, error);
}

static bool is_clear(const Credential *credential)
{
  static const Credential clear;
  return memcmp(credential, &clear, sizeof clear) == 0;
}

static void each_fails(ThredIdentityKind kind, const char *text, void *data)
{
  (void)data;
  fail_msg("identity %d: %s", (int)kind, text);
}

/* ---- what an operation answers ---- */

static void test_statuses(void **state)
{
  (void)state;
  static const struct {
    const char *options, *says;
    int closes;
  } cases[] = {
      {"open=1", "source: holds no credential", 0},
      {"open=2", "source: cannot be used", 0},
      {"open=3", "source: is busy or cannot be reached now", 0},
      {"open=2|message=told", "source: told", 0},
      {"open=4", "is broken: its 'open' answered status 4", 0},
      {"open=-1", "its 'open' answered status -1", 0},
      {"get=1", "source: holds no credential", 1},
      {"get=2", "source: cannot be used", 1},
      {"get=3|message=told", "source: told", 1},
      {"get=1|open-message=of another call", "source: holds no credential", 1},
      {"open=2|message=first|open-message=the last one counts", "source: the last one counts", 0},
      {"get=4|" GIVES, "its 'get' answered status 4", 1},
      {"get=-7|" GIVES, "its 'get' answered status -7", 1},
      {"get=2147483647|" GIVES, "its 'get' answered status 2147483647", 1},
      {"get=1|" GIVES, "holds no credential", 1},
      {"get=2|" GIVES, "cannot be used", 1},
      {"get=0", "answered success without a usable credential", 1},
      {"get=0|message=told", "without a usable credential: told", 1},
      {"get=0|null=yes", "without a usable credential: the partner UUID is empty", 1},
      {"get=0|wrong-call=yes", "answered success without a usable credential", 1},
  };
  Credential credential;
  Error error;
  run_script(GIVES, &credential, &error);
  ZooCalls *calls = zoo();
  assert_non_null(calls);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    *calls = (ZooCalls){0};
    memset(&credential, 'x', sizeof credential);
    assert_int_equal(run_script(cases[i].options, &credential, &error), THRED_E_CREDENTIALS);
    assert_true(is_clear(&credential));
    assert_says(error, cases[i].says);
    assert_silent_about(error, SECRET);
    assert_int_equal(calls->open, 1);
    assert_int_equal(calls->close, cases[i].closes);
    assert_int_equal(calls->instances, 0);
  }
}

static void test_delivery(void **state)
{
  (void)state;
  Credential credential;
  Error error;
  assert_int_equal(run_script(GIVES "|message=heard by nobody", &credential, &error), THRED_OK);
  assert_string_equal(credential.partner_uuid, UUID);
  assert_string_equal(credential.api_key, SECRET);
  assert_int_equal(credential.partner_uuid_length, strlen(UUID));
  assert_int_equal(credential.api_key_length, strlen(SECRET));
  assert_string_equal(error.message, "");
  credential_clear(&credential);
  assert_true(is_clear(&credential));
  credential_clear(&(Credential){.api_key = "x"});
}

static void test_limits(void **state)
{
  (void)state;
  static const struct {
    const char *options, *says; /* NULL: fine */
  } cases[] = {
      {"uuid-length=128|key-length=4096", NULL},
      {"uuid-length=129|key=k", "the partner UUID is longer than 128 bytes"},
      {"uuid=u|key-length=4097", "the API key is longer than 4096 bytes"},
      {"uuid-length=0|key=k", "the partner UUID is empty"},
      {"uuid=u|key-length=0", "the API key is empty"},
      {"uuid=u:v|key=" SECRET, "the partner UUID has a colon in it"},
      {"uuid=u\nv|key=" SECRET, "the partner UUID has a control character in it"},
      {"uuid=u\x7f|key=" SECRET, "the partner UUID has a control character in it"},
      {"uuid=u|key=" SECRET "\r", "the API key has a control character in it"},
      {"uuid=u|key=" SECRET "\tx", "the API key has a control character in it"},
      {"uuid=u|key=\x01" SECRET, "the API key has a control character in it"},
      {"uuid=u|key=a:b/c+d==", NULL},
      {"uuid=u|key=schl\xc3\xbcssel \xff", NULL},
      {"uuid=\xc3\xbc|key=k", NULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    Credential credential;
    Error error;
    int code = run_script(cases[i].options, &credential, &error);
    assert_int_equal(code, cases[i].says ? THRED_E_CREDENTIALS : THRED_OK);
    if (cases[i].says)
      assert_says(error, cases[i].says);
    assert_silent_about(error, SECRET);
    assert_int_equal(is_clear(&credential), cases[i].says != NULL);
  }
}

static void test_messages_are_tamed(void **state)
{
  (void)state;
  Credential credential;
  Error error;
  run_script("get=1|message=one\ntwo\x1b[31m\x7f caf\xc3\xa9", &credential, &error);
  assert_string_equal(error.message, "source: one?two?[31m? caf\xc3\xa9");
  run_script("get=1|message=long", &credential, &error);
  assert_true(strlen(error.message) < ERROR_MESSAGE_SIZE);
  assert_says(error, "xxx...");
}

static void test_every_source_is_named(void **state)
{
  (void)state;
  Stack s;
  Credential credential;
  Error error;
  stack_init(&s);
  stack_add(&s, "first", "script", "get=1|message=long");
  stack_add(&s, "second", "script", "get=2|message=long");
  stack_add(&s, "third", "missing", NULL);
  stack_add(&s, "fourth", "script", "get=3|message=short");
  assert_int_equal(stack_get(&s, zoo_dir, SOON, &credential, &error), THRED_E_CREDENTIALS);
  assert_says(error, "first: xxx");
  assert_says(error, "...; second: xxx");
  assert_says(error, "; third: /");
  assert_says(error, "; fourth: short");
}

/* ---- identities ---- */

typedef struct {
  int count, kind;
  char text[8192];
} Seen;

static void remember_identity(ThredIdentityKind kind, const char *text, void *data)
{
  Seen *seen = data;
  seen->count++;
  seen->kind = (int)kind;
  snprintf(seen->text, sizeof seen->text, "%s", text);
}

static void test_identities(void **state)
{
  (void)state;
  static const struct {
    const char *kind, *key, *text;
    int status, seen;
  } cases[] = {
      {"0", "text", "THRED_API_KEY", 0, 1},
      {"1", "text", "/a/file", 0, 1},
      {"2", "text", "a role", 0, 1},
      {"2", "text-length", "4095", 0, 1},
      {"2", "text-length", "4096", 2, 0},
      {"1", "text", "relative", 2, 0},
      {"2", "text", "", 2, 0},
      {"3", "text", "A_VARIABLE:/a/file", 0, 1},
      {"3", "text", "A_VARIABLE:~/a/file", 0, 1},
      {"3", "text", "A_VARIABLE/name", 0, 1},
      {"3", "text", "A_VARIABLE/", 2, 0},
      {"3", "text", "A_VARIABLE", 2, 0},
      {"3", "text", ":/a/file", 2, 0},
      {"3", "text", "A_VARIABLE:relative", 2, 0},
      {"4", "text", "unknown", 2, 0},
      {"99", "text", "unknown", 2, 0},
      {"2", "unset", "", 2, 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    Seen seen = {0};
    Error error = ERROR_INIT;
    ThredModuleOption options[] = {{"kind", cases[i].kind, "", 0},
                                   {cases[i].key, cases[i].text, "", 0}};
    ThredCredentialStatus status =
        credentials_identity(zoo_dir, "script", options, 2, 0, remember_identity, &seen, &error);
    assert_int_equal(status, cases[i].status);
    assert_int_equal(seen.count, cases[i].seen);
    if (status)
      assert_says(error, "is broken: it declared an identity");
    else if (strcmp(cases[i].key, "text") == 0)
      assert_string_equal(seen.text, cases[i].text);
  }
}

static void test_identity_statuses(void **state)
{
  (void)state;
  ZooCalls *calls = zoo();
  static const struct {
    const char *key, *value;
    int status;
  } cases[] = {{"identity", "1", 1}, {"identity", "3", 3}, {"identity", "8", 2},
               {"open", "1", 1},     {"open", "9", 2},     {"wrong-call", "yes", 0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    Error error = ERROR_INIT;
    ThredModuleOption option = {cases[i].key, cases[i].value, "", 0};
    assert_int_equal(
        credentials_identity(zoo_dir, "script", &option, 1, 0, each_fails, NULL, &error),
        cases[i].status);
    assert_int_equal(error.message[0] != 0, cases[i].status != 0);
    assert_int_equal(calls->instances, 0);
  }
}

/* ---- the stack ---- */

static void test_actions(void **state)
{
  (void)state;
  Credential credential;
  Error error;
  run_script(GIVES, &credential, &error);
  ZooCalls *calls = zoo();
  for (int first = 0; first < 4; first++)
    for (int second = 0; second < 4; second++)
      for (int action = 0; action < 2; action++) {
        Stack s;
        char one[64], two[64];
        snprintf(one, sizeof one, "get=%d|uuid=one|key=k|message=said one", first);
        snprintf(two, sizeof two, "get=%d|uuid=two|key=k|message=said two", second);
        stack_init(&s);
        stack_add(&s, "a", "script", one)->action[first] =
            action ? SNAPSHOT_ACTION_CONTINUE : SNAPSHOT_ACTION_RETURN;
        stack_add(&s, "b", "script", two);
        *calls = (ZooCalls){0};
        int code = stack_get(&s, zoo_dir, SOON, &credential, &error);
        const char *expected = action && second == 0 ? "two" : first == 0 ? "one" : NULL;
        assert_int_equal(code, expected ? THRED_OK : THRED_E_CREDENTIALS);
        assert_string_equal(credential.partner_uuid, expected ? expected : "");
        assert_int_equal(calls->get, action ? 2 : 1);
        if (!expected)
          assert_string_equal(error.message, action ? "a: said one; b: said two" : "a: said one");
      }
}

static void test_empty_stack(void **state)
{
  (void)state;
  Stack s;
  Credential credential;
  Error error;
  stack_init(&s);
  assert_int_equal(stack_get(&s, zoo_dir, SOON, &credential, &error), THRED_E_CREDENTIALS);
  assert_says(error, "empty");
}

static void test_deadline(void **state)
{
  (void)state;
  Stack s;
  Credential credential;
  Error error;
  ZooCalls *calls = zoo();
  stack_init(&s);
  SnapshotStackEntry *first = stack_add(&s, "slow", "script", "get=3|sleep-ms=60|" GIVES);
  stack_add(&s, "next", "script", GIVES);
  assert_int_equal(stack_get(&s, zoo_dir, clock_monotonic_ms(), &credential, &error),
                   THRED_E_TIMEOUT);
  assert_says(error, "slow: not asked, the time ran out");
  assert_int_equal(calls->open, 0);
  assert_int_equal(stack_get(&s, zoo_dir, clock_monotonic_ms() + 30, &credential, &error),
                   THRED_E_TIMEOUT);
  assert_string_equal(error.message, "slow: is busy or cannot be reached now; next: not asked, the "
                                     "time ran out");
  assert_int_equal(calls->get, 1);

  stack_init(&s);
  first = stack_add(&s, "slow", "script", "sleep-ms=60|" GIVES);
  first->action[THRED_CREDENTIAL_SUCCESS] = SNAPSHOT_ACTION_CONTINUE;
  stack_add(&s, "next", "script", GIVES);
  assert_int_equal(stack_get(&s, zoo_dir, clock_monotonic_ms() + 30, &credential, &error),
                   THRED_OK);
  assert_string_equal(credential.api_key, SECRET);
}

/* What the cache cannot tell from another credential is not asked, even if it would deliver. */
static void test_unidentified(void **state)
{
  (void)state;
  Stack s;
  Credential credential;
  Error error;
  ZooCalls *calls = zoo();
  stack_init(&s);
  stack_add(&s, "a", "script", GIVES)->unidentified = 1;
  assert_true(snapshot_is_provisional(&s.header));
  assert_int_equal(stack_get(&s, zoo_dir, SOON, &credential, &error), THRED_E_CREDENTIALS);
  assert_says(error, "a: it could not be used when the configuration was read");
  assert_int_equal(calls->open, 0);
  stack_add(&s, "b", "script-local", "uuid=x|key=other");
  assert_int_equal(stack_get(&s, zoo_dir, SOON, &credential, &error), THRED_OK);
  assert_string_equal(credential.api_key, "other");
}

/* ---- those that do not come back ---- */

#define HANGS "sleep-ms=900|" GIVES

static void expect_hanging(const char *options)
{
  Stack s;
  Credential credential;
  Error error;
  stack_init(&s);
  stack_add(&s, "lost", "script", options);
  stack_add(&s, "good", "script-local", GIVES);
  int64_t since = clock_monotonic_ms();
  assert_int_equal(stack_get(&s, zoo_dir, since + 600, &credential, &error), THRED_OK);
  assert_string_equal(credential.api_key, SECRET);
  assert_true(clock_monotonic_ms() - since < 900);
  /* While it hangs nobody waits for it again. */
  s.header.stack.count = 1;
  assert_int_equal(stack_get(&s, zoo_dir, SOON, &credential, &error), THRED_E_CREDENTIALS);
  assert_string_equal(error.message, "lost: the module 'script' still hangs in an earlier call");
  assert_true(is_clear(&credential));
  while (stack_get(&s, zoo_dir, SOON, &credential, &error) != THRED_OK)
    assert_true(clock_monotonic_ms() - since < 60000);
  assert_string_equal(credential.api_key, SECRET);
}

static void test_hanging(void **state)
{
  (void)state;
  expect_hanging(HANGS);
  expect_hanging("sleep-in=open|" HANGS);
}

static void test_hanging_alone(void **state)
{
  (void)state;
  Stack s;
  Credential credential;
  Error error;
  stack_init(&s);
  stack_add(&s, "lost", "script", HANGS);
  assert_int_equal(stack_get(&s, zoo_dir, clock_monotonic_ms() + 100, &credential, &error),
                   THRED_E_CREDENTIALS);
  assert_string_equal(error.message,
                      "lost: the module 'script' is broken: it had not come back 250 "
                      "ms after its deadline");
  while (stack_get(&s, zoo_dir, SOON, &credential, &error) != THRED_OK)
    ;
}

static void test_hanging_identity(void **state)
{
  (void)state;
  const ThredModuleOption options[] = {{"sleep-ms", "3000", "50-test.conf", 1},
                                       {"sleep-in", "identity", "50-test.conf", 2}};
  Error error = ERROR_INIT;
  int64_t since = clock_monotonic_ms();
  assert_int_equal(credentials_identity(zoo_dir, "script", options, 2, 0, each_fails, NULL, &error),
                   THRED_CREDENTIAL_UNAVAIL);
  assert_says(error, "had not come back");
  assert_true(clock_monotonic_ms() - since < 3000);
}

/* ---- told of a refusal ---- */

static void remember_answer(const CredentialsAnswer *answer, void *data)
{
  char *text = data;
  size_t used = strlen(text);
  snprintf(text + used, 512 - used, "%s/%s %d %d %s;", answer->name, answer->module,
           (int)answer->status, answer->returns, answer->said);
}

static void test_refused(void **state)
{
  (void)state;
  Stack s;
  Credential credential;
  Error error = ERROR_INIT;
  stack_init(&s);
  stack_add(&s, "a", "script-local", "echo=yes|" GIVES);
  CredentialsQuestion question = stack_question(&s, 1, zoo_dir);
  assert_int_equal(credentials_get(&question, &credential, &error), THRED_OK);
  assert_string_equal(credential.api_key, "first");
  question.refused = 1;
  assert_int_equal(credentials_get(&question, &credential, &error), THRED_OK);
  assert_string_equal(credential.api_key, "refused");
}

static void test_each_is_told(void **state)
{
  (void)state;
  Stack s;
  char text[512] = "";
  Credential credential;
  Error error = ERROR_INIT;
  stack_init(&s);
  stack_add(&s, "empty", "script-local", "get=1");
  stack_add(&s, "busy", "script-local", "get=3|message=told");
  stack_add(&s, "full", "script-local", GIVES);
  stack_add(&s, "later", "script-local", "get=2");
  CredentialsQuestion question = stack_question(&s, 4, zoo_dir);
  question.each = remember_answer;
  question.each_data = text;
  assert_int_equal(credentials_get(&question, &credential, &error), THRED_OK);
  assert_string_equal(text, "empty/script-local 1 0 holds no credential;busy/script-local 3 0 told;"
                            "full/script-local 0 1 ;");
  text[0] = 0;
  credentials_ask_all(&question);
  assert_string_equal(text, "empty/script-local 1 0 holds no credential;busy/script-local 3 0 told;"
                            "full/script-local 0 1 ;later/script-local 2 0 cannot be used;");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_statuses),
      cmocka_unit_test(test_delivery),
      cmocka_unit_test(test_limits),
      cmocka_unit_test(test_messages_are_tamed),
      cmocka_unit_test(test_every_source_is_named),
      cmocka_unit_test(test_identities),
      cmocka_unit_test(test_identity_statuses),
      cmocka_unit_test(test_actions),
      cmocka_unit_test(test_empty_stack),
      cmocka_unit_test(test_deadline),
      cmocka_unit_test(test_unidentified),
      cmocka_unit_test(test_refused),
      cmocka_unit_test(test_each_is_told),
      cmocka_unit_test(test_hanging),
      cmocka_unit_test(test_hanging_alone),
      cmocka_unit_test(test_hanging_identity), /* which hangs on, so it is the last */
  };
  return cmocka_run_group_tests_name("credentials", tests, set_up, fixture_tear_down);
}
