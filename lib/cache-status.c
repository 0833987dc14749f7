/* SPDX-License-Identifier: MIT */
#include "lib/cache-status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/descriptor.h"

#define READ_TRIES 4
#define STEP       4096u /* bytes that are read at a time */

_Static_assert(CACHE_STATUS_COUNTERS == CACHE_COUNT_STOLEN + 1, "every CacheCounter");
_Static_assert(STEP % sizeof(CacheBucket) == 0 && STEP % sizeof(CacheLink) == 0, "whole ones");

/* Of the file, in memory of ours. */
static bool read_at(int fd, size_t at, void *to, size_t size)
{
  char *bytes = to;
  while (size > 0) {
    ssize_t got = pread(fd, bytes, size, (off_t)at);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return false; /* it is shorter than it was */
    bytes += got;
    at += (size_t)got;
    size -= (size_t)got;
  }
  return true;
}

/* ---- one entry ---- */

/* Whatever lies there, a terminal and a parser can have it. */
static void copy_text(char *to, const char *from, size_t size)
{
  size_t i = 0;
  for (; i < size && from[i]; i++) {
    to[i] = from[i];
    if (to[i] < ' ' || to[i] > '~')
      to[i] = '?';
  }
  to[i] = 0;
}

/* Milliseconds from a point in time of CLOCK_BOOTTIME to now. */
static int64_t since(uint64_t when, int64_t now)
{
  return when > 0 && when <= (uint64_t)now ? now - (int64_t)when : CACHE_STATUS_UNKNOWN;
}

static void describe_token(const CacheEntry *entry, int64_t now, CacheStatusEntry *status)
{
  const uint64_t generation = atomic_load(&entry->generation);
  const CacheVersion *version = &entry->version[generation & 1];
  status->generation = generation;
  if (generation == 0 || version->generation != generation || version->length == 0 ||
      version->length > TOKEN_MAX)
    return;
  const CacheToken token = {.boot_ms = version->boot_ms,
                            .real_ms = version->real_ms,
                            .lifetime_ms = version->lifetime_ms};
  status->age_ms = since((uint64_t)version->boot_ms, now);
  status->lifetime_ms = version->lifetime_ms > 0 ? version->lifetime_ms : 0;
  status->remaining_ms = cache_remaining_ms(&token);
  status->state = atomic_load(&entry->refused) == generation ? CACHE_TOKEN_REFUSED
                  : status->remaining_ms > 0                 ? CACHE_TOKEN_GOOD
                                                             : CACHE_TOKEN_EXPIRED;
}

static void describe_failure(const CacheEntry *entry, int64_t now, CacheStatusEntry *status)
{
  status->limited_ms = cache_refetch_pause(entry->refetch_window, entry->refetches, now);
  status->postponed = entry->postponed;
  status->renew_ms = cache_pause_left(atomic_load(&entry->renew_after), now);
  if (!entry->failure)
    return;
  status->failure = entry->failure;
  status->failure_status = entry->failure_status <= 999 ? entry->failure_status : 0;
  status->failures = entry->failures;
  status->failed_ms = since(atomic_load(&entry->failed_at), now);
  status->retry_ms = cache_pause_left(atomic_load(&entry->failure_until), now);
}

static void describe_lease(int fd, const CacheEntry *entry, uint64_t fingerprint, int64_t now,
                           CacheStatusEntry *status)
{
  const uint64_t lease = atomic_load(&entry->lease);
  const uint32_t owner = atomic_load(&entry->lease_owner);
  if (!cache_lease_held(lease, now))
    return;
  status->leased = true;
  status->lease_pid = owner <= INT32_MAX ? owner : 0;
  status->leased_ms = since(atomic_load(&entry->lease_since), now);
  status->lease_ms = (int64_t)(lease >> 1) - now;
  if (lease & CACHE_ALIVE)
    status->lease_owner = liveness_is_held_in(fd, fingerprint, atomic_load(&entry->lease_epoch))
                              ? CACHE_OWNER_LIVES
                              : CACHE_OWNER_DIED;
}

