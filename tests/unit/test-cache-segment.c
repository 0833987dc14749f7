/* SPDX-License-Identifier: MIT */
/*
 * lib/cache-segment: name, creation, what is not taken for a segment, the lock.
 *
 * Each test runs in a child with a /dev/shm of its own (a mount namespace), so it meets no segment
 * of this user and may fill, spoil and remove. Where that is not permitted, it is skipped.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/cache-private.h"
#include "lib/clock.h"
#include "tests/unit/child.h"

#define SHM "/dev/shm"

/* ---- a /dev/shm of one's own ---- */

static bool write_text(const char *path, const char *text)
{
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
  if (fd >= 0)
    close(fd);
  return good;
}

/* One id of the new user namespace is the one outside. */
static bool map_id(const char *path, unsigned id)
{
  char map[64];
  snprintf(map, sizeof map, "%u %u 1", id, id);
  return write_text(path, map);
}

/* Without privileges a user namespace lends them. The group must be mapped as well, or no file can
 * be made (EOVERFLOW). */
static bool new_namespaces(void)
{
  unsigned uid = geteuid(), gid = getegid();
  if (unshare(CLONE_NEWNS) == 0)
    return true;
  return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && map_id("/proc/self/uid_map", uid) &&
         write_text("/proc/self/setgroups", "deny") && map_id("/proc/self/gid_map", gid);
}

static bool mount_shm(const char *options)
{
  return mount("shm", SHM, "tmpfs", MS_NOSUID | MS_NODEV, options) == 0;
}

static bool private_shm(void)
{
  return new_namespaces() && mount("none", "/", "none", MS_REC | MS_PRIVATE, "") == 0 &&
         mount_shm("mode=1777,size=64m");
}

static void probe(void *data)
{
  (void)data;
  _exit(private_shm() ? 0 : 1);
}

static bool permitted;

static int group_setup(void **state)
{
  (void)state;
  permitted = child_wait(child_start(probe, NULL)) == 0;
  if (!permitted)
    print_message("no private " SHM " is permitted here: all of this is skipped\n");
  return 0;
}

static void in_private_shm(void *data)
{
  void (*body)(void);
  memcpy(&body, data, sizeof body);
  require(private_shm());
  body();
}

static void run(void (*body)(void))
{
  if (!permitted)
    skip();
  child_run(in_private_shm, &body);
}

