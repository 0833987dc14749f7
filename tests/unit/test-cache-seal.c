/* SPDX-License-Identifier: MIT */
/* lib/cache: the sealed segment and the unsealed one; with the kernel's keyring and without. */
#include <errno.h>
#include <fcntl.h>
#include <keyutils.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/no-keyring.h"
#include "tests/unit/segment-fixture.h"

static bool file_holds(const char *path, const void *what, size_t length)
{
  struct stat st = stat_of(path);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
  require(bytes != MAP_FAILED);
  bool found = memmem(bytes, (size_t)st.st_size, what, length);
  munmap(bytes, (size_t)st.st_size);
  close(fd);
  return found;
}

/* In another program, which inherits no mapping. `part` is one of part() below. */
static int run(const char *part, SnapshotSeal seal)
{
  char number[] = {(char)('0' + seal), 0};
  pid_t pid = fork();
  if (pid == 0) {
    execl(program_invocation_name, "test-cache-seal", part, number, NULL);
    _exit(127);
  }
  return child_wait(pid);
}

/* What `seal` lets it open has the token. */
static bool another_has(SnapshotSeal seal)
{
  int status = run("has", seal);
  require(status == 0 || status == 1);
  return status == 0;
}

/* ---- with a keyring ---- */

static void in_file_unreadable(SnapshotSeal seal)
{
  Cache *cache = cache_create(64, seal);
  require(cache_is_sealed(cache) && strcmp(cache->path, segment_of(CACHE_SEALED)) == 0);
  put_some_token(cache);
  require(!file_holds(cache->path, SOME_TOKEN, 20) && !file_holds(cache->path, "nobody but", 10));
  require(!file_holds(cache->path, cache->key, sizeof *cache->key));
  require(another_has(seal));
}

SEGMENT_TEST(sealed)
{
  if (have_keyring())
    in_file_unreadable(SNAPSHOT_SEAL_AUTO);
}

SEGMENT_TEST(sealed_if_required)
{
  if (have_keyring())
    in_file_unreadable(SNAPSHOT_SEAL_REQUIRED);
}

/* `off` says that not even the keyring is asked: a sandbox may kill for it. */
static void unsealed_and_unasked(void *data)
{
  (void)data;
  require(no_keyring(NO_KEYRING_KILL));
  Cache *cache = cache_create(64, SNAPSHOT_SEAL_OFF);
  require(cache_is_shared(cache) && !cache_is_sealed(cache));
  require(strcmp(cache->path, segment_of(CACHE_UNSEALED)) == 0);
  put_some_token(cache);
  require(another_has(SNAPSHOT_SEAL_OFF));
}

SEGMENT_TEST(off_asks_nobody)
{
  child_run(unsealed_and_unasked, NULL);
}

/* A token of the one is none in the other. */
SEGMENT_TEST(two_segments)
{
  if (!have_keyring())
    return;
  Cache *unsealed = keep(cache_create(64, SNAPSHOT_SEAL_OFF));
  put_some_token(unsealed);
  Cache *sealed = keep(cache_create(64, SNAPSHOT_SEAL_AUTO));
  require(sealed != unsealed && cache_is_sealed(sealed) && !has_some_token(sealed));
  require(cache_create(64, SNAPSHOT_SEAL_OFF) == unsealed && has_some_token(unsealed));
  require(cache_create(64, SNAPSHOT_SEAL_REQUIRED) == sealed);
}

/* A copy of the file in another place, with all that a thief can know. */
SEGMENT_TEST(a_copy_is_of_no_use)
{
  if (!have_keyring())
    return;
  Cache *cache = cache_create(64, SNAPSHOT_SEAL_AUTO);
  put_some_token(cache);
  void *copy = child_shared(cache->shape.size);
  memcpy(copy, cache->header, cache->shape.size);
  Cache *stolen = keep(cache_wrap(copy, cache->buckets, cache->chunks));
  require(!has_some_token(stolen));
  *stolen->key = *cache->key; /* it is the key that is missing, and nothing else */
  require(has_some_token(stolen));
}

