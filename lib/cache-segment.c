/* SPDX-License-Identifier: MIT */
/*
 * cache-segment.c - the segment's name, its creation, its checks and its lock.
 *
 * Creation: an unnamed file (O_TMPFILE) is filled in whole and then linked to its name, so that a
 * creator may die anywhere and nobody ever opens half a segment. Whoever loses the race to the name
 * opens the winner's.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "lib/cache-private.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/log.h"
#include "lib/process.h"

#define DIRECTORY         "/dev/shm"
#define ATTACH_TRIES      100
#define REATTACH_MAX      16 /* retired segments stay mapped for ever: a bound on what that costs */
#define LOCK_WAIT_MS      50
#define LOCK_FAILURES_MAX 3
#define LOCK_STUCK_S      2
#define ALLOCATE_STEP     (256 * 1024)
#define PRIVATE_ENTRIES   256u

/* ---- the name ---- */

static uint64_t namespace_inode(const char *path)
{
  struct stat st;
  return stat(path, &st) ? 0 : (uint64_t)st.st_ino;
}

/* What decides whether a robust mutex and a BOOTTIME mean the same in two processes: the boot, the
 * time, PID and user namespaces, the C library and its mutex. */
static bool add_domain(Digest *digest)
{
  char boot_id[64] = "";
  int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return false;
  ssize_t length = read(fd, boot_id, sizeof boot_id - 1);
  close(fd);
  uint64_t pid = namespace_inode("/proc/self/ns/pid");
  if (length <= 0 || !pid)
    return false;
  digest_add(digest, boot_id, (size_t)length);
  digest_add_u64(digest, pid);
  digest_add_u64(digest, namespace_inode("/proc/self/ns/time")); /* 0 before Linux 5.6 */
  digest_add_u64(digest, namespace_inode("/proc/self/ns/user"));
#ifdef __GLIBC__
  digest_add_string(digest, "glibc");
#else
  digest_add_string(digest, "other");
#endif
  digest_add_u64(digest, sizeof(void *));
  digest_add_u64(digest, sizeof(pthread_mutex_t));
  return true;
}

void cache_segment_path(char *path, size_t size)
{
  uint8_t hash[DIGEST_SIZE];
  Digest *digest = digest_new();
  bool known = add_domain(digest);
  if (!digest_finish(digest, hash) || !known) {
    path[0] = 0;
    return;
  }
  snprintf(path, size, DIRECTORY "/thred-auth-v%u-%u-%02x%02x%02x%02x%02x%02x%02x%02x",
           CACHE_LAYOUT, (unsigned)geteuid(), hash[0], hash[1], hash[2], hash[3], hash[4], hash[5],
           hash[6], hash[7]);
}

/* ---- creation ---- */

static uint32_t bucket_count(uint32_t entries)
{
  if (entries < CACHE_ENTRIES_MIN)
    entries = CACHE_ENTRIES_MIN;
  if (entries > CACHE_ENTRIES_MAX)
    entries = CACHE_ENTRIES_MAX;
  return (entries + CACHE_WAYS - 1) / CACHE_WAYS;
}

/* One entry in sixteen may be large at a time; 8 at least, 1,024 (32 MiB) at most. */
static uint32_t big_buffer_count(uint32_t entries)
{
  uint32_t count = entries / 16;
  return count < 8 ? 8 : count > 1024 ? 1024 : count;
}

static bool init_lock(CacheHeader *header)
{
  pthread_mutexattr_t attributes;
  if (pthread_mutexattr_init(&attributes))
    return false;
  bool good = !pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) &&
              !pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST) &&
              !pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_NORMAL) &&
              !pthread_mutex_init(&header->lock, &attributes);
  pthread_mutexattr_destroy(&attributes);
  return good;
}