#define SEGMENT_TEST(name)                                                                         \
  static void name##_body(void);                                                                   \
  static void name(void **state)                                                                   \
  {                                                                                                \
    (void)state;                                                                                   \
    run(name##_body);                                                                              \
  }                                                                                                \
  static void name##_body(void)

/* ---- looking ---- */

static const char *segment(void)
{
  static char path[128];
  cache_segment_path(path, sizeof path);
  require(path[0]);
  return path;
}

static unsigned count_entries(const char *path)
{
  unsigned count = 0;
  DIR *directory = opendir(path);
  require(directory);
  for (const struct dirent *entry; (entry = readdir(directory));)
    count += entry->d_name[0] != '.';
  closedir(directory);
  return count;
}

static unsigned descriptors(void)
{
  return count_entries("/proc/self/fd");
}

/* A cache that takes a token and gives it back. On a machine under load the lock may be late. */
static void require_works(Cache *cache)
{
  static const CacheLabel label = {SNAPSHOT_TOKEN_PARTNER, "sandbox", "sandbox.thredfi.com", NULL};
  static char value[TOKEN_MAX + 1];
  CacheKey key = {"key of a process"};
  CacheClaim claim;
  CacheToken token = {.boot_ms = clock_boot_ms(),
                      .real_ms = clock_real_ms(),
                      .lifetime_ms = 3600000,
                      .length = 5,
                      .value = value};
  pid_t pid = getpid();
  memcpy(key.bytes + 20, &pid, sizeof pid);
  CacheClaimResult result = CACHE_CLAIM_LOCKED;
  for (int i = 0; i < 3 && result == CACHE_CLAIM_LOCKED; i++)
    result = cache_claim(cache, &key, &label, UINT64_MAX, 10000, false, &claim);
  strcpy(value, "token");
  if (result == CACHE_CLAIM_OWNED)
    require(cache_publish(cache, &key, &claim, &token) ||
            cache_publish(cache, &key, &claim, &token));
  else
    require(result == CACHE_CLAIM_NEWER);
  memset(value, 0, sizeof value);
  require(cache_read(cache, &key, &token) == CACHE_HIT);
  require(strcmp(value, "token") == 0);
}

/* A segment that was left stays mapped for good, since other threads may be in it. What the library
 * no longer points at would look lost. */
static Cache *keep(Cache *cache)
{
  static Cache *volatile kept[64];
  static size_t count;
  require(count < sizeof kept / sizeof *kept);
  kept[count++] = cache;
  return cache;
}

/* Leaves a good segment behind, from another process. */
static void make_body(void *data)
{
  Cache *cache = cache_create(*(uint32_t *)data);
  require(cache && cache_is_shared(cache));
  require_works(cache);
}

static void make_segment(void)
{
  uint32_t entries = 64;
  pid_t pid = child_start(make_body, &entries);
  require(pid > 0 && child_wait(pid) == 0);
}

static struct stat stat_of(const char *path)
{
  struct stat st;
  require(lstat(path, &st) == 0);
  return st;
}

static void edit(off_t at, const void *bytes, size_t size)
{
  int fd = open(segment(), O_WRONLY | O_CLOEXEC);
  require(fd >= 0 && pwrite(fd, bytes, size, at) == (ssize_t)size);
  close(fd);
}

/* ---- the name and the file ---- */

SEGMENT_TEST(name_and_mode)
{
  char prefix[64];
  const char *path = segment();
  snprintf(prefix, sizeof prefix, SHM "/thred-auth-v%u-%u-", CACHE_LAYOUT, (unsigned)geteuid());
  require(strncmp(path, prefix, strlen(prefix)) == 0);
  require(strspn(path + strlen(prefix), "0123456789abcdef") == 16);
  require(strlen(path) == strlen(prefix) + 16);
  require(cache_open() == NULL);
  require(count_entries(SHM) == 0);
  umask(0);
  unsigned before = descriptors();
  Cache *cache = cache_create(100);
  require(cache && cache_is_shared(cache));
  require(cache_create(5000) == cache && cache_open() == cache);
  require(descriptors() == before);
  struct stat st = stat_of(path);
  require(S_ISREG(st.st_mode) && (st.st_mode & 07777) == 0600 && st.st_uid == geteuid());
  require((size_t)st.st_size == cache->shape.size && st.st_nlink == 1);
  require((off_t)st.st_blocks * 512 >= st.st_size); /* nothing left to run out of */
  require(cache->buckets == 13 && count_entries(SHM) == 1);
  require_works(cache);
}

SEGMENT_TEST(tight_umask)
{
  umask(0777);
  Cache *cache = cache_create(64);
  require(cache && cache_is_shared(cache));
  require((stat_of(segment()).st_mode & 07777) == 0600);
}

SEGMENT_TEST(sizes)
{
  static const uint32_t wanted[] = {0, 1, 16, 17, 1024, 4096};
  static const uint32_t buckets[] = {2, 2, 2, 3, 128, 512};
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
    uint32_t entries = wanted[i];
    pid_t pid = child_start(make_body, &entries);
    require(pid > 0 && child_wait(pid) == 0);
    struct stat st = stat_of(segment());
    uint32_t big = buckets[i] * CACHE_WAYS / 16 < 8 ? 8 : wanted[i] / 16;
    require((size_t)st.st_size == cache_shape(buckets[i], big).size);
    require(unlink(segment()) == 0);
  }
}

SEGMENT_TEST(open_finds_what_is_there)
{
  make_segment();
  unsigned before = descriptors();
  Cache *cache = cache_open();
  require(cache && cache_is_shared(cache));
  require(descriptors() == before);
  require_works(cache);
}

static void same_user(void *data)
{
  require(strcmp(segment(), data) == 0);
}

static void other_user(void *data)
{
  require(seteuid(65534) == 0);
  require(strcmp(segment(), data) != 0);
  require(strstr(segment(), "-65534-"));
  _exit(0); /* LeakSanitizer may not look at a process that changed its user */
}

static void other_pid_namespace(void *data)
{
  require(unshare(CLONE_NEWPID) == 0);
  pid_t pid = fork();
  if (pid == 0)
    _exit(strcmp(segment(), data) == 0);
  require(pid > 0 && child_wait(pid) == 0);
  _exit(0); /* LeakSanitizer's thread would be in the other namespace */
}