static void describe(int fd, const CacheEntry *entry, uint64_t fingerprint, uint32_t index,
                     CacheStatusEntry *status)
{
  const int64_t now = clock_boot_ms();
  *status = (CacheStatusEntry){.index = index,
                               .age_ms = CACHE_STATUS_UNKNOWN,
                               .failed_ms = CACHE_STATUS_UNKNOWN,
                               .leased_ms = CACHE_STATUS_UNKNOWN,
                               .hits = atomic_load(&entry->hits),
                               .publishes = entry->publishes,
                               .refusals = atomic_load(&entry->refusals)};
  copy_text(status->environment, entry->environment, sizeof entry->environment);
  copy_text(status->host, entry->host, sizeof entry->host);
  copy_text(status->business, entry->business, sizeof entry->business);
  if (entry->kind == SNAPSHOT_TOKEN_PARTNER || entry->kind == SNAPSHOT_TOKEN_BUSINESS)
    status->kind = (SnapshotToken)entry->kind;
  describe_token(entry, now, status);
  describe_failure(entry, now, status);
  describe_lease(fd, entry, fingerprint, now, status);
}

static bool is_same(const CacheEntry *a, const CacheEntry *b)
{
  return atomic_load(&a->generation) == atomic_load(&b->generation) &&
         atomic_load(&a->lease_epoch) == atomic_load(&b->lease_epoch) &&
         atomic_load(&a->changes) == atomic_load(&b->changes) &&
         memcmp(a->key, b->key, sizeof a->key) == 0;
}

/* An entry that nobody changed while it was copied, or after some tries one as it came: its numbers
 * are of several moments then. */
static bool read_entry(int fd, size_t at, CacheEntry *entry)
{
  CacheEntry again;
  for (int i = 0; i < READ_TRIES; i++) {
    if (!read_at(fd, at, entry, sizeof *entry) || !read_at(fd, at, &again, sizeof again))
      return false;
    if (is_same(entry, &again))
      break;
  }
  return true;
}

/* ---- all of them ---- */

static bool add(CacheStatus *status, const CacheStatusEntry *entry)
{
  if (status->count % 64 == 0) {
    void *list = realloc(status->list, (status->count + 64) * sizeof *entry);
    if (!list) {
      status->error = ENOMEM;
      return false;
    }
    status->list = list;
  }
  status->list[status->count++] = *entry;
  return true;
}

/* Its key may be another one since its bucket was read, and is on its way to that if it is not the
 * bucket's after all. */
static bool read_one(int fd, const CacheShape *shape, uint32_t index, uint64_t fingerprint,
                     CacheStatus *status)
{
  CacheEntry entry;
  CacheKey key;
  CacheStatusEntry described;
  CacheWord word;
  for (int i = 0; i < READ_TRIES; i++) {
    if (!read_entry(fd, shape->entries + (size_t)index * sizeof entry, &entry))
      return false;
    memcpy(key.bytes, entry.key, sizeof key.bytes);
    if (cache_fingerprint_of(&key) == fingerprint) {
      describe(fd, &entry, fingerprint, index, &described);
      return add(status, &described);
    }
    if (!read_at(fd, shape->buckets + (size_t)index * sizeof word, &word, sizeof word))
      return false;
    fingerprint = atomic_load(&word);
  }
  return true;
}

static bool read_entries(int fd, const CacheShape *shape, uint32_t buckets, CacheStatus *status)
{
  CacheBucket some[STEP / sizeof(CacheBucket)];
  const uint32_t step = sizeof some / sizeof *some;
  for (uint32_t first = 0; first < buckets; first += step) {
    const uint32_t count = buckets - first < step ? buckets - first : step;
    if (!read_at(fd, shape->buckets + (size_t)first * sizeof *some, some, count * sizeof *some))
      return false;
    for (uint32_t i = 0; i < count * CACHE_WAYS; i++) {
      const uint64_t fingerprint = atomic_load(&some[i / CACHE_WAYS].fingerprint[i % CACHE_WAYS]);
      if (!fingerprint)
        continue;
      status->entries_used++;
      if (!read_one(fd, shape, first * CACHE_WAYS + i, fingerprint, status))
        return false;
    }
  }
  return true;
}

static bool read_chunks(int fd, const CacheShape *shape, uint32_t chunks, CacheStatus *status)
{
  CacheLink some[STEP / sizeof(CacheLink)];
  const uint32_t step = sizeof some / sizeof *some;
  for (uint32_t first = 0; first < chunks; first += step) {
    const uint32_t count = chunks - first < step ? chunks - first : step;
    if (!read_at(fd, shape->links + (size_t)first * sizeof *some, some, count * sizeof *some))
      return false;
    for (uint32_t i = 0; i < count; i++)
      status->chunks_used += atomic_load(&some[i].owner) != 0;
  }
  return true;
}

