/* SPDX-License-Identifier: MIT */
/* lib/seal-key: the key of a segment in the kernel's keyring. */
#include <errno.h>
#include <keyutils.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/seal-key.h"
#include "tests/unit/child.h"
#include "tests/unit/no-keyring.h"

static const AeadKey some_key = {{"0123456789abcdef0123456789abcde"}};

/* Another one for each test, and each run. */
static void salt_of(uint8_t salt[SEAL_SALT_SIZE], unsigned number)
{
  memset(salt, 0, SEAL_SALT_SIZE);
  pid_t pid = getpid();
  memcpy(salt, &pid, sizeof pid);
  memcpy(salt + sizeof pid, &number, sizeof number);
}

static long serial_of(const uint8_t salt[SEAL_SALT_SIZE])
{
  char name[64], *end = stpcpy(name, "thred-auth:");
  for (size_t i = 0; i < SEAL_SALT_SIZE; i++)
    end += sprintf(end, "%02x", salt[i]);
  return keyctl_search(KEY_SPEC_USER_KEYRING, "user", name, 0);
}

static bool there_is_a_keyring(void)
{
  uint8_t salt[SEAL_SALT_SIZE];
  salt_of(salt, 0);
  int result = seal_key_store(salt, &some_key);
  seal_key_forget(salt);
  if (result)
    print_message("no keyring here: %s\n", strerror(result));
  return result == 0;
}

static void there_and_back(void **state)
{
  AeadKey key;
  uint8_t salt[SEAL_SALT_SIZE];
  (void)state;
  if (!there_is_a_keyring())
    skip();
  salt_of(salt, 1);
  assert_int_equal(seal_key_load(salt, &key), ENOKEY);
  assert_int_equal(seal_key_renew(salt), ENOKEY);
  assert_int_equal(seal_key_store(salt, &some_key), 0);
  assert_int_equal(seal_key_load(salt, &key), 0);
  assert_memory_equal(&key, &some_key, sizeof key);
  assert_int_equal(seal_key_renew(salt), 0);
  seal_key_forget(salt);
  assert_int_equal(seal_key_load(salt, &key), ENOKEY);
  assert_int_equal(seal_key_renew(salt), ENOKEY);
  seal_key_forget(salt); /* nothing to forget */
}

/* /proc/keys: "SERIAL FLAGS USAGE TIMEOUT PERM UID GID TYPE DESCRIPTION". */
static bool expires_within_two_hours(long serial)
{
  char line[512], timeout[32] = "";
  unsigned number;
  FILE *keys = fopen("/proc/keys", "re");
  bool found = false;
  while (keys && !found && fgets(line, sizeof line, keys))
    found = sscanf(line, "%x %*s %*s %31s", &number, timeout) == 2 && number == (unsigned)serial;
  if (keys)
    fclose(keys);
  /* "2h" or, a moment later, "119m" */
  return !keys || (found && (strcmp(timeout, "2h") == 0 || strcmp(timeout, "1h") == 0 ||
                             strcmp(timeout, "119m") == 0));
}

static void for_the_user_alone(void **state)
{
  char description[256];
  uint8_t salt[SEAL_SALT_SIZE];
  unsigned uid, gid, permissions;
  (void)state;
  if (!there_is_a_keyring())
    skip();
  salt_of(salt, 2);
  assert_int_equal(seal_key_store(salt, &some_key), 0);
  long serial = serial_of(salt);
  assert_true(serial > 0);
  assert_true(keyctl_describe((key_serial_t)serial, description, sizeof description) > 0);
  assert_int_equal(sscanf(description, "user;%u;%u;%x;", &uid, &gid, &permissions), 3);
  assert_int_equal(uid, geteuid());
  assert_int_equal(permissions, KEY_POS_VIEW | KEY_POS_READ | KEY_POS_SEARCH | KEY_POS_SETATTR |
                                    KEY_USR_VIEW | KEY_USR_READ | KEY_USR_SEARCH | KEY_USR_SETATTR);
  assert_true(expires_within_two_hours(serial));
  seal_key_forget(salt);
}

