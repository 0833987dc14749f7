/* SPDX-License-Identifier: MIT */
/* lib/cache-segment where no /dev/shm is to be had: the cache is the process's own. */
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/unit/segment-fixture.h"

static void require_private_cache(void)
{
  unsigned before = descriptors();
  require(cache_open(SNAPSHOT_SEAL_AUTO) == NULL);
  Cache *cache = cache_create(64, SNAPSHOT_SEAL_AUTO);
  require(cache && !cache_is_shared(cache));
  require(cache_create(64, SNAPSHOT_SEAL_AUTO) == cache && cache_open(SNAPSHOT_SEAL_AUTO) == cache);
  require_works(cache);
  require(descriptors() == before);
}

SEGMENT_TEST(full_file_system)
{
  require(mount_shm("mode=1777,size=64k"));
  require_private_cache();
  require(count_entries(SHM) == 0);
}

/* Beyond `ulimit -f` a file would be SIGXFSZ to the program. */
SEGMENT_TEST(file_size_limit)
{
  const struct rlimit limit = {512 * 1024, 512 * 1024};
  require(setrlimit(RLIMIT_FSIZE, &limit) == 0);
  require_private_cache();
  require(count_entries(SHM) == 0);
}

static void holds_the_file(void *data)
{
  _Atomic(int) *steps = data;
  int fd = open(segment(), O_RDONLY | O_CLOEXEC);
  require(fd >= 0 && flock(fd, LOCK_EX) == 0);
  atomic_store(steps, 1);
  require(child_await(steps, 2));
}

/* A retired segment whose remover is stopped in the middle: nobody makes one segment after the
 * other for nothing. */
SEGMENT_TEST(remover_stopped)
{
  _Atomic(int) *steps = child_shared(sizeof *steps);
  make_segment();
  edit_word(offsetof(CacheHeader, state), CACHE_RETIRED);
  pid_t pid = child_start(holds_the_file, (void *)steps);
  require(child_await(steps, 1));
  struct stat before = stat_of(SHM);
  require_private_cache();
  struct stat after = stat_of(SHM);
  require(before.st_mtim.tv_nsec == after.st_mtim.tv_nsec); /* not even one */
  atomic_store(steps, 2);
  require(child_wait(pid) == 0);
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
  cache_segment_path(CACHE_SEALED, path, sizeof path);
  require(path[0] == 0);
  require(cache_open(SNAPSHOT_SEAL_AUTO) == NULL);
  Cache *cache = cache_create(64, SNAPSHOT_SEAL_AUTO);
  require(cache && !cache_is_shared(cache));
  require_works(cache);
  require(count_entries(SHM) == 0);
  _exit(0); /* LeakSanitizer needs /proc */
}

/* Its parent's leases are not the child's: it begins with an empty cache of its own. */
static void child_of_private(void *data)
{
  Cache *cache = data;
  require(atomic_load(&cache->header->state) != CACHE_LIVE &&
          cache_open(SNAPSHOT_SEAL_AUTO) == NULL);
  Cache *own = keep(cache_create(64, SNAPSHOT_SEAL_AUTO));
  require(own && own != cache && !cache_is_shared(own));
  require_works(own);
}

SEGMENT_TEST(private_cache_and_fork)
{
  require(mount("shm", SHM, "tmpfs", MS_REMOUNT | MS_RDONLY, "") == 0);
  Cache *cache = cache_create(64, SNAPSHOT_SEAL_AUTO);
  require(cache && !cache_is_shared(cache));
  require(child_wait(child_start(child_of_private, cache)) == 0);
  require_works(cache);
}

#define TEST(function) cmocka_unit_test(function)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(full_file_system),       TEST(no_inodes_left),
      TEST(file_size_limit),        TEST(remover_stopped),
      TEST(read_only_file_system),  TEST(not_a_tmpfs),
      TEST(missing_directory),      TEST(no_proc),
      TEST(private_cache_and_fork),
  };
  return cmocka_run_group_tests_name("cache-segment-private", tests, segment_group_setup, NULL);
}
