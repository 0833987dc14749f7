/* SPDX-License-Identifier: MIT */
/*
 * cache-segment.c - the segment's file: its creation and its checks.
 *
 * Creation: an unnamed file (O_TMPFILE) is filled in whole and then linked to its name, so that a
 * creator may die anywhere and nobody ever opens half a segment. Whoever loses the race to the name
 * opens the winner's.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "lib/cache-internal.h"
#include "lib/descriptor.h"

#define ATTACH_TRIES    50
#define ALLOCATE_STEP   (256 * 1024)
#define PRIVATE_ENTRIES 256u

/* ---- creation ---- */

static uint32_t bucket_count(uint32_t entries)
{
  if (entries < CACHE_ENTRIES_MIN)
    entries = CACHE_ENTRIES_MIN;
  if (entries > CACHE_ENTRIES_MAX)
    entries = CACHE_ENTRIES_MAX;
  return (entries + CACHE_WAYS - 1) / CACHE_WAYS;
}

bool cache_init(CacheHeader *header, const CacheShape *shape, uint32_t buckets, uint32_t chunks)
{
  header->layout = CACHE_LAYOUT;
  header->size = shape->size;
  header->abi = CACHE_ABI;
  header->buckets = buckets;
  header->chunks = chunks;
  /* All chunks are free, the first one at the head: one store a chunk, 1.5 MiB at most. */
  CacheLink *links = (CacheLink *)(void *)((char *)header + shape->links);
  for (uint32_t i = 0; i < chunks; i++)
    atomic_store_explicit(&links[i].next, i + 1 < chunks ? i + 2 : 0, memory_order_relaxed);
  atomic_store(&header->free_chunk, 1);
  atomic_store(&header->free_chunks, chunks);
  atomic_store(&header->state, CACHE_LIVE);
  if (getrandom(header->salt, sizeof header->salt, GRND_NONBLOCK) != sizeof header->salt)
    return false;
  uint32_t random;
  memcpy(&random, header->salt, sizeof random);
  header->first_generation = ((uint64_t)random << 24) + 1;
  if (!cache_lock_init(header))
    return false;
  atomic_store_explicit(&header->magic, CACHE_MAGIC, memory_order_release);
  return true;
}

static int link_file(int fd, const char *path)
{
  char self[64];
  snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
  return linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
}

/* In steps, so that a program with a fast interval timer gets through (EINTR). A file beyond the
 * process's limit would be a signal to it. */
static int allocate(int fd, off_t size)
{
  struct rlimit limit;
  if (getrlimit(RLIMIT_FSIZE, &limit) ||
      (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < (rlim_t)size))
    return EFBIG;
  for (off_t at = 0; at < size; at += ALLOCATE_STEP) {
    off_t step = size - at < ALLOCATE_STEP ? size - at : ALLOCATE_STEP;
    int result;
    while ((result = posix_fallocate(fd, at, step)) == EINTR)
      ;
    if (result)
      return result;
  }
  return 0;
}

