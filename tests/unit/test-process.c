/* SPDX-License-Identifier: MIT */
/* lib/process and lib/secure: the environment, paths, whose files are taken, locks across fork.
 * Linked with --wrap=getauxval, so that a test can be setuid. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "lib/process.h"
#include "lib/secure.h"
#include "tests/unit/child.h"

#define SOMEBODY 65534

static unsigned long at_secure;

unsigned long __wrap_getauxval(unsigned long type);
unsigned long __real_getauxval(unsigned long type);

unsigned long __wrap_getauxval(unsigned long type)
{
  return type == AT_SECURE ? at_secure : __real_getauxval(type);
}

static const char *const variables[] = {"THRED_CONF_DIR",   "THRED_MODULE_DIR", "THRED_DISABLE",
                                        "THRED_TEST_VALUE", "XDG_CONFIG_HOME",  "HOME"};

typedef struct {
  char dir[64];
  char path[96];
} Place;

static int setup(void **state)
{
  for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
    unsetenv(variables[i]);
  at_secure = 0;
  Place *place = calloc(1, sizeof *place);
  strcpy(place->dir, "/tmp/thred-process-XXXXXX");
  if (!mkdtemp(place->dir) || chmod(place->dir, 0755))
    return -1;
  snprintf(place->path, sizeof place->path, "%s/it", place->dir);
  *state = place;
  return 0;
}

static int teardown(void **state)
{
  Place *place = *state;
  at_secure = 0;
  remove(place->path);
  int result = rmdir(place->dir);
  free(place);
  return result;
}

/* ---- the environment ---- */

static void environment_values(void **state)
{
  (void)state;
  assert_null(process_env("THRED_TEST_VALUE"));
  setenv("THRED_TEST_VALUE", "", 1);
  assert_null(process_env("THRED_TEST_VALUE"));
  setenv("THRED_TEST_VALUE", "a b", 1);
  assert_string_equal(process_env("THRED_TEST_VALUE"), "a b");
  assert_false(process_at_secure());
  at_secure = 1;
  assert_true(process_at_secure());
  assert_null(process_env("THRED_TEST_VALUE"));
}

static void disabled(void **state)
{
  (void)state;
  static const struct {
    const char *value;
    bool disabled;
  } cases[] = {{NULL, false}, {"", false},    {"0", false},  {"1", true},
               {"11", false}, {"yes", false}, {" 1", false}, {"1 ", false}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    if (cases[i].value)
      setenv("THRED_DISABLE", cases[i].value, 1);
    assert_int_equal(process_disabled(), cases[i].disabled);
  }
  setenv("THRED_DISABLE", "1", 1);
  at_secure = 1;
  assert_false(process_disabled());
}

/* ---- the variables of each request ---- */

#define BUSINESS "THRED_BUSINESS_ID"

/* A look that has been made before tells the same as one that is made now. */
static void assert_looks(ProcessVariables *seen, bool disabled, const char *business)
{
  process_look(seen);
  assert_int_equal(process_disabled(), disabled);
  assert_int_equal(process_says_disabled(seen), disabled);
  if (business)
    assert_string_equal(process_says_business(seen), business);
  else
    assert_null(process_says_business(seen));
}

static void looked_at_again(void **state)
{
  (void)state;
  ProcessVariables seen = {0};
  char entry[] = BUSINESS "=of-putenv";
  unsetenv("THRED_DISABLE");
  assert_looks(&seen, false, NULL);
  setenv("THRED_DISABLE", "1", 1);
  assert_looks(&seen, true, NULL);
  setenv("THRED_DISABLE", "0", 1);
  assert_looks(&seen, false, NULL);
  setenv(BUSINESS, "one", 1);
  assert_looks(&seen, false, "one");
  setenv(BUSINESS, "two", 1);
  assert_looks(&seen, false, "two");
  setenv("THRED_TEST_VALUE", "another", 1);
  assert_looks(&seen, false, "two");
  unsetenv(BUSINESS);
  assert_looks(&seen, false, NULL);
  /* The program goes on writing to what it has given to putenv(3). */
  putenv(entry);
  assert_looks(&seen, false, "of-putenv");
  memcpy(strchr(entry, '=') + 1, "in place.", 9);
  assert_looks(&seen, false, "in place.");
  strchr(entry, '=')[1] = 0;
  assert_looks(&seen, false, NULL);
  unsetenv(BUSINESS);
}

