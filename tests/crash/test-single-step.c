/* SPDX-License-Identifier: MIT */
/*
 * lib/cache, killed at every instruction: a child does one operation, is stepped k instructions
 * into it by ptrace(2), and gets SIGKILL; for each k. Whoever comes next goes on at once, finds the
 * old token or the new one, and loses nothing.
 *
 * A step takes the machine some 20 us, and each kill all the steps again. So the child is killed at
 * as many instructions as the time allows, with THRED_TEST_LONG=1 at every one from the lock on
 * (which is reached by a breakpoint; before it there is work on the child's own memory, libcrypto's
 * among it). And always one child is stepped through the whole operation, and after each
 * instruction that changed the segment somebody goes on with a copy of it, in which the mutex and
 * the lease are as the kernel leaves those of the dead.
 */
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/auxv.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cache-copies.h"
#include "tests/crash/crash.h"
#include "tests/unit/config-block.h"

#if defined(__x86_64__)

#define LEASE 60000 /* ms: nobody waits for its end */

/* ---- what is on the table ---- */

static Cache *cache;
static uint64_t key_number; /* of the operation at hand; another one each time */
static CacheClaim claim;    /* the child's */
static char value[TOKEN_MAX + 1];
static size_t new_chunks; /* 1: the operation publishes a short token, else a long one */

#define OTHER_KEY 1u

/* Each byte says whose it is, which token's, and where it belongs. */
static char byte_of(uint64_t key, uint64_t number, size_t i)
{
  return (char)('!' + (key * 31 + number * 7 + i + i / CACHE_CHUNK * 13) % 94);
}

/* Tokens of as many chunks. */
static void fill(CacheToken *token, uint64_t key, uint64_t number, size_t chunks)
{
  *token = (CacheToken){.boot_ms = clock_boot_ms(),
                        .real_ms = clock_real_ms(),
                        .lifetime_ms = 3600000 + (int64_t)number,
                        .length = (chunks - 1) * CACHE_CHUNK + 100,
                        .value = value};
  for (size_t i = 0; i < token->length; i++)
    value[i] = byte_of(key, number, i);
  value[token->length] = 0;
}

static bool is_whole(const CacheToken *token, uint64_t key)
{
  for (size_t i = 0; i < token->length; i++)
    if (token->value[i] != byte_of(key, (uint64_t)(token->lifetime_ms - 3600000), i))
      return false;
  return token->length % CACHE_CHUNK == 100;
}

static CacheClaimResult claim_now(uint64_t number, uint64_t seen, CachePurpose purpose,
                                  CacheClaim *mine)
{
  CacheKey key = crash_key(number);
  return cache_claim(cache, &key, &crash_label, seen, LEASE, purpose, mine);
}

/* What a read finds: its generation, or 0. Never anything but a whole token. */
static uint64_t look(uint64_t number)
{
  CacheKey key = crash_key(number);
  CacheToken token = {.value = value};
  copies_drop(&key);
  if (cache_read(cache, &key, &token) != CACHE_HIT)
    return 0;
  require(is_whole(&token, number));
  return token.generation;
}

/* The lease at once, whatever was left behind: a token that is newer than nothing, a pause, a share
 * of refetches that is used up are put aside; a lease that is somebody's is none of that. */
static void own(uint64_t number, CacheClaim *mine)
{
  uint64_t seen = UINT64_MAX;
  CacheClaimResult result = CACHE_CLAIM_LOCKED;
  for (int i = 0; i < 40; i++) {
    result = claim_now(number, seen, CACHE_FOR_MISS, mine);
    if (result == CACHE_CLAIM_OWNED)
      return;
    if (result == CACHE_CLAIM_LOCKED)
      continue; /* for want of a CPU it took longer than 50 ms */
    if (result != CACHE_CLAIM_NEWER && result != CACHE_CLAIM_FAILED &&
        result != CACHE_CLAIM_LIMITED)
      break;
    CacheEntry *entry = cache_entry(cache, mine->entry);
    seen = mine->generation;
    atomic_store(&entry->failure_until, 0);
    entry->refetches = 0;
  }
  char text[32];
  snprintf(text, sizeof text, "no lease: answer %d", (int)result);
  child_fail(__FILE__, __LINE__, text);
}

