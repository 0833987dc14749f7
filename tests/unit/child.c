/* SPDX-License-Identifier: MIT */
#include "tests/unit/child.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

pid_t child_start(ChildBody body, void *data)
{
  fflush(NULL);
  pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    alarm(60);
    body(data);
    exit(0);
  }
  return pid;
}

int child_wait(pid_t pid)
{
  int status = 0;
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR)
      return -1;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void child_run(ChildBody body, void *data)
{
  pid_t pid = child_start(body, data);
  assert_true(pid > 0);
  assert_int_equal(child_wait(pid), 0);
}

void child_fail(const char *file, int line, const char *what)
{
  dprintf(STDERR_FILENO, "%s:%d: in a child: %s\n", file, line, what);
  _exit(1);
}

void *child_shared(size_t size)
{
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  assert_true(memory != MAP_FAILED);
  return memory;
}

bool child_await(_Atomic(int) *flag, int value)
{
  const struct timespec pause = {0, 1000000};
  for (int i = 0; i < 20000; i++) {
    if (atomic_load(flag) >= value)
      return true;
    nanosleep(&pause, NULL);
  }
  return false;
}
