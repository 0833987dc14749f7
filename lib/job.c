/* SPDX-License-Identifier: MIT */
#include "lib/job.h"

#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/config-current.h"
#include "lib/process.h"
#include "lib/route.h"
#include "lib/secret-memory.h"
#include "lib/secure.h"
#include "lib/worker.h"

#define WORKERS_MAX    8u  /* more jobs than these wait for one of them */
#define RENEW_EVERY_MS 100 /* so often a process begins to renew, at most */
#define WAIT_SLICE_MS  1000

typedef struct Listener {
  struct Listener *next;
  Bell *bell;
} Listener;

struct Job {
  /* Guarded by `lock`. */
  Job *next;           /* in `unfinished` */
  Listener *listeners; /* to be rung */
  unsigned references; /* whoever has asked, and the list */
  bool taken;          /* a worker is at it */

  unsigned forks;        /* process_forks() when it began */
  BearerRequest request; /* its strings are the snapshot's, and `business` */
  char business[UUID_LENGTH + 1];
  _Atomic uint32_t done; /* a futex; `outcome` is there */
  Error outcome;
};

static ProcessLock lock = PROCESS_LOCK_INIT;
static Job *unfinished;  /* guarded by `lock`; the oldest last */
static unsigned workers; /* guarded by `lock`, of the process with `worker_forks` */
static unsigned worker_forks;

/* ---- one job ---- */

static bool same_text(const char *a, const char *b)
{
  return a == b || (a && b && strcmp(a, b) == 0);
}

static bool is_same(const BearerRequest *a, const BearerRequest *b)
{
  return a->snapshot == b->snapshot && a->environment == b->environment && a->token == b->token &&
         a->refused == b->refused && a->not_before_ms == b->not_before_ms &&
         same_text(a->host, b->host) && same_text(a->business, b->business);
}

/* What a shared failure or the caller's own deadline makes of the time is no matter of the job's:
 * it takes what the environment allows. */
static Job *new_job(const BearerRequest *request)
{
  Job *job = calloc(1, sizeof *job);
  if (!job)
    return NULL;
  job->references = 1;
  job->forks = process_forks();
  job->request = *request;
  job->request.deadline_ms = INT64_MAX;
  job->request.memo = NULL;
  if (request->business && strlen(request->business) < sizeof job->business) {
    strcpy(job->business, request->business);
    job->request.business = job->business;
  }
  if (request->snapshot)
    config_again(request->snapshot);
  return job;
}

static void free_job(Job *job)
{
  config_release(job->request.snapshot);
  free(job);
}

/* With the lock. */
static bool drop_reference(Job *job)
{
  return --job->references == 0;
}

/* False: out of memory. With the lock. */
static bool listen_to(Job *job, Bell *bell)
{
  Listener *listener = bell ? malloc(sizeof *listener) : NULL;
  if (!listener)
    return !bell;
  *listener = (Listener){job->listeners, bell_again(bell)};
  job->listeners = listener;
  return true;
}

static void ring(Listener *listeners)
{
  while (listeners) {
    Listener *next = listeners->next;
    bell_ring(listeners->bell);
    bell_leave(listeners->bell);
    free(listeners);
    listeners = next;
  }
}

/* ---- the workers ---- */

