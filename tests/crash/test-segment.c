/* SPDX-License-Identifier: MIT */
/*
 * lib/cache while somebody is at its file: every word of the header, of a bucket, an entry, a link
 * and a chunk written over in turn, random bytes, the file unlinked, replaced, cut short - all
 * while processes use it. They may lose a token, never take a wrong one, hang or die.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/crash/crash.h"

#define WORKERS 2
#define KEYS    4

/* ---- processes that use the cache ---- */

typedef struct {
  _Atomic(int) stop;
  _Atomic(int) works[WORKERS]; /* operations so far */
  _Atomic(uint64_t) hits, published;
  _Atomic(uint64_t) inode[WORKERS]; /* of the segment in use; 0: a private cache */
  char at[48];                      /* what was done to the segment */
} Work;

typedef struct {
  Work *work;
  int number;
} Worker;

static char value[TOKEN_MAX + 1];

static void use(Work *work, Cache *cache, uint64_t number)
{
  CacheKey key = crash_key(number);
  CacheClaim claim;
  CacheToken token = {.value = value};
  if (cache_read(cache, &key, &token) == CACHE_HIT) {
    require(crash_token_is_whole(&token, number));
    atomic_fetch_add(&work->hits, 1);
    if (crash_random() % 8 == 0)
      cache_refuse(cache, &key, token.generation);
    return;
  }
  if (cache_claim(cache, &key, &crash_label, token.generation, 1000, CACHE_FOR_MISS, &claim) !=
      CACHE_CLAIM_OWNED)
    return;
  crash_token(&token, number, crash_random() % 1000);
  if (cache_publish(cache, &key, &claim, &token))
    atomic_fetch_add(&work->published, 1);
  else
    cache_release(cache, &key, &claim);
}

/* What it dies of is for its parent to see. */
static void worker_body(void *data)
{
  const Worker *worker = data;
  signal(SIGSEGV, SIG_DFL);
  signal(SIGBUS, SIG_DFL);
  Work *work = worker->work;
  while (!atomic_load(&work->stop)) {
    Cache *cache = cache_create(64, SNAPSHOT_SEAL_AUTO);
    require(cache);
    atomic_store(&work->inode[worker->number], cache->inode);
    use(work, cache, crash_random() % KEYS);
    atomic_fetch_add(&work->works[worker->number], 1);
  }
  _exit(0); /* what was left behind stays mapped, and would look lost */
}

static void start_workers(Work *work, pid_t pids[WORKERS])
{
  atomic_store(&work->stop, 0);
  for (int i = 0; i < WORKERS; i++) {
    Worker worker = {work, i};
    atomic_store(&work->works[i], 0);
    pids[i] = child_start(worker_body, &worker);
    require(pids[i] > 0);
  }
}

/* Each of them does some more. */
static void await_work(Work *work)
{
  for (int i = 0; i < WORKERS; i++)
    if (!child_await(&work->works[i], atomic_load(&work->works[i]) + 40)) {
      char what[96];
      snprintf(what, sizeof what, "worker %d has died or hangs: %s", i, work->at);
      child_fail(__FILE__, __LINE__, what);
    }
}

static void stop_workers(Work *work, pid_t pids[WORKERS])
{
  atomic_store(&work->stop, 1);
  for (int i = 0; i < WORKERS; i++)
    require(child_wait(pids[i]) == 0);
}

/* ---- every word ---- */

typedef struct {
  uint64_t *words;
  size_t size;
} Mapping;

/* The segment that is there now; whoever retires one makes a new one. */
static Mapping map_segment(void)
{
  const char *path = segment();
  for (int i = 0; i < 20000; i++) {
    struct stat st;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd >= 0) {
      require(fstat(fd, &st) == 0);
      Mapping mapping = {.size = (size_t)st.st_size};
      mapping.words = mmap(NULL, mapping.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
      close(fd);
      require(mapping.words != MAP_FAILED);
      return mapping;
    }
    sleep_us(1000);
  }
  child_fail(__FILE__, __LINE__, "no segment for 20 s");
}

