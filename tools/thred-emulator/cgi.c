/* SPDX-License-Identifier: MIT */
#include "cgi.h"

#include "await.h"
#include "cgi-answer.h"
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Seconds without a byte of the answer. */
#define PATIENCE     120
/* Of the answer, which is kept in memory. */
#define OUTPUT_LIMIT ((size_t)1024 * 1024 * 1024)

static bool write_all(int fd, const char *data, size_t length)
{
  while (length > 0) {
    ssize_t written = write(fd, data, length);
    if (written < 0)
      return false;
    data += written;
    length -= (size_t)written;
  }
  return lseek(fd, 0, SEEK_SET) == 0;
}

/* The body as a file: nobody need feed it to the program while reading the answer. */
static int body_file(const CgiCall *call)
{
  int fd = memfd_create("cgi-body", MFD_CLOEXEC);
  if (fd >= 0 && write_all(fd, call->body, call->body_length))
    return fd;
  if (fd >= 0)
    close(fd);
  return -1;
}

/* In a process group of its own, so that kill() reaches what it starts, with default signals. */
static bool spawn(const CgiCall *call, int in, int out, pid_t *pid)
{
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none, defaults;
  sigemptyset(&none);
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
#ifdef THRED_HAS_POSIX_SPAWN_FILE_ACTIONS_ADDCLOSEFROM_NP
  posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
#endif /* musl: ours are closed by O_CLOEXEC, those that we were started with are not */
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  /* It changes neither array (POSIX, "Rationale" of execve). */
  int status = posix_spawnp(pid, call->argv[0], &actions, &attributes, (char *const *)call->argv,
                            (char *const *)call->environment);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return status == 0;
}

/* Up to the end of the answer, which is when nobody holds its other end any more. */
static bool read_all(int fd, GByteArray *output, int stop_event)
{
  guint8 buffer[64 * 1024];
  while (output->len < OUTPUT_LIMIT &&
         await_descriptor(fd, POLLIN, await_deadline(PATIENCE), stop_event)) {
    ssize_t length = read(fd, buffer, sizeof buffer);
    if (length <= 0)
      return length == 0;
    g_byte_array_append(output, buffer, (guint)length);
  }
  return false;
}

static void reap(pid_t pid)
{
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
    continue;
}

/* NULL on failure; its body is in the file `in`. */
static GByteArray *collect(const CgiCall *call, int in)
{
  int out[2];
  pid_t pid = 0;
  if (pipe2(out, O_CLOEXEC) != 0)
    return NULL;
  g_autoptr(GByteArray) output = g_byte_array_new();
  bool started = spawn(call, in, out[1], &pid);
  close(out[1]);
  bool whole = started && read_all(out[0], output, call->stop_event);
  close(out[0]);
  if (started && !whole)
    (void)kill(-pid, SIGKILL);
  if (started)
    reap(pid);
  return whole ? g_steal_pointer(&output) : NULL;
}

bool cgi_run(const CgiCall *call, Reply *reply)
{
  int in = body_file(call);
  if (in < 0)
    return false;
  GByteArray *output = collect(call, in);
  close(in);
  return output && cgi_answer_read(output, reply);
}
