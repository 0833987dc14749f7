/* SPDX-License-Identifier: MIT */
#include "lib/bell.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/process.h"

/* A program may close what it does not know, and get the number again for something else. */
typedef struct {
  int descriptor; /* -1: none */
  ino_t inode;
} Socket;

struct Bell {
  unsigned users;      /* all guarded by `lock` */
  bool rung;           /* before there was a connection */
  Socket door, caller; /* listening, and connected to the newest transfer */
  char address[16];    /* the kernel's are five digits */
};

static ProcessLock lock = PROCESS_LOCK_INIT;

/* What a server would say first. The body has no length: it ends with the connection. */
static const char head[] = "HTTP/1.0 200 OK\r\n\r\n";

/* ---- sockets ---- */

static Socket known(int descriptor)
{
  struct stat st;
  if (descriptor < 0 || fstat(descriptor, &st))
    return (Socket){-1, 0};
  return (Socket){descriptor, st.st_ino};
}

static bool is_there(const Socket *one)
{
  struct stat st;
  return one->descriptor >= 0 && fstat(one->descriptor, &st) == 0 && S_ISSOCK(st.st_mode) &&
         st.st_ino == one->inode;
}

static void close_socket(Socket *one)
{
  if (is_there(one))
    close(one->descriptor);
  one->descriptor = -1;
}

/* False: nobody listens. One that is full has been rung often enough. */
static bool say(const Bell *bell, const char *text, size_t length)
{
  return is_there(&bell->caller) &&
         (send(bell->caller.descriptor, text, length, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0 ||
          errno == EAGAIN);
}

static bool is_this_process(int descriptor)
{
  struct ucred peer;
  socklen_t size = sizeof peer;
  return getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid == getpid();
}

/* Lets the transfer in, if it has come; the one before is over. */
static void let_in(Bell *bell)
{
  int descriptor;
  while (is_there(&bell->door) && (descriptor = accept4(bell->door.descriptor, NULL, NULL,
                                                        SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
    if (!is_this_process(descriptor)) {
      close(descriptor);
      continue;
    }
    close_socket(&bell->caller);
    bell->caller = known(descriptor);
    (void)say(bell, head, sizeof head - 1);
  }
}

/* ---- the functions of bell.h ---- */

static bool open_door(Bell *bell)
{
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  socklen_t size = sizeof name;
  bell->door = known(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (bell->door.descriptor < 0)
    return false;
  if (bind(bell->door.descriptor, (struct sockaddr *)&name, sizeof name.sun_family) == 0 &&
      listen(bell->door.descriptor, 4) == 0 &&
      getsockname(bell->door.descriptor, (struct sockaddr *)&name, &size) == 0) {
    size_t length = size - offsetof(struct sockaddr_un, sun_path) - 1; /* after the NUL */
    if (length > 0 && length < sizeof bell->address) {
      memcpy(bell->address, name.sun_path + 1, length);
      return true;
    }
  }
  close_socket(&bell->door);
  return false;
}

Bell *bell_new(void)
{
  Bell *bell = calloc(1, sizeof *bell);
  if (!bell || !open_door(bell)) {
    free(bell);
    return NULL;
  }
  bell->users = 1;
  bell->caller.descriptor = -1;
  return bell;
}

const char *bell_address(const Bell *bell)
{
  return bell->address;
}

Bell *bell_again(Bell *bell)
{
  process_lock(&lock);
  bell->users++;
  process_unlock(&lock);
  return bell;
}

void bell_leave(Bell *bell)
{
  if (!bell)
    return;
  process_lock(&lock);
  bool last = --bell->users == 0;
  process_unlock(&lock);
  if (!last)
    return;
  close_socket(&bell->door);
  close_socket(&bell->caller);
  free(bell);
}

void bell_ring(Bell *bell)
{
  process_lock(&lock);
  let_in(bell);
  bell->rung = !say(bell, "\a", 1);
  process_unlock(&lock);
}

void bell_answer(Bell *bell)
{
  process_lock(&lock);
  let_in(bell);
  if (bell->rung)
    bell->rung = !say(bell, "\a", 1);
  process_unlock(&lock);
}
