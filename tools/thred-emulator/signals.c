/* SPDX-License-Identifier: MIT */
#include "signals.h"

#include <pthread.h>

void signals_take(Signals *signals, bool for_command)
{
  static const int of_commands[] = {SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCHLD};
  struct sigaction ignored = {.sa_handler = SIG_IGN}, usual = {.sa_handler = SIG_DFL};
  sigemptyset(&signals->awaited);
  sigaddset(&signals->awaited, SIGTERM);
  sigaddset(&signals->awaited, SIGINT);
  for (unsigned i = 0; for_command && i < sizeof of_commands / sizeof *of_commands; i++)
    sigaddset(&signals->awaited, of_commands[i]);
  (void)pthread_sigmask(SIG_BLOCK, &signals->awaited, &signals->mask_before);
  /* A client that goes away in the middle of an answer is no reason to die. */
  (void)sigaction(SIGPIPE, &ignored, &signals->pipe_before);
  /* Ignored, as some parents leave it, it would take the status of children away (wait(2)). */
  (void)sigaction(SIGCHLD, &usual, &signals->child_before);
}

void signals_give_back(const Signals *signals)
{
  (void)sigaction(SIGPIPE, &signals->pipe_before, NULL);
  (void)sigaction(SIGCHLD, &signals->child_before, NULL);
  (void)pthread_sigmask(SIG_SETMASK, &signals->mask_before, NULL);
}
