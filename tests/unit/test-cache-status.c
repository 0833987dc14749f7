/* SPDX-License-Identifier: MIT */
/* lib/cache-status: what is in a segment, seen from outside; and segments that are none. */
#include "lib/cache-status.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/cache-fixture.h"
#include "tests/unit/segment-fixture.h"

/* ---- what is read ---- */

static off_t forbidden_from, forbidden_to; /* where the tokens lie */
static unsigned reads;

static void note_read(size_t size, off_t at)
{
  reads++;
  if (at < forbidden_to && at + (off_t)size > forbidden_from) {
    fprintf(stderr, "bytes of a token were read\n");
    abort();
  }
}

/* A word that somebody writes when all in front of an offset has been read. */
static int changing_fd = -1;
static off_t changing_from, changing_at;
static uint64_t changing_to;

static void change(void)
{
  if (pwrite(changing_fd, &changing_to, sizeof changing_to, changing_at) != sizeof changing_to)
    abort();
}

ssize_t __real_pread64(int fd, void *to, size_t size, off_t at);
ssize_t __wrap_pread64(int fd, void *to, size_t size, off_t at);
ssize_t __wrap_pread64(int fd, void *to, size_t size, off_t at)
{
  note_read(size, at);
  if (fd == changing_fd && at >= changing_from)
    change();
  return __real_pread64(fd, to, size, at);
}

/* Where _FORTIFY_SOURCE knows the size of what is read into. */
ssize_t __wrap___pread64_chk(int fd, void *to, size_t size, off_t at, size_t room);
ssize_t __wrap___pread64_chk(int fd, void *to, size_t size, off_t at, size_t room)
{
  if (size > room)
    abort();
  return __wrap_pread64(fd, to, size, at);
}

/* The segment as a file, that is `cut` bytes shorter than it says. */
static CacheStatus look_at_cut(const Cache *cache, size_t cut)
{
  CacheStatus status = {.kind = CACHE_UNSEALED};
  const size_t size = cache->shape.size;
  int fd = memfd_create("segment", MFD_CLOEXEC);
  assert_true(fd >= 0 && write(fd, cache->header, size - cut) == (ssize_t)(size - cut));
  forbidden_from = (off_t)cache->shape.chunks;
  forbidden_to = (off_t)cache->shape.configs;
  reads = 0;
  cache_status_read_file(fd, size, &status);
  assert_true(reads > 0);
  forbidden_to = 0;
  close(fd);
  return status;
}

static CacheStatus look_at(const Cache *cache)
{
  return look_at_cut(cache, 0);
}

/* The only entry that is in use. */
static CacheStatusEntry only(const Cache *cache)
{
  CacheStatus status = look_at(cache);
  assert_int_equal(status.state, CACHE_SEGMENT_GOOD);
  assert_int_equal(status.entries_used, 1);
  assert_int_equal(status.count, 1);
  CacheStatusEntry entry = status.list[0];
  cache_status_clear(&status);
  return entry;
}

#define assert_between(value, low, high) assert_in_range((value), (low), (high))

/* ---- a whole segment ---- */

static void empty_segment(void **state)
{
  CacheStatus status = look_at(*state);
  assert_int_equal(status.state, CACHE_SEGMENT_GOOD);
  assert_int_equal(status.entries, 16);
  assert_int_equal(status.chunks, 256);
  assert_int_equal(status.size, ((Cache *)*state)->shape.size);
  assert_int_equal(status.entries_used + status.chunks_used + status.configs_used, 0);
  assert_null(status.list);
  cache_status_clear(&status);
}

