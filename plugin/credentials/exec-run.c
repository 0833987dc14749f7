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

#define END_MS 2000

/* What the process between tells us. */
typedef struct {
  int ran;
  int value; /* a wait status, or errno */
} Report;

/* Pipes, by their two ends. `hold` is closed here when the command is to end. */
typedef struct {
  int out[2], err[2], report[2], hold[2];
} Pipes;

/* ---- in the process between, and in the command before its execve ---- */

/*
 * A fork(2) without the C library's: no handlers of the program's (pthread_atfork) run. From here
 * to execve and _exit nothing is called but system calls, for this thread is all that is left, and
 * another one may have held any lock. All arguments but the flags are 0; where they stand differs
 * (clone(2), "C library/kernel differences").
 */
static pid_t raw_fork(unsigned long signal_at_end)
{
#if defined(__s390__) || defined(__CRIS__)
  return (pid_t)syscall(SYS_clone, 0L, signal_at_end, 0L, 0L, 0L);
#else
  return (pid_t)syscall(SYS_clone, signal_at_end, 0L, 0L, 0L, 0L);
#endif
}

static volatile sig_atomic_t told_to_stop; /* of the process between */

static void note_signal(int number)
{
  told_to_stop |= number == SIGTERM;
}

/* execve resets handlers, but not what is ignored. */
static void reset_signals(void)
{
  const struct sigaction by_default = {.sa_handler = SIG_DFL};
  for (int i = 1; i < _NSIG; i++)
    sigaction(i, &by_default, NULL);
}

static void unblock_signals(void)
{
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

/* All but two, from 3 on; where the kernel has no close_range(2) (before 5.9) one by one. */
static void close_others(int one, int other)
{
  const int low = one < other ? one : other, high = one < other ? other : one;
  if (low > 3)
    syscall(SYS_close_range, 3u, (unsigned)low - 1, 0u);
  if (high > low + 1)
    syscall(SYS_close_range, (unsigned)low + 1, (unsigned)high - 1, 0u);
  if (syscall(SYS_close_range, (unsigned)high + 1, ~0u, 0u) == 0)
    return;
  for (int fd = 3; fd < 65536; fd++)
    if (fd != low && fd != high)
      close(fd);
}

/* Nothing may overwrite what is still needed: each end is moved above 2 first. */
static int moved_up(int fd)
{
  return fd < 0 ? -1 : fcntl(fd, F_DUPFD, 3);
}

static void tell(int fd, int ran, int value)
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
  if (out >= 0 && err >= 0 && null >= 0 && dup2(out, 1) >= 0 && dup2(err, 2) >= 0 &&
      dup2(null, 0) >= 0 && chdir("/") == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0) {
    umask(077); /* what it keeps of a secret is not for others */
    setsid();
    reset_signals();
    unblock_signals();
    close_others(report, report);
    fcntl(report, F_SETFD, FD_CLOEXEC);
    execve(argv[0], argv, environment);
  }
  tell(report, 0, errno);
  _exit(127);
}

/* Kills all children that there are now. False: they cannot be listed, or there are none. */
static bool kill_children(void)
{
  char text[512];
  bool any = false;
  int fd = open("/proc/thread-self/children", O_RDONLY); /* proc(5) */
  ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (fd >= 0)
    close(fd);
  pid_t pid = 0;
  for (ssize_t i = 0; i < length; i++) {
    if (text[i] >= '0' && text[i] <= '9') {
      pid = pid * 10 + (text[i] - '0');
    } else if (pid > 0) { /* a number that the buffer has cut off is left for the next time */
      any |= kill(pid, SIGKILL) == 0;
      pid = 0;
    }
  }
  return any;
}

/*
 * Whatever the command has started and lost becomes a child of this process
 * (PR_SET_CHILD_SUBREAPER), and not of the program's, should that be the first of its container.
 * Nothing of it is left.
 */
static void end_all(pid_t command)
{
  kill(command, SIGKILL);
  for (int rounds = 0; rounds < 1000; rounds++) {
    bool any = kill_children();
    if (waitpid(-1, NULL, any ? 0 : WNOHANG) < 0 && errno == ECHILD)
      return;
  }
}