/* ---- the key goes ---- */

static void take_key_away(const Cache *cache)
{
  uint8_t salt[SEAL_SALT_SIZE];
  memcpy(salt, cache->header->salt, sizeof salt);
  seal_key_forget(salt);
}

/* Nobody has used it for two hours: whoever comes makes a new one, and who was in it follows. */
SEGMENT_TEST(key_gone)
{
  if (!have_keyring())
    return;
  Cache *cache = keep(cache_create(64, SNAPSHOT_SEAL_AUTO));
  put_some_token(cache);
  const ino_t inode = stat_of(cache->path).st_ino;
  take_key_away(cache);
  require(!another_has(SNAPSHOT_SEAL_AUTO)); /* nor does opening make one */
  require(cache->header->state == CACHE_RETIRED);
  require(run("make", SNAPSHOT_SEAL_AUTO) == 0);
  require(stat_of(cache->path).st_ino != inode);
  Cache *next = keep(cache_create(64, SNAPSHOT_SEAL_AUTO));
  require(next != cache && next->inode != inode && cache_is_sealed(next));
  require_works(next);
}

/* Who goes on using it renews the key; if that finds none it leaves, and no other is misled. */
SEGMENT_TEST(key_is_renewed)
{
  AeadKey key;
  if (!have_keyring())
    return;
  Cache *cache = keep(cache_create(64, SNAPSHOT_SEAL_AUTO));
  require(atomic_load(&cache->renew_key_at) > clock_coarse_ms());
  atomic_store(&cache->renew_key_at, 0);
  for (int i = 0; i < 200 && atomic_load(&cache->renew_key_at) == 0; i++) {
    usleep(10000); /* it looks once a second */
    require(cache_create(64, SNAPSHOT_SEAL_AUTO) == cache);
  }
  require(atomic_load(&cache->renew_key_at) > clock_coarse_ms());
  take_key_away(cache);
  atomic_store(&cache->renew_key_at, 0);
  Cache *next = cache;
  for (int i = 0; i < 200 && next == cache; i++) {
    usleep(10000);
    next = cache_create(64, SNAPSHOT_SEAL_AUTO);
  }
  require(keep(next) != cache && cache_is_sealed(next));
  require(seal_key_load(next->salt, &key) == 0);
  require_works(next);
}

/* A segment that loses the race for the name leaves no key behind. As a user who has no others. */
SEGMENT_TEST(lost_race_leaves_no_key)
{
  if (geteuid() != 0 || !have_keyring())
    return;
  require(setresgid(65533, 65533, 65533) == 0 && setresuid(65533, 65533, 65533) == 0);
  Cache *cache = cache_create(64, SNAPSHOT_SEAL_AUTO);
  require(cache_is_sealed(cache));
  const unsigned before = count_keys();
  require(before > 0 || access("/proc/keys", R_OK) != 0);
  require(cache_make_file(CACHE_SEALED, cache->path, 64).error == EEXIST);
  for (int i = 0; i < 500 && count_keys() > before; i++)
    usleep(10000); /* the kernel collects them later */
  require(count_keys() == before);
  take_key_away(cache);
  _exit(0); /* LeakSanitizer may not look at a process that changed its user */
}

/* ---- without a keyring ---- */

/* Standard error of this process from now on, as a file. */
static int catch_log(void)
{
  int fd = memfd_create("log", MFD_CLOEXEC);
  require(setenv("THRED_LOG", "warning", 1) == 0 && dup2(fd, STDERR_FILENO) == STDERR_FILENO);
  return fd;
}

static unsigned lines(int fd, const char *text)
{
  static char log[65536];
  unsigned count = 0;
  ssize_t size = pread(fd, log, sizeof log - 1, 0);
  log[size > 0 ? size : 0] = 0;
  for (const char *at = log; (at = strstr(at, text)); at++)
    count++;
  return count;
}