typedef struct {
  uint8_t salt[SEAL_SALT_SIZE];
  long serial;
} Known;

static void as_somebody_else(void *data)
{
  const Known *known = data;
  AeadKey key;
  require(setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0);
  require(seal_key_load(known->salt, &key) == ENOKEY);
  require(keyctl_read((key_serial_t)known->serial, (char *)&key, sizeof key) < 0);
}

static void not_for_others(void **state)
{
  Known known;
  (void)state;
  if (geteuid() != 0 || !there_is_a_keyring())
    skip();
  salt_of(known.salt, 3);
  assert_int_equal(seal_key_store(known.salt, &some_key), 0);
  known.serial = serial_of(known.salt);
  child_run(as_somebody_else, &known);
  seal_key_forget(known.salt);
}

/* A service has a session keyring of its own, from which none of the user's keys can be reached
 * (systemd.exec(5), KeyringMode=private). */
static void in_a_session_of_its_own(void *data)
{
  AeadKey key;
  require(keyctl_join_session_keyring(NULL) >= 0);
  require(seal_key_load(data, &key) == 0 && memcmp(&key, &some_key, sizeof key) == 0);
  require(seal_key_renew(data) == 0);
}

static void for_a_service_too(void **state)
{
  uint8_t salt[SEAL_SALT_SIZE];
  (void)state;
  if (!there_is_a_keyring())
    skip();
  salt_of(salt, 4);
  assert_int_equal(seal_key_store(salt, &some_key), 0);
  child_run(in_a_session_of_its_own, salt);
  seal_key_forget(salt);
}

/* A service makes it as well, not only finds it: it is the first to come after a boot. */
static void made_in_a_session_of_its_own(void *data)
{
  AeadKey key;
  require(keyctl_join_session_keyring(NULL) >= 0);
  require(seal_key_store(data, &some_key) == 0);
  require(seal_key_load(data, &key) == 0 && memcmp(&key, &some_key, sizeof key) == 0);
  require(expires_within_two_hours(serial_of(data)));
}

static void by_a_service_too(void **state)
{
  AeadKey key;
  uint8_t salt[SEAL_SALT_SIZE];
  (void)state;
  if (!there_is_a_keyring())
    skip();
  salt_of(salt, 9);
  child_run(made_in_a_session_of_its_own, salt);
  assert_int_equal(seal_key_load(salt, &key), 0);
  seal_key_forget(salt);
}

/* ---- what stays in the program ---- */

/* NULL: this thread has no keyring of its own. */
static void *own_keyring(void *data)
{
  long ring = keyctl_get_keyring_ID(KEY_SPEC_THREAD_KEYRING, 0);
  return ring < 0 && errno == ENOKEY ? NULL : data;
}

/* In a fresh process: no other test has made a key there. */
static void and_begins_threads(void *data)
{
  static char some;
  pthread_t thread;
  void *found = &some;
  require(seal_key_store(data, &some_key) == 0);
  require(!own_keyring(&some));
  require(pthread_create(&thread, NULL, own_keyring, &some) == 0);
  require(pthread_join(thread, &found) == 0 && !found);
}

/* The keys of a user are counted, and a program may have hundreds of threads. */
static void threads_get_no_keyrings(void **state)
{
  uint8_t salt[SEAL_SALT_SIZE];
  (void)state;
  if (!there_is_a_keyring())
    skip();
  salt_of(salt, 11);
  child_run(and_begins_threads, salt);
  seal_key_forget(salt);
}

/* ---- who makes it dies ---- */

static void may_be_traced(void *data)
{
  (void)data;
  _exit(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 ? 0 : 1);
}

static void traced(void *data)
{
  require(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0);
  raise(SIGSTOP);
  _exit(seal_key_store(data, &some_key));
}

/* Goes on to its `stop`th entry or exit of a system call and is killed there. False: it had ended
 * before. */
