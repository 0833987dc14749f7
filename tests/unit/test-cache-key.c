/* SPDX-License-Identifier: MIT */
/*
 * lib/cache-key: who asks the keyring for a segment's key and when, and what becomes of all that
 * hangs on it where the key, the keyring, the user or the configuration changes under a process.
 */
#include <errno.h>
#include <fcntl.h>
#include <keyutils.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/cache-copies.h"
#include "tests/unit/no-keyring.h"
#include "tests/unit/segment-fixture.h"

static void leave(Cache *cache)
{
  if (cache_is_sealed(cache)) {
    seal_key_forget(cache->salt);
    atomic_store(&cache->header->state, CACHE_RETIRED);
  }
}

static void make_sealed(void *data)
{
  Cache *cache = cache_create(64, SNAPSHOT_SEAL_REQUIRED);
  (void)data;
  require(cache_is_sealed(cache));
  put_some_token(cache);
}

/* The same in another program, which inherits nothing. */
static int run_make_sealed(void)
{
  pid_t pid = fork();
  if (pid == 0) {
    execl(program_invocation_name, "test-cache-key", "make", NULL);
    _exit(127);
  }
  return child_wait(pid);
}

/* ---- who asks ---- */

/* A sandbox that kills for it: the machine's configuration says `off` because of that, and others
 * have left a sealed segment that is older than this. */
static void off_beside_a_sealed_one(void *data)
{
  (void)data;
  require(no_keyring(NO_KEYRING_KILL));
  Cache *configuration = cache_open(SNAPSHOT_SEAL_REQUIRED);
  require(configuration && cache_is_sealed(configuration));
  Cache *cache = cache_create(64, SNAPSHOT_SEAL_OFF);
  require(cache_is_shared(cache) && !cache_is_sealed(cache));
  put_some_token(cache);
  require(cache_flush(configuration) == 1); /* as thredctl flush does */
}

static void off_and_a_stale_one(void *data)
{
  (void)data;
  require(no_keyring(NO_KEYRING_KILL));
  require(cache_open(SNAPSHOT_SEAL_REQUIRED) == NULL);
  require(!cache_is_sealed(cache_create(64, SNAPSHOT_SEAL_OFF)));
}

SEGMENT_TEST(off_asks_nobody_beside_others)
{
  if (!have_keyring())
    return;
  child_run(make_sealed, NULL);
  child_run(off_beside_a_sealed_one, NULL);
  edit_word(offsetof(CacheHeader, state), CACHE_RETIRED);
  child_run(off_and_a_stale_one, NULL);
}

/* It reads the configuration, then finds that the key of the same segment is not for it. */
static void refused_afterwards(void *data)
{
  const SnapshotSeal seal = *(SnapshotSeal *)data;
  require(no_keyring(NO_KEYRING_EPERM));
  Cache *configuration = cache_open(seal);
  require(cache_is_sealed(configuration) && !has_some_token(configuration));
  Cache *cache = cache_create(64, seal);
  require(cache && !cache_is_sealed(cache));
  require(cache_is_shared(cache) == (seal == SNAPSHOT_SEAL_AUTO));
  put_some_token(cache);
  require(cache_create(64, seal) == cache && has_some_token(cache));
  require(!has_some_token(configuration));
}

SEGMENT_TEST(refused_after_the_configuration)
{
  if (!have_keyring())
    return;
  child_run(make_sealed, NULL);
  for (SnapshotSeal seal = SNAPSHOT_SEAL_AUTO; seal <= SNAPSHOT_SEAL_REQUIRED; seal++)
    child_run(refused_afterwards, &seal);
  require(has_some_token(cache_create(64, SNAPSHOT_SEAL_REQUIRED))); /* and nothing is lost by it */
}

/* ---- several at once ---- */

#define THREADS 32

typedef struct {
  pthread_barrier_t barrier;
  Cache *cache[THREADS];
  atomic_int next;
} Crowd;

static void *one_of_the_crowd(void *data)
{
  Crowd *crowd = data;
  const int number = atomic_fetch_add(&crowd->next, 1);
  pthread_barrier_wait(&crowd->barrier);
  crowd->cache[number] = cache_create(64, SNAPSHOT_SEAL_AUTO);
  return NULL;
}

static Cache *come_at_once(void)
{
  static Crowd crowd;
  pthread_t thread[THREADS];
  memset(&crowd, 0, sizeof crowd);
  require(pthread_barrier_init(&crowd.barrier, NULL, THREADS) == 0);
  for (int i = 0; i < THREADS; i++)
    require(pthread_create(&thread[i], NULL, one_of_the_crowd, &crowd) == 0);
  for (int i = 0; i < THREADS; i++)
    require(pthread_join(thread[i], NULL) == 0);
  pthread_barrier_destroy(&crowd.barrier);
  for (int i = 1; i < THREADS; i++)
    require(crowd.cache[i] == crowd.cache[0]);
  return keep(crowd.cache[0]);
}