static void auto_without(void *data)
{
  (void)data;
  int log = catch_log();
  require(no_keyring(NO_KEYRING_EPERM));
  Cache *cache = cache_create(64, SNAPSHOT_SEAL_AUTO);
  require(cache_is_shared(cache) && !cache_is_sealed(cache));
  put_some_token(cache);
  require(!file_holds(cache->path, SOME_TOKEN, 20)); /* which is no protection: the key is in it */
  require(another_has(SNAPSHOT_SEAL_AUTO) && another_has(SNAPSHOT_SEAL_OFF));
  require(cache_create(64, SNAPSHOT_SEAL_AUTO) == cache);
  /* Who makes it says so, once; who comes later does not. */
  require(
      lines(log, "no key for sealed tokens from the kernel's keyring (Operation not permitted)") ==
      1);
  require(lines(log, "\n") == 1);
}

SEGMENT_TEST(auto_goes_on_without)
{
  child_run(auto_without, NULL);
}

static void required_without(void *data)
{
  (void)data;
  int log = catch_log();
  require(no_keyring(NO_KEYRING_EPERM));
  Cache *cache = cache_create(64, SNAPSHOT_SEAL_REQUIRED);
  require(cache && !cache_is_shared(cache));
  put_some_token(cache);
  require(has_some_token(cache) && cache_create(64, SNAPSHOT_SEAL_REQUIRED) == cache);
  require(count_entries(SHM) == 0);
  require(lines(log, "seal = required, and the kernel's keyring gives no key: Operation not "
                     "permitted") == 1);
  require(lines(log, "\n") == 1);
}

SEGMENT_TEST(required_stays_alone)
{
  child_run(required_without, NULL);
}

/* The others' sealed segment stays as it is, with all that is in it. */
static void beside_others(void)
{
  require(no_keyring(NO_KEYRING_EPERM));
  Cache *cache = cache_create(64, SNAPSHOT_SEAL_AUTO);
  require(cache_is_shared(cache) && !cache_is_sealed(cache) && !has_some_token(cache));
  put_some_token(cache);
  require(has_some_token(cache));
}

SEGMENT_TEST(one_without_among_others)
{
  if (!have_keyring())
    return;
  Cache *cache = cache_create(64, SNAPSHOT_SEAL_AUTO);
  const ino_t inode = stat_of(cache->path).st_ino;
  put_some_token(cache);
  require(run("beside", SNAPSHOT_SEAL_AUTO) == 0);
  require(stat_of(cache->path).st_ino == inode && has_some_token(cache));
  require(cache_create(64, SNAPSHOT_SEAL_AUTO) == cache && another_has(SNAPSHOT_SEAL_REQUIRED));
}

/* From then on, that is: its parent's mapping, and the key with it, is still the right one. */
static void inherited(void *data)
{
  require(no_keyring(NO_KEYRING_EPERM));
  require(cache_create(64, SNAPSHOT_SEAL_AUTO) == data && has_some_token(data));
}

SEGMENT_TEST(a_child_keeps_what_it_inherits)
{
  if (!have_keyring())
    return;
  Cache *cache = cache_create(64, SNAPSHOT_SEAL_AUTO);
  put_some_token(cache);
  child_run(inherited, cache);
}

/* What run() runs. */
static int part(const char *name, SnapshotSeal seal)
{
  if (strcmp(name, "has") == 0)
    return !has_some_token(cache_open(seal));
  if (strcmp(name, "beside") == 0)
    beside_others();
  else
    require_works(cache_create(64, seal));
  return 0;
}

#define TEST(function) cmocka_unit_test(function)

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      TEST(sealed),
      TEST(sealed_if_required),
      TEST(off_asks_nobody),
      TEST(two_segments),
      TEST(a_copy_is_of_no_use),
      TEST(key_gone),
      TEST(key_is_renewed),
      TEST(lost_race_leaves_no_key),
      TEST(auto_goes_on_without),
      TEST(required_stays_alone),
      TEST(one_without_among_others),
      TEST(a_child_keeps_what_it_inherits),
  };
  if (argc == 3)
    return part(argv[1], (SnapshotSeal)(argv[2][0] - '0'));
  return cmocka_run_group_tests_name("cache-seal", tests, segment_group_setup, NULL);
}