static void good_token(void **state)
{
  Cache *cache = *state;
  assert_int_equal(put(cache, 1, 2000), 1);
  store(cache, 7, 1000, 'a');
  CacheStatusEntry entry = only(cache);
  assert_int_equal(entry.kind, SNAPSHOT_TOKEN_BUSINESS);
  assert_string_equal(entry.environment, some_label.environment);
  assert_string_equal(entry.host, some_label.host);
  assert_string_equal(entry.business, some_label.business);
  assert_int_equal(entry.state, CACHE_TOKEN_GOOD);
  assert_int_equal(entry.generation, 1);
  assert_between(entry.age_ms, 0, 20000);
  assert_int_equal(entry.lifetime_ms, HOUR);
  assert_between(entry.remaining_ms, HOUR - 25000, HOUR);
  assert_int_equal(entry.publishes, 1);
  assert_int_equal(entry.refusals + entry.hits + entry.failure + entry.leased, 0);
  assert_int_equal(seen(cache, 1, 2000), 1);
  assert_int_equal(only(cache).hits, 1);
  CacheStatus status = look_at(cache);
  assert_int_equal(status.chunks_used, 2);
  assert_int_equal(status.configs_used, 1);
  assert_int_equal(status.counters[CACHE_COUNT_PUBLISHED], 1);
  cache_status_clear(&status);
}

static void refused_token(void **state)
{
  Cache *cache = *state;
  assert_int_equal(put(cache, 1, 20), 1);
  refuse(cache, 1, 1);
  refuse(cache, 1, 1); /* another handle that was answered the same */
  CacheStatusEntry entry = only(cache);
  assert_int_equal(entry.state, CACHE_TOKEN_REFUSED);
  assert_int_equal(entry.refusals, 1);
  assert_int_equal(counter(cache, CACHE_COUNT_REFUSED), 1);
  assert_int_equal(put(cache, 1, 20), 2);
  entry = only(cache);
  assert_int_equal(entry.state, CACHE_TOKEN_GOOD);
  assert_int_equal(entry.publishes, 2);
  refuse(cache, 1, 2);
  assert_int_equal(only(cache).refusals, 2);
}

static void no_token(void **state)
{
  Cache *cache = *state;
  assert_int_equal(put(cache, 1, 20), 1);
  entry_of(cache, 1)->version[1].lifetime_ms = 1;
  CacheStatusEntry entry = only(cache);
  assert_int_equal(entry.state, CACHE_TOKEN_EXPIRED);
  assert_true(entry.remaining_ms <= 0);
  assert_true(cache_flush(cache) >= 0);
  entry = only(cache);
  assert_int_equal(entry.state, CACHE_TOKEN_NONE);
  assert_int_equal(entry.age_ms, CACHE_STATUS_UNKNOWN);
  assert_int_equal(entry.publishes, 1);
}

static void failures_of_the_server(void **state)
{
  Cache *cache = *state;
  CacheKey k = key_of(1);
  CacheClaim c;
  for (uint32_t i = 1; i <= 2; i++) {
    assert_int_equal(claim(cache, 1, &c), CACHE_CLAIM_OWNED);
    cache_fail(cache, &k, &c, 14, 503, 12000);
    CacheStatusEntry entry = only(cache);
    assert_int_equal(entry.failure, 14);
    assert_int_equal(entry.failure_status, 503);
    assert_int_equal(entry.failures, i);
    assert_between(entry.failed_ms, 0, 5000);
    assert_between(entry.retry_ms, 5000, 12000);
    assert_int_equal(entry.state, CACHE_TOKEN_NONE);
    assert_false(entry.leased);
    atomic_store(&entry_of(cache, 1)->failure_until, 1); /* it is over */
  }
  assert_int_equal(only(cache).retry_ms, 0);
  assert_int_not_equal(put(cache, 1, 20), 0);
  assert_int_equal(only(cache).failure, 0);
}