static void looked_at_another_environment(void **state)
{
  (void)state;
  ProcessVariables seen = {0};
  char **own = environ;
  char disable[] = "THRED_DISABLE=1", business[] = BUSINESS "=mine", other[] = "OTHER=1";
  char *first[] = {other, business, NULL}, *second[] = {other, disable, NULL}, *none[] = {NULL};
  environ = first;
  assert_looks(&seen, false, "mine");
  environ = second;
  assert_looks(&seen, true, NULL);
  environ = none;
  assert_looks(&seen, false, NULL);
  environ = first;
  assert_looks(&seen, false, "mine");
  memcpy(business, "OTHER=much-shorter", sizeof "OTHER=much-shorter"); /* freed, and used again */
  assert_looks(&seen, false, NULL);
  memcpy(business, BUSINESS "=", sizeof BUSINESS "=");
  seen.looked_ms -= 1000;
  assert_looks(&seen, false, NULL);
  memcpy(business + sizeof BUSINESS, "new", 4); /* was empty */
  assert_looks(&seen, false, "new");
  environ = NULL; /* clearenv(3) */
  assert_looks(&seen, false, NULL);
  environ = own;
}

/* ---- paths ---- */

static void assert_paths(const char *admin, const char *user, const char *modules,
                         const char *object)
{
  ProcessPaths paths;
  assert_true(process_paths(&paths));
  assert_string_equal(paths.origin.shipped, THRED_SHIPPED_CONF_DIR);
  assert_string_equal(paths.origin.admin, admin);
  assert_string_equal(paths.origin.modules, modules);
  assert_string_equal(paths.fetch_object, object);
  if (user)
    assert_string_equal(paths.origin.user, user);
  else
    assert_null(paths.origin.user);
  assert_int_equal(paths.origin.uid, geteuid());
  assert_int_equal(paths.origin.at_secure, at_secure);
  process_paths_clear(&paths);
  assert_null(paths.admin);
  process_paths_clear(&paths);
}

#define DEFAULTS THRED_MODULE_DIR, THRED_FETCH_OBJECT

static void default_paths(void **state)
{
  (void)state;
  if (geteuid() == 0)
    assert_paths(THRED_ADMIN_CONF_DIR, NULL, DEFAULTS);
  setenv("HOME", "/home/me", 1);
  setenv("THRED_CONF_DIR", "", 1);
  assert_paths(THRED_ADMIN_CONF_DIR, geteuid() ? "/home/me/.config/thred/conf.d" : NULL, DEFAULTS);
}

static void conf_dir_stands_for_both(void **state)
{
  (void)state;
  setenv("HOME", "/home/me", 1);
  setenv("THRED_CONF_DIR", "/some/conf.d", 1);
  assert_paths("/some/conf.d", NULL, DEFAULTS);
  at_secure = 1;
  assert_paths(THRED_ADMIN_CONF_DIR, NULL, DEFAULTS);
}

/* In a child that is not root. */
static void user_is(const char *expected)
{
  ProcessPaths paths;
  require(process_paths(&paths));
  require(expected ? paths.user && strcmp(paths.user, expected) == 0 : !paths.user);
  require(paths.origin.user == paths.user);
  require(paths.origin.uid == geteuid() && geteuid() != 0);
  process_paths_clear(&paths);
}

static void become_somebody(void)
{
  if (geteuid() != 0)
    return;
  require(setgroups(0, NULL) == 0);
  require(setresgid(SOMEBODY, SOMEBODY, SOMEBODY) == 0);
  require(setresuid(SOMEBODY, SOMEBODY, SOMEBODY) == 0);
}