SEGMENT_TEST(name_says_who_may_share)
{
  char path[128];
  strcpy(path, segment());
  require(strcmp(path, segment()) == 0);
  require(child_wait(child_start(same_user, path)) == 0);
  if (geteuid() != 0)
    return;
  require(child_wait(child_start(other_user, path)) == 0);
  require(child_wait(child_start(other_pid_namespace, path)) == 0);
}

/* ---- many at once ---- */

#define RACERS 32

typedef struct {
  _Atomic(int) ready, go;
  uint8_t salts[RACERS][16];
} Race;

typedef struct {
  Race *race;
  int number;
} Racer;

static void race_body(void *data)
{
  const Racer *racer = data;
  atomic_fetch_add(&racer->race->ready, 1);
  while (!atomic_load(&racer->race->go))
    sched_yield();
  Cache *cache = cache_create(64 + 8 * (uint32_t)racer->number);
  require(cache && cache_is_shared(cache));
  memcpy(racer->race->salts[racer->number], cache->header->salt, 16);
}

/* All racers end in the same segment, the only file there is. */
static void run_race(Race *race)
{
  pid_t pids[RACERS];
  memset(race, 0, sizeof *race);
  for (int i = 0; i < RACERS; i++) {
    Racer racer = {race, i};
    pids[i] = child_start(race_body, &racer);
    require(pids[i] > 0);
  }
  require(child_await(&race->ready, RACERS));
  atomic_store(&race->go, 1);
  for (int i = 0; i < RACERS; i++)
    require(child_wait(pids[i]) == 0);
  for (int i = 1; i < RACERS; i++)
    require(memcmp(race->salts[i], race->salts[0], 16) == 0);
  require(count_entries(SHM) == 1);
}

SEGMENT_TEST(one_segment_for_all)
{
  Race *race = child_shared(sizeof *race);
  for (int round = 0; round < 5; round++) {
    run_race(race);
    require(unlink(segment()) == 0);
  }
}

/* What one of them has put in the place of a retired segment, no other one removes. */
SEGMENT_TEST(one_successor_of_a_retired_one)
{
  Race *race = child_shared(sizeof *race);
  const uint32_t state = CACHE_RETIRED;
  make_segment();
  for (int round = 0; round < 10; round++) {
    edit(offsetof(CacheHeader, state), &state, sizeof state);
    run_race(race);
  }
}

/* ---- what is not taken ---- */

typedef enum {
  STAYS,   /* it is not ours to touch: the cache is this process's own */
  REPLACED /* ours and good for nothing: a new one takes its place */
} Outcome;

static void edit_word(off_t at, uint32_t value)
{
  edit(at, &value, sizeof value);
}

static void wrong_mode_644(const char *path)
{
  require(chmod(path, 0644) == 0);
}
static void wrong_mode_666(const char *path)
{
  require(chmod(path, 0666) == 0);
}
static void wrong_mode_400(const char *path)
{
  require(chmod(path, 0400) == 0);
}
static void setuid_bit(const char *path)
{
  require(chmod(path, 04600) == 0);
}
static void other_owner(const char *path)
{
  require(geteuid() != 0 || chown(path, 4242, 4242) == 0);
  require(geteuid() == 0 || chmod(path, 0644) == 0);
}
static void second_link(const char *path)
{
  require(link(path, SHM "/other") == 0);
}
static void symbolic_link(const char *path)
{
  require(rename(path, SHM "/other") == 0 && symlink(SHM "/other", path) == 0);
}
static void dangling_link(const char *path)
{
  require(unlink(path) == 0 && symlink(SHM "/other", path) == 0);
}
static void fifo(const char *path)
{
  require(unlink(path) == 0 && mkfifo(path, 0600) == 0);
}
static void directory(const char *path)
{
  require(unlink(path) == 0 && mkdir(path, 0700) == 0);
}
static void empty(const char *path)
{
  require(truncate(path, 0) == 0);
}
static void header_cut(const char *path)
{
  require(truncate(path, sizeof(CacheHeader) - 1) == 0);
}
static void header_only(const char *path)
{
  require(truncate(path, sizeof(CacheHeader)) == 0);
}
static void half(const char *path)
{
  require(truncate(path, stat_of(path).st_size / 2) == 0);
}
static void a_page_short(const char *path)
{
  require(truncate(path, stat_of(path).st_size - 4096) == 0);
}
static void a_page_long(const char *path)
{
  require(truncate(path, stat_of(path).st_size + 4096) == 0);
}
static void all_zero(const char *path)
{
  off_t size = stat_of(path).st_size;
  require(truncate(path, 0) == 0 && truncate(path, size) == 0);
}
static void wrong_magic(const char *path)
{
  (void)path;
  edit(0, "NOTTHRED", 8);
}
static void wrong_layout(const char *path)
{
  (void)path;
  edit_word(offsetof(CacheHeader, layout), CACHE_LAYOUT + 1);
}
static void retired(const char *path)
{
  (void)path;
  edit_word(offsetof(CacheHeader, state), CACHE_RETIRED);
}
static void no_buckets(const char *path)
{
  (void)path;
  edit_word(offsetof(CacheHeader, buckets), 0);
}
static void one_bucket_more(const char *path)
{
  (void)path;
  edit_word(offsetof(CacheHeader, buckets), 9);
}
static void huge_buckets(const char *path)
{
  (void)path;
  edit_word(offsetof(CacheHeader, buckets), UINT32_MAX);
}
static void no_big_buffers(const char *path)
{
  (void)path;
  edit_word(offsetof(CacheHeader, big_count), 0);
}
static void huge_big_count(const char *path)
{
  (void)path;
  edit_word(offsetof(CacheHeader, big_count), 0x7fffffff);
}