static uint64_t pattern(unsigned which, uint64_t word)
{
  switch (which) {
  case 0:
    return ~word;
  case 1:
    return word ^ 1;
  case 2:
    return 0;
  case 3:
    return UINT64_MAX;
  default:
    return crash_random();
  }
}

#define PATTERNS 5u

/* In a segment of its own: an entry gets only so many tokens a minute. */
static void flip_word(Work *work, size_t offset)
{
  pid_t pids[WORKERS];
  unlink(segment());
  start_workers(work, pids);
  await_work(work);
  for (unsigned which = 0; which < PATTERNS; which++) {
    Mapping mapping = map_segment();
    if (offset < mapping.size) {
      _Atomic(uint64_t) *word = (_Atomic(uint64_t) *)&mapping.words[offset / 8];
      snprintf(work->at, sizeof work->at, "word at %zu, pattern %u", offset, which);
      atomic_store(word, pattern(which, atomic_load(word)));
    }
    munmap(mapping.words, mapping.size);
    await_work(work);
  }
  stop_workers(work, pids);
}

static unsigned flip_range(Work *work, size_t from, size_t size)
{
  for (size_t at = from; at < from + size; at += 8)
    flip_word(work, at);
  return (unsigned)(size / 8);
}

SEGMENT_TEST(every_word_written_over)
{
  alarm(300);
  Work *work = child_shared(sizeof *work);
  CacheKey key = crash_key(1);
  CacheShape shape = cache_shape(8, cache_chunks_for(8));
  uint32_t bucket[2];
  Cache model = {.buckets = 8};
  cache_buckets_of(&model, &key, bucket);
  size_t entry = shape.entries + (size_t)bucket[0] * CACHE_WAYS * sizeof(CacheEntry);
  unsigned words = flip_range(work, 0, sizeof(CacheHeader));
  words += flip_range(work, shape.buckets + bucket[0] * sizeof(CacheBucket), sizeof(CacheBucket));
  words += flip_range(work, entry, sizeof(CacheEntry));
  words += flip_range(work, shape.links, 4 * sizeof(CacheLink));
  words += flip_range(work, shape.chunks, 64);
  printf("%u words, each written over %u times in use; %llu hits, all whole; %llu published\n",
         words, PATTERNS, (unsigned long long)work->hits, (unsigned long long)work->published);
  require(work->hits > 0 && work->published > 0);
}

/* All of it at once, the mutex as well, again and again. */
SEGMENT_TEST(random_bytes)
{
  alarm(300);
  Work *work = child_shared(sizeof *work);
  unsigned rounds = crash_rounds(20, 200);
  for (unsigned i = 0; i < rounds; i++) {
    pid_t pids[WORKERS];
    start_workers(work, pids);
    await_work(work);
    for (int k = 0; k < 3; k++) {
      Mapping mapping = map_segment();
      for (size_t at = 0; at < mapping.size / 8; at++)
        mapping.words[at] = crash_random();
      munmap(mapping.words, mapping.size);
      await_work(work);
    }
    stop_workers(work, pids);
    require(unlink(segment()) == 0);
  }
  printf("%u times filled with random bytes in use; %llu hits, all whole\n", 3 * rounds,
         (unsigned long long)work->hits);
}

/* ---- the file ---- */

static void remove_it(const char *path)
{
  require(unlink(path) == 0);
}

static void replace_it(const char *path)
{
  require(rename(path, SHM "/aside") == 0);
  make_segment();
  require(rename(path, SHM "/new") == 0 && rename(SHM "/aside", path) == 0);
  require(rename(SHM "/new", path) == 0);
}

