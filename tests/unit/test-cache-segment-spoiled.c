/* SPDX-License-Identifier: MIT */
/* lib/cache-segment: what lies in the place of a segment and is none. */
#include <sys/mount.h>
#include <unistd.h>

#include "tests/unit/segment-fixture.h"

typedef enum {
  STAYS,   /* it is not ours to touch: the cache is this process's own */
  REPLACED /* ours and good for nothing: a new one takes its place */
} Outcome;

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
static void no_chunks(const char *path)
{
  (void)path;
  edit_word(offsetof(CacheHeader, chunks), 0);
}
static void huge_chunks(const char *path)
{
  (void)path;
  edit_word(offsetof(CacheHeader, chunks), 0x7fffffff);
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
    {"no chunks", no_chunks, REPLACED},
    {"too many chunks", huge_chunks, REPLACED},
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
  SAY(cache_open(SNAPSHOT_SEAL_AUTO) == NULL);
  Cache *cache = cache_create(64, SNAPSHOT_SEAL_AUTO);
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

#define TEST(function) cmocka_unit_test(function)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(spoiled_files),
  };
  return cmocka_run_group_tests_name("cache-segment-spoiled", tests, segment_group_setup, NULL);
}
