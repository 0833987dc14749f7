/* SPDX-License-Identifier: MIT */
/* text.h - other people's words made fit for a message of ours (miss part). */
#ifndef THRED_LIB_FETCH_TEXT_H
#define THRED_LIB_FETCH_TEXT_H

#include <stddef.h>
#include <string.h>

#include "lib/tame.h"

static inline int text_is_control(unsigned char c)
{
  return c < 0x20 || c == 0x7f;
}

/*
 * Copies `length` bytes of `from`, or as many as fit. What may not stand in a log (lib/tame.h)
 * becomes '?'. What is cut ends in "..."; a UTF-8 sequence is not cut in the middle.
 */
static inline void text_copy(char *to, size_t size, const char *from, size_t length)
{
  size_t n = length < size ? length : size - 1;
  if (n < length && n > 3)
    for (n -= 3; n > 0 && ((unsigned char)from[n] & 0xc0) == 0x80; n--)
      ;
  for (size_t i = 0; i < n; i++)
    to[i] = from[i] ? from[i] : '?';
  to[n] = 0;
  tame(to, '?');
  if (n < length && size - n > 3)
    memcpy(to + n, "...", 4);
}

#endif
