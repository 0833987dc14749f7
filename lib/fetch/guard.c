/* SPDX-License-Identifier: MIT */
#include "lib/fetch/guard.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

typedef struct {
  void (*function)(void *data);
  void (*release)(void *data);
  void *data;
  void (*note_lost)(bool is_lost);
  pthread_mutex_t lock;
  pthread_cond_t returned; /* on CLOCK_MONOTONIC */
  bool done, left;         /* guarded by `lock`: it has returned; nobody waits any more */
  atomic_int holders;      /* its thread and whoever waits */
} Call;

/* The last one out frees it: the other may still be inside pthread_mutex_unlock(). */
static void let_go(Call *call)
{
  if (atomic_fetch_sub(&call->holders, 1) > 1)
    return;
  pthread_cond_destroy(&call->returned);
  pthread_mutex_destroy(&call->lock);
  free(call);
}

static void run(void *data)
{
  Call *call = data;
  call->function(call->data);
  OPENSSL_thread_stop(); /* as in lib/worker.c: whoever waits may exit when this one has returned */
  pthread_mutex_lock(&call->lock);
  call->done = true;
  const bool left = call->left;
  pthread_cond_signal(&call->returned);
  pthread_mutex_unlock(&call->lock);
  if (left && call->note_lost)
    call->note_lost(false);
  if (left && call->release)
    call->release(call->data);
  let_go(call);
}

static void *run_plain(void *data)
{
  run(data);
  return NULL;
}

/* It inherits the mask of signals: none may interrupt the host's code on a thread of ours. */
static bool start_plain(Call *call)
{
  pthread_t thread;
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  bool started = pthread_create(&thread, NULL, run_plain, call) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (started)
    pthread_detach(thread);
  return started;
}

static Call *new_call(const GuardThreads *threads, void (*function)(void *),
                      void (*release)(void *), void *data)
{
  pthread_condattr_t monotonic;
  Call *call = malloc(sizeof *call);
  if (!call)
    return NULL;
  *call = (Call){.function = function, .release = release, .data = data};
  call->note_lost = threads->start ? threads->note_lost : NULL;
  atomic_init(&call->holders, 2);
  pthread_mutex_init(&call->lock, NULL);
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(&call->returned, &monotonic);
  pthread_condattr_destroy(&monotonic);
  return call;
}

/* True: it has returned. */
static bool wait_for(Call *call, int64_t deadline_ms)
{
  const struct timespec until = {(time_t)(deadline_ms / 1000),
                                 (long)(deadline_ms % 1000) * 1000000};
  int late = 0;
  pthread_mutex_lock(&call->lock);
  while (!call->done && !late)
    late = pthread_cond_timedwait(&call->returned, &call->lock, &until);
  const bool done = call->done;
  call->left = !done;
  if (!done && call->note_lost)
    call->note_lost(true);
  pthread_mutex_unlock(&call->lock);
  return done;
}

bool guard_run(const GuardThreads *threads, void (*function)(void *data),
               void (*release)(void *data), void *data, int64_t deadline_ms)
{
  Call *call = new_call(threads, function, release, data);
  if (!call || !(threads->start ? threads->start(run, call) : start_plain(call))) {
    if (call) {
      atomic_store(&call->holders, 1);
      let_go(call);
    }
    function(data);
    return true;
  }
  if (threads->wait_begin)
    threads->wait_begin();
  const bool done = wait_for(call, deadline_ms);
  let_go(call);
  if (threads->wait_end)
    threads->wait_end();
  return done;
}