static void pauses(void **state)
{
  Cache *cache = *state;
  CacheKey k = key_of(1);
  CacheClaim c;
  assert_int_equal(put(cache, 1, 20), 1);
  assert_int_equal(cache_claim(cache, &k, &some_label, 1, LEASE, CACHE_FOR_RENEWAL, &c),
                   CACHE_CLAIM_OWNED);
  cache_postpone(cache, &k, &c);
  CacheStatusEntry entry = only(cache);
  assert_int_equal(entry.postponed, 1);
  assert_between(entry.renew_ms, 1, 1000);
  assert_int_equal(entry.limited_ms, 0);
  for (int i = 0; i < CACHE_REFETCH_MAX; i++) {
    assert_int_equal(cache_claim(cache, &k, &some_label, 1, LEASE, CACHE_FOR_REFETCH, &c),
                     CACHE_CLAIM_OWNED);
    cache_release(cache, &k, &c);
  }
  assert_between(only(cache).limited_ms, 30000, 60000);
  assert_int_equal(cache_claim(cache, &k, &some_label, 1, LEASE, CACHE_FOR_REFETCH, &c),
                   CACHE_CLAIM_LIMITED);
}

static void lease(void **state)
{
  Cache *cache = *state;
  CacheClaim c;
  assert_int_equal(claim(cache, 1, &c), CACHE_CLAIM_OWNED);
  CacheStatusEntry entry = only(cache);
  assert_true(entry.leased);
  assert_int_equal(entry.lease_pid, getpid());
  assert_between(entry.leased_ms, 0, 20000);
  assert_between(entry.lease_ms, LEASE - 20000, LEASE);
  assert_int_equal(entry.lease_owner, CACHE_OWNER_UNKNOWN); /* no file, no lock */
  release(cache, 1, &c);
  assert_false(only(cache).leased);
}

/* Whoever gets an entry begins to count anew. */
static void counts_of_another_key(void **state)
{
  Cache *cache = *state;
  for (uint64_t key = 1; key <= 200; key++) {
    assert_int_not_equal(put(cache, key, 20), 0);
    (void)seen(cache, key, 20);
  }
  CacheStatus status = look_at(cache);
  assert_int_equal(status.count, status.entries_used);
  assert_true(status.counters[CACHE_COUNT_EVICTED] >= 180);
  for (size_t i = 0; i < status.count; i++) {
    assert_int_equal(status.list[i].publishes, 1);
    assert_true(status.list[i].hits <= 1);
  }
  cache_status_clear(&status);
}

/* ---- a segment that is none ---- */

static void require_text(const char *text, size_t size)
{
  assert_true(strnlen(text, size) < size);
  for (; *text; text++)
    assert_true(isprint((unsigned char)*text));
}

static void require_sane(const CacheStatus *status)
{
  if (status->state != CACHE_SEGMENT_GOOD && status->state != CACHE_SEGMENT_RETIRED)
    return;
  assert_true(status->entries_used <= status->entries && status->count <= status->entries_used);
  assert_true(status->chunks_used <= status->chunks && status->configs_used <= CACHE_CONFIGS);
  for (size_t i = 0; i < status->count; i++) {
    const CacheStatusEntry *entry = &status->list[i];
    require_text(entry->environment, sizeof entry->environment);
    require_text(entry->host, sizeof entry->host);
    require_text(entry->business, sizeof entry->business);
    assert_true(entry->index < status->entries && entry->kind <= SNAPSHOT_TOKEN_BUSINESS);
    assert_true(entry->age_ms >= CACHE_STATUS_UNKNOWN && entry->failed_ms >= CACHE_STATUS_UNKNOWN &&
                entry->leased_ms >= CACHE_STATUS_UNKNOWN);
    assert_true(entry->lifetime_ms >= 0 && entry->retry_ms >= 0 && entry->renew_ms >= 0);
    assert_between(entry->lease_ms, 0, CACHE_LEASE_MAX_MS);
    assert_between(entry->limited_ms, 0, 60000);
    assert_true(entry->failure_status <= 999);
  }
}

static void look_at_spoiled(const Cache *cache)
{
  CacheStatus status = look_at(cache);
  require_sane(&status);
  cache_status_clear(&status);
}

