/* SPDX-License-Identifier: MIT */
#include "tests/bench/crowd.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thred/thred.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/bench.h"
#include "tests/bench/own-cache.h"
#include "tests/bench/server.h"
#include "tests/integration/harness.h"
#include "tests/integration/process.h"
#include "tests/integration/under-shim.h"

typedef enum { BEGIN, RUN, QUIT } Order;

typedef struct {
  alignas(64) uint64_t failures, cpu_ns;
  long failure; /* the last one: its status, or libcurl's error below 0 */
  Latencies latencies;
} Worker;

/* A file without a name, which the processes inherit. */
struct CrowdShared {
  int kind;
  unsigned workers, threads;
  char header[OWN_HEADER];
  alignas(64) atomic_uint phase; /* futex: moves when there is an order */
  atomic_int order;
  alignas(64) atomic_bool stop;
  alignas(64) atomic_uint waiting; /* futex: workers that have nothing to do */
  Worker worker[CROWD_MAX];
};

const char *const crowd_names[CROWD_KINDS] = {"hard-coded header", "thred_curl_attach()",
                                              "the shim", "each process caches for itself"};

/* The second as the longest that a wait may miss that somebody has died. */
static void futex_wait(atomic_uint *word, unsigned value)
{
  const struct timespec second = {1, 0};
  syscall(SYS_futex, word, FUTEX_WAIT, value, &second, NULL, 0);
}

