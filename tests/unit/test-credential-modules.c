/* SPDX-License-Identifier: MIT */
/* The modules that are shipped, through the stack that loads them. */
#include "tests/unit/credentials-fixture.h"

#include <sys/wait.h>

#define REAL   "THRED_TEST_REAL_MODULES"
#define UUID   "3c90c3cc-0d44-4b50-8888-8dd25736052a"
#define SECRET "s3cret-api-key"
#define U      "THRED_PARTNER_UUID"
#define K      "THRED_API_KEY"
#define BOTH   U "=" UUID "\n" K "=" SECRET "\n"

static char module_dir[PATH_SIZE];

static int set_up(void **state)
{
  if (fixture_set_up(state))
    return -1;
  module_dir_with("real", REAL, "env");
  snprintf(module_dir, sizeof module_dir, "%s", module_dir_with("real", REAL, "file"));
  return 0;
}

/* Runs one module. The sentence says nothing of the secret, whatever happened. */
static int run(const char *module, const char *options, int at_secure, Credential *credential,
               Error *error)
{
  Stack s;
  stack_init(&s);
  stack_add(&s, module, module, options);
  CredentialsQuestion question = stack_question(&s, 1, module_dir);
  question.at_secure = at_secure;
  *error = (Error)ERROR_INIT;
  int code = credentials_get(&question, credential, error);
  assert_silent_about(*error, "s3cret");
  assert_silent_about(*error, UUID);
  return code;
}

/* Which status it was, seen from outside: the one whose "return" keeps the second source away. */
static ThredCredentialStatus status_of(const char *module, const char *options, int at_secure)
{
  Stack s;
  Credential credential;
  Error error = ERROR_INIT;
  for (int status = 1; status < 4; status++) {
    stack_init(&s);
    SnapshotStackEntry *first = stack_add(&s, "first", module, options);
    stack_add(&s, "second", "absent", NULL);
    first->action[status] = SNAPSHOT_ACTION_RETURN;
    CredentialsQuestion question = stack_question(&s, 2, module_dir);
    question.at_secure = at_secure;
    int code = credentials_get(&question, &credential, &error);
    if (code == THRED_OK)
      return THRED_CREDENTIAL_SUCCESS;
    if (!strstr(error.message, "second: "))
      return (ThredCredentialStatus)status;
  }
  fail_msg("no status: %s", error.message);
  return THRED_CREDENTIAL_UNAVAIL;
}

typedef struct {
  int count;
  char text[512];
} Seen;

static void remember(ThredIdentityKind kind, const char *text, void *data)
{
  Seen *seen = data;
  size_t used = strlen(seen->text);
  seen->count++;
  snprintf(seen->text + used, sizeof seen->text - used, "%d %s;", (int)kind, text);
}

/* ---- env ---- */

static void set_variables(const char *uuid, const char *key)
{
  unsetenv(U);
  unsetenv(K);
  if (uuid)
    setenv(U, uuid, 1);
  if (key)
    setenv(K, key, 1);
}