static void spoiled_entries(void **state)
{
  Cache *cache = *state;
  CacheClaim c;
  assert_int_equal(claim(cache, 1, &c), CACHE_CLAIM_OWNED);
  CacheEntry *entry = entry_of(cache, 1), saved = *entry;
  unsigned char *bytes = (unsigned char *)entry;
  for (size_t at = 0; at < sizeof *entry; at++)
    for (int i = 0; i < 3; i++) {
      bytes[at] ^= (unsigned char[]){0x01, 0x80, 0xff}[i];
      look_at_spoiled(cache);
      memcpy(entry, &saved, sizeof saved);
    }
  /* Text without an end, and of any bytes. */
  memset(entry->business, 'x', sizeof(CacheEntry) - offsetof(CacheEntry, business));
  memset(entry->host, 0x1b, sizeof entry->host);
  CacheStatusEntry described = only(cache);
  assert_int_equal(strlen(described.business), sizeof entry->business);
  assert_int_equal(described.host[0], '?');
  assert_int_equal(strlen(described.host), sizeof entry->host);
  entry->kind = 77;
  assert_int_equal(only(cache).kind, SNAPSHOT_TOKEN_NONE);
  release(cache, 1, &c);
}

static void spoiled_header(void **state)
{
  Cache *cache = *state;
  assert_int_equal(put(cache, 1, 20), 1);
  unsigned char *bytes = (unsigned char *)cache->header;
  for (size_t at = 0; at < sizeof(CacheHeader); at++) {
    unsigned char saved = bytes[at];
    for (int i = 0; i < 3; i++) {
      bytes[at] = saved ^ (unsigned char[]) { 0x01, 0x80, 0xff }[i];
      CacheStatus status = look_at(cache);
      require_sane(&status);
      if (at < offsetof(CacheHeader, state))
        assert_int_equal(status.state, CACHE_SEGMENT_SPOILED);
      cache_status_clear(&status);
    }
    bytes[at] = saved;
  }
}

static void garbage(void **state)
{
  Cache *cache = *state;
  unsigned char *start = (unsigned char *)cache->header + cache->shape.buckets;
  size_t size = cache->shape.size - cache->shape.buckets;
  uint64_t x = 88172645463325252u;
  for (int round = 0; round < 8; round++) {
    for (size_t i = 0; i < size; i++) {
      x ^= x << 13, x ^= x >> 7, x ^= x << 17;
      start[i] = round == 0 ? 0xff : round == 1 ? 0x80 : round == 2 ? 0x7f : (unsigned char)x;
    }
    /* So that the entries are found. */
    for (uint32_t i = 0; i < cache_entries(cache); i++) {
      CacheKey key;
      memcpy(key.bytes, cache_entry(cache, i)->key, sizeof key.bytes);
      atomic_store(cache_fingerprint(cache, i), cache_fingerprint_of(&key));
    }
    CacheStatus status = look_at(cache);
    require_sane(&status);
    assert_int_equal(status.count, status.entries);
    cache_status_clear(&status);
  }
}

/* An entry that is on its way from one key to another is nobody's. */
static void torn_entry(void **state)
{
  Cache *cache = *state;
  assert_int_equal(put(cache, 1, 20), 1);
  entry_of(cache, 1)->key[3] ^= 1;
  CacheStatus status = look_at(cache);
  assert_int_equal(status.entries_used, 1);
  assert_int_equal(status.count, 0);
  cache_status_clear(&status);
}

/* .. and the new one's when it has got there. */
static void another_key_meanwhile(void **state)
{
  Cache *cache = *state;
  CacheStatus status = {.kind = CACHE_UNSEALED};
  assert_int_equal(put(cache, 1, 20), 1);
  const CacheKey *key = (const CacheKey *)(const void *)entry_of(cache, 1)->key;
  CacheWord *word = cache_fingerprint(cache, cache_find(cache, key));
  changing_to = atomic_load(word);
  changing_at = (char *)word - (char *)cache->header;
  changing_from = (off_t)cache->shape.entries;
  atomic_store(word, changing_to ^ 2);
  changing_fd = memfd_create("segment", MFD_CLOEXEC);
  const ssize_t size = (ssize_t)cache->shape.size;
  assert_true(changing_fd >= 0 && write(changing_fd, cache->header, (size_t)size) == size);
  cache_status_read_file(changing_fd, (size_t)size, &status);
  close(changing_fd);
  changing_fd = -1;
  assert_int_equal(status.count, 1);
  cache_status_clear(&status);
}