/* Until the command ends, or is to end. */
static void watch(pid_t command, int hold, int report)
{
  sigset_t none;
  sigemptyset(&none);
  for (;;) {
    int status = 0;
    pid_t ended = waitpid(-1, &status, WNOHANG); /* orphans, too */
    if (ended == command) {
      tell(report, 1, status);
      return;
    }
    struct pollfd held = {hold, POLLIN, 0};
    if (told_to_stop || (ended <= 0 && ppoll(&held, 1, NULL, &none) > 0))
      return;
  }
}

static void stand_between(const Pipes *pipes, char *const argv[], char *const environment[])
{
  const struct sigaction noted = {.sa_handler = note_signal};
  int report = moved_up(pipes->report[1]), hold = report < 0 ? -1 : moved_up(pipes->hold[0]);
  if (hold < 0) {
    tell(pipes->report[1], 0, errno);
    _exit(0);
  }
  reset_signals(); /* all of them are blocked until it waits */
  sigaction(SIGCHLD, &noted, NULL);
  sigaction(SIGTERM, &noted, NULL);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L);
  setsid();
  pid_t command = raw_fork(SIGCHLD);
  if (command == 0)
    become_command(pipes, argv, environment, report);
  if (command < 0) {
    tell(report, 0, errno);
    _exit(0);
  }
  close_others(report, hold);
  for (int fd = 0; fd < 3; fd++) /* the program's, too */
    close(fd);
  watch(command, hold, report);
  end_all(command);
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
  int(*all[])[2] = {&pipes->out, &pipes->err, &pipes->report, &pipes->hold};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    close_end(&(*all[i])[0]);
    close_end(&(*all[i])[1]);
  }
}

static bool open_pipes(Pipes *pipes)
{
  *pipes = (Pipes){{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}};
  return pipe2(pipes->out, O_CLOEXEC) == 0 && pipe2(pipes->err, O_CLOEXEC) == 0 &&
         pipe2(pipes->report, O_CLOEXEC) == 0 && pipe2(pipes->hold, O_CLOEXEC) == 0;
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

/* Until there is a report, and then what is still in the pipes: what the command has left behind
 * may hold them open. False: the deadline came first. */
static bool hear(const ThredModuleHost *host, Pipes *pipes, int64_t deadline_ms, ExecResult *result,
                 Report *report)
{
  bool reported = false;
  int ignored = 0;
  for (;;) {
    struct pollfd fds[] = {{pipes->out[0], POLLIN, 0},
                           {pipes->err[0], POLLIN, 0},
                           {reported ? -1 : pipes->report[0], POLLIN, 0}};
    const int64_t left = deadline_ms - clock_monotonic_ms();
    if (left < 0)
      return reported;
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
        *report = (Report){0, 0}; /* somebody has killed the one between */
    }
  }
}

/* It ends the command, and all of that, and then itself; unless the machine is in such a state that
 * nothing ends any more. A host that waits for all kinds of children (__WALL) may have been first.
 */
static void end_between(pid_t between, Pipes *pipes)
{
  const int64_t until = clock_monotonic_ms() + END_MS;
  if (write(pipes->hold[1], "", 1) < 0) { /* somebody else's copy may keep it open */
  }
  close_end(&pipes->hold[1]);
  for (;;) {
    pid_t ended = waitpid(between, NULL, __WCLONE | WNOHANG);
    if (ended == between || (ended < 0 && errno != EINTR))
      return;
    if (clock_monotonic_ms() >= until)
      kill(between, SIGKILL);
    poll(NULL, 0, 1);
  }
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
  close_end(&pipes.hold[0]);
  ExecOutcome outcome = EXEC_NO_ROOM;
  if (between > 0) {
    bool in_time = hear(host, &pipes, deadline_ms, result, &report);
    end_between(between, &pipes);
    outcome = !in_time ? EXEC_LATE : report.ran ? EXEC_ENDED : EXEC_REFUSED;
    result->wait_status = *errno_value = report.value;
  }
  close_pipes(&pipes);
  return outcome;
}