static void test_env(void **state)
{
  (void)state;
  static const struct {
    const char *uuid, *key;
    int at_secure, status;
    const char *says;
  } cases[] = {
      {UUID, SECRET, 0, THRED_CREDENTIAL_SUCCESS, ""},
      {NULL, NULL, 0, THRED_CREDENTIAL_NOTFOUND, "env: neither " U " nor " K " is set"},
      {"", "", 0, THRED_CREDENTIAL_NOTFOUND, "neither"},
      {"", NULL, 0, THRED_CREDENTIAL_NOTFOUND, "neither"},
      {UUID, NULL, 0, THRED_CREDENTIAL_UNAVAIL, "env: " U " is set, but " K " is not set or empty"},
      {UUID, "", 0, THRED_CREDENTIAL_UNAVAIL, K " is not set or empty"},
      {NULL, SECRET, 0, THRED_CREDENTIAL_UNAVAIL,
       "env: " K " is set, but " U " is not set or empty"},
      {"", SECRET, 0, THRED_CREDENTIAL_UNAVAIL, U " is not set or empty"},
      {UUID ":", SECRET, 0, THRED_CREDENTIAL_UNAVAIL, "the partner UUID has a colon in it"},
      {UUID, SECRET "\n", 0, THRED_CREDENTIAL_UNAVAIL, "the API key has a control character"},
      {UUID, SECRET, 1, THRED_CREDENTIAL_NOTFOUND, "AT_SECURE"},
      {NULL, NULL, 1, THRED_CREDENTIAL_NOTFOUND, "AT_SECURE"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    Credential credential;
    Error error;
    set_variables(cases[i].uuid, cases[i].key);
    int code = run("env", NULL, cases[i].at_secure, &credential, &error);
    assert_int_equal(code, cases[i].status ? THRED_E_CREDENTIALS : THRED_OK);
    assert_int_equal(status_of("env", NULL, cases[i].at_secure), cases[i].status);
    assert_says(error, cases[i].says);
    if (code == THRED_OK) {
      assert_string_equal(credential.partner_uuid, UUID);
      assert_string_equal(credential.api_key, SECRET);
    }
  }
  set_variables(NULL, NULL);
}

static void test_env_open_and_identity(void **state)
{
  (void)state;
  ThredModuleOption option = {"prefix", "X_", "50-test.conf", 7};
  Seen seen = {0};
  Error error = ERROR_INIT;
  assert_int_equal(credentials_identity(module_dir, "env", &option, 1, 0, remember, &seen, &error),
                   THRED_CREDENTIAL_UNAVAIL);
  assert_string_equal(error.message,
                      "50-test.conf:7: the module env takes no options, 'prefix' is one");
  assert_int_equal(credentials_identity(module_dir, "env", NULL, 0, 0, remember, &seen, &error), 0);
  assert_string_equal(seen.text, "0 " U ";0 " K ";");
  seen = (Seen){0};
  assert_int_equal(credentials_identity(module_dir, "env", NULL, 0, 1, remember, &seen, &error), 0);
  assert_int_equal(seen.count, 0);
}

/* ---- file ---- */

static const char *path_option(const char *path)
{
  static char option[3 * PATH_SIZE];
  snprintf(option, sizeof option, "path=%s", path);
  return option;
}

typedef struct {
  const char *content;
  size_t length; /* 0: strlen */
  const char *says;
  const char *key; /* what the key is, if not SECRET */
} Content;

#define WITH_NUL "# a\0b\n" BOTH

static const Content contents[] = {
    {BOTH, 0, NULL, NULL},
    {K "=" SECRET "\n" U "=" UUID, 0, NULL, NULL},
    {"# comment\n\n  \t\n   # another = one\r\n" BOTH "\n", 0, NULL, NULL},
    {U "=" UUID "\r\n" K "=" SECRET "\r\n", 0, NULL, NULL},
    {" " U " = " UUID " \t\n\t" K "\t=\t" SECRET "  \n", 0, NULL, NULL},
    {U "=" UUID "\n" K "=\"" SECRET "\"\n", 0, NULL, "\"" SECRET "\""},
    {U "=" UUID "\n" K "=a=b#c d==\n", 0, NULL, "a=b#c d=="},
    {U "=" UUID "\n" K "=schl\xc3\xbcssel\n", 0, NULL, "schl\xc3\xbcssel"},
    {"", 0, "credentials: " U " is missing", NULL},
    {"# nothing\n", 0, "credentials: " U " is missing", NULL},
    {K "=" SECRET "\n", 0, "credentials: " U " is missing", NULL},
    {U "=" UUID "\n", 0, "credentials: " K " is missing", NULL},
    {U "=\n" K "=" SECRET, 0, "credentials:1: " U " is empty", NULL},
    {U "=" UUID "\n" K "= \t\r\n", 0, "credentials:2: " K " is empty", NULL},
    {BOTH U "=" UUID "\n", 0, "credentials:3: " U " a second time", NULL},
    {BOTH "\n" K "=" SECRET "\n", 0, "credentials:4: " K " a second time", NULL},
    {BOTH SECRET "\n", 0, "credentials:3: no '=' in the line", NULL},
    {SECRET "=x\n" BOTH, 0, "credentials:1: an unknown key", NULL},
    {"export " BOTH, 0, "credentials:1: an unknown key", NULL},
    {"thred_api_key=x\n" BOTH, 0, "credentials:1: an unknown key", NULL},
    {"=x\n" BOTH, 0, "credentials:1: an unknown key", NULL},
    {"\xef\xbb\xbf" BOTH, 0, "credentials:1: an unknown key", NULL},
    {WITH_NUL, sizeof WITH_NUL - 1, "credentials:1: a NUL byte", NULL},
    {BOTH "\0", sizeof BOTH, "credentials:3: a NUL byte", NULL},
    {U "=" UUID "\n" K "=s3cret\x01\n", 0, "the API key has a control character in it", NULL},
    {U "=" UUID "\rx\n" K "=" SECRET, 0, "the partner UUID has a control character in it", NULL},
    {U "=a:b\n" K "=" SECRET, 0, "the partner UUID has a colon in it", NULL},
};

static void test_file_contents(void **state)
{
  (void)state;
  const char *path = at("credentials");
  for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
    const Content *c = &contents[i];
    Credential credential;
    Error error;
    path =
        write_file(at("credentials"), c->content, c->length ? c->length : strlen(c->content), 0600);
    int code = run("file", path_option(path), 0, &credential, &error);
    if (code != (c->says ? THRED_E_CREDENTIALS : THRED_OK))
      fail_msg("case %zu: %d, %s", i, code, error.message);
    if (c->says) {
      assert_says(error, c->says);
      assert_int_equal(status_of("file", path_option(path), 0), THRED_CREDENTIAL_UNAVAIL);
    } else {
      assert_string_equal(credential.partner_uuid, UUID);
      assert_string_equal(credential.api_key, c->key ? c->key : SECRET);
    }
  }
}

