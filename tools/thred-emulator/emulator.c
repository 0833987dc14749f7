/* SPDX-License-Identifier: MIT */
#include "emulator.h"

#include <stdio.h>

Emulator *emulator_new(const char *api_key)
{
  Emulator *emulator = g_new0(Emulator, 1);
  g_mutex_init(&emulator->pause_lock);
  g_cond_init(&emulator->pause_over);
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
  g_cond_clear(&emulator->pause_over);
  g_mutex_clear(&emulator->pause_lock);
  g_free(emulator);
}

void emulator_pause(Emulator *emulator, guint64 milliseconds)
{
  gint64 end = g_get_monotonic_time() + (gint64)milliseconds * G_TIME_SPAN_MILLISECOND;
  g_mutex_lock(&emulator->pause_lock);
  while (!emulator->stopping &&
         g_cond_wait_until(&emulator->pause_over, &emulator->pause_lock, end))
    continue;
  g_mutex_unlock(&emulator->pause_lock);
}

void emulator_stop(Emulator *emulator)
{
  g_mutex_lock(&emulator->pause_lock);
  emulator->stopping = true;
  g_cond_broadcast(&emulator->pause_over);
  g_mutex_unlock(&emulator->pause_lock);
}
