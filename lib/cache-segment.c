/* SPDX-License-Identifier: MIT */
/*
 * cache-segment.c - the segment's file: whom it is taken from, and the way into it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "lib/cache-internal.h"
#include "lib/descriptor.h"
#include "lib/secret-memory.h"

#define ATTACH_TRIES    50
#define PRIVATE_ENTRIES 256u

/* ---- a Cache ---- */

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
  cache->kind = CACHE_UNSEALED;
  memcpy(cache->salt, cache->header->salt, sizeof cache->salt);
  return cache;
}

void cache_discard(Cache *cache)
{
  munmap(cache->header, cache->shape.size);
  cache_drop_key(cache);
  free(cache);
}

/* ---- attaching ---- */

int cache_judge_file(int fd, struct stat *st)
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

int cache_judge_header(const CacheHeader *header, size_t size, uint32_t buckets, uint32_t chunks)
{
  if (atomic_load_explicit(&header->magic, memory_order_acquire) != CACHE_MAGIC ||
      header->layout != CACHE_LAYOUT || header->abi != CACHE_ABI || buckets < 2 ||
      buckets > CACHE_ENTRIES_MAX / CACHE_WAYS || chunks != cache_chunks_for(buckets) ||
      cache_shape(buckets, chunks).size != size || header->size != size)
    return EINVAL;
  return atomic_load(&header->state) == CACHE_LIVE ? 0 : ECONNREFUSED;
}

static CacheWhy map_file(int fd, const struct stat *st, CacheKind kind, const char *path,
                         Cache **cache)
{
  size_t size = (size_t)st->st_size;
  CacheHeader *header = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (header == MAP_FAILED)
    return (CacheWhy){.error = errno};
  uint32_t buckets = header->buckets, chunks = header->chunks;
  CacheWhy why = {.error = cache_judge_header(header, size, buckets, chunks)};
  Cache *new = why.error ? NULL : cache_wrap(header, buckets, chunks);
  if (!new) { /* its lock was never touched by us */
    munmap(header, size);
    return why.error ? why : (CacheWhy){.error = ENOMEM};
  }
  madvise(header, size, MADV_DONTDUMP); /* an unlinked tmpfs mapping would be dumped */
  new->kind = kind;
  new->device = st->st_dev;
  new->inode = st->st_ino;
  snprintf(new->path, sizeof new->path, "%s", path);
  *cache = new;
  return why;
}

/* With its key, if that is asked for. */
static CacheWhy enter_file(int fd, const struct stat *st, CacheKind kind, bool keyed,
                           const char *path, Cache **cache)
{
  CacheWhy why = map_file(fd, st, kind, path, cache);
  if (why.error || !*cache || !keyed)
    return why;
  const int error = cache_take_key(*cache);
  if (!error)
    return why;
  cache_discard(*cache);
  *cache = NULL;
  return cache_why_no_key(error);
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

/* Nobody needs it any more: who is in the segment has it. The user may have 200 (keyrings(7)). */
static void forget_key(int fd)
{
  uint8_t salt[SEAL_SALT_SIZE];
  if (pread(fd, salt, sizeof salt, offsetof(CacheHeader, salt)) == sizeof salt)
    seal_key_forget(salt);
}

/* ENOENT: there is none, or none any more; else why the file at `path` is not for us. */
static CacheWhy open_file(CacheKind kind, bool keyed, const char *path, Cache **cache)
{
  struct stat st;
  int fd = descriptor_above_standard(
      open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
  if (fd < 0)
    return (CacheWhy){.error = errno};
  CacheWhy why = {.error = cache_judge_file(fd, &st)};
  if (why.error == 0)
    why = enter_file(fd, &st, kind, keyed, path, cache);
  if (why.error == ECONNREFUSED || why.error == EINVAL || why.error == ENOKEY) {
    why = (CacheWhy){.error = remove_stale(fd, &st, path)};
    if (keyed && kind == CACHE_SEALED)
      forget_key(fd);
  }
  close(fd);
  return why;
}

/* Whoever removes it needs two system calls more, and a CPU: 170 ms in all tries. */
static void wait_for_removal(int tries)
{
  const struct timespec moment = {0, tries < 20 ? 1000000 : 5000000};
  nanosleep(&moment, NULL);
}

Cache *cache_attach_shared(CacheKind kind, bool create, uint32_t entries, CacheWhy *why)
{
  char path[CACHE_PATH_SIZE];
  Cache *cache = NULL;
  *why = (CacheWhy){.error = ENOENT};
  cache_segment_path(kind, path, sizeof path);
  if (!path[0])
    return NULL;
  for (int i = 0; i < ATTACH_TRIES; i++) {
    *why = open_file(kind, create, path, &cache);
    if (why->error == 0)
      return cache;
    if (!create || why->keyring || (why->error != ENOENT && why->error != EBUSY))
      return NULL;
    if (why->error == EBUSY) {
      wait_for_removal(i);
      continue;
    }
    *why = cache_make_file(kind, path, entries);
    if (why->error && (why->keyring || why->error != EEXIST))
      return NULL;
  }
  return NULL;
}

Cache *cache_attach_private(void)
{
  uint32_t buckets = cache_bucket_count(PRIVATE_ENTRIES), chunks = cache_chunks_for(buckets);
  CacheShape shape = cache_shape(buckets, chunks);
  void *memory = secret_pages(shape.size);
  if (!memory)
    return NULL;
  /* A fork's child would inherit the leases of threads that it does not have: it finds zeros, which
   * are no cache, and makes its own. */
  madvise(memory, shape.size, MADV_WIPEONFORK);
  Cache *cache =
      cache_init(memory, &shape, buckets, chunks) ? cache_wrap(memory, buckets, chunks) : NULL;
  if (cache)
    cache->kind = CACHE_PRIVATE;
  else
    munmap(memory, shape.size);
  return cache;
}
