/* SPDX-License-Identifier: MIT */
#include "tests/unit/credentials-fixture.h"

#include <json-c/json.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

#define ZOO    "THRED_TEST_MODULES"
#define UUID   "3c90c3cc-0d44-4b50-8888-8dd25736052a"
#define SECRET "s3cret-api-key"
#define GIVES  "uuid=" UUID "|key=" SECRET

static void test_module_path(void **state)
{
  (void)state;
  static const char *const refused[] = {"",    "a.b", "../x",        "a/b", "A",
                                        "a b", ".so", "caf\xc3\xa9", "a\n", "-x/"};
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
    assert_null(credentials_module_path("/dir", refused[i]));
  assert_null(credentials_module_path("/dir", NULL));
  assert_null(credentials_module_path(NULL, "env"));
  char *path = credentials_module_path("/dir", "a-b_9");
  assert_string_equal(path, "/dir/a-b_9.so");
  free(path);
}

static void each_fails(ThredIdentityKind kind, const char *text, void *data)
{
  (void)data;
  fail_msg("identity %d: %s", (int)kind, text);
}

/* Both ways in refuse it with the same sentence, which names the file. */
static void assert_not_loaded(const char *dir, const char *module, const char *says)
{
  Error error = ERROR_INIT;
  Credential credential;
  Stack s;
  stack_init(&s);
  stack_add(&s, "word", module, NULL);
  assert_int_equal(stack_get(&s, dir, SOON, &credential, &error), THRED_E_CREDENTIALS);
  assert_int_equal(credential.api_key_length, 0);
  assert_says(error, says);
  assert_says(error, "word: ");
  assert_int_equal(credentials_identity(dir, module, NULL, 0, 0, each_fails, NULL, &error),
                   THRED_CREDENTIAL_UNAVAIL);
  assert_int_equal(error.code, THRED_E_CREDENTIALS);
  assert_says(error, says);
}

/* In front of json-c's, which the module `taken` means. */
__attribute__((visibility("default"))) json_object *json_object_new_int64(int64_t number)
{
  (void)number;
  abort();
}

static void test_broken_descriptors(void **state)
{
  (void)state;
  static const struct {
    const char *module, *says;
  } cases[] = {
      {"abi", "abi.so: is for module ABI 2, this library has 1"},
      {"size", "size.so: its descriptor has "},
      {"symbol", "symbol.so: is no credential module: it has no symbol thred_credential_module"},
      {"wrong-name", "wrong-name.so: calls itself 'another', not 'wrong-name'"},
      {"no-name", "no-name.so: calls itself '', not 'no-name'"},
      {"no-open", "no-open.so: has no operation 'open'"},
      {"no-identity", "no-identity.so: has no operation 'identity'"},
      {"no-get", "no-get.so: has no operation 'get'"},
      {"no-close", "no-close.so: has no operation 'close'"},
      {"flags", "flags.so: has flags that this library does not know (0x80000000)"},
      {"taken", "taken.so: cannot be used here: json_object_new_int64 of "},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    module_dir_with("broken", ZOO, cases[i].module);
    assert_not_loaded(at("broken"), cases[i].module, cases[i].says);
  }
}

static void test_not_loadable(void **state)
{
  (void)state;
  module_dir_with("odd", ZOO, NULL);
  write_file(at("odd/text.so"), "not an object", 13, 0644);
  assert_not_loaded(at("odd"), "text", "odd/text.so: cannot be loaded: ");
  assert_not_loaded(at("odd"), "missing", "odd/missing.so: No such file or directory");
  mkdir(at("odd/dir.so"), 0755);
  assert_not_loaded(at("odd"), "dir", "is not a regular file");
  mkfifo(at("odd/fifo.so"), 0644);
  assert_not_loaded(at("odd"), "fifo", "is not a regular file");
  assert_int_equal(symlink("loop.so", at("odd/loop.so")), 0);
  assert_not_loaded(at("odd"), "loop", "loop.so: Too many levels of symbolic links");
  assert_not_loaded(at("nowhere"), "script", "nowhere: No such file or directory");
  assert_not_loaded(at("odd/text.so"), "script", "Not a directory");
  assert_not_loaded("zoo", "script", "'zoo' is not an absolute path");
  assert_not_loaded("", "script", "is not an absolute path");
  assert_not_loaded(at("odd"), "../zoo/script", "is no module name");
}

