/* SPDX-License-Identifier: MIT */
#include "lib/log-sinks.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/descriptor.h"
#include "lib/sigpipe.h"

#define JOURNAL   "/run/systemd/journal/socket"
#define SYSLOG    "/dev/log"
#define USER      (1 << 3) /* LOG_USER */
#define STDERR_MS 1000

/*
 * A socket for each line: none is kept, which a program that closes all descriptors would take from
 * us, or give to another file. Nothing waits: a journald that is stopped, or has more than it can
 * take, gets none (EAGAIN); one that is gone refuses (ECONNREFUSED), or its socket is not there
 * (ENOENT in a container or chroot).
 *
 * The largest entry is far below what the smallest socket buffer takes (log.c), so a line never has
 * to go to journald in a memfd, as sd-journal does it with large ones.
 */
static bool send_to(const char *path, int type, const struct iovec *parts, size_t count)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  struct msghdr message = {.msg_iov = (struct iovec *)(void *)parts, .msg_iovlen = count};
  strcpy(address.sun_path, path);
  int fd = descriptor_above_standard(socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd < 0)
    return false;
  if (type == SOCK_DGRAM) {
    message.msg_name = &address;
    message.msg_namelen = sizeof address;
  }
  const bool sent =
      (type == SOCK_DGRAM || connect(fd, (const struct sockaddr *)&address, sizeof address) == 0) &&
      sendmsg(fd, &message, MSG_NOSIGNAL) >= 0;
  const int error = errno;
  close(fd);
  errno = error;
  return sent;
}

bool log_to_journal(const char *entry, size_t length)
{
  const struct iovec part = {(void *)(size_t)entry, length};
  return send_to(JOURNAL, SOCK_DGRAM, &part, 1);
}

/*
 * RFC 3164, without the time: a daemon adds its own to a line that has none (4.3.2), and
 * localtime_r(3) takes a lock that a fork may leave taken. Some daemons have /dev/log as a stream,
 * where a NUL ends a line, as syslog(3) of glibc has it.
 */
void log_to_syslog(int priority, const char *text, size_t length)
{
  char head[64], end = 0;
  const int size =
      snprintf(head, sizeof head, "<%d>thred-auth[%d]: ", USER | priority, (int)getpid());
  const struct iovec parts[] = {{head, (size_t)size}, {(void *)(size_t)text, length}, {&end, 1}};
  if (!send_to(SYSLOG, SOCK_DGRAM, parts, 2) && errno == EPROTOTYPE)
    (void)send_to(SYSLOG, SOCK_STREAM, parts, 3);
}

/* Somebody may hold the other end of the program's standard error and not read it: then the program
 * would wait at our line for as long, though it writes nothing there itself. One second for all
 * lines together; after that they are dropped until there is room again. A signal of the program's
 * that comes meanwhile says nothing about room. */
static bool stderr_takes_more(void)
{
  static atomic_bool stuck;
  struct pollfd end = {.fd = STDERR_FILENO, .events = POLLOUT};
  const int64_t until = clock_monotonic_ms() + (atomic_load(&stuck) ? 0 : STDERR_MS);
  int64_t left = until - clock_monotonic_ms();
  int ready;
  do {
    ready = poll(&end, 1, left > 0 ? (int)left : 0);
    left = until - clock_monotonic_ms();
  } while (ready < 0 && errno == EINTR && left > 0);
  atomic_store(&stuck, ready <= 0);
  return ready > 0;
}

/* Whoever reads the program's stderr may be gone, which it has not noticed if it writes nothing; or
 * it is a file that is full. */
void log_to_stderr(const char *level, const char *text, size_t length)
{
  char head[32], end = '\n';
  const int size = snprintf(head, sizeof head, "thred-auth: %s: ", level);
  const struct iovec parts[] = {{head, (size_t)size}, {(void *)(size_t)text, length}, {&end, 1}};
  if (!stderr_takes_more())
    return;
  SigpipeGuard guard;
  sigpipe_block(&guard);
  (void)!writev(STDERR_FILENO, parts, 3);
  sigpipe_restore(&guard);
}