static void test_file_size(void **state)
{
  (void)state;
  enum { LIMIT = 16 * 1024 };
  char *bytes = malloc(LIMIT + 1);
  size_t n = strlen(BOTH);
  memcpy(bytes, BOTH, n);
  memset(bytes + n, '#', LIMIT + 1 - n);
  Credential credential;
  Error error;
  const char *path = write_file(at("large"), bytes, LIMIT, 0600);
  assert_int_equal(run("file", path_option(path), 0, &credential, &error), THRED_OK);
  path = write_file(at("large"), bytes, LIMIT + 1, 0600);
  assert_int_equal(run("file", path_option(path), 0, &credential, &error), THRED_E_CREDENTIALS);
  assert_says(error, "large: is larger than 16 KiB");
  free(bytes);
}

static void assert_file(const char *path, ThredCredentialStatus status, const char *says)
{
  Credential credential;
  Error error;
  char copy[2 * PATH_SIZE];
  snprintf(copy, sizeof copy, "%s", path);
  run("file", path_option(copy), 0, &credential, &error);
  assert_int_equal(status_of("file", path_option(copy), 0), status);
  assert_says(error, says);
}

static void test_file_places(void **state)
{
  (void)state;
  write_file(at("good"), BOTH, strlen(BOTH), 0600);
  assert_file(at("good"), THRED_CREDENTIAL_SUCCESS, "");
  assert_file(at("none"), THRED_CREDENTIAL_NOTFOUND, "none: No such file or directory");
  assert_file(at("none/deeper"), THRED_CREDENTIAL_NOTFOUND, "No such file or directory");
  assert_file(at("good/deeper"), THRED_CREDENTIAL_UNAVAIL, "Not a directory");
  assert_int_equal(symlink("good", at("link")), 0);
  assert_file(at("link"), THRED_CREDENTIAL_SUCCESS, "");
  assert_int_equal(symlink("gone", at("dangling")), 0);
  assert_file(at("dangling"), THRED_CREDENTIAL_NOTFOUND, "No such file or directory");
  mkdir(at("directory"), 0700);
  assert_file(at("directory"), THRED_CREDENTIAL_UNAVAIL, "is not a regular file");
  mkfifo(at("fifo"), 0600);
  assert_file(at("fifo"), THRED_CREDENTIAL_UNAVAIL, "is not a regular file");
}