static void test_modes_and_owners(void **state)
{
  (void)state;
  module_dir_with("modes", ZOO, "script");
  const char *dir = at("modes"), *file = at("modes/script.so");
  static const mode_t bad_modes[] = {0775, 0757, 0777, 01777};
  for (size_t i = 0; i < 4; i++) {
    assert_int_equal(chmod(dir, bad_modes[i]), 0);
    assert_not_loaded(dir, "script", "modes: refused: it is writable by group or others");
  }
  chmod(dir, 0755);
  chmod(file, 0664);
  assert_not_loaded(dir, "script", "script.so: refused: it is writable by group or others");
  chmod(file, 0646);
  assert_not_loaded(dir, "script", "mode 0646)");
  chmod(file, 0755);
  if (geteuid() == 0) {
    assert_int_equal(chown(file, 12345, 0), 0);
    assert_not_loaded(dir, "script", "is owned by neither root nor this user (owner 12345");
    assert_int_equal(chown(file, 0, 0), 0);
    assert_int_equal(chown(dir, 12345, 0), 0);
    assert_not_loaded(dir, "script", "is owned by neither root nor this user (owner 12345");
    assert_int_equal(chown(dir, 0, 0), 0);
  }
  Error error;
  Credential credential;
  Stack s;
  stack_init(&s);
  stack_add(&s, "word", "script", GIVES);
  assert_int_equal(stack_get(&s, dir, SOON, &credential, &error), THRED_OK);
}

/* A link is followed, and where it leads is judged, the directory there included. */
static void test_links(void **state)
{
  (void)state;
  module_dir_with("target", ZOO, "script");
  module_dir_with("links", ZOO, NULL);
  assert_int_equal(symlink("../target/script.so", at("links/script.so")), 0);
  chmod(at("target"), 0777);
  assert_not_loaded(at("links"), "script", "target: refused: it is writable by group or others");
  chmod(at("target"), 0755);
  chmod(at("target/script.so"), 0666);
  assert_not_loaded(at("links"), "script", "target/script.so: refused");
  chmod(at("target/script.so"), 0755);
  Error error;
  Credential credential;
  Stack s;
  stack_init(&s);
  stack_add(&s, "word", "script", GIVES);
  assert_int_equal(stack_get(&s, at("links"), SOON, &credential, &error), THRED_OK);
}

/* A process keeps the module it began with, wherever its link leads later. */
static void test_loaded_once(void **state)
{
  (void)state;
  Credential credential;
  Error error;
  module_dir_with("first", ZOO, "script");
  module_dir_with("once", ZOO, NULL);
  assert_int_equal(symlink("../first/script.so", at("once/script.so")), 0);
  Stack s;
  stack_init(&s);
  stack_add(&s, "a", "script", GIVES);
  assert_int_equal(stack_get(&s, at("once"), SOON, &credential, &error), THRED_OK);
  write_file(at("once/new"), "not an object", 13, 0644);
  assert_int_equal(rename(at("once/new"), at("once/script.so")), 0);
  assert_int_equal(stack_get(&s, at("once"), SOON, &credential, &error), THRED_OK);
}

/* ---- threads and fork ---- */

/* AddressSanitizer's allocator may be left locked in the child of a process with threads. */
#if defined(__SANITIZE_ADDRESS__)
#define FORKS 0
#else
#define FORKS 40
#endif

static atomic_bool stop;

static void *load_and_get(void *data)
{
  const char *dir = data;
  Stack s;
  stack_init(&s);
  stack_add(&s, "a", "script", GIVES);
  do {
    Credential credential;
    Error error = ERROR_INIT;
    const CredentialsQuestion question = stack_question(&s, 1, dir);
    if (credentials_get(&question, &credential, &error) || strcmp(credential.api_key, SECRET) != 0)
      return data; /* anything but NULL */
  } while (!atomic_load(&stop));
  return NULL;
}

static void test_threads_and_fork(void **state)
{
  (void)state;
  static char dir[2 * PATH_SIZE];
  pthread_t threads[4];
  int failures = 0;
  snprintf(dir, sizeof dir, "%s", module_dir_with("threads", ZOO, "script"));
  atomic_store(&stop, false);
  for (int i = 0; i < 4; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, load_and_get, dir), 0);
  for (int i = 0; i < FORKS; i++) {
    pid_t child = fork();
    if (child == 0) {
      alarm(20); /* a lock that another thread held at the fork would hang us */
      atomic_store(&stop, true);
      if (load_and_get(dir))
        _exit(1);
      /* No exit: a leak checker would look at what the threads that are not here had allocated. */
      raise(SIGKILL);
    }
    int status = -1;
    if (waitpid(child, &status, 0) != child || !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
      failures++;
  }
  atomic_store(&stop, true);
  for (int i = 0; i < 4; i++) {
    void *failed = NULL;
    pthread_join(threads[i], &failed);
    failures += failed != NULL;
  }
  assert_int_equal(failures, 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_module_path),
      cmocka_unit_test(test_broken_descriptors),
      cmocka_unit_test(test_not_loadable),
      cmocka_unit_test(test_modes_and_owners),
      cmocka_unit_test(test_links),
      cmocka_unit_test(test_loaded_once),
      cmocka_unit_test(test_threads_and_fork),
  };
  return cmocka_run_group_tests_name("credentials-load", tests, fixture_set_up, fixture_tear_down);
}