static void user_paths_body(void *data)
{
  (void)data;
  become_somebody();
  user_is(NULL);
  setenv("HOME", "/home/me", 1);
  user_is("/home/me/.config/thred/conf.d");
  setenv("XDG_CONFIG_HOME", "/xdg", 1);
  user_is("/xdg/thred/conf.d");
  setenv("XDG_CONFIG_HOME", "relative", 1);
  user_is("/home/me/.config/thred/conf.d");
  setenv("XDG_CONFIG_HOME", "", 1);
  user_is("/home/me/.config/thred/conf.d");
  setenv("HOME", "me", 1);
  user_is(NULL);
  unsetenv("HOME");
  setenv("XDG_CONFIG_HOME", "/xdg", 1);
  user_is("/xdg/thred/conf.d");
  setenv("THRED_CONF_DIR", "/conf", 1);
  user_is(NULL);
  unsetenv("THRED_CONF_DIR");
  at_secure = 1;
  user_is(NULL);
}

static void user_paths(void **state)
{
  (void)state;
  child_run(user_paths_body, NULL);
}

static void module_directory(void **state)
{
  const Place *place = *state;
  char object[128];
  snprintf(object, sizeof object, "%s/../libthred-fetch.so", place->dir);
  setenv("THRED_CONF_DIR", "/conf", 1);
  setenv("THRED_MODULE_DIR", place->dir, 1);
  assert_paths("/conf", NULL, place->dir, object);
  at_secure = 1;
  assert_paths(THRED_ADMIN_CONF_DIR, NULL, DEFAULTS);
  at_secure = 0;
  static const mode_t open_modes[] = {0775, 0757, 0777, 01777};
  for (size_t i = 0; i < sizeof open_modes / sizeof *open_modes; i++) {
    assert_int_equal(chmod(place->dir, open_modes[i]), 0);
    assert_paths("/conf", NULL, DEFAULTS);
  }
  assert_int_equal(chmod(place->dir, 0755), 0);
  static const char *const not_taken[] = {"relative", ".", "/nonexistent/modules", "/dev/null",
                                          "/proc/self/exe"};
  for (size_t i = 0; i < sizeof not_taken / sizeof *not_taken; i++) {
    setenv("THRED_MODULE_DIR", not_taken[i], 1);
    assert_paths("/conf", NULL, DEFAULTS);
  }
  if (geteuid() == 0) {
    setenv("THRED_MODULE_DIR", place->dir, 1);
    assert_int_equal(chown(place->dir, SOMEBODY, 0), 0);
    assert_paths("/conf", NULL, DEFAULTS);
    assert_int_equal(chown(place->dir, 0, 0), 0);
  }
}

/* ---- whose files are taken ---- */

typedef enum { ROOT, OURS, OTHERS } Owner;

/* The rule in words, written a second time. */
static bool should_accept(SecureRule rule, Owner owner, mode_t mode)
{
  if (owner == OTHERS)
    return false;
  if (rule != SECURE_SECRET)
    return (mode & 0022) == 0;
  return (mode & 0007) == 0 && (mode & 0030) == 0 && (!(mode & 0040) || owner == ROOT);
}

static bool can_open(const char *path, int flags)
{
  int fd = open(path, O_RDONLY | O_CLOEXEC | flags);
  if (fd >= 0)
    close(fd);
  return fd >= 0;
}

/* The mode stands in the sentence, as does the path. */
static void check_sentence(const char *path, const char *why, mode_t mode)
{
  char octal[16];
  snprintf(octal, sizeof octal, "mode %04o", (unsigned)mode);
  require(strncmp(why, path, strlen(path)) == 0);
  require(strstr(why, octal) && strstr(why, "owner "));
}

static void check_open(const char *path, SecureRule rule, Owner owner, mode_t mode)
{
  struct stat st;
  char why[256] = "";
  errno = 0;
  int fd = secure_open(path, rule, &st, why, sizeof why);
  int error = errno;
  if (!can_open(path, 0)) {
    require(fd < 0 && error == EACCES && strncmp(why, path, strlen(path)) == 0);
    return;
  }
  if ((fd >= 0) != should_accept(rule, owner, mode)) {
    fprintf(stderr, "rule %d, owner %d, mode %04o: %s\n", (int)rule, (int)owner, (unsigned)mode,
            why);
    require(!"what the rule says");
  }
  if (fd < 0) {
    require(error == EPERM);
    check_sentence(path, why, mode);
    return;
  }
  require((st.st_mode & 07777) == mode && why[0] == 0);
  require(fcntl(fd, F_GETFD) & FD_CLOEXEC);
  close(fd);
}