/* 0, or an errno; EEXIST: somebody was faster. */
static int create_file(const char *path, uint32_t entries)
{
  uint32_t buckets = bucket_count(entries), chunks = cache_chunks_for(buckets);
  CacheShape shape = cache_shape(buckets, chunks);
  struct statfs fs;
  int fd = descriptor_above_standard(open(CACHE_DIRECTORY, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (fd < 0)
    return errno;
  if (fstatfs(fd, &fs) || fs.f_type != TMPFS_MAGIC) {
    close(fd);
    return EMEDIUMTYPE; /* no secrets onto a disk */
  }
  /* fallocate, not ftruncate: a full /dev/shm must say so now and not by SIGBUS later. fchmod: an
   * inherited ACL or umask must not decide the mode. */
  int result = fchmod(fd, 0600) ? errno : allocate(fd, (off_t)shape.size);
  if (result == 0) {
    void *memory = mmap(NULL, shape.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    result = memory == MAP_FAILED ? errno : 0;
    if (result == 0) {
      result = cache_init(memory, &shape, buckets, chunks) ? 0 : ENOSYS;
      /* The lock in it was never taken through this mapping, so it may go. */
      munmap(memory, shape.size);
    }
  }
  if (result == 0 && link_file(fd, path))
    result = errno;
  close(fd);
  return result;
}

/* ---- attaching ---- */

Cache *cache_wrap(void *memory, uint32_t buckets, uint32_t chunks)
{
  static _Atomic uint64_t last_id;
  Cache *cache = calloc(1, sizeof *cache);
  if (!cache)
    return NULL;
  cache->id = atomic_fetch_add(&last_id, 1) + 1;
  cache->header = memory;
  cache->shape = cache_shape(buckets, chunks);
  cache->buckets = buckets;
  cache->chunks = chunks;
  cache->owner = geteuid();
  return cache;
}

/* The file that was opened is ours, is what its name says and nothing else; ECONNREFUSED: a retired
 * segment. */
static int judge_file(int fd, struct stat *st)
{
  struct statfs fs;
  if (fstat(fd, st) || fstatfs(fd, &fs))
    return errno;
  if (st->st_nlink == 0)
    return ECONNREFUSED; /* removed since it was opened */
  if (!S_ISREG(st->st_mode) || st->st_uid != geteuid() || (st->st_mode & 07777) != 0600 ||
      st->st_nlink != 1 || fs.f_type != TMPFS_MAGIC)
    return EPERM;
  return st->st_size < (off_t)sizeof(CacheHeader) ? EINVAL : 0;
}

/* 0: it is whole, EINVAL: it is not, ECONNREFUSED: it was given up. */
static int judge_header(const CacheHeader *header, size_t size, uint32_t buckets, uint32_t chunks)
{
  if (atomic_load_explicit(&header->magic, memory_order_acquire) != CACHE_MAGIC ||
      header->layout != CACHE_LAYOUT || header->abi != CACHE_ABI || buckets < 2 ||
      buckets > CACHE_ENTRIES_MAX / CACHE_WAYS || chunks != cache_chunks_for(buckets) ||
      cache_shape(buckets, chunks).size != size || header->size != size)
    return EINVAL;
  return atomic_load(&header->state) == CACHE_LIVE ? 0 : ECONNREFUSED;
}

static int map_file(int fd, const struct stat *st, const char *path, Cache **cache)
{
  size_t size = (size_t)st->st_size;
  CacheHeader *header = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (header == MAP_FAILED)
    return errno;
  uint32_t buckets = header->buckets, chunks = header->chunks;
  int result = judge_header(header, size, buckets, chunks);
  if (result == 0 && !(*cache = cache_wrap(header, buckets, chunks)))
    result = ENOMEM;
  if (result) {
    munmap(header, size); /* its lock was never touched by us */
    return result;
  }
  madvise(header, size, MADV_DONTDUMP); /* an unlinked tmpfs mapping would be dumped */
  (*cache)->kind = CACHE_SHARED;
  (*cache)->device = st->st_dev;
  (*cache)->inode = st->st_ino;
  snprintf((*cache)->path, sizeof(*cache)->path, "%s", path);
  return 0;
}

/*
 * A file of ours that nobody can use any more makes room for a new one. Its attached processes go
 * on with their mapping. Whoever removes holds the file's lock, so the name still leads to the file
 * that was judged and not to the successor that somebody else has made meanwhile. ENOENT: it made
 * room; EBUSY: another process is at it.
 */
static int remove_stale(int fd, const struct stat *judged, const char *path)
{
  struct stat st;
  if (flock(fd, LOCK_EX | LOCK_NB))
    return EBUSY;
  if (!lstat(path, &st) && st.st_dev == judged->st_dev && st.st_ino == judged->st_ino)
    unlink(path);
  return ENOENT;
}

/* 0; ENOENT: there is none, or none any more; else why the file at `path` is not for us. */
static int open_file(const char *path, Cache **cache)
{
  struct stat st;
  int fd = descriptor_above_standard(
      open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
  if (fd < 0)
    return errno;
  int result = judge_file(fd, &st);
  if (result == 0)
    result = map_file(fd, &st, path, cache);
  if (result == ECONNREFUSED || result == EINVAL)
    result = remove_stale(fd, &st, path);
  close(fd);
  return result;
}

/* Whoever removes it needs two system calls more, and a CPU: 170 ms in all tries. */
static void wait_for_removal(int tries)
{
  const struct timespec moment = {0, tries < 20 ? 1000000 : 5000000};
  nanosleep(&moment, NULL);
}

Cache *cache_attach_shared(bool create, uint32_t entries, int *why)
{
  char path[CACHE_PATH_SIZE];
  Cache *cache = NULL;
  *why = ENOENT;
  cache_segment_path(path, sizeof path);
  if (!path[0])
    return NULL;
  for (int i = 0; i < ATTACH_TRIES; i++) {
    *why = open_file(path, &cache);
    if (*why == 0)
      return cache;
    if (!create || (*why != ENOENT && *why != EBUSY))
      return NULL;
    if (*why == EBUSY) {
      wait_for_removal(i);
      continue;
    }
    *why = create_file(path, entries);
    if (*why && *why != EEXIST)
      return NULL;
  }
  return NULL;
}

Cache *cache_attach_private(void)
{
  uint32_t buckets = bucket_count(PRIVATE_ENTRIES), chunks = cache_chunks_for(buckets);
  CacheShape shape = cache_shape(buckets, chunks);
  void *memory = mmap(NULL, shape.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    return NULL;
  madvise(memory, shape.size, MADV_DONTDUMP);
  /* A fork's child would inherit the leases of threads that it does not have: it finds zeros, which
   * are no cache, and makes its own. */
  madvise(memory, shape.size, MADV_WIPEONFORK);
  Cache *cache =
      cache_init(memory, &shape, buckets, chunks) ? cache_wrap(memory, buckets, chunks) : NULL;
  if (!cache)
    munmap(memory, shape.size);
  return cache;
}

void cache_discard(Cache *cache)
{
  munmap(cache->header, cache->shape.size);
  free(cache);
}
