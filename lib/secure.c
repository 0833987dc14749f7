/* SPDX-License-Identifier: MIT */
#include "lib/secure.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

/* The sentence's end, and what mends it; {NULL, NULL}: it is accepted. */
typedef struct {
  const char *reason, *remedy;
} Refusal;

static Refusal secret_refusal(const struct stat *st)
{
  /* Root's may be shared with a group: that is left to it. */
  const bool shared = st->st_uid == 0 && (st->st_mode & S_IRGRP);
  const char *remedy = !shared                             ? "chmod 600"
                       : st->st_mode & (S_IWGRP | S_IXGRP) ? "chmod o=,g-wx"
                                                           : "chmod o=";
  if (st->st_mode & S_IRWXO)
    return (Refusal){"is open to others", remedy};
  if (st->st_mode & (S_IWGRP | S_IXGRP))
    return (Refusal){"lets its group do more than read", remedy};
  if ((st->st_mode & S_IRGRP) && st->st_uid != 0)
    return (Refusal){"is readable by its group, which only a file of root's may be", remedy};
  return (Refusal){NULL, NULL};
}

static Refusal refusal(SecureRule rule, const struct stat *st)
{
  if (rule == SECURE_DIRECTORY ? !S_ISDIR(st->st_mode) : !S_ISREG(st->st_mode))
    return rule == SECURE_DIRECTORY ? (Refusal){"is not a directory", "put a directory at"}
                                    : (Refusal){"is not a regular file", "put a regular file at"};
  if (st->st_uid != 0 && st->st_uid != geteuid())
    return (Refusal){"is owned by neither root nor this user", "chown root"};
  if (rule == SECURE_SECRET)
    return secret_refusal(st);
  if (st->st_mode & (S_IWGRP | S_IWOTH))
    return (Refusal){"is writable by group or others", "chmod go-w"};
  return (Refusal){NULL, NULL};
}

const char *secure_remedy(SecureRule rule, const struct stat *st)
{
  return refusal(rule, st).remedy;
}

/* EACCES alone does not say whether the user lacks a group, or whether nobody else may read at all.
 */
static const char *readers(const struct stat *st)
{
  return st->st_mode & S_IRGRP
             ? "its owner and its group may read it; who has become a member has to "
               "log in again"
             : "only its owner may read it";
}

static void say_why_closed(const char *path, int error, char *why, size_t why_size)
{
  struct stat st;
  if (error == EACCES && stat(path, &st) == 0 && S_ISREG(st.st_mode) && !(st.st_mode & S_IROTH))
    snprintf(why, why_size, "%s: %s (owner %u, group %u, mode %04o): %s", path, strerror(error),
             (unsigned)st.st_uid, (unsigned)st.st_gid, (unsigned)(st.st_mode & 07777),
             readers(&st));
  else
    snprintf(why, why_size, "%s: %s", path, strerror(error));
}

int secure_open(const char *path, SecureRule rule, struct stat *st, char *why, size_t why_size)
{
  /* O_NONBLOCK: a FIFO in the file's place must not hang us before fstat tells. */
  int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  int fd = open(path, flags | (rule == SECURE_DIRECTORY ? O_DIRECTORY : 0));
  if (fd < 0) {
    int saved = errno;
    say_why_closed(path, saved, why, why_size);
    errno = saved;
    return -1;
  }
  const Refusal found = fstat(fd, st)
                            ? (Refusal){"cannot be examined", "see what file system holds"}
                            : refusal(rule, st);
  if (found.reason) {
    snprintf(why, why_size, "%s: refused: it %s (owner %u, mode %04o): %s %s", path, found.reason,
             (unsigned)st->st_uid, (unsigned)(st->st_mode & 07777), found.remedy, path);
    close(fd);
    errno = EPERM;
    return -1;
  }
  return fd;
}