typedef struct {
  const char *path;
  Owner owner;
  SecureRule rule;
  bool as_root;
  _Atomic(int) mode; /* the next one is set; the child has looked at it when it is back to -1 */
} Matrix;

static void matrix_body(void *data)
{
  Matrix *m = data;
  const struct timespec pause = {0, 20000};
  if (!m->as_root)
    become_somebody();
  for (int mode; (mode = atomic_load(&m->mode)) != -2; nanosleep(&pause, NULL))
    if (mode >= 0) {
      check_open(m->path, m->rule, m->owner, (mode_t)mode);
      atomic_store(&m->mode, -1);
    }
}

static void set_owner(const char *path, Owner owner, bool as_root)
{
  uid_t uid = owner == ROOT ? 0 : owner == OTHERS ? 4242 : as_root ? 0 : SOMEBODY;
  assert_int_equal(chown(path, geteuid() ? (uid_t)-1 : uid, (gid_t)-1), 0);
}

/* Every mode of nine bits, and the three above them. */
static void check_matrix(const char *path, SecureRule rule, Owner owner, bool as_root)
{
  Matrix *m = child_shared(sizeof *m);
  *m = (Matrix){path, owner, rule, as_root, -1};
  set_owner(path, owner, as_root);
  pid_t pid = child_start(matrix_body, m);
  for (int mode = 0; mode < 01000 + 7; mode++) {
    mode_t real = (mode_t)(mode < 01000 ? mode : 0600 | (mode - 0777) << 9);
    assert_int_equal(chmod(path, real), 0);
    atomic_store(&m->mode, (int)real);
    for (int spins = 0; atomic_load(&m->mode) != -1; spins++) {
      const struct timespec pause = {0, 20000};
      nanosleep(&pause, NULL);
      if (spins > 200000)
        fail_msg("the child is gone at mode %04o", (unsigned)real);
    }
  }
  atomic_store(&m->mode, -2);
  assert_int_equal(child_wait(pid), 0);
}

static void modes_and_owners(const char *path, SecureRule rule)
{
  if (geteuid() != 0) {
    check_matrix(path, rule, OURS, false);
    return;
  }
  for (int owner = ROOT; owner <= OTHERS; owner++) {
    check_matrix(path, rule, (Owner)owner, false);
    if (owner != OURS)
      check_matrix(path, rule, (Owner)owner, true);
  }
}