static bool kill_at(unsigned stop, uint8_t salt[SEAL_SALT_SIZE])
{
  int status;
  pid_t pid = child_start(traced, salt);
  for (unsigned i = 0; i <= stop; i++) {
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!WIFSTOPPED(status)) {
      assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
      return false;
    }
    if (i < stop)
      assert_int_equal(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
  }
  kill(pid, SIGKILL);
  assert_int_equal(waitpid(pid, &status, 0), pid);
  return true;
}

/* At no step does it leave one that does not expire. */
static void killed_at_each_step(void **state)
{
  uint8_t salt[SEAL_SALT_SIZE];
  unsigned stop = 0, left = 0;
  (void)state;
  if (!there_is_a_keyring() || child_wait(child_start(may_be_traced, NULL)) != 0)
    skip();
  salt_of(salt, 10);
  for (bool killed = true; killed; stop++) {
    killed = kill_at(stop, salt);
    const long serial = serial_of(salt);
    if (serial > 0) {
      left++;
      assert_true(expires_within_two_hours(serial));
      keyctl_unlink((key_serial_t)serial, KEY_SPEC_USER_KEYRING);
    }
  }
  assert_in_range(stop, 10, 100);
  assert_in_range(left, 1, stop - 1);
}

/* The keyring would be the real user's. */
static void with_two_users(void *data)
{
  AeadKey key;
  require(setresuid(0, 65534, 0) == 0);
  require(seal_key_store(data, &some_key) == EPERM);
  require(seal_key_load(data, &key) == EPERM && seal_key_renew(data) == EPERM);
  _exit(0); /* LeakSanitizer may not look at a process that changed its user */
}

static void not_while_the_user_is_changed(void **state)
{
  uint8_t salt[SEAL_SALT_SIZE];
  (void)state;
  if (geteuid() != 0)
    skip();
  salt_of(salt, 5);
  child_run(with_two_users, salt);
}

static void forbidden(void *data)
{
  AeadKey key;
  require(no_keyring(NO_KEYRING_EPERM));
  require(seal_key_store(data, &some_key) == EPERM);
  require(seal_key_load(data, &key) == EPERM && seal_key_renew(data) == EPERM);
  seal_key_forget(data);
}

static void what_a_container_answers(void **state)
{
  uint8_t salt[SEAL_SALT_SIZE];
  (void)state;
  salt_of(salt, 6);
  child_run(forbidden, salt);
}

static void expired_or_revoked(void **state)
{
  AeadKey key;
  uint8_t salt[SEAL_SALT_SIZE];
  (void)state;
  if (!there_is_a_keyring())
    skip();
  salt_of(salt, 7);
  assert_int_equal(seal_key_store(salt, &some_key), 0);
  assert_int_equal(keyctl_revoke((key_serial_t)serial_of(salt)), 0);
  assert_int_equal(seal_key_load(salt, &key), ENOKEY);
  assert_int_equal(seal_key_renew(salt), ENOKEY);
  seal_key_forget(salt);
}

/* Somebody else's key under this name is none of a segment's. */
static void of_another_size(void **state)
{
  AeadKey key;
  char name[64], *end = stpcpy(name, "thred-auth:");
  uint8_t salt[SEAL_SALT_SIZE];
  (void)state;
  if (!there_is_a_keyring())
    skip();
  salt_of(salt, 8);
  for (size_t i = 0; i < SEAL_SALT_SIZE; i++)
    end += sprintf(end, "%02x", salt[i]);
  for (size_t size = 1; size <= 64; size += 63) {
    static const char bytes[64];
    assert_true(add_key("user", name, bytes, size, KEY_SPEC_USER_KEYRING) > 0);
    assert_int_equal(seal_key_load(salt, &key), ENOKEY);
  }
  seal_key_forget(salt);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(there_and_back),           cmocka_unit_test(for_the_user_alone),
      cmocka_unit_test(not_for_others),           cmocka_unit_test(for_a_service_too),
      cmocka_unit_test(by_a_service_too),         cmocka_unit_test(threads_get_no_keyrings),
      cmocka_unit_test(killed_at_each_step),      cmocka_unit_test(not_while_the_user_is_changed),
      cmocka_unit_test(what_a_container_answers), cmocka_unit_test(expired_or_revoked),
      cmocka_unit_test(of_another_size),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
