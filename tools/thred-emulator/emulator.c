/* SPDX-License-Identifier: MIT */
#include "emulator.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

Emulator *emulator_new(const char *api_key)
{
  Emulator *emulator = g_new0(Emulator, 1);
  emulator->stop_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  emulator->businesses = businesses_new();
  emulator->counters = counters_new();
  emulator->faults = faults_new();
  emulator->journal = journal_new();
  emulator->settings = settings_new(api_key);
  emulator->tally = tally_new();
  emulator->tokens = tokens_new();
  if (emulator->settings && emulator->tokens && emulator->stop_event >= 0)
    return emulator;
  emulator_free(emulator);
  return NULL;
}

void emulator_free(Emulator *emulator)
{
  if (!emulator)
    return;
  tokens_free(emulator->tokens);
  tally_free(emulator->tally);
  settings_free(emulator->settings);
  journal_free(emulator->journal);
  faults_free(emulator->faults);
  counters_free(emulator->counters);
  businesses_free(emulator->businesses);
  if (emulator->stop_event >= 0)
    close(emulator->stop_event);
  g_free(emulator->git_root);
  g_free(emulator);
}

void emulator_pause(Emulator *emulator, guint64 milliseconds)
{
  struct pollfd stop = {emulator->stop_event, POLLIN, 0};
  struct timespec span = {.tv_sec = (time_t)(milliseconds / 1000),
                          .tv_nsec = (long)(milliseconds % 1000 * 1000000)};
  (void)ppoll(&stop, 1, &span, NULL);
}

void emulator_stop(Emulator *emulator)
{
  (void)eventfd_write(emulator->stop_event, 1);
}