static void come_and_go(void *data)
{
  (void)data;
  for (int i = 0; i < 12; i++) {
    Cache *cache = come_at_once();
    require(cache_is_shared(cache));
    require_works(cache);
    leave(cache);
    cache_retire(cache, "the test says so");
  }
}

/* All end in one, with one key, and the segment may be taken away a dozen times all the same. */
SEGMENT_TEST(threads_at_once)
{
  for (int i = 0; i < 8; i++) /* a process may leave 16 */
    child_run(come_and_go, NULL);
}

/* ---- what is left ---- */

static unsigned long status_kb(const char *name)
{
  char line[256];
  unsigned long value = 0;
  FILE *status = fopen("/proc/self/status", "re");
  while (status && fgets(line, sizeof line, status))
    if (strncmp(line, name, strlen(name)) == 0)
      value = strtoul(line + strlen(name), NULL, 10);
  if (status)
    fclose(status);
  return value;
}

static unsigned count_lines(const char *path)
{
  unsigned count = 0;
  FILE *file = fopen(path, "re");
  for (int c; file && (c = getc(file)) != EOF;)
    count += c == '\n';
  if (file)
    fclose(file);
  return count;
}

/* A segment whose key is refused: each look at it leaves nothing, of what a process may lock
 * neither. */
static void looks_often(void *data)
{
  CacheWhy why;
  (void)data;
  require(no_keyring(NO_KEYRING_EPERM));
  require(!cache_attach_shared(CACHE_SEALED, true, 64, &why) && why.keyring && why.error == EPERM);
  const unsigned open = descriptors(), mappings = count_lines("/proc/self/maps");
  for (int i = 0; i < 2000; i++)
    require(!cache_attach_shared(CACHE_SEALED, true, 64, &why));
  require(descriptors() == open && count_lines("/proc/self/maps") == mappings);
  require(status_kb("VmLck:") == 0);
  void *page = child_shared(4096);
  if (mlock(page, 4096) != 0 || status_kb("VmLck:") == 0)
    return; /* no leave for it, or AddressSanitizer, which does not do it */
  munlock(page, 4096);
  require_works(cache_create(64, SNAPSHOT_SEAL_AUTO));
  require(status_kb("VmLck:") > 0);
}

SEGMENT_TEST(nothing_left_of_refusals)
{
  if (!have_keyring())
    return;
  child_run(make_sealed, NULL);
  child_run(looks_often, NULL);
}

/* As a user who has no keys: one segment after the other, and one key at a time. */
static void one_after_the_other(void *data)
{
  (void)data;
  require(setresgid(65533, 65533, 65533) == 0 && setresuid(65533, 65533, 65533) == 0);
  keyctl_clear(KEY_SPEC_USER_KEYRING); /* of a run that failed */
  for (int i = 0; i < 12; i++) {
    Cache *cache = keep(cache_create(64, SNAPSHOT_SEAL_REQUIRED));
    require(cache_is_sealed(cache));
    cache_retire(cache, "the test says so");
  }
  Cache *last = cache_create(64, SNAPSHOT_SEAL_REQUIRED);
  for (int i = 0; i < 500 && count_keys() > 1; i++)
    usleep(10000); /* the kernel collects them later */
  require(count_keys() <= 1);
  seal_key_forget(last->salt);
  _exit(0); /* LeakSanitizer may not look at a process that changed its user */
}

SEGMENT_TEST(a_successor_leaves_no_key_behind)
{
  if (geteuid() == 0 && have_keyring())
    child_run(one_after_the_other, NULL);
}

/* ---- no room in the keyring ---- */

static void with_a_full_keyring(void *data)
{
  char name[32];
  unsigned made = 0;
  (void)data;
  require(setresgid(65532, 65532, 65532) == 0 && setresuid(65532, 65532, 65532) == 0);
  for (; made < 2000; made++) {
    snprintf(name, sizeof name, "thred-test:%u", made);
    if (add_key("user", name, "x", 1, KEY_SPEC_USER_KEYRING) < 0)
      break;
  }
  const int error = errno;
  Cache *first = cache_create(64, SNAPSHOT_SEAL_AUTO);
  Cache *second = cache_create(64, SNAPSHOT_SEAL_REQUIRED);
  keyctl_clear(KEY_SPEC_USER_KEYRING);
  require(made == 2000 || error == EDQUOT);
  require(made == 2000 || (cache_is_shared(first) && !cache_is_sealed(first)));
  require(made == 2000 || (second && !cache_is_shared(second)));
  _exit(0);
}

SEGMENT_TEST(quota_full)
{
  if (geteuid() == 0 && have_keyring())
    child_run(with_a_full_keyring, NULL);
}

/* ---- it changes under the process ---- */

static bool keeps_its_user(uid_t user)
{
  char map[64];
  int fd = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
  const int size = snprintf(map, sizeof map, "%u %u 1", user, user);
  const bool written = fd >= 0 && write(fd, map, (size_t)size) == size;
  close(fd);
  return written && geteuid() == user;
}

