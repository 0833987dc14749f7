/* SPDX-License-Identifier: MIT */
/* lib/cache-segment where no /dev/shm is to be had: the cache is the process's own. */
#include <stdatomic.h>
#include <sys/mount.h>
#include <unistd.h>

#include "tests/unit/segment-fixture.h"

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

#define TEST(function) cmocka_unit_test(function)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(full_file_system),       TEST(no_inodes_left),
      TEST(read_only_file_system),  TEST(not_a_tmpfs),
      TEST(missing_directory),      TEST(no_proc),
      TEST(private_cache_and_fork),
  };
  return cmocka_run_group_tests_name("cache-segment-private", tests, segment_group_setup, NULL);
}
