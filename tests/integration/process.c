/* SPDX-License-Identifier: MIT */
#include "process.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define PATIENCE_MS 120000

static void become(const char *const *argv, const char *const *environment, int out, int err)
{
  if (prctl(PR_SET_PDEATHSIG, SIGKILL))
    _exit(126);
  if (getppid() == 1) /* the test died before that */
    _exit(126);
  if ((out >= 0 && dup2(out, STDOUT_FILENO) < 0) || (err >= 0 && dup2(err, STDERR_FILENO) < 0))
    _exit(126);
  for (; environment && *environment; environment++) {
    if (strchr(*environment, '='))
      putenv((char *)(uintptr_t)*environment);
    else
      unsetenv(*environment);
  }
  execvp(argv[0], (char *const *)(uintptr_t)argv);
  _exit(127);
}

static pid_t start(const char *const *argv, const char *const *environment, int out, int err)
{
  pid_t pid = fork();
  if (pid == 0)
    become(argv, environment, out, err);
  assert_true(pid > 0);
  return pid;
}

pid_t process_start(const char *const *argv, int out, int err)
{
  return start(argv, NULL, out, err);
}

int process_wait(pid_t pid)
{
  int status = 0;
  int64_t end = now_ms() + PATIENCE_MS;
  pid_t ended;
  while ((ended = waitpid(pid, &status, WNOHANG)) == 0) {
    if (now_ms() > end)
      kill(pid, SIGKILL);
    poll(NULL, 0, 2);
  }
  assert_int_equal(ended, pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void process_stop(pid_t pid)
{
  kill(pid, SIGTERM);
  (void)process_wait(pid);
}

static void read_back(int fd, char *text, size_t size)
{
  ssize_t length = pread(fd, text, size - 1, 0);
  assert_true(length >= 0);
  text[length] = '\0';
  close(fd);
}

void process_run(const char *const *argv, const char *const *environment, Outcome *outcome)
{
  int out = memfd_create("stdout", MFD_CLOEXEC), err = memfd_create("stderr", MFD_CLOEXEC);
  assert_true(out >= 0 && err >= 0);
  outcome->status = process_wait(start(argv, environment, out, err));
  read_back(out, outcome->out, sizeof outcome->out);
  read_back(err, outcome->err, sizeof outcome->err);
}

bool process_has(const char *program)
{
  char paths[4096], file[PATH_MAX];
  snprintf(paths, sizeof paths, "%s:/usr/sbin:/sbin", getenv("PATH") ? getenv("PATH") : "");
  for (char *rest, *at = strtok_r(paths, ":", &rest); at; at = strtok_r(NULL, ":", &rest)) {
    snprintf(file, sizeof file, "%s/%s", at, program);
    if (access(file, X_OK) == 0)
      return true;
  }
  return false;
}
