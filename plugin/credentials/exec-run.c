/* SPDX-License-Identifier: MIT */
#include "plugin/credentials/exec-run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"

/* What the process between tells us. */
typedef struct {
  int ran;
  int value; /* a wait status, or errno */
} Report;

/* Pipes, by their two ends. */
typedef struct {
  int out[2], err[2], report[2];
} Pipes;

/* ---- in the process between, and in the command before its execve ---- */

/*
 * A fork(2) without the C library's: no handlers of the program's (pthread_atfork) run. From here
 * to execve and _exit nothing is called but system calls, for this thread is all that is left, and
 * another one may have held any lock. All arguments after the first are 0, in whatever order the
 * machine takes them.
 */
static pid_t raw_fork(unsigned long signal_at_end)
{
  return (pid_t)syscall(SYS_clone, signal_at_end, 0L, 0L, 0L, 0L);
}

/* execve resets handlers, but not what is ignored. */
static void reset_signals(void)
{
  const struct sigaction by_default = {.sa_handler = SIG_DFL};
  sigset_t none;
  for (int i = 1; i < _NSIG; i++)
    sigaction(i, &by_default, NULL);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

/* From 3 on, where the kernel has no close_range(2) (before 5.9) one by one. */
static void close_others(int keep)
{
  if (keep > 3)
    syscall(SYS_close_range, 3u, (unsigned)keep - 1, 0u);
  if (syscall(SYS_close_range, (unsigned)keep + 1, ~0u, 0u) == 0)
    return;
  for (int fd = 3; fd < 65536; fd++)
    if (fd != keep)
      close(fd);
}

/* Nothing may overwrite what is still needed: each end is moved above 2 first. */
static int moved_up(int fd)
{
  return fcntl(fd, F_DUPFD, 3);
}

static void tell(int fd, bool ran, int value)
{
  const Report report = {ran, value};
  while (write(fd, &report, sizeof report) < 0 && errno == EINTR)
    ;
}

static void become_command(const Pipes *pipes, char *const argv[], char *const environment[],
                           int report)
{
  int out = moved_up(pipes->out[1]), err = moved_up(pipes->err[1]);
  int null = moved_up(open("/dev/null", O_RDONLY));
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) || out < 0 || err < 0 || null < 0 || dup2(out, 1) < 0 ||
      dup2(err, 2) < 0 || dup2(null, 0) < 0 || chdir("/"))
    _exit(127);
  umask(077); /* what it keeps of a secret is not for others */
  reset_signals();
  close_others(report);
  fcntl(report, F_SETFD, FD_CLOEXEC);
  execve(argv[0], argv, environment);
  tell(report, false, errno);
  _exit(127);
}

/* Waits for the command and reports how it ended. The group that it leads is what is killed. */
static void stand_between(const Pipes *pipes, char *const argv[], char *const environment[])
{
  int status = 0;
  int report = moved_up(pipes->report[1]);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  setsid();
  reset_signals();
  pid_t command = raw_fork(SIGCHLD);
  if (command == 0)
    become_command(pipes, argv, environment, report);
  close_others(report);
  /* 0, 1 and 2 are the program's, too. */
  for (int fd = 0; fd < 3; fd++)
    close(fd);
  if (command < 0)
    tell(report, false, errno);
  else if (waitpid(command, &status, 0) == command)
    tell(report, true, status);
  _exit(0);
}

/* ---- here ---- */

static void close_end(int *fd)
{
  if (*fd >= 0)
    close(*fd);
  *fd = -1;
}

static void close_pipes(Pipes *pipes)
{
  int(*all[])[2] = {&pipes->out, &pipes->err, &pipes->report};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    close_end(&(*all[i])[0]);
    close_end(&(*all[i])[1]);
  }
}

static bool open_pipes(Pipes *pipes)
{
  *pipes = (Pipes){{-1, -1}, {-1, -1}, {-1, -1}};
  return pipe2(pipes->out, O_CLOEXEC) == 0 && pipe2(pipes->err, O_CLOEXEC) == 0 &&
         pipe2(pipes->report, O_CLOEXEC) == 0;
}