static void finish(Job *job)
{
  process_lock(&lock);
  Job **at = &unfinished;
  while (*at && *at != job)
    at = &(*at)->next;
  if (*at)
    *at = job->next;
  Listener *listeners = job->listeners;
  job->listeners = NULL;
  atomic_store_explicit(&job->done, 1, memory_order_release);
  syscall(SYS_futex, &job->done, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
  bool last = drop_reference(job);
  process_unlock(&lock);
  ring(listeners);
  if (last)
    free_job(job);
}

static void read_config(Job *job)
{
  const Snapshot *snapshot = config_acquire(&job->outcome);
  if (snapshot)
    job->outcome.code = THRED_OK;
  config_release(snapshot);
}

static void get_token(Job *job)
{
  CacheToken token = {.value = secret_room()};
  if (!token.value) {
    error_set(&job->outcome, THRED_E_NO_MEMORY, "out of memory for a token");
    return;
  }
  if (bearer_get(&job->request, &token, &job->outcome) == THRED_OK)
    job->outcome.code = THRED_OK;
  secure_wipe(token.value, token.length);
  secret_room_free(token.value);
}

/* The oldest that nobody is at; NULL: none, and this worker is gone. */
static Job *take_next(void)
{
  Job *oldest = NULL;
  process_lock(&lock);
  for (Job *job = unfinished; job; job = job->next)
    if (!job->taken && job->forks == worker_forks)
      oldest = job;
  if (oldest)
    oldest->taken = true;
  else
    workers--;
  process_unlock(&lock);
  return oldest;
}

static void work(void *data)
{
  (void)data;
  for (Job *job = take_next(); job; job = take_next()) {
    if (job->request.snapshot)
      get_token(job);
    else
      read_config(job);
    finish(job);
  }
}

/* With the lock: does this job need one more? */
static bool count_worker(void)
{
  if (worker_forks != process_forks())
    workers = 0; /* they were the parent's */
  worker_forks = process_forks();
  if (workers >= WORKERS_MAX)
    return false;
  workers++;
  return true;
}

/* No thread, and no other one either that would take it. With nobody else in it, for it was listed
 * for no longer than this; who has joined it meanwhile learns that it failed. */
static void give_up(Job *job)
{
  process_lock(&lock);
  workers--;
  bool alone = workers == 0;
  process_unlock(&lock);
  if (!alone)
    return;
  error_set(&job->outcome, THRED_E_INTERNAL, "no thread for a token request");
  finish(job);
}

/* ---- asking ---- */

static Job *find(const BearerRequest *request)
{
  for (Job *job = unfinished; job; job = job->next)
    if (job->forks == process_forks() && is_same(&job->request, request))
      return job;
  return NULL;
}

Job *job_begin(const BearerRequest *request, Bell *bell)
{
  bool needs_worker = false, heard = true;
  process_lock(&lock);
  Job *job = find(request);
  if (!job && (job = new_job(request))) {
    job->next = unfinished;
    unfinished = job;
    needs_worker = count_worker();
  }
  if (job) {
    job->references++;
    heard = listen_to(job, bell);
  }
  process_unlock(&lock);
  if (needs_worker && !worker_start(work, NULL))
    give_up(job);
  /* The reference of three lines above keeps it, which clang's analyzer does not count. */
  const bool failed = /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
      job && needs_worker && job_is_done(job) && job_outcome(job, NULL) == THRED_E_INTERNAL;
  if (failed || !heard) { /* a loop that hears nothing may sleep for good */
    job_leave(job);
    return NULL;
  }
  return job;
}

bool job_is_done(const Job *job)
{
  return atomic_load_explicit(&job->done, memory_order_acquire) || job->forks != process_forks();
}

int job_outcome(const Job *job, Error *error)
{
  if (!atomic_load_explicit(&job->done, memory_order_acquire))
    return error_set(error, THRED_E_TIMEOUT, "a token request has taken too long");
  if (job->outcome.code && error)
    *error = job->outcome;
  return job->outcome.code;
}

int job_wait(const Job *job, int64_t deadline_ms, Error *error)
{
  int64_t left;
  while (!job_is_done(job) && (left = deadline_ms - clock_monotonic_ms()) > 0) {
    int64_t slice = left < WAIT_SLICE_MS ? left : WAIT_SLICE_MS;
    struct timespec time = {(time_t)(slice / 1000), (long)(slice % 1000) * 1000000};
    syscall(SYS_futex, &job->done, FUTEX_WAIT_PRIVATE, 0, &time, NULL, 0);
  }
  return job_outcome(job, error);
}

void job_leave(Job *job)
{
  if (!job)
    return;
  process_lock(&lock);
  bool last = drop_reference(job);
  process_unlock(&lock);
  if (last)
    free_job(job);
}

/* ---- getting ---- */

static bool may_renew_now(void)
{
  static _Atomic int64_t last_ms;
  int64_t now = clock_monotonic_ms(), last = atomic_load(&last_ms);
  return (last == 0 || now - last >= RENEW_EVERY_MS) &&
         atomic_compare_exchange_strong(&last_ms, &last, now);
}

void job_renew(const BearerRequest *request)
{
  if (may_renew_now())
    job_leave(job_begin(request, NULL));
}

static int get_by_job(const BearerRequest *request, CacheToken *token, Error *error)
{
  Job *job = job_begin(request, NULL);
  if (!job)
    return bearer_get(request, token, error);
  int code = job_wait(job, bearer_deadline_ms(request), error);
  job_leave(job);
  if (code == THRED_OK && bearer_look(request, token, error) == BEARER_NONE)
    code = bearer_get(request, token, error); /* no cache could take it */
  return code;
}

int job_get(const BearerRequest *request, CacheToken *token, Error *error)
{
  BearerLook look = bearer_look(request, token, error);
  if (look == BEARER_NONE)
    return get_by_job(request, token, error);
  if (look == BEARER_GOOD || (look == BEARER_DUE && !may_renew_now()))
    return THRED_OK;
  /* It serves, whatever becomes of the other one; only, by then it may have expired. */
  Job *job = job_begin(request, NULL);
  if (job)
    job_wait(job, bearer_deadline_ms(request), NULL);
  job_leave(job);
  return bearer_look(request, token, error) == BEARER_NONE ? get_by_job(request, token, error)
                                                           : THRED_OK;
}
