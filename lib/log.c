/* SPDX-License-Identifier: MIT */
#include "lib/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/process.h"
#include "lib/sigpipe.h"
#include "lib/tame.h"

#define LINE_SIZE     1024
#define LOOK_EVERY_MS 1000

static const char *const level_names[] = {"error", "warning", "info", "debug"};
static const int syslog_priority[] = {3, 4, 6, 7}; /* RFC 5424, 6.2.1 */

static atomic_int configured_level = SNAPSHOT_LOG_WARNING;

void log_set_level(SnapshotLog level)
{
  atomic_store_explicit(&configured_level, (int)level, memory_order_relaxed);
}

/* THRED_LOG as a level, or -1: not set. A word that is no level counts as `info`. */
static int read_level(void)
{
  const char *word = process_env("THRED_LOG");
  if (!word)
    return -1;
  for (int i = SNAPSHOT_LOG_ERROR; i <= SNAPSHOT_LOG_DEBUG; i++)
    if (strcmp(word, level_names[i]) == 0)
      return i;
  return SNAPSHOT_LOG_INFO;
}

/* The same. A program that changes it is heard within a second. */
static int environment_level(void)
{
  static atomic_int level = -2; /* not read yet */
  static _Atomic int64_t read_ms;
  const int64_t now = clock_coarse_ms();
  int known = atomic_load_explicit(&level, memory_order_relaxed);
  if (known == -2 || now - atomic_load_explicit(&read_ms, memory_order_relaxed) >= LOOK_EVERY_MS) {
    known = read_level();
    atomic_store_explicit(&level, known, memory_order_relaxed);
    atomic_store_explicit(&read_ms, now, memory_order_relaxed);
  }
  return known;
}

int log_enabled(SnapshotLog level)
{
  int wanted = environment_level();
  if (wanted < 0)
    wanted = atomic_load_explicit(&configured_level, memory_order_relaxed);
  return (int)level <= wanted;
}

static int send_to(const char *path, const char *line, size_t length)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return -1;
  ssize_t sent =
      sendto(fd, line, length, MSG_NOSIGNAL, (struct sockaddr *)&address, sizeof address);
  close(fd);
  return sent < 0 ? -1 : 0;
}

/* journald's native protocol: KEY=value lines, so no value may hold a newline (systemd's
 * JOURNAL_NATIVE_PROTOCOL). RFC 3164 for the syslog socket. */
static void send_to_system(SnapshotLog level, const char *text)
{
  char line[LINE_SIZE + 128];
  int priority = syslog_priority[level];
  int length = snprintf(line, sizeof line,
                        "PRIORITY=%d\nSYSLOG_IDENTIFIER=thred-auth\nMESSAGE=%s\n", priority, text);
  if (send_to("/run/systemd/journal/socket", line, (size_t)length) == 0)
    return;
  length = snprintf(line, sizeof line, "<%d>thred-auth[%d]: %s", 8 + priority, (int)getpid(), text);
  send_to("/dev/log", line, (size_t)length);
}

/* Whoever reads the program's stderr may be gone, which it has not noticed if it writes nothing. */
static void write_to_stderr(SnapshotLog level, const char *text)
{
  SigpipeGuard guard;
  sigpipe_block(&guard);
  dprintf(STDERR_FILENO, "thred-auth: %s: %s\n", level_names[level], text);
  sigpipe_restore(&guard);
}

void log_write(SnapshotLog level, const char *format, ...)
{
  if (!log_enabled(level))
    return;
  int saved_errno = errno, old_state;
  char text[LINE_SIZE];
  va_list args;
  /* A thread cancelled at a write would leave a buffer of libc's, a socket, or SIGPIPE blocked. */
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old_state);
  va_start(args, format);
  (void)vsnprintf(text, sizeof text, format, args);
  va_end(args);
  tame(text, ' ');
  if (environment_level() >= 0)
    write_to_stderr(level, text);
  else
    send_to_system(level, text);
  pthread_setcancelstate(old_state, &old_state);
  errno = saved_errno;
}