static const struct {
  const char *name;
  void (*spoil)(const char *path);
  Outcome outcome;
} spoils[] = {
    {"mode 0644", wrong_mode_644, STAYS},
    {"mode 0666", wrong_mode_666, STAYS},
    {"mode 0400", wrong_mode_400, STAYS},
    {"mode 04600", setuid_bit, STAYS},
    {"another owner", other_owner, STAYS},
    {"a second link", second_link, STAYS},
    {"a symbolic link", symbolic_link, STAYS},
    {"a dangling link", dangling_link, STAYS},
    {"a FIFO", fifo, STAYS},
    {"a directory", directory, STAYS},
    {"empty", empty, REPLACED},
    {"header cut", header_cut, REPLACED},
    {"header only", header_only, REPLACED},
    {"half of it", half, REPLACED},
    {"a page short", a_page_short, REPLACED},
    {"a page long", a_page_long, REPLACED},
    {"zeros", all_zero, REPLACED},
    {"wrong magic", wrong_magic, REPLACED},
    {"wrong layout", wrong_layout, REPLACED},
    {"retired", retired, REPLACED},
    {"no buckets", no_buckets, REPLACED},
    {"one bucket more", one_bucket_more, REPLACED},
    {"too many buckets", huge_buckets, REPLACED},
    {"no big buffers", no_big_buffers, REPLACED},
    {"too many big buffers", huge_big_count, REPLACED},
};