/* False: the end, or an error. What does not fit is read and dropped, so that nobody blocks. */
static bool take(int fd, char *to, size_t size, size_t *length, int *too_long)
{
  char dropped[512];
  const bool full = *length == size;
  ssize_t n;
  do
    n = full ? read(fd, dropped, sizeof dropped) : read(fd, to + *length, size - *length);
  while (n < 0 && errno == EINTR);
  if (full) {
    explicit_bzero(dropped, sizeof dropped);
    *too_long |= n > 0;
  } else if (n > 0) {
    *length += (size_t)n;
  }
  return n > 0;
}

static int wait_for(const ThredModuleHost *host, struct pollfd *fds, nfds_t count, int64_t left)
{
  if (host->wait)
    host->wait(host, 1);
  int ready = poll(fds, count, left > 1000 ? 1000 : (int)left);
  if (host->wait)
    host->wait(host, 0);
  return ready;
}

/* Until there is a report, and then what is still in the pipes: a daemon that the command has left
 * behind may hold them open for good. False: the deadline came first. */
static bool hear(const ThredModuleHost *host, Pipes *pipes, int64_t deadline_ms, ExecResult *result,
                 Report *report)
{
  bool reported = false;
  int ignored = 0;
  for (;;) {
    struct pollfd fds[] = {{pipes->out[0], POLLIN, 0},
                           {pipes->err[0], POLLIN, 0},
                           {reported ? -1 : pipes->report[0], POLLIN, 0}};
    int64_t left = reported ? 0 : deadline_ms - clock_monotonic_ms();
    if (left < 0)
      return false;
    int ready = reported ? poll(fds, 2, 0) : wait_for(host, fds, 3, left);
    if (reported && ready <= 0)
      return true;
    if (ready <= 0)
      continue;
    if (fds[0].revents &&
        !take(fds[0].fd, result->out, EXEC_OUT_MAX, &result->out_length, &result->out_too_long))
      close_end(&pipes->out[0]);
    if (fds[1].revents &&
        !take(fds[1].fd, result->err, EXEC_ERR_MAX, &result->err_length, &ignored))
      close_end(&pipes->err[0]);
    if (fds[2].revents) {
      reported = true;
      if (read(pipes->report[0], report, sizeof *report) != sizeof *report)
        *report = (Report){true, SIGKILL}; /* somebody has killed the one between */
    }
  }
}

/* It and all of its session's first group, which is what the command has started as well. */
static void end_between(pid_t between)
{
  kill(-between, SIGKILL);
  kill(between, SIGKILL); /* it may not have made its group yet */
  while (waitpid(between, NULL, __WCLONE) < 0 && errno == EINTR)
    ;
}

ExecOutcome exec_run(const ThredModuleHost *host, char *const argv[], char *const environment[],
                     int64_t deadline_ms, ExecResult *result, int *errno_value)
{
  Pipes pipes;
  Report report = {false, 0};
  sigset_t all, before;
  memset(result, 0, sizeof *result);
  if (!open_pipes(&pipes)) {
    *errno_value = errno;
    close_pipes(&pipes);
    return EXEC_NO_ROOM;
  }
  /* No handler of the program's may run in its copy. */
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_t between = raw_fork(0);
  if (between == 0)
    stand_between(&pipes, argv, environment);
  *errno_value = errno;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  close_end(&pipes.out[1]);
  close_end(&pipes.err[1]);
  close_end(&pipes.report[1]);
  ExecOutcome outcome = EXEC_NO_ROOM;
  if (between > 0) {
    bool in_time = hear(host, &pipes, deadline_ms, result, &report);
    end_between(between);
    outcome = !in_time ? EXEC_LATE : report.ran ? EXEC_ENDED : EXEC_REFUSED;
    result->wait_status = *errno_value = report.value;
  }
  close_pipes(&pipes);
  return outcome;
}