static void futex_wake(atomic_uint *word)
{
  syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* ---- one thread of a process ---- */

typedef struct {
  CrowdShared *shared;
  OwnCache *own;
  unsigned number; /* among all of the crowd */
} Place;

/* Its status, or libcurl's error below 0. */
static long perform(const Place *place, CURL *curl, struct curl_slist **list)
{
  long status = 0;
  if (place->own)
    return own_cache_perform(place->own, curl, list);
  CURLcode code = curl_easy_perform(curl);
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  return code == CURLE_OK ? status : -(long)code;
}

static uint64_t cpu_ns(void)
{
  struct timespec used;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return (uint64_t)used.tv_sec * 1000000000 + (uint64_t)used.tv_nsec;
}

static void run_slice(const Place *place, CURL *curl, struct curl_slist **list, bool once)
{
  Worker *worker = &place->shared->worker[place->number];
  memset(worker, 0, sizeof *worker);
  uint64_t before_ns = cpu_ns();
  do {
    int64_t start = bench_now_ns();
    long status = perform(place, curl, list);
    latency_add(&worker->latencies, (uint64_t)(bench_now_ns() - start));
    if (status != 200) {
      worker->failures++;
      worker->failure = status;
    }
  } while (!once && !atomic_load_explicit(&place->shared->stop, memory_order_relaxed));
  worker->cpu_ns = cpu_ns() - before_ns;
}

static void *work(void *data)
{
  const Place *place = data;
  CrowdShared *shared = place->shared;
  struct curl_slist *lists[2];
  CURL *curl = server_handle(BASE INVOICES, shared->header, lists);
  if (shared->kind == CROWD_ATTACHED)
    bench_require(thred_curl_attach(curl) == THRED_OK, thred_last_message());
  for (;;) {
    unsigned phase = atomic_load(&shared->phase);
    if (atomic_fetch_add(&shared->waiting, 1) + 1 == shared->workers)
      futex_wake(&shared->waiting);
    while (atomic_load(&shared->phase) == phase)
      futex_wait(&shared->phase, phase);
    Order order = (Order)atomic_load(&shared->order);
    if (order == QUIT)
      break;
    run_slice(place, curl, &lists[1], order == BEGIN);
  }
  if (shared->kind == CROWD_ATTACHED)
    thred_curl_detach(curl);
  curl_easy_cleanup(curl);
  curl_slist_free_all(lists[0]);
  curl_slist_free_all(lists[1]);
  return NULL;
}

static CrowdShared *map(int fd)
{
  void *memory = mmap(NULL, sizeof(CrowdShared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  bench_require(memory != MAP_FAILED, "no shared memory");
  return memory;
}

void crowd_enter(int argc, char **argv)
{
  static Place places[CROWD_MAX];
  pthread_t threads[CROWD_MAX];
  if (argc != 4 || strcmp(argv[1], "crowd") != 0)
    return;
  CrowdShared *shared = map(atoi(argv[2]));
  unsigned first = (unsigned)atoi(argv[3]) * shared->threads;
  curl_global_init(CURL_GLOBAL_DEFAULT);
  OwnCache *own = shared->kind == CROWD_OWN ? own_cache_new(FIRST) : NULL;
  for (unsigned i = 0; i < shared->threads; i++)
    places[i] = (Place){shared, own, first + i};
  for (unsigned i = 1; i < shared->threads; i++)
    bench_require(pthread_create(&threads[i], NULL, work, &places[i]) == 0, "no thread");
  work(&places[0]);
  for (unsigned i = 1; i < shared->threads; i++)
    pthread_join(threads[i], NULL);
  if (own)
    own_cache_free(own);
  exit(0);
}

/* ---- all of them ---- */

static void await_all(const Crowd *crowd)
{
  for (unsigned seen; (seen = atomic_load(&crowd->shared->waiting)) < crowd->shared->workers;) {
    futex_wait(&crowd->shared->waiting, seen);
    for (unsigned i = 0; i < crowd->processes; i++)
      bench_require(waitpid(crowd->pids[i], NULL, WNOHANG) == 0, "a process has ended");
  }
}

static void give(const Crowd *crowd, Order order)
{
  CrowdShared *shared = crowd->shared;
  atomic_store(&shared->order, (int)order);
  atomic_store(&shared->stop, false);
  atomic_store(&shared->waiting, 0);
  atomic_fetch_add(&shared->phase, 1);
  futex_wake(&shared->phase);
}

/* A folder of its own: the same configuration, a copy of the credentials made now. */
static void give_credentials(CrowdKind kind)
{
  char dir[128], command[1024], text[192], path[192];
  snprintf(dir, sizeof dir, "%s/crowd-%d", emulator.dir, (int)kind);
  snprintf(text, sizeof text, "[credentials file]\npath = %s/credentials\n", dir);
  snprintf(command, sizeof command,
           "rm -rf '%s' && mkdir '%s' && cp -r '%s' '%s/conf.d' && cp '%s' '%s/credentials'", dir,
           dir, emulator.conf_dir, dir, emulator.credentials, dir);
  bench_require(system(command) == 0, "no credentials for a crowd");
  snprintf(path, sizeof path, "%s/conf.d/95-crowd.conf", dir);
  FILE *file = fopen(path, "we");
  bench_require(file && fputs(text, file) >= 0 && fclose(file) == 0, path);
  snprintf(path, sizeof path, "%s/conf.d", dir);
  setenv("THRED_CONF_DIR", path, 1);
}

void crowd_start(Crowd *crowd, CrowdKind kind, unsigned processes, unsigned threads,
                 const char *header)
{
  int fd = memfd_create("crowd", 0);
  bench_require(fd >= 0 && ftruncate(fd, sizeof *crowd->shared) == 0, "no shared memory");
  bench_require(processes * threads <= CROWD_MAX, "too many");
  *crowd = (Crowd){.processes = processes, .threads = threads, .shared = map(fd)};
  crowd->shared->kind = kind;
  crowd->shared->threads = threads;
  crowd->shared->workers = processes * threads;
  if (kind == CROWD_HARD_CODED)
    snprintf(crowd->shared->header, sizeof crowd->shared->header, "%s", header);
  give_credentials(kind);
  if (kind == CROWD_SHIM)
    putenv((char *)(uintptr_t)shim_variable());
  fflush(NULL);
  for (unsigned i = 0; i < processes; i++) {
    char descriptor[16], number[16];
    snprintf(descriptor, sizeof descriptor, "%d", fd);
    snprintf(number, sizeof number, "%u", i);
    const char *argv[] = {"/proc/self/exe", "crowd", descriptor, number, NULL};
    crowd->pids[i] = process_start(argv, -1, -1);
  }
  unsetenv("LD_PRELOAD");
  setenv("THRED_CONF_DIR", emulator.conf_dir, 1);
  close(fd);
  await_all(crowd);
}

static void sum_up(const Crowd *crowd, int64_t taken_ns, CrowdSlice *slice)
{
  uint64_t cpu = 0;
  memset(slice, 0, sizeof *slice);
  for (unsigned i = 0; i < crowd->shared->workers; i++) {
    const Worker *worker = &crowd->shared->worker[i];
    if (worker->failures && !slice->failures)
      bench_note("A request of \"%s\" failed: %ld.", crowd_names[crowd->shared->kind],
                 worker->failure);
    slice->failures += worker->failures;
    cpu += worker->cpu_ns;
    latency_merge(&slice->latencies, &worker->latencies);
  }
  slice->cpu_us = (double)cpu / 1000 / (double)slice->latencies.count;
  slice->per_second = (double)(slice->latencies.count - slice->failures) * 1e9 / (double)taken_ns;
}

void crowd_begin(Crowd *crowd, CrowdSlice *slice)
{
  int64_t start = bench_now_ns();
  give(crowd, BEGIN);
  await_all(crowd);
  sum_up(crowd, bench_now_ns() - start, slice);
}

void crowd_run(Crowd *crowd, unsigned milliseconds, CrowdSlice *slice)
{
  const struct timespec length = {milliseconds / 1000, milliseconds % 1000 * 1000000};
  int64_t start = bench_now_ns();
  give(crowd, RUN);
  nanosleep(&length, NULL);
  atomic_store(&crowd->shared->stop, true);
  await_all(crowd);
  sum_up(crowd, bench_now_ns() - start, slice);
}

void crowd_stop(Crowd *crowd)
{
  give(crowd, QUIT);
  for (unsigned i = 0; i < crowd->processes; i++)
    waitpid(crowd->pids[i], NULL, 0);
  munmap(crowd->shared, sizeof *crowd->shared);
}
