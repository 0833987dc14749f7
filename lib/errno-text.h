/* SPDX-License-Identifier: MIT */
/* errno-text.h - strerror(3) for threads: glibc's strerror_r returns a text, POSIX's a number. */
#ifndef THRED_LIB_ERRNO_TEXT_H
#define THRED_LIB_ERRNO_TEXT_H

#include <string.h>

/* In `room`, or a constant. */
static inline const char *errno_text(int number, char *room, size_t size)
{
#ifdef __GLIBC__
  return strerror_r(number, room, size);
#else
  return strerror_r(number, room, size) ? "unknown error" : room;
#endif
}

#endif
