/* SPDX-License-Identifier: MIT */
/* memory-idle.c - a program that does not use libcurl: says that it is there, and waits. */
#include <signal.h>
#include <unistd.h>

int main(void)
{
  int got;
  sigset_t end; /* an end by exit(3): what is preloaded may leave something in /dev/shm else */
  sigemptyset(&end);
  sigaddset(&end, SIGTERM);
  sigprocmask(SIG_BLOCK, &end, NULL);
  return write(STDOUT_FILENO, ".", 1) == 1 && sigwait(&end, &got) == 0 ? 0 : 1;
}
