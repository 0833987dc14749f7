/* SPDX-License-Identifier: MIT */
/*
 * cache-make.c - how a segment comes to be.
 *
 * An unnamed file (O_TMPFILE) is filled in whole, its key is stored, and then it is linked to its
 * name: a creator may die anywhere, and nobody ever opens half a segment, or one without its key.
 * Whoever loses the race to the name opens the winner's.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/cache-internal.h"
#include "lib/descriptor.h"

#define ALLOCATE_STEP (256 * 1024)

uint32_t cache_bucket_count(uint32_t entries)
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

/* Its key first: whoever opens the file by its name finds it. */
static CacheWhy name_file(int fd, CacheKind kind, const char *path, const CacheHeader *header)
{
  CacheWhy why = kind == CACHE_SEALED ? cache_store_key(header) : (CacheWhy){0};
  if (why.error)
    return why;
  why = (CacheWhy){.error = link_file(fd, path) ? errno : 0};
  if (why.error && kind == CACHE_SEALED)
    seal_key_forget(header->salt);
  return why;
}

/* The lock in it was never taken through this mapping, so it may go. */
static CacheWhy fill_file(int fd, CacheKind kind, const char *path, uint32_t entries)
{
  uint32_t buckets = cache_bucket_count(entries), chunks = cache_chunks_for(buckets);
  CacheShape shape = cache_shape(buckets, chunks);
  /* fallocate, not ftruncate: a full /dev/shm must say so now and not by SIGBUS later. */
  int error = allocate(fd, (off_t)shape.size);
  if (error)
    return (CacheWhy){.error = error};
  CacheHeader *header = mmap(NULL, shape.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (header == MAP_FAILED)
    return (CacheWhy){.error = errno};
  CacheWhy why = cache_init(header, &shape, buckets, chunks) ? name_file(fd, kind, path, header)
                                                             : (CacheWhy){.error = ENOSYS};
  munmap(header, shape.size);
  return why;
}

CacheWhy cache_make_file(CacheKind kind, const char *path, uint32_t entries)
{
  struct statfs fs;
  CacheWhy why = {0};
  int fd = descriptor_above_standard(open(CACHE_DIRECTORY, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (fd < 0)
    return (CacheWhy){.error = errno};
  /* fchmod: an inherited ACL or umask must not decide the mode. */
  if (fstatfs(fd, &fs) || fs.f_type != TMPFS_MAGIC)
    why.error = EMEDIUMTYPE; /* no secrets onto a disk */
  else if (fchmod(fd, 0600))
    why.error = errno;
  else
    why = fill_file(fd, kind, path, entries);
  close(fd);
  return why;
}