/* Whoever goes into another user namespace has other keyrings. That is nobody else's affair. */
static void in_another_namespace(void *data)
{
  Cache *cache = cache_create(64, SNAPSHOT_SEAL_REQUIRED);
  (void)data;
  require(cache_is_sealed(cache));
  if (unshare(CLONE_NEWUSER) || !keeps_its_user(cache->owner))
    _exit(0);
  atomic_store(&cache->renew_key_at, 0);
  cache_renew_key(cache);
  require(cache->header->state == CACHE_LIVE && atomic_load(&cache->left));
}

SEGMENT_TEST(another_user_namespace)
{
  if (!have_keyring())
    return;
  child_run(make_sealed, NULL);
  child_run(in_another_namespace, NULL);
  require(has_some_token(cache_create(64, SNAPSHOT_SEAL_REQUIRED)));
}

/* `seal` is changed while the program runs: what was put in under one word is not found under a
 * stricter one, and each comes back to its own. */
SEGMENT_TEST(the_word_changes)
{
  if (!have_keyring())
    return;
  Cache *off = keep(cache_create(64, SNAPSHOT_SEAL_OFF));
  put_some_token(off);
  Cache *required = keep(cache_create(64, SNAPSHOT_SEAL_REQUIRED));
  require(cache_is_sealed(required) && !has_some_token(required));
  require(cache_create(64, SNAPSHOT_SEAL_AUTO) == required);
  require(cache_create(64, SNAPSHOT_SEAL_OFF) == off && has_some_token(off));
}

static void the_word_changes_without(void *data)
{
  (void)data;
  require(no_keyring(NO_KEYRING_EPERM));
  Cache *shared = keep(cache_create(64, SNAPSHOT_SEAL_AUTO));
  put_some_token(shared);
  Cache *own = keep(cache_create(64, SNAPSHOT_SEAL_REQUIRED));
  require(!cache_is_shared(own) && !has_some_token(own));
  put_some_token(own);
  require(cache_create(64, SNAPSHOT_SEAL_OFF) == shared);
  require(cache_create(64, SNAPSHOT_SEAL_REQUIRED) == own && has_some_token(own));
}

SEGMENT_TEST(the_word_changes_without_a_keyring)
{
  child_run(the_word_changes_without, NULL);
}

/* Another process writes over the salt: who is in goes on; who comes finds no key, and makes a
 * segment to which all go. */
SEGMENT_TEST(salt_overwritten)
{
  if (!have_keyring())
    return;
  Cache *cache = keep(cache_create(64, SNAPSHOT_SEAL_REQUIRED));
  put_some_token(cache);
  copies_drop(&(CacheKey){"key of the token"});
  edit_word(offsetof(CacheHeader, salt), 12345);
  require(has_some_token(cache));
  require(run_make_sealed() == 0);
  Cache *next = keep(cache_create(64, SNAPSHOT_SEAL_REQUIRED));
  require(next != cache && cache_is_sealed(next) && has_some_token(next));
  seal_key_forget(cache->salt);
}

/* ---- core dumps ---- */

/* proc_pid_smaps(5): "VmFlags: .. dd" is MADV_DONTDUMP. */
static bool is_left_out(const void *address)
{
  char line[512];
  unsigned long from, to;
  bool here = false, out = false;
  FILE *maps = fopen("/proc/self/smaps", "re");
  while (maps && fgets(line, sizeof line, maps)) {
    if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
      here = (unsigned long)address >= from && (unsigned long)address < to;
    else if (here && strncmp(line, "VmFlags:", 8) == 0)
      out = strstr(line, " dd") != NULL;
  }
  if (maps)
    fclose(maps);
  return out;
}

SEGMENT_TEST(core_dumps_leave_it_out)
{
  static const SnapshotSeal words[] = {SNAPSHOT_SEAL_AUTO, SNAPSHOT_SEAL_OFF};
  for (size_t i = 0; i < 2; i++) {
    Cache *cache = cache_create(64, words[i]);
    if (!has_some_token(cache))
      put_some_token(cache);
    require(is_left_out(cache->key) && is_left_out(cache->header));
    require(is_left_out((const char *)cache->header + cache->shape.size - 1));
  }
  Cache *own = keep(cache_attach_private());
  put_some_token(own);
  require(is_left_out(own->key) && is_left_out(own->header));
  require(!is_left_out(words)); /* the judge can see */
}

#define TEST(function) cmocka_unit_test(function)

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      TEST(off_asks_nobody_beside_others),
      TEST(refused_after_the_configuration),
      TEST(threads_at_once),
      TEST(nothing_left_of_refusals),
      TEST(a_successor_leaves_no_key_behind),
      TEST(quota_full),
      TEST(another_user_namespace),
      TEST(the_word_changes),
      TEST(the_word_changes_without_a_keyring),
      TEST(salt_overwritten),
      TEST(core_dumps_leave_it_out),
  };
  if (argc == 2 && strcmp(argv[1], "make") == 0) {
    make_sealed(NULL);
    return 0;
  }
  return cmocka_run_group_tests_name("cache-key", tests, segment_group_setup, NULL);
}