#define SAY(condition)                                                                             \
  do {                                                                                             \
    if (!(condition))                                                                              \
      child_fail(spoils[i].name, __LINE__, #condition);                                            \
  } while (0)

static void meets_spoiled(void *data)
{
  size_t i = *(size_t *)data;
  struct stat before = stat_of(segment());
  unsigned open_before = descriptors(), files_before = count_entries(SHM);
  SAY(cache_open() == NULL);
  Cache *cache = cache_create(64);
  SAY(cache);
  SAY(cache_is_shared(cache) == (spoils[i].outcome == REPLACED));
  require_works(cache);
  SAY(descriptors() == open_before);
  SAY(count_entries(SHM) == files_before);
  struct stat after = stat_of(segment());
  if (spoils[i].outcome == STAYS)
    SAY(after.st_ino == before.st_ino && after.st_size == before.st_size &&
        after.st_mode == before.st_mode && after.st_uid == before.st_uid);
  else
    SAY(after.st_ino != before.st_ino && after.st_mode == (S_IFREG | 0600));
}

SEGMENT_TEST(spoiled_files)
{
  for (size_t i = 0; i < sizeof spoils / sizeof *spoils; i++) {
    make_segment();
    spoils[i].spoil(segment());
    require(child_wait(child_start(meets_spoiled, &i)) == 0);
    require(umount(SHM) == 0 && mount_shm("mode=1777,size=64m"));
  }
}

/* ---- no /dev/shm to speak of ---- */

static void require_private_cache(void)
{
  unsigned before = descriptors();
  require(cache_open() == NULL);
  Cache *cache = cache_create(64);
  require(cache && !cache_is_shared(cache));
  require(cache_create(64) == cache && cache_open() == cache);
  require_works(cache);
  require(descriptors() == before);
}

SEGMENT_TEST(full_file_system)
{
  require(mount_shm("mode=1777,size=64k"));
  require_private_cache();
  require(count_entries(SHM) == 0);
}

SEGMENT_TEST(no_inodes_left)
{
  require(mount_shm("mode=1777,size=64m,nr_inodes=1"));
  require_private_cache();
}

SEGMENT_TEST(read_only_file_system)
{
  require(mount("shm", SHM, "tmpfs", MS_REMOUNT | MS_RDONLY, "") == 0);
  require_private_cache();
}

SEGMENT_TEST(not_a_tmpfs)
{
  require(mount("proc", SHM, "proc", 0, "") == 0 || mount("/proc", SHM, "none", MS_BIND, "") == 0);
  require_private_cache();
}

/* /dev is covered by an empty file system, so that there is no /dev/shm in it. */
SEGMENT_TEST(missing_directory)
{
  require(mount("dev", "/dev", "tmpfs", 0, "mode=755,size=1m") == 0);
  require(access(SHM, F_OK) != 0);
  require_private_cache();
}

SEGMENT_TEST(no_proc)
{
  char path[128] = "x";
  require(mount("empty", "/proc", "tmpfs", 0, "mode=755,size=1m") == 0);
  cache_segment_path(path, sizeof path);
  require(path[0] == 0);
  require(cache_open() == NULL);
  Cache *cache = cache_create(64);
  require(cache && !cache_is_shared(cache));
  require_works(cache);
  require(count_entries(SHM) == 0);
  _exit(0); /* LeakSanitizer needs /proc */
}

/* Its parent's leases are not the child's: it begins with an empty cache of its own. */
static void child_of_private(void *data)
{
  Cache *cache = data;
  require(atomic_load(&cache->header->state) != CACHE_LIVE && cache_open() == NULL);
  Cache *own = keep(cache_create(64));
  require(own && own != cache && !cache_is_shared(own));
  require_works(own);
}

SEGMENT_TEST(private_cache_and_fork)
{
  require(mount("shm", SHM, "tmpfs", MS_REMOUNT | MS_RDONLY, "") == 0);
  Cache *cache = cache_create(64);
  require(cache && !cache_is_shared(cache));
  require(child_wait(child_start(child_of_private, cache)) == 0);
  require_works(cache);
}

/* ---- the lock ---- */

static void dies_inside(void *data)
{
  require(cache_lock(data));
  raise(SIGKILL);
}

SEGMENT_TEST(owner_killed_inside)
{
  Cache *cache = cache_create(64);
  require(cache && cache_is_shared(cache));
  for (uint64_t i = 1; i <= 5; i++) {
    require(child_wait(child_start(dies_inside, cache)) == 128 + SIGKILL);
    require(cache_lock(cache));
    cache_unlock(cache);
    require(atomic_load(&cache->header->counters[CACHE_COUNT_REPAIRED]) == i);
  }
  require(atomic_load(&cache->header->state) == CACHE_LIVE);
  require(atomic_load(&cache->header->lock_failures) == 0);
  require_works(cache);
}

/* It attaches by itself, as a stranger would, rather than through the fork. */
static void attaches_and_dies_inside(void *data)
{
  (void)data;
  Cache *cache = cache_open();
  require(cache && cache_lock(cache));
  raise(SIGKILL);
}

SEGMENT_TEST(stranger_killed_inside)
{
  make_segment();
  require(child_wait(child_start(attaches_and_dies_inside, NULL)) == 128 + SIGKILL);
  Cache *cache = cache_open();
  require(cache && cache_is_shared(cache));
  require_works(cache);
  require(atomic_load(&cache->header->counters[CACHE_COUNT_REPAIRED]) == 1);
}

static void stops_inside(void *data)
{
  require(cache_lock(data));
  raise(SIGSTOP);
  cache_unlock(data);
}

static pid_t stopped_owner(Cache *cache)
{
  int status;
  pid_t pid = child_start(stops_inside, cache);
  require(pid > 0 && waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
  return pid;
}

static void require_times_out(Cache *cache)
{
  int64_t start = clock_monotonic_ms();
  require(!cache_lock(cache));
  int64_t took = clock_monotonic_ms() - start;
  require(took >= 45 && took < 10000);
}

SEGMENT_TEST(owner_stopped_and_going_on)
{
  Cache *cache = cache_create(64);
  pid_t pid = stopped_owner(cache);
  require_times_out(cache);
  require_times_out(cache);
  require(atomic_load(&cache->header->lock_failures) == 2);
  require(kill(pid, SIGCONT) == 0 && child_wait(pid) == 0);
  require(cache_lock(cache));
  cache_unlock(cache);
  require(atomic_load(&cache->header->lock_failures) == 0);
  require(atomic_load(&cache->header->state) == CACHE_LIVE);
  require(cache_create(64) == cache);
  require_works(cache);
}

SEGMENT_TEST(owner_stopped_for_good)
{
  Cache *cache = keep(cache_create(64));
  ino_t old = stat_of(segment()).st_ino;
  pid_t pid = stopped_owner(cache);
  int64_t started = clock_boot_ms();
  for (int i = 0; i < 3; i++)
    require_times_out(cache);
  /* Three in a moment may be a stall; over some seconds they are not. */
  require(atomic_load(&cache->header->state) == CACHE_LIVE);
  while (clock_boot_ms() < started + 10000 && atomic_load(&cache->header->state) == CACHE_LIVE)
    require(!cache_lock(cache));
  require(atomic_load(&cache->header->state) == CACHE_RETIRED);
  require(!cache_lock(cache)); /* at once, now */
  require(cache_open() == NULL);
  unsigned before = descriptors();
  Cache *next = cache_create(64);
  require(next && next != cache && next->header != cache->header && cache_is_shared(next));
  require(descriptors() == before);
  require(stat_of(segment()).st_ino != old && count_entries(SHM) == 1);
  require_works(next);
  require(cache_open() == next);
  /* The old one's owner comes back and disturbs nobody. */
  require(kill(pid, SIGCONT) == 0 && child_wait(pid) == 0);
  require_works(next);
}

static void notices_retirement(void *data)
{
  _Atomic(int) *steps = data;
  Cache *cache = keep(cache_open());
  require(cache);
  require_works(cache);
  atomic_store(steps, 1);
  require(child_await(steps, 2));
  Cache *next = cache_create(64);
  require(next && next != cache && cache_is_shared(next));
  require_works(next);
}

SEGMENT_TEST(everybody_leaves_a_retired_segment)
{
  _Atomic(int) *steps = child_shared(sizeof *steps);
  make_segment();
  pid_t pid = child_start(notices_retirement, (void *)steps);
  require(child_await(steps, 1));
  edit_word(offsetof(CacheHeader, state), CACHE_RETIRED);
  atomic_store(steps, 2);
  require(child_wait(pid) == 0);
  require(count_entries(SHM) == 1);
}

/* Retired again and again: in the end the process keeps to itself rather than map without end. */
SEGMENT_TEST(reattaching_is_bounded)
{
  unsigned shared = 0;
  for (int i = 0; i < 40; i++) {
    Cache *cache = keep(cache_create(16));
    require(cache);
    require_works(cache);
    shared += cache_is_shared(cache);
    if (!cache_is_shared(cache))
      require(cache_create(16) == cache);
    atomic_store(&cache->header->state, CACHE_RETIRED);
  }
  require(shared >= 10 && shared <= 20);
}

static void lives_on(void *data)
{
  Cache *cache = data;
  require(cache_open() == cache);
  require_works(cache);
  require(cache_lock(cache));
  cache_unlock(cache);
}

SEGMENT_TEST(shared_with_a_forked_child)
{
  Cache *cache = cache_create(64);
  require(cache && cache_is_shared(cache));
  require(child_wait(child_start(lives_on, cache)) == 0);
  require(atomic_load(&cache->header->counters[CACHE_COUNT_PUBLISHED]) == 1);
  require_works(cache);
}

#define TEST(function) cmocka_unit_test(function)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(name_and_mode),
      TEST(tight_umask),
      TEST(sizes),
      TEST(open_finds_what_is_there),
      TEST(name_says_who_may_share),
      TEST(one_segment_for_all),
      TEST(one_successor_of_a_retired_one),
      TEST(spoiled_files),
      TEST(full_file_system),
      TEST(no_inodes_left),
      TEST(read_only_file_system),
      TEST(not_a_tmpfs),
      TEST(missing_directory),
      TEST(no_proc),
      TEST(private_cache_and_fork),
      TEST(owner_killed_inside),
      TEST(stranger_killed_inside),
      TEST(owner_stopped_and_going_on),
      TEST(owner_stopped_for_good),
      TEST(everybody_leaves_a_retired_segment),
      TEST(reattaching_is_bounded),
      TEST(shared_with_a_forked_child),
  };
  return cmocka_run_group_tests_name("cache-segment", tests, group_setup, NULL);
}
