/* SPDX-License-Identifier: MIT */
#include "emulator.h"

#include <stdio.h>
#include <time.h>

static void init_condition(pthread_cond_t *condition)
{
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(condition, &attributes);
  pthread_condattr_destroy(&attributes);
}

Emulator *emulator_new(const char *api_key)
{
  Emulator *emulator = g_new0(Emulator, 1);
  pthread_mutex_init(&emulator->pause_lock, NULL);
  init_condition(&emulator->pause_over);
  emulator->businesses = businesses_new();
  emulator->counters = counters_new();
  emulator->faults = faults_new();
  emulator->journal = journal_new();
  emulator->settings = settings_new(api_key);
  emulator->tokens = tokens_new();
  if (emulator->settings && emulator->tokens)
    return emulator;
  fputs("thred-emulator: OpenSSL has no random numbers\n", stderr);
  emulator_free(emulator);
  return NULL;
}

void emulator_free(Emulator *emulator)
{
  if (!emulator)
    return;
  tokens_free(emulator->tokens);
  settings_free(emulator->settings);
  journal_free(emulator->journal);
  faults_free(emulator->faults);
  counters_free(emulator->counters);
  businesses_free(emulator->businesses);
  pthread_cond_destroy(&emulator->pause_over);
  pthread_mutex_destroy(&emulator->pause_lock);
  g_free(emulator);
}

void emulator_pause(Emulator *emulator, guint64 milliseconds)
{
  struct timespec end;
  (void)clock_gettime(CLOCK_MONOTONIC, &end);
  guint64 nanoseconds = (guint64)end.tv_nsec + milliseconds % 1000 * 1000000;
  end.tv_sec += (time_t)(milliseconds / 1000 + nanoseconds / 1000000000);
  end.tv_nsec = (long)(nanoseconds % 1000000000);
  pthread_mutex_lock(&emulator->pause_lock);
  while (!emulator->stopping &&
         pthread_cond_timedwait(&emulator->pause_over, &emulator->pause_lock, &end) == 0)
    continue;
  pthread_mutex_unlock(&emulator->pause_lock);
}

void emulator_stop(Emulator *emulator)
{
  pthread_mutex_lock(&emulator->pause_lock);
  emulator->stopping = true;
  pthread_cond_broadcast(&emulator->pause_over);
  pthread_mutex_unlock(&emulator->pause_lock);
}
