/* SPDX-License-Identifier: MIT */
#include "lib/secure.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static const char *refusal(SecureRule rule, const struct stat *st)
{
  if (rule == SECURE_DIRECTORY ? !S_ISDIR(st->st_mode) : !S_ISREG(st->st_mode))
    return rule == SECURE_DIRECTORY ? "is not a directory" : "is not a regular file";
  if (st->st_uid != 0 && st->st_uid != geteuid())
    return "is owned by neither root nor this user";
  if (rule != SECURE_SECRET)
    return st->st_mode & (S_IWGRP | S_IWOTH) ? "is writable by group or others" : NULL;
  if (st->st_mode & S_IRWXO)
    return "is open to others";
  if (st->st_mode & (S_IWGRP | S_IXGRP))
    return "lets its group do more than read";
  if ((st->st_mode & S_IRGRP) && st->st_uid != 0)
    return "is readable by its group, which only a file of root's may be";
  return NULL;
}

int secure_open(const char *path, SecureRule rule, struct stat *st, char *why, size_t why_size)
{
  /* O_NONBLOCK: a FIFO in the file's place must not hang us before fstat tells. */
  int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  int fd = open(path, flags | (rule == SECURE_DIRECTORY ? O_DIRECTORY : 0));
  if (fd < 0) {
    int saved = errno;
    snprintf(why, why_size, "%s: %s", path, strerror(saved));
    errno = saved;
    return -1;
  }
  const char *reason = fstat(fd, st) ? "cannot be examined" : refusal(rule, st);
  if (reason) {
    snprintf(why, why_size, "%s: refused: it %s (owner %u, mode %04o)", path, reason,
             (unsigned)st->st_uid, (unsigned)(st->st_mode & 07777));
    close(fd);
    errno = EPERM;
    return -1;
  }
  return fd;
}