static void secure_config(void **state)
{
  const Place *place = *state;
  close(open(place->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
  modes_and_owners(place->path, SECURE_CONFIG);
}

static void secure_secret(void **state)
{
  const Place *place = *state;
  close(open(place->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  modes_and_owners(place->path, SECURE_SECRET);
}

static void secure_directory(void **state)
{
  const Place *place = *state;
  assert_int_equal(mkdir(place->path, 0755), 0);
  modes_and_owners(place->path, SECURE_DIRECTORY);
}

static int make_socket(const char *path)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int result = bind(fd, (struct sockaddr *)&address, sizeof address);
  close(fd);
  return result;
}

/* What stands at the path; and which rule takes it. */
static void types(void **state)
{
  const Place *place = *state;
  enum { FILE_, DIRECTORY_, FIFO_, SOCKET_, NULL_, LINK_TO_FILE, LINK_TO_NOTHING, LOOP, ABSENT };
  static const bool accepted[][3] = {/* config, directory, secret */
                                     [FILE_] = {true, false, true},
                                     [DIRECTORY_] = {false, true, false},
                                     [LINK_TO_FILE] = {true, false, false},
                                     [ABSENT] = {false, false, false}};
  for (int type = FILE_; type <= ABSENT; type++) {
    int made = type == FILE_             ? close(open(place->path, O_CREAT | O_WRONLY, 0600))
               : type == DIRECTORY_      ? mkdir(place->path, 0700)
               : type == FIFO_           ? mkfifo(place->path, 0600)
               : type == SOCKET_         ? make_socket(place->path)
               : type == NULL_           ? symlink("/dev/null", place->path)
               : type == LINK_TO_FILE    ? symlink("/proc/self/status", place->path)
               : type == LINK_TO_NOTHING ? symlink("nothing", place->path)
               : type == LOOP            ? symlink("it", place->path)
                                         : 0;
    assert_int_equal(made, 0);
    for (int rule = SECURE_CONFIG; rule <= SECURE_SECRET; rule++) {
      struct stat st;
      char why[256] = "";
      int fd = secure_open(place->path, (SecureRule)rule, &st, why, sizeof why);
      if ((fd >= 0) != accepted[type][rule])
        fail_msg("type %d, rule %d: %s", type, rule, why);
      if (fd >= 0)
        close(fd);
      else
        assert_non_null(strstr(why, place->path));
    }
    remove(place->path);
  }
}

/* A sentence that does not fit is cut, not written on. */
static void short_sentence(void **state)
{
  const Place *place = *state;
  struct stat st;
  char why[8];
  assert_int_equal(secure_open(place->path, SECURE_CONFIG, &st, why, sizeof why), -1);
  assert_int_equal(errno, ENOENT);
  assert_int_equal(strlen(why), sizeof why - 1);
  assert_int_equal(secure_open("/dev/null", SECURE_CONFIG, &st, why, sizeof why), -1);
  assert_int_equal(errno, EPERM);
  secure_wipe(NULL, 10);
  secure_wipe(why, sizeof why);
  assert_memory_equal(why, "\0\0\0\0\0\0\0\0", sizeof why);
}

/* ---- locks ---- */

static ProcessLock held = PROCESS_LOCK_INIT, other = PROCESS_LOCK_INIT, unused = PROCESS_LOCK_INIT;
static _Atomic(int) holding, may_end;

static void *hold(void *data)
{
  process_lock(data);
  atomic_store(&holding, 1);
  child_await(&may_end, 1);
  process_unlock(data);
  return NULL;
}

static void locks_all(void *data)
{
  (void)data;
  for (int i = 0; i < 3; i++) {
    process_lock(&held);
    process_lock(&other);
    process_lock(&unused);
    require(pthread_mutex_trylock(&held.mutex) != 0);
    process_unlock(&unused);
    process_unlock(&other);
    process_unlock(&held);
  }
}

/* The parent had a thread that these do not have, which LeakSanitizer would look for. */
static void locks_all_in_grandchild(void *data)
{
  locks_all(data);
  _exit(0);
}

static void locks_all_in_child(void *data)
{
  pid_t pid = child_start(locks_all_in_grandchild, data);
  require(pid > 0 && child_wait(pid) == 0);
  locks_all(data);
  _exit(0);
}

static void lock_in_a_child(void **state)
{
  (void)state;
  pthread_t thread;
  process_lock(&other);
  process_unlock(&other);
  assert_int_equal(pthread_create(&thread, NULL, hold, &held), 0);
  assert_true(child_await(&holding, 1));
  process_lock(&other); /* held by the thread that forks: the child's is free, too */
  child_run(locks_all_in_child, NULL);
  process_unlock(&other);
  /* The parent's is still held by its thread. */
  assert_int_not_equal(pthread_mutex_trylock(&held.mutex), 0);
  atomic_store(&may_end, 1);
  assert_int_equal(pthread_join(thread, NULL), 0);
  locks_all(NULL);
}

static ProcessLock counted = PROCESS_LOCK_INIT;
static int count;

static void *count_up(void *data)
{
  (void)data;
  for (int i = 0; i < 20000; i++) {
    process_lock(&counted);
    count++;
    process_unlock(&counted);
  }
  return NULL;
}

static void lock_excludes(void **state)
{
  (void)state;
  pthread_t threads[4];
  for (size_t i = 0; i < 4; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, count_up, NULL), 0);
  for (size_t i = 0; i < 4; i++)
    pthread_join(threads[i], NULL);
  assert_int_equal(count, 80000);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(environment_values), TEST(disabled),
      TEST(looked_at_again),    TEST(looked_at_another_environment),
      TEST(default_paths),      TEST(conf_dir_stands_for_both),
      TEST(user_paths),         TEST(module_directory),
      TEST(secure_config),      TEST(secure_secret),
      TEST(secure_directory),   TEST(types),
      TEST(short_sentence),     TEST(lock_in_a_child),
      TEST(lock_excludes),
  };
  return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}
