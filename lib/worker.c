/* SPDX-License-Identifier: MIT */
#include "lib/worker.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#define FORK_PATIENCE_MS 100  /* longer steps than this are a credential module's */
#define EXIT_PATIENCE_MS 3000 /* nobody's exit is held up longer */

/*
 * Held for reading by every worker that does more than wait. A fork takes it for writing and gives
 * it back; the child gets a new one. Whoever exits keeps it.
 */
static pthread_rwlock_t gate = PTHREAD_RWLOCK_INITIALIZER;
static atomic_uint running; /* workers, and those about to start */
static atomic_uint lost;    /* of these: whom nobody waits for any more (worker_note_lost) */
static _Thread_local bool is_worker;
static _Thread_local bool forking; /* this thread's fork took the gate */

static bool take_gate(long patience_ms)
{
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += patience_ms / 1000;
  until.tv_nsec += patience_ms % 1000 * 1000000;
  if (until.tv_nsec >= 1000000000) {
    until.tv_sec++;
    until.tv_nsec -= 1000000000;
  }
  return pthread_rwlock_timedwrlock(&gate, &until) == 0;
}

/* ---- fork and exit ---- */

/* For one that hangs in foreign code nothing waits: it may do so for good. */
static bool is_anyone_at_work(void)
{
  return atomic_load(&running) > atomic_load(&lost);
}

void worker_note_lost(bool is_lost)
{
  if (is_lost)
    atomic_fetch_add(&lost, 1);
  else if (atomic_load(&lost) > 0)
    atomic_fetch_sub(&lost, 1);
}

static void before_fork(void)
{
  /* A module that forks is a worker itself, and has the gate. */
  forking = is_anyone_at_work() && !is_worker && take_gate(FORK_PATIENCE_MS);
}

static void after_fork_in_parent(void)
{
  if (forking)
    pthread_rwlock_unlock(&gate);
  forking = false;
}

static void after_fork_in_child(void)
{
  gate = (pthread_rwlock_t)PTHREAD_RWLOCK_INITIALIZER;
  atomic_store(&running, 0);
  atomic_store(&lost, 0);
  forking = false;
  is_worker = false;
}

/* A constructor, as in process.c. */
__attribute__((constructor)) static void register_fork_handlers(void)
{
  pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

static atomic_bool exiting;

/* Runs before OpenSSL's own handler, which register_exit() sees to. */
static void on_exit_hold(void)
{
  atomic_store(&exiting, true);
  if (is_anyone_at_work() && !is_worker)
    (void)take_gate(EXIT_PATIENCE_MS);
}

/* OpenSSL first: the handlers run in the reverse order, and its own takes to pieces what a worker
 * uses. It registers that with what a fetch uses first (not with OPENSSL_init_crypto(3) and no
 * option); what came before, perhaps nothing but a digest and a cipher (digest.c, aead.c), has not
 * done so for sure. */
static bool register_exit(void)
{
  static atomic_bool registered;
  if (atomic_load(&registered))
    return true;
  OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL);
  return atomic_exchange(&registered, true) || atexit(on_exit_hold) == 0;
}

/* ---- the thread ---- */

typedef struct {
  void (*function)(void *);
  void *data;
} Work;

static void *run(void *argument)
{
  Work work = *(Work *)argument;
  free(argument);
  is_worker = true;
  pthread_rwlock_rdlock(&gate);
  work.function(work.data);
  /* What OpenSSL keeps for this thread would else go when the thread ends, which nobody waits for:
   * an exit in between would take it to pieces at the same time. */
  OPENSSL_thread_stop();
  pthread_rwlock_unlock(&gate);
  atomic_fetch_sub(&running, 1);
  return NULL;
}

/* It inherits the mask of signals: none may interrupt the host's code on a thread of ours. */
static bool start_thread(Work *work)
{
  pthread_attr_t attributes;
  pthread_t thread;
  sigset_t all, before;
  if (pthread_attr_init(&attributes))
    return false;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  bool started = pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0 &&
                 pthread_create(&thread, &attributes, run, work) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  return started;
}

bool worker_start(void (*function)(void *data), void *data)
{
  Work *work = malloc(sizeof *work);
  if (!work || atomic_load(&exiting) || !register_exit()) {
    free(work);
    return false;
  }
  *work = (Work){function, data};
  atomic_fetch_add(&running, 1);
  if (start_thread(work))
    return true;
  atomic_fetch_sub(&running, 1);
  free(work);
  return false;
}

void worker_wait_begin(void)
{
  if (is_worker)
    pthread_rwlock_unlock(&gate);
}

void worker_wait_end(void)
{
  if (is_worker)
    pthread_rwlock_rdlock(&gate);
}