static void test_file_modes(void **state)
{
  (void)state;
  static const struct {
    mode_t mode;
    const char *says;
  } bad[] = {{0604, "is open to others"},      {0602, "is open to others"},
             {0601, "is open to others"},      {0644, "mode 0644"},
             {0620, "lets its group do more"}, {0660, "lets its group do more"},
             {0610, "lets its group do more"}};
  const char *path = write_file(at("modes"), BOTH, strlen(BOTH), 0400);
  assert_file(path, THRED_CREDENTIAL_SUCCESS, "");
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    chmod(path, bad[i].mode);
    assert_file(path, THRED_CREDENTIAL_UNAVAIL, bad[i].says);
  }
  /* a link does not hide the mode of what it leads to */
  chmod(path, 0644);
  assert_int_equal(symlink("modes", at("link-to-modes")), 0);
  assert_file(at("link-to-modes"), THRED_CREDENTIAL_UNAVAIL, "is open to others (owner");
  chmod(path, 0640);
  assert_file(path, geteuid() ? THRED_CREDENTIAL_UNAVAIL : THRED_CREDENTIAL_SUCCESS, "");
  if (geteuid() == 0) {
    assert_int_equal(chown(path, 12345, 12345), 0);
    assert_int_equal(chmod(path, 0600), 0);
    assert_file(path, THRED_CREDENTIAL_UNAVAIL, "is owned by neither root nor this user");
  }
}

static void test_file_open_and_identity(void **state)
{
  (void)state;
  static const struct {
    const char *key, *value, *says; /* NULL: fine */
    const char *identity;
  } cases[] = {
      {"path", "/etc/thred/other", NULL, "1 /etc/thred/other;"},
      {"path", "relative/file", "50-test.conf:7: path: 'relative/file' is not absolute", ""},
      {"path", "", "50-test.conf:7: path: '' is not absolute", ""},
      {"pth", "/x",
       "50-test.conf:7: the module file has no option 'pth' (it has: path, uuid-path, key-path)",
       ""},
  };
  Error error = ERROR_INIT;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    Seen seen = {0};
    ThredModuleOption option = {cases[i].key, cases[i].value, "50-test.conf", 7};
    ThredCredentialStatus status =
        credentials_identity(module_dir, "file", &option, 1, 0, remember, &seen, &error);
    assert_int_equal(status, cases[i].says ? THRED_CREDENTIAL_UNAVAIL : THRED_CREDENTIAL_SUCCESS);
    assert_string_equal(seen.text, cases[i].identity);
    if (cases[i].says)
      assert_string_equal(error.message, cases[i].says);
  }
  Seen seen = {0};
  assert_int_equal(credentials_identity(module_dir, "file", NULL, 0, 0, remember, &seen, &error),
                   0);
  assert_int_equal(strncmp(seen.text, "1 /", 3), 0);
  assert_non_null(strstr(seen.text, "/thred/credentials;"));
}

/* Under AT_SECURE a file of the caller's counts as little as the caller's environment. */
static void test_file_at_secure(void **state)
{
  (void)state;
  const char *path = write_file(at("callers"), BOTH, strlen(BOTH), 0600);
  if (geteuid() == 0)
    assert_int_equal(chown(path, 12345, 12345), 0);
  fflush(NULL);
  pid_t child = fork();
  if (child == 0) {
    Credential credential;
    Error error;
    if (geteuid() == 0 && (setgid(12345) || setuid(12345)))
      _exit(10);
    if (run("file", path_option(path), 0, &credential, &error) != THRED_OK)
      _exit(11);
    if (run("file", path_option(path), 1, &credential, &error) != THRED_E_CREDENTIALS)
      _exit(12);
    _exit(strstr(error.message, "it belongs to the calling user") ? 0 : 13);
  }
  int status = -1;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
  if (geteuid() == 0) {
    Credential credential;
    Error error;
    path = write_file(at("roots"), BOTH, strlen(BOTH), 0600);
    assert_int_equal(run("file", path_option(path), 1, &credential, &error), THRED_OK);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_env),
      cmocka_unit_test(test_env_open_and_identity),
      cmocka_unit_test(test_file_contents),
      cmocka_unit_test(test_file_size),
      cmocka_unit_test(test_file_places),
      cmocka_unit_test(test_file_modes),
      cmocka_unit_test(test_file_open_and_identity),
      cmocka_unit_test(test_file_at_secure),
  };
  return cmocka_run_group_tests_name("credential-modules", tests, set_up, fixture_tear_down);
}