static void replace_by_garbage(const char *path)
{
  int fd = open(SHM "/garbage", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  require(fd >= 0 && write(fd, "garbage", 7) == 7);
  close(fd);
  require(rename(SHM "/garbage", path) == 0);
}

static void replace_by_fifo(const char *path)
{
  require(unlink(path) == 0 && mkfifo(path, 0600) == 0);
}

static void replace_by_directory(const char *path)
{
  require(unlink(path) == 0 && mkdir(path, 0700) == 0);
}

static void replace_by_link(const char *path)
{
  require(unlink(path) == 0 && symlink("/etc/passwd", path) == 0);
}

typedef struct {
  const char *what;
  void (*attack)(const char *path);
  bool shared; /* they meet again in a new segment; else each keeps to itself */
} Attack;

static const Attack attacks[] = {
    {"unlinked", remove_it, true},
    {"replaced by another segment", replace_it, true},
    {"replaced by garbage", replace_by_garbage, true},
    {"replaced by a FIFO", replace_by_fifo, false},
    {"replaced by a directory", replace_by_directory, false},
    {"replaced by a symbolic link", replace_by_link, false},
};

static bool all_use(Work *work, uint64_t inode)
{
  for (int i = 0; i < WORKERS; i++)
    if (atomic_load(&work->inode[i]) != inode)
      return false;
  return true;
}

/* Within a second or two everybody has noticed. */
static void await_agreement(Work *work, const Attack *attack)
{
  for (int i = 0; i < 20000; i++) {
    struct stat st;
    bool there = lstat(segment(), &st) == 0 && S_ISREG(st.st_mode);
    if (attack->shared ? there && all_use(work, st.st_ino) : all_use(work, 0))
      return;
    sleep_us(1000);
  }
  child_fail(attack->what, __LINE__, "no agreement for 20 s");
}

SEGMENT_TEST(another_file_in_its_place)
{
  alarm(300);
  Work *work = child_shared(sizeof *work);
  for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++) {
    pid_t pids[WORKERS];
    start_workers(work, pids);
    await_work(work);
    attacks[i].attack(segment());
    await_work(work);
    await_agreement(work, &attacks[i]);
    stop_workers(work, pids);
    if (remove(segment()))
      require(attacks[i].shared);
  }
}

/*
 * Cut short: what a process touches behind the new end within the second before it looks is a
 * SIGBUS that no library can keep from its host (only a handler could, and those are the host's).
 * Whoever comes later finds another segment; nothing of ours ever shortens one.
 */
SEGMENT_TEST(cut_short)
{
  static const off_t sizes[] = {0, 100, 4096, 100000};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    Cache *before = keep(cache_create(64, SNAPSHOT_SEAL_AUTO));
    require(before && cache_is_shared(before));
    require_works(before);
    require(truncate(segment(), sizes[i]) == 0);
    sleep_us(1100000);
    Cache *after = cache_create(64, SNAPSHOT_SEAL_AUTO);
    require(after && after != before && cache_is_shared(after));
    require_works(after);
  }
}

/* ---- back from a private cache ---- */

/* Each process says once that it keeps its tokens to itself, not at each request. */
SEGMENT_TEST(one_line_in_the_log)
{
  int pipe_fds[2];
  char text[4096] = "";
  require(mkdir(segment(), 0700) == 0);
  require(pipe(pipe_fds) == 0);
  int saved = dup(STDERR_FILENO);
  require(dup2(pipe_fds[1], STDERR_FILENO) >= 0);
  setenv("THRED_LOG", "warning", 1);
  for (int i = 0; i < 100; i++) {
    Cache *cache = cache_create(64, SNAPSHOT_SEAL_AUTO);
    require(cache && !cache_is_shared(cache));
    (void)cache_open(SNAPSHOT_SEAL_AUTO);
    require_works(cache);
  }
  require(dup2(saved, STDERR_FILENO) >= 0);
  close(pipe_fds[1]);
  ssize_t length = read(pipe_fds[0], text, sizeof text - 1);
  require(length > 0);
  require(strstr(text, "no shared cache"));
  char *first = strchr(text, '\n');
  require(first && first[1] == 0);
}

#define TEST(function) cmocka_unit_test(function)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(every_word_written_over),   TEST(random_bytes),
      TEST(another_file_in_its_place), TEST(cut_short),
      TEST(one_line_in_the_log),
  };
  return cmocka_run_group_tests_name("segment", tests, segment_group_setup, NULL);
}