/* `memory` is zeroed and as large as the shape says. */
static bool init_header(CacheHeader *header, uint32_t buckets, uint32_t big_count, size_t size)
{
  header->layout = CACHE_LAYOUT;
  header->size = size;
  header->buckets = buckets;
  header->big_count = big_count;
  atomic_store(&header->state, CACHE_LIVE);
  if (getrandom(header->salt, sizeof header->salt, GRND_NONBLOCK) != sizeof header->salt)
    return false;
  if (!init_lock(header))
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

/* In steps, so that a program with a fast interval timer gets through (EINTR). */
static int allocate(int fd, off_t size)
{
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
  uint32_t buckets = bucket_count(entries), big_count = big_buffer_count(entries);
  CacheShape shape = cache_shape(buckets, big_count);
  struct statfs fs;
  int fd = open(DIRECTORY, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
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
      result = init_header(memory, buckets, big_count, shape.size) ? 0 : ENOSYS;
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

static Cache *wrap(void *memory, uint32_t buckets, uint32_t big_count, bool shared)
{
  Cache *cache = calloc(1, sizeof *cache);
  if (!cache)
    return NULL;
  cache->header = memory;
  cache->shape = cache_shape(buckets, big_count);
  cache->buckets = buckets;
  cache->big_count = big_count;
  cache->shared = shared;
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

static int map_file(int fd, const struct stat *st, Cache **cache)
{
  size_t size = (size_t)st->st_size;
  CacheHeader *header = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (header == MAP_FAILED)
    return errno;
  int result = EINVAL;
  uint32_t buckets = header->buckets, big_count = header->big_count;
  if (atomic_load_explicit(&header->magic, memory_order_acquire) == CACHE_MAGIC &&
      header->layout == CACHE_LAYOUT && buckets >= 2 && buckets <= CACHE_ENTRIES_MAX / CACHE_WAYS &&
      big_count >= 1 && big_count <= 1024) {
    CacheShape shape = cache_shape(buckets, big_count);
    if (atomic_load(&header->state) == CACHE_RETIRED)
      result = ECONNREFUSED;
    else if (shape.size == size)
      result = (*cache = wrap(header, buckets, big_count, true)) ? 0 : ENOMEM;
  }
  if (result)
    munmap(header, size); /* its lock was never touched by us */
  else
    madvise(header, size, MADV_DONTDUMP); /* an unlinked tmpfs mapping would be dumped */
  return result;
}

/*
 * A file of ours that nobody can use any more makes room for a new one. Its attached processes go
 * on with their mapping. Whoever removes holds the file's lock, so the name still leads to the file
 * that was judged and not to the successor that somebody else has made meanwhile.
 */
static void remove_stale(int fd, const struct stat *judged, const char *path)
{
  struct stat st;
  if (flock(fd, LOCK_EX | LOCK_NB))
    sched_yield(); /* another one is at it */
  else if (!lstat(path, &st) && st.st_dev == judged->st_dev && st.st_ino == judged->st_ino)
    unlink(path);
}

/* 0, ENOENT, or why the file at `path` is not for us. */
static int open_file(const char *path, Cache **cache)
{
  struct stat st;
  int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  if (fd < 0)
    return errno;
  int result = judge_file(fd, &st);
  if (result == 0)
    result = map_file(fd, &st, cache);
  if (result == ECONNREFUSED || result == EINVAL)
    remove_stale(fd, &st, path);
  close(fd);
  return result;
}

static Cache *attach_shared(bool create, uint32_t entries, int *why)
{
  char path[128];
  Cache *cache = NULL;
  *why = ENOENT;
  cache_segment_path(path, sizeof path);
  if (!path[0])
    return NULL;
  for (int i = 0; i < ATTACH_TRIES; i++) {
    *why = open_file(path, &cache);
    if (*why == 0)
      return cache;
    if (*why != ENOENT && *why != ECONNREFUSED && *why != EINVAL)
      return NULL;
    if (!create)
      return NULL;
    *why = create_file(path, entries);
    if (*why && *why != EEXIST)
      return NULL;
  }
  return NULL;
}

/* The same layout in memory of this process alone. */
static Cache *attach_private(void)
{
  uint32_t buckets = bucket_count(PRIVATE_ENTRIES), big_count = big_buffer_count(PRIVATE_ENTRIES);
  CacheShape shape = cache_shape(buckets, big_count);
  void *memory = mmap(NULL, shape.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    return NULL;
  madvise(memory, shape.size, MADV_DONTDUMP);
  /* A fork's child would inherit the leases of threads that it does not have: it finds zeros, which
   * are no cache, and makes its own. */
  madvise(memory, shape.size, MADV_WIPEONFORK);
  Cache *cache = init_header(memory, buckets, big_count, shape.size)
                     ? wrap(memory, buckets, big_count, false)
                     : NULL;
  if (!cache)
    munmap(memory, shape.size);
  return cache;
}

/* ---- the process's cache ---- */

static _Atomic(Cache *) current;
static _Atomic(Cache *) current_private; /* where the configuration wants no other */
static atomic_int attached;              /* segments so far */

static bool is_usable(const Cache *cache)
{
  return cache && cache->owner == geteuid() &&
         atomic_load_explicit(&cache->header->state, memory_order_relaxed) == CACHE_LIVE;
}

/* No lock: two threads may attach at once; one mapping wins, and the other goes, which nobody has
 * used. */
static Cache *install(_Atomic(Cache *) *place, Cache *seen, Cache *cache)
{
  if (!cache)
    return NULL;
  cache->older = seen;
  if (atomic_compare_exchange_strong(place, &seen, cache)) {
    atomic_fetch_add(&attached, 1);
    return cache;
  }
  munmap(cache->header, cache->shape.size);
  free(cache);
  return seen;
}

static Cache *attach(bool create, uint32_t entries)
{
  int why = EACCES;
  Cache *cache = NULL;
  /* A setgid program must not leave its tokens in its caller's segment. */
  if (!process_at_secure() && atomic_load(&attached) <= REATTACH_MAX)
    cache = attach_shared(create, entries, &why);
  if (cache || !create)
    return cache;
  log_warning("no shared cache (%s): tokens are cached in this process alone",
              process_at_secure() ? "AT_SECURE" : strerror(why));
  return attach_private();
}

static Cache *open_or_create(bool create, uint32_t entries)
{
  Cache *seen = atomic_load_explicit(&current, memory_order_acquire);
  return is_usable(seen) ? seen : install(&current, seen, attach(create, entries));
}

Cache *cache_open(void)
{
  return open_or_create(false, 0);
}

Cache *cache_create(uint32_t entries)
{
  return open_or_create(true, entries);
}

Cache *cache_create_private(void)
{
  Cache *seen = atomic_load_explicit(&current_private, memory_order_acquire);
  return is_usable(seen) ? seen : install(&current_private, seen, attach_private());
}

bool cache_is_shared(const Cache *cache)
{
  return cache->shared;
}

/* ---- the lock ---- */

/* Every process leaves; the next to attach removes the name and makes a new one. The mapping stays.
 */
static void retire(Cache *cache)
{
  if (atomic_exchange(&cache->header->state, CACHE_RETIRED) != CACHE_RETIRED)
    log_error("the shared cache is stuck or broken: it is given up and made anew");
}

static bool locked(Cache *cache, int result)
{
  if (result == EOWNERDEAD) {
    cache_repair(cache);
    pthread_mutex_consistent(&cache->header->lock);
    cache_count(cache, CACHE_COUNT_REPAIRED);
    result = 0;
  }
  if (result == 0)
    atomic_store_explicit(&cache->header->lock_failures, 0, memory_order_relaxed);
  return result == 0;
}

/* Nobody got the lock for a while, so this is no passing stall of its owner. */
static bool is_stuck(Cache *cache)
{
  CacheHeader *header = cache->header;
  uint32_t now = (uint32_t)(clock_boot_ms() / 1000);
  if (atomic_fetch_add(&header->lock_failures, 1) == 0)
    atomic_store(&header->lock_failing_since, now);
  return atomic_load(&header->lock_failures) >= LOCK_FAILURES_MAX &&
         now - atomic_load(&header->lock_failing_since) >= LOCK_STUCK_S;
}

bool cache_lock(Cache *cache)
{
  struct timespec until;
  if (!is_usable(cache))
    return false;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_nsec += LOCK_WAIT_MS * 1000000L;
  if (until.tv_nsec >= 1000000000L) {
    until.tv_sec++;
    until.tv_nsec -= 1000000000L;
  }
  int result = pthread_mutex_clocklock(&cache->header->lock, CLOCK_MONOTONIC, &until);
  /* glibc (2.36 and master) leaves the mutex in the thread's list_op_pending after ETIMEDOUT; only
   * another attempt clears it. It also picks up a wake-up that a stopped waiter swallowed. */
  if (result == ETIMEDOUT)
    result = pthread_mutex_trylock(&cache->header->lock);
  if (locked(cache, result))
    return true;
  if (result == ENOTRECOVERABLE || is_stuck(cache))
    retire(cache);
  return false;
}

void cache_unlock(Cache *cache)
{
  pthread_mutex_unlock(&cache->header->lock);
}
