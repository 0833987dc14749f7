/* SPDX-License-Identifier: MIT */
/*
 * lib/cache-segment: creators killed at every step of creation, 32 of them at once. Who lives ends
 * in one and the same segment, and nothing else is left behind.
 *
 * A third of the racers are victims, who are traced from one entry or exit of a system call to the
 * next: what they do in between is on memory that nobody else sees before it has a name. Each step
 * has its round, in which the first victim is killed there, mostly as the only one who has begun.
 * The other victims get to a random step in the race and are killed, or stand there when it begins:
 * then they are killed, or sleep through it and go on with what they knew before.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/ptrace.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/crash/crash.h"

#define RACERS  32
#define VICTIMS 11

/* ---- the racers ---- */

enum { NOWHERE, IN_SEGMENT, ALONE };

/* Shared by all. */
typedef struct {
  _Atomic(int) ready;
  atomic_uint go;
  struct {
    atomic_int where;
    uint8_t salt[16];
    int64_t took_us;
  } result[RACERS];
} Race;

/* The first VICTIMS are victims. */
typedef struct {
  pid_t pid; /* 0: it is over */
  unsigned stops, target;
  bool killed, died; /* died: nobody has killed it */
} Racer;

static Race *race;
static Racer racers[RACERS];

static int64_t now_us(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void wait_for_go(void)
{
  atomic_fetch_add(&race->ready, 1);
  while (!atomic_load(&race->go))
    syscall(SYS_futex, &race->go, FUTEX_WAIT, 0, NULL, NULL, 0);
}

/* LeakSanitizer may not look at a process that is traced. */
static void racer_body(void *data)
{
  int number = *(int *)data;
  if (number < VICTIMS) {
    require(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0);
    raise(SIGSTOP);
  } else {
    wait_for_go();
  }
  int64_t start = now_us();
  Cache *cache = cache_create(16 + (uint32_t)number, SNAPSHOT_SEAL_AUTO);
  bool shared = cache && cache_is_shared(cache);
  race->result[number].took_us = now_us() - start;
  if (shared)
    memcpy(race->result[number].salt, cache->header->salt, 16);
  atomic_store(&race->result[number].where, shared ? IN_SEGMENT : ALONE);
  _exit(0);
}

/* ---- stepping the victims ---- */

#define SYSCALL_STOP (SIGTRAP | 0x80)

static void note_end(Racer *racer, int status)
{
  racer->pid = 0;
  racer->died = !racer->killed && !(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void go_on(const Racer *racer, int signal_number)
{
  /* ESRCH: it has been killed meanwhile. */
  require(ptrace(PTRACE_SYSCALL, racer->pid, NULL, (void *)(intptr_t)signal_number) == 0 ||
          errno == ESRCH);
}

static void kill_racer(Racer *racer)
{
  racer->killed = true;
  kill(racer->pid, SIGKILL);
}

/* It has stopped or ended. True: it stands at its next step. */
static bool is_at_step(Racer *racer, int status)
{
  if (!WIFSTOPPED(status)) {
    note_end(racer, status);
    return false;
  }
  if (WSTOPSIG(status) == SYSCALL_STOP) {
    racer->stops++;
    return true;
  }
  go_on(racer, WSTOPSIG(status));
  return false;
}

/* To its step, while nobody else runs, or to its end. */
static void bring_to_step(Racer *racer)
{
  while (racer->pid && racer->stops < racer->target) {
    int status;
    go_on(racer, 0);
    do
      require(waitpid(racer->pid, &status, 0) == racer->pid);
    while (!is_at_step(racer, status) && racer->pid);
  }
}

static Racer *racer_of(pid_t pid)
{
  for (int i = 0; i < RACERS; i++)
    if (racers[i].pid == pid)
      return &racers[i];
  child_fail(__FILE__, __LINE__, "a child that nobody knows");
}

static bool any_left(void)
{
  for (int i = 0; i < RACERS; i++)
    if (racers[i].pid)
      return true;
  return false;
}

/* The victims are killed where they wanted to be; the others run. A stuck one dies by its alarm. */
static void run_to_end(void)
{
  while (any_left()) {
    int status;
    pid_t pid = waitpid(-1, &status, 0);
    require(pid > 0);
    Racer *racer = racer_of(pid);
    if (!is_at_step(racer, status))
      continue;
    if (racer->stops < racer->target)
      go_on(racer, 0);
    else
      kill_racer(racer);
  }
}

/* ---- a round ---- */

static void start_racer(int number, unsigned target)
{
  Racer *racer = &racers[number];
  int status;
  *racer = (Racer){.target = target};
  racer->pid = child_start(racer_body, &number);
  require(racer->pid > 0);
  if (number >= VICTIMS)
    return;
  require(waitpid(racer->pid, &status, 0) == racer->pid);
  require(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
  require(ptrace(PTRACE_SETOPTIONS, racer->pid, NULL,
                 (void *)(intptr_t)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)) == 0);
}

static int by_size(const void *a, const void *b)
{
  unsigned first = *(const unsigned *)a, second = *(const unsigned *)b;
  return first > second ? 1 : -(first < second);
}

/* The victims but the first in the order of their steps: who stands early in creation has not seen
 * the work of those that stand late in it. */
static void start_racers(unsigned step, unsigned steps)
{
  unsigned targets[RACERS] = {0};
  for (int i = 1; i < VICTIMS; i++)
    targets[i] = 1 + (unsigned)(crash_random() % steps);
  qsort(targets + 1, VICTIMS - 1, sizeof *targets, by_size);
  targets[0] = step;
  memset(race, 0, sizeof *race);
  for (int i = 0; i < RACERS; i++)
    start_racer(i, targets[i]);
  require(child_await(&race->ready, RACERS - VICTIMS));
}

static void kill_standing(void)
{
  for (int i = 0; i < VICTIMS; i++)
    if (racers[i].pid && racers[i].stops == racers[i].target)
      kill_racer(&racers[i]);
}

static void release(void)
{
  atomic_store(&race->go, 1);
  syscall(SYS_futex, &race->go, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* Somebody stands where he removes the old file: the others wait for him, but not for long. */
static bool is_being_removed(void)
{
  int fd = open(segment(), O_RDWR | O_CLOEXEC);
  bool locked = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0;
  if (fd >= 0)
    close(fd);
  return locked;
}

/* The victims but the first sleep through the race, each at its step, and go on after it. */
static void oversleep(void)
{
  kill_racer(&racers[0]);
  release();
  for (int i = VICTIMS; i < RACERS; i++)
    for (int k = 0; atomic_load(&race->result[i].where) == NOWHERE; k++) {
      require(k < 30000);
      sleep_us(1000);
    }
  for (int i = 1; i < VICTIMS; i++)
    racers[i].target = UINT_MAX;
}

static void run_race(unsigned step, unsigned steps)
{
  enum { OTHERS_RUN, OTHERS_RUN_TOO, ALL_STAND, ALL_OVERSLEEP } how = crash_random() % 4;
  start_racers(step, steps);
  if (how != ALL_OVERSLEEP)
    bring_to_step(&racers[0]);
  for (int i = 1; i < VICTIMS && how >= ALL_STAND; i++)
    bring_to_step(&racers[i]);
  bring_to_step(&racers[0]);
  if (how == ALL_OVERSLEEP && racers[0].pid && !is_being_removed()) {
    oversleep();
  } else {
    if (crash_random() % 2 || is_being_removed())
      kill_standing();
    release();
    kill_standing();
  }
  for (int i = 0; i < VICTIMS; i++)
    if (racers[i].pid && !racers[i].killed)
      go_on(&racers[i], 0);
  run_to_end();
}

/* ---- after it ---- */

typedef struct {
  unsigned rounds, killed, attached, failed, split, leftovers, stuck;
  int64_t longest_us;
} Tally;

static void judge_racers(Tally *tally)
{
  uint8_t salt[16];
  int fd = open(segment(), O_RDONLY | O_CLOEXEC);
  require(fd >= 0 && pread(fd, salt, sizeof salt, offsetof(CacheHeader, salt)) == sizeof salt);
  close(fd);
  for (int i = 0; i < RACERS; i++) {
    int where = atomic_load(&race->result[i].where);
    tally->killed += racers[i].killed;
    tally->stuck += racers[i].died;
    tally->attached += where == IN_SEGMENT;
    tally->failed += where == ALONE || (where == NOWHERE && !racers[i].killed);
    /* Also of those that were killed when they had it: nobody puts another one in its place. */
    tally->split += where == IN_SEGMENT && memcmp(race->result[i].salt, salt, sizeof salt) != 0;
    if (i >= VICTIMS && race->result[i].took_us > tally->longest_us)
      tally->longest_us = race->result[i].took_us;
  }
}

/* Files without a name are left as well if their space is not given back. */
static bool has_other_space(void)
{
  struct statfs fs;
  struct stat st = stat_of(segment());
  require(statfs(SHM, &fs) == 0);
  return (uint64_t)(fs.f_blocks - fs.f_bfree) * (uint64_t)fs.f_bsize !=
         (uint64_t)st.st_blocks * 512;
}

static unsigned count_leftovers(void)
{
  unsigned named = count_entries(SHM) - 1;
  for (int i = 0; i < 1000; i++) {
    if (!has_other_space())
      return named;
    sleep_us(1000);
  }
  return named + 1;
}

static void newcomer_body(void *data)
{
  (void)data;
  Cache *cache = cache_open(SNAPSHOT_SEAL_AUTO);
  require(cache && cache_is_shared(cache) && cache_take_key(cache) == 0);
  require_works(cache);
  crash_require_whole(cache);
}

/* ---- what is there when they begin ---- */

static void remove_it(unsigned round)
{
  (void)round;
  unlink(segment());
}

static void retire_it(unsigned round)
{
  (void)round;
  edit_word(offsetof(CacheHeader, state), CACHE_RETIRED);
}

static void cut_it(unsigned round)
{
  off_t whole = stat_of(segment()).st_size;
  const off_t sizes[] = {0, 100, whole / 2, whole - 4096};
  require(truncate(segment(), sizes[round % (sizeof sizes / sizeof *sizes)]) == 0);
}

static void spoil_it(unsigned round)
{
  static const off_t places[] = {offsetof(CacheHeader, magic), offsetof(CacheHeader, layout),
                                 offsetof(CacheHeader, size), offsetof(CacheHeader, chunks)};
  edit_word(places[round % (sizeof places / sizeof *places)], 12345);
}

static void take_its_key(unsigned round)
{
  uint8_t salt[SEAL_SALT_SIZE];
  int fd = open(segment(), O_RDONLY | O_CLOEXEC);
  (void)round;
  require(fd >= 0 && pread(fd, salt, sizeof salt, offsetof(CacheHeader, salt)) == sizeof salt);
  close(fd);
  seal_key_forget(salt);
}

/* How many steps it takes alone. */
static unsigned count_steps(void (*prepare)(unsigned round))
{
  prepare(0);
  memset(race, 0, sizeof *race);
  start_racer(0, UINT_MAX);
  bring_to_step(&racers[0]);
  require(!racers[0].died && atomic_load(&race->result[0].where) == IN_SEGMENT);
  return racers[0].stops;
}

static void judge(const Tally *tally)
{
  fflush(stdout);
  require(tally->failed == 0 && tally->split == 0 && tally->stuck == 0 && tally->leftovers == 0);
  require(tally->killed > 0 && tally->attached > tally->killed);
}

/* Each step once or several times; where there are fewer rounds one of every few, by chance. Little
 * is lost by that: the exit of a system call and the entry of the next leave the same behind. */
static void run_races(const char *what, void (*prepare)(unsigned round))
{
  Tally tally = {0};
  race = child_shared(sizeof *race);
  make_segment();
  unsigned steps = count_steps(prepare), rounds = crash_rounds(52, 1000);
  unsigned stride = rounds < steps ? (steps + rounds - 1) / rounds : 1;
  for (; tally.rounds < rounds; tally.rounds++) {
    alarm(120);
    prepare(tally.rounds);
    run_race(1 + (tally.rounds * stride + (unsigned)(crash_random() % stride)) % steps, steps);
    judge_racers(&tally);
    tally.leftovers += count_leftovers();
    require(child_wait(child_start(newcomer_body, NULL)) == 0);
  }
  printf(
      "%s: %u rounds of %d over %u steps: %u attached to one segment, %u killed, %u failed, %u in "
      "another one, %u stuck, %u leftovers; longest %.1f ms\n",
      what, tally.rounds, RACERS, steps, tally.attached, tally.killed, tally.failed, tally.split,
      tally.stuck, tally.leftovers, (double)tally.longest_us / 1000);
  judge(&tally);
}

SEGMENT_TEST(no_segment)
{
  run_races("no segment", remove_it);
}

SEGMENT_TEST(a_retired_segment)
{
  run_races("a retired one", retire_it);
}

SEGMENT_TEST(a_truncated_segment)
{
  run_races("a truncated one", cut_it);
}

SEGMENT_TEST(a_wrong_segment)
{
  run_races("a wrong one", spoil_it);
}

SEGMENT_TEST(a_segment_without_its_key)
{
  if (have_keyring())
    run_races("one without its key", take_its_key);
}

/* ---- is it permitted? ---- */

static void probe(void *data)
{
  (void)data;
  _exit(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 ? 0 : 1);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(no_segment),
      cmocka_unit_test(a_retired_segment),
      cmocka_unit_test(a_truncated_segment),
      cmocka_unit_test(a_wrong_segment),
      cmocka_unit_test(a_segment_without_its_key),
  };
  if (child_wait(child_start(probe, NULL)) != 0) {
    printf("ptrace(2) is not permitted here: all of this is skipped\n");
    return 77;
  }
  return cmocka_run_group_tests_name("creation", tests, segment_group_setup, NULL);
}