static void put_token(uint64_t number, uint64_t token_number, size_t chunks)
{
  CacheKey key = crash_key(number);
  CacheToken token;
  CacheClaim mine;
  own(number, &mine);
  fill(&token, number, token_number, chunks);
  require(cache_publish(cache, &key, &mine, &token));
  require(look(number) == token.generation);
}

/* ---- the operations ---- */

static void nothing(void) {}

static void old_token(void)
{
  put_token(key_number, 1, 2);
}

static void full_cache(void)
{
  for (uint64_t i = 0; i < 40; i++)
    put_token(1000000 + i, 1, 1);
}

static void get_lease(void)
{
  own(key_number, &claim);
}

static uint64_t seen_generation;

static void see_it(void)
{
  seen_generation = look(key_number);
}

/* Newer than what was seen is nothing, so the lease is taken. */
static void do_claim(void)
{
  (void)claim_now(key_number, seen_generation, CACHE_FOR_MISS, &claim);
}

static void do_find_newer(void)
{
  (void)claim_now(key_number, 0, CACHE_FOR_MISS, &claim);
}

static CacheToken prepared;

static void get_lease_and_token(void)
{
  get_lease();
  fill(&prepared, key_number, 2, new_chunks);
}

static void do_publish(void)
{
  CacheKey key = crash_key(key_number);
  (void)cache_publish(cache, &key, &claim, &prepared);
}

static void do_fail(void)
{
  CacheKey key = crash_key(key_number);
  cache_fail(cache, &key, &claim, THRED_E_SERVER, 503, 1000);
}

static void do_release(void)
{
  CacheKey key = crash_key(key_number);
  cache_release(cache, &key, &claim);
}

static void do_postpone(void)
{
  CacheKey key = crash_key(key_number);
  cache_postpone(cache, &key, &claim);
}

static void do_refuse(void)
{
  CacheKey key = crash_key(key_number);
  cache_refuse(cache, &key, seen_generation);
}

static void do_flush(void)
{
  (void)cache_flush(cache);
}

static const uint8_t origin[32] = "an origin";
static uint8_t block[3000];

static void fill_block(uint8_t filling, size_t size)
{
  const Snapshot head = config_block_head(size);
  memset(block, filling, size);
  memcpy(block, &head, sizeof head);
  block[size - 1] = 0;
}

static void put_config(uint8_t filling, size_t size)
{
  fill_block(filling, size);
  cache_store_config(cache, origin, block, size);
}

static void old_token_and_config(void)
{
  old_token();
  put_config('a', 1000);
}

static void do_store_config(void)
{
  put_config('b', sizeof block);
}

/* The old one, the new one, or none. */
static bool has_whole_config(void)
{
  size_t size;
  void *got = cache_load_config(cache, origin, &size);
  if (!got)
    return false;
  fill_block(size == 1000 ? 'a' : 'b', size == 1000 ? 1000 : sizeof block);
  require(size <= sizeof block && memcmp(got, block, size) == 0);
  free(got);
  return true;
}

/* What is lost when the operation dies. */
typedef enum {
  NOTHING, /* not even the token that was there: it is readable, or the new one is */
  ITS_OWN, /* at most what is about its own key */
  OTHERS
} Loss;

typedef struct {
  const char *name;
  void (*before)(void);  /* by the parent */
  void (*prepare)(void); /* by the child, not stepped */
  void (*operate)(void); /* stepped */
  size_t chunks;
  Loss loss;
} Operation;

static const Operation operations[] = {
    {"claim of a new key", nothing, nothing, do_claim, 1, OTHERS},
    {"claim of a known key", old_token, see_it, do_claim, 1, NOTHING},
    {"claim that finds a newer", old_token, nothing, do_find_newer, 1, NOTHING},
    {"claim that takes an entry", full_cache, nothing, do_claim, 1, OTHERS},
    {"publish, 1 chunk over 2", old_token, get_lease_and_token, do_publish, 1, NOTHING},
    {"publish, first token", nothing, get_lease_and_token, do_publish, 1, OTHERS},
    {"publish, 3 chunks over 2", old_token, get_lease_and_token, do_publish, 3, NOTHING},
    {"failure", old_token, get_lease, do_fail, 1, NOTHING},
    {"postponed renewal", old_token, get_lease, do_postpone, 1, NOTHING},
    {"release", old_token, get_lease, do_release, 1, NOTHING},
    {"invalidate", old_token, see_it, do_refuse, 1, ITS_OWN},
    {"flush", old_token, nothing, do_flush, 1, OTHERS},
    {"store a configuration", old_token_and_config, nothing, do_store_config, 1, NOTHING},
};