static void short_file(void **state)
{
  Cache *cache = *state;
  assert_int_equal(put(cache, 1, 20), 1);
  const size_t size = cache->shape.size,
               parts[] = {100, cache->shape.buckets + 10, cache->shape.entries + 100,
                          cache->shape.links + 10, cache->shape.configs + 10};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    CacheStatus status = look_at_cut(cache, size - parts[i]);
    assert_int_equal(status.state, CACHE_SEGMENT_SPOILED);
    cache_status_clear(&status);
  }
}

/* ---- the file at its name ---- */

/* Found out once, in front: asking makes a key, which the kernel takes away later. */
static CacheKind kind;

static int group_setup(void **state)
{
  kind = have_keyring() ? CACHE_SEALED : CACHE_UNSEALED;
  return segment_group_setup(state);
}

static CacheStatus read_segment(void)
{
  CacheStatus status;
  cache_status_read(kind, &status);
  require(strcmp(status.path, segment_of(kind)) == 0);
  return status;
}

static void require_state(CacheSegmentState state)
{
  CacheStatus status = read_segment();
  require(status.state == state);
  cache_status_clear(&status);
}

static bool same_time(struct timespec a, struct timespec b)
{
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

SEGMENT_TEST(nothing_is_made)
{
  const unsigned keys = count_keys(), open_files = descriptors();
  require_state(CACHE_SEGMENT_NONE);
  require(count_entries(SHM) == 0 && count_keys() == keys && descriptors() == open_files);
}

SEGMENT_TEST(nothing_is_changed)
{
  make_segment();
  const unsigned keys = count_keys(), open_files = descriptors();
  const struct stat before = stat_of(segment_of(kind));
  CacheStatus status = read_segment();
  const struct stat after = stat_of(segment_of(kind));
  require(status.state == CACHE_SEGMENT_GOOD && status.count == 1 && status.key_error == 0);
  require(same_time(before.st_atim, after.st_atim) && same_time(before.st_mtim, after.st_mtim) &&
          same_time(before.st_ctim, after.st_ctim));
  require(count_entries(SHM) == 1 && count_keys() == keys && descriptors() == open_files);
  cache_status_clear(&status);
}

SEGMENT_TEST(not_a_segment)
{
  require(mkfifo(segment_of(kind), 0600) == 0); /* and nobody waits for its other end */
  require_state(CACHE_SEGMENT_FOREIGN);
  require(unlink(segment_of(kind)) == 0 && symlink("/etc/passwd", segment_of(kind)) == 0);
  CacheStatus status = read_segment();
  require(status.state == CACHE_SEGMENT_FOREIGN && S_ISLNK(status.file.st_mode));
  cache_status_clear(&status);
  require(unlink(segment_of(kind)) == 0 && mknod(segment_of(kind), S_IFSOCK | 0600, 0) == 0);
  require_state(CACHE_SEGMENT_FOREIGN);
  require(unlink(segment_of(kind)) == 0 && mkdir(segment_of(kind), 0700) == 0);
  require_state(CACHE_SEGMENT_FOREIGN);
  require(rmdir(segment_of(kind)) == 0);
  make_segment();
  require(chmod(segment_of(kind), 0644) == 0);
  require_state(CACHE_SEGMENT_FOREIGN);
  require(chmod(segment_of(kind), 0600) == 0);
  edit_word(offsetof(CacheHeader, state), CACHE_RETIRED);
  require_state(CACHE_SEGMENT_RETIRED);
  edit_word(offsetof(CacheHeader, layout), CACHE_LAYOUT + 1);
  require_state(CACHE_SEGMENT_SPOILED);
  require(truncate(segment_of(kind), 10) == 0);
  require_state(CACHE_SEGMENT_SPOILED);
}

SEGMENT_TEST(key_is_gone)
{
  uint8_t salt[SEAL_SALT_SIZE];
  if (kind != CACHE_SEALED)
    return;
  make_segment();
  int fd = open(segment_of(kind), O_RDONLY | O_CLOEXEC);
  require(pread(fd, salt, sizeof salt, offsetof(CacheHeader, salt)) == sizeof salt);
  close(fd);
  seal_key_forget(salt);
  CacheStatus status = read_segment();
  require(status.state == CACHE_SEGMENT_GOOD && status.key_error == ENOKEY);
  cache_status_clear(&status);
  require_state(CACHE_SEGMENT_GOOD); /* it is others' to retire it */
}

static void fetch_for_ever(void *data)
{
  CacheKey key = {"key of a process"};
  CacheClaim c;
  Cache *cache = cache_create(64, SNAPSHOT_SEAL_AUTO);
  require(cache &&
          cache_claim(cache, &key, &some_label, 0, LEASE, CACHE_FOR_MISS, &c) == CACHE_CLAIM_OWNED);
  atomic_store((atomic_int *)data, 1);
  pause();
}

SEGMENT_TEST(who_is_fetching)
{
  atomic_int *begun = child_shared(sizeof *begun);
  pid_t pid = child_start(fetch_for_ever, begun);
  require(child_await(begun, 1));
  CacheStatus status = read_segment();
  require(status.count == 1 && status.list[0].leased);
  require(status.list[0].lease_pid == (uint32_t)pid);
  require(status.list[0].lease_owner == CACHE_OWNER_LIVES);
  cache_status_clear(&status);
  kill(pid, SIGKILL);
  require(child_wait(pid) == 128 + SIGKILL);
  status = read_segment();
  require(status.list[0].leased && status.list[0].lease_owner == CACHE_OWNER_DIED);
  cache_status_clear(&status);
}

static void change_for_ever(void *data)
{
  Cache *cache = cache_create(16, SNAPSHOT_SEAL_AUTO);
  require(cache);
  for (uint64_t key = 0;; key++) {
    (void)put(cache, key % 40, 20);
    refuse(cache, key % 40, key);
    atomic_fetch_add((atomic_int *)data, 1);
  }
}

SEGMENT_TEST(while_others_write)
{
  atomic_int *changes = child_shared(sizeof *changes);
  pid_t pid = child_start(change_for_ever, changes);
  require(child_await(changes, 50));
  const int64_t end = clock_monotonic_ms() + 200;
  const int before = atomic_load(changes);
  while (clock_monotonic_ms() < end) {
    CacheStatus status = read_segment();
    require(status.state == CACHE_SEGMENT_GOOD && status.count > 0);
    for (size_t i = 0; i < status.count; i++)
      require(strcmp(status.list[i].host, some_label.host) == 0);
    cache_status_clear(&status);
  }
  require(atomic_load(changes) > before); /* nobody was held up */
  kill(pid, SIGKILL);
  require(child_wait(pid) == 128 + SIGKILL);
}

#define TEST(function)                                                                             \
  cmocka_unit_test_setup_teardown(function, cache_fixture_setup, cache_fixture_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(empty_segment),
      TEST(good_token),
      TEST(refused_token),
      TEST(no_token),
      TEST(failures_of_the_server),
      TEST(pauses),
      TEST(lease),
      TEST(counts_of_another_key),
      TEST(spoiled_entries),
      TEST(spoiled_header),
      TEST(garbage),
      TEST(torn_entry),
      TEST(another_key_meanwhile),
      TEST(short_file),
      cmocka_unit_test(nothing_is_made),
      cmocka_unit_test(nothing_is_changed),
      cmocka_unit_test(not_a_segment),
      cmocka_unit_test(key_is_gone),
      cmocka_unit_test(who_is_fetching),
      cmocka_unit_test(while_others_write),
  };
  return cmocka_run_group_tests_name("cache-status", tests, group_setup, NULL);
}
