/* SPDX-License-Identifier: MIT */
/* descriptor.h - descriptors of ours in a stranger's process. */
#ifndef THRED_LIB_DESCRIPTOR_H
#define THRED_LIB_DESCRIPTOR_H

#include <fcntl.h>
#include <unistd.h>

/*
 * A program that was started without standard input, output or error gives us their numbers, and
 * then reads and writes "them": the segment's file must never be there. Returns a descriptor above
 * them (O_CLOEXEC) in place of `fd`, which is then closed; -1 with errno if there is none.
 */
static inline int descriptor_above_standard(int fd)
{
  if (fd < 0 || fd > STDERR_FILENO)
    return fd;
  int above = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  close(fd);
  return above;
}

#endif