/* ---- stepping ---- */

static void child_body(const Operation *operation)
{
  seen_generation = 0;
  operation->prepare();
  require(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0);
  raise(SIGSTOP);
  operation->operate();
  raise(SIGSTOP);
  _exit(0);
}

/* What it stopped by. */
static int stopped_by(pid_t pid)
{
  int status;
  require(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status));
  return WSTOPSIG(status);
}

static void run_to(pid_t pid, bool (*function)(Cache *cache))
{
  void *address;
  struct user_regs_struct registers;
  memcpy(&address, &function, sizeof address);
  long text = ptrace(PTRACE_PEEKTEXT, pid, address, NULL);
  require(ptrace(PTRACE_POKETEXT, pid, address, (text & ~0xffL) | 0xcc) == 0);
  require(ptrace(PTRACE_CONT, pid, NULL, NULL) == 0 && stopped_by(pid) == SIGTRAP);
  require(ptrace(PTRACE_POKETEXT, pid, address, text) == 0);
  require(ptrace(PTRACE_GETREGS, pid, NULL, &registers) == 0);
  registers.rip--;
  require(ptrace(PTRACE_SETREGS, pid, NULL, &registers) == 0);
}

static pid_t start(const Operation *operation, bool from_lock)
{
  new_chunks = operation->chunks;
  pid_t pid = fork();
  if (pid == 0) {
    alarm(60);
    child_body(operation);
  }
  require(pid > 0 && stopped_by(pid) == SIGSTOP);
  if (from_lock)
    run_to(pid, cache_lock);
  return pid;
}

/* Steps it, and kills it there. The number of steps that were made: less than `steps` at the end.
 */
static unsigned step_and_kill(const Operation *operation, bool from_lock, unsigned steps)
{
  pid_t pid = start(operation, from_lock);
  unsigned made = 0;
  while (made < steps) {
    require(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) == 0);
    if (stopped_by(pid) == SIGSTOP)
      break; /* the one after the operation */
    made++;
  }
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
  return made;
}

/* ---- after each kill ---- */

/* What was there before. Again after the repair: that loses nothing either. */
typedef struct {
  uint64_t own, other;
} Seen;

static Seen see(void)
{
  return (Seen){look(key_number), look(OTHER_KEY)};
}

static void require_kept(const Operation *operation, Seen before)
{
  Seen now = see();
  require(now.own == 0 || now.own >= before.own);
  require(operation->loss != NOTHING || before.own == 0 || now.own != 0);
  require(operation->loss == OTHERS || before.other == now.other);
}

static void go_on(const Operation *operation, Seen before)
{
  require_kept(operation, before);
  crash_require_whole(cache);
  require_kept(operation, before);
  put_token(key_number, 3, 1);
  require(look(key_number) > before.own);
  put_token(OTHER_KEY, 4, 2);
  (void)has_whole_config();
  put_config('b', sizeof block);
  require(has_whole_config());
  crash_require_whole(cache);
  require(atomic_load(&cache->header->state) == CACHE_LIVE);
}

/* What futex(2)'s handle_futex_death() makes of a lock word, and the kernel of an OFD lock: whoever
 * is in the copy finds an owner that died. */
static void bury(Cache *copy, pid_t pid)
{
  _Atomic(uint32_t) *word = (_Atomic(uint32_t) *)(void *)&copy->header->lock;
  uint32_t seen = atomic_load(word);
  if ((seen & FUTEX_TID_MASK) == (uint32_t)pid)
    atomic_store(word, (seen & FUTEX_WAITERS) | FUTEX_OWNER_DIED);
  for (uint32_t i = 0; i < cache_entries(copy); i++)
    if (atomic_load(&cache_entry(copy, i)->lease) & CACHE_ALIVE)
      atomic_store(&cache_entry(copy, i)->lease, 0);
}

typedef struct {
  unsigned instructions, changes;
} Frozen;

/* It reads a clock: again and again, if a tick of the kernel's comes between two steps. */
static bool is_in_vdso(pid_t pid)
{
  uintptr_t start = getauxval(AT_SYSINFO_EHDR);
  long at = ptrace(PTRACE_PEEKUSER, pid, (void *)offsetof(struct user_regs_struct, rip), NULL);
  return (uintptr_t)at - start < 2 * 4096;
}