static bool read_configs(int fd, const CacheShape *shape, CacheStatus *status)
{
  static const uint8_t none[32];
  uint8_t origin[sizeof none];
  for (uint32_t i = 0; i < CACHE_CONFIGS; i++) {
    if (!read_at(fd, shape->configs + i * sizeof(CacheConfig), origin, sizeof origin))
      return false;
    status->configs_used += memcmp(origin, none, sizeof none) != 0;
  }
  return true;
}

static int compare(const void *a, const void *b)
{
  const CacheStatusEntry *one = a, *two = b;
  int order = strcmp(one->environment, two->environment);
  if (!order)
    order = strcmp(one->host, two->host);
  if (!order)
    order = (int)one->kind - (int)two->kind;
  if (!order)
    order = strcmp(one->business, two->business);
  return order ? order : one->index < two->index ? -1 : one->index > two->index;
}

/* ---- the segment ---- */

static void describe_header(const CacheHeader *header, CacheStatus *status)
{
  status->size = header->size;
  status->entries = header->buckets * CACHE_WAYS;
  status->chunks = header->chunks;
  status->lock_failures = atomic_load(&header->lock_failures);
  for (uint32_t i = 0; i < CACHE_STATUS_COUNTERS; i++)
    status->counters[i] = atomic_load(&header->counters[i]);
  status->key_error = status->kind == CACHE_SEALED ? seal_key_look(header->salt) : 0;
}

void cache_status_read_file(int fd, size_t size, CacheStatus *status)
{
  CacheHeader header;
  status->state = CACHE_SEGMENT_SPOILED;
  if (!read_at(fd, 0, &header, sizeof header))
    return;
  const int error = cache_judge_header(&header, size, header.buckets, header.chunks);
  if (error && error != ECONNREFUSED)
    return;
  const CacheShape shape = cache_shape(header.buckets, header.chunks);
  describe_header(&header, status);
  if (read_entries(fd, &shape, header.buckets, status) &&
      read_chunks(fd, &shape, header.chunks, status) && read_configs(fd, &shape, status))
    status->state = error ? CACHE_SEGMENT_RETIRED : CACHE_SEGMENT_GOOD;
  if (status->error)
    status->state = CACHE_SEGMENT_UNREAD;
  if (status->count)
    qsort(status->list, status->count, sizeof *status->list, compare);
}

/* The time of the last look is a change, too; O_NOATIME is for the owner alone (open(2)). */
static int open_to_look(const char *path)
{
  const int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
  int fd = open(path, flags | O_NOATIME);
  if (fd < 0 && errno == EPERM)
    fd = open(path, flags);
  return descriptor_above_standard(fd);
}

/* Another user's, a link or a socket lets nobody in, but what it is can be seen. */
static bool is_seen_foreign(CacheStatus *status)
{
  struct stat st;
  if (lstat(status->path, &st) ||
      (S_ISREG(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & 07777) == 0600))
    return false;
  status->file = st;
  return true;
}

static void judge_unopened(CacheStatus *status, int error)
{
  status->error = error;
  status->state = error == ENOENT ? CACHE_SEGMENT_NONE : CACHE_SEGMENT_UNREAD;
  if ((error == EACCES || error == ELOOP || error == ENXIO) && is_seen_foreign(status))
    status->state = CACHE_SEGMENT_FOREIGN;
}

static void read_path(CacheStatus *status)
{
  int fd = open_to_look(status->path);
  if (fd < 0) {
    judge_unopened(status, errno);
    return;
  }
  const int error = cache_judge_file(fd, &status->file);
  status->error = error;
  if (error == ECONNREFUSED)
    status->state = CACHE_SEGMENT_NONE; /* removed since it was opened */
  else if (error)
    status->state = error == EINVAL ? CACHE_SEGMENT_SPOILED : CACHE_SEGMENT_FOREIGN;
  else
    cache_status_read_file(fd, (size_t)status->file.st_size, status);
  close(fd);
}

void cache_status_read(CacheKind kind, CacheStatus *status)
{
  *status = (CacheStatus){.kind = kind};
  cache_segment_path(kind, status->path, sizeof status->path);
  if (status->path[0])
    read_path(status);
}

void cache_status_clear(CacheStatus *status)
{
  free(status->list);
  *status = (CacheStatus){0};
}