/* Stepped once, looked at whenever it has changed something. `seen` and `copy` are as large as the
 * segment. */
static void freeze_at_each(const Operation *operation, Cache *copy, void *seen, Frozen *frozen)
{
  Cache *original = cache;
  size_t size = original->shape.size;
  key_number++;
  operation->before();
  Seen before = see();
  pid_t pid = start(operation, true);
  memset(seen, 0, size);
  do {
    if (!is_in_vdso(pid) && memcmp(seen, original->header, size) != 0) {
      memcpy(seen, original->header, size);
      memcpy(copy->header, seen, size);
      bury(copy, pid);
      cache = copy;
      go_on(operation, before);
      cache = original;
      frozen->changes++;
    }
    require(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) == 0);
    frozen->instructions++;
  } while (stopped_by(pid) != SIGSTOP);
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
  go_on(operation, before); /* or its lease would be in the way of others */
}

static void kill_at(const Operation *operation, bool from_lock, unsigned steps)
{
  key_number++;
  operation->before();
  Seen before = see();
  (void)step_and_kill(operation, from_lock, steps);
  go_on(operation, before);
}

/* Every instruction, or, where that would take more than `budget` steps in all, every n-th. */
static unsigned stride_for(unsigned instructions, unsigned budget)
{
  uint64_t all = (uint64_t)instructions * instructions / 2;
  return (unsigned)(all / budget) | 1;
}

static unsigned step_through(const Operation *operation, bool from_lock, unsigned budget)
{
  key_number++;
  operation->before();
  Seen before = see();
  unsigned instructions = step_and_kill(operation, from_lock, UINT32_MAX), points = 0;
  go_on(operation, before);
  unsigned stride = stride_for(instructions, budget);
  for (unsigned k = (unsigned)(crash_random() % stride); k <= instructions; k += stride, points++)
    kill_at(operation, from_lock, k);
  printf("%-26s %-14s %6u instructions, killed at %u of them\n", operation->name,
         from_lock ? "from the lock" : "in all", instructions, points);
  fflush(stdout);
  return points;
}

/* THRED_TEST_ONLY in the environment: those whose name has this in it. All of them at every
 * instruction take hours. */
static bool is_wanted(const Operation *operation)
{
  const char *only = getenv("THRED_TEST_ONLY");
  return !only || strstr(operation->name, only);
}

SEGMENT_TEST(killed_at_every_instruction)
{
  alarm(6000);
  key_number = 100;
  cache = cache_create(16, SNAPSHOT_SEAL_AUTO);
  Cache *copy = keep(cache_wrap(child_shared(cache->shape.size), cache->buckets, cache->chunks));
  copy->key = cache->key;
  memcpy(copy->salt, cache->salt, sizeof copy->salt);
  void *seen = child_shared(cache->shape.size);
  Frozen frozen = {0};
  unsigned points = 0;
  for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
    if (!is_wanted(&operations[i]))
      continue;
    if (crash_rounds(20, 20) == 20) /* not with sanitizers, whose steps are too many for it */
      freeze_at_each(&operations[i], copy, seen, &frozen);
    points += step_through(&operations[i], true, crash_rounds(40000, 50000000));
    points += step_through(&operations[i], false, crash_rounds(10000, 500000));
  }
  const _Atomic(uint64_t) *counters = cache->header->counters;
  printf("%u instructions, looked at after each of the %u that changed something, killed at %u; "
         "%llu repairs, %llu leases taken over, 0 stuck, 0 torn\n",
         frozen.instructions, frozen.changes, points,
         (unsigned long long)counters[CACHE_COUNT_REPAIRED],
         (unsigned long long)counters[CACHE_COUNT_STOLEN]);
  require(counters[CACHE_COUNT_REPAIRED] > 0);
  require(counters[CACHE_COUNT_STOLEN] > 0 || getenv("THRED_TEST_ONLY"));
}

/* ---- is it permitted? ---- */

static void probe(void *data)
{
  (void)data;
  _exit(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 ? 0 : 1);
}

#endif

int main(void)
{
#if defined(__x86_64__)
  if (child_wait(child_start(probe, NULL)) != 0) {
    printf("ptrace(2) is not permitted here: all of this is skipped\n");
    return 77;
  }
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(killed_at_every_instruction),
  };
  return cmocka_run_group_tests_name("single-step", tests, segment_group_setup, NULL);
#else
  return 77; /* single steps and breakpoints are this architecture's */
#endif
}
