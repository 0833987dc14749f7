/* SPDX-License-Identifier: MIT */
/*
 * tame.h - other people's words made fit for a log or a terminal, where a newline forges an entry
 * and an escape sequence does worse.
 *
 * What stays is printable ASCII and well-formed UTF-8 (RFC 3629). What does not: C0, DEL and C1
 * (ECMA-48: U+009B begins a sequence as ESC [ does), the separators of lines U+2028 and U+2029, and
 * what turns the order of letters around (UAX #9: U+202A to U+202E, U+2066 to U+2069).
 */
#ifndef THRED_LIB_TAME_H
#define THRED_LIB_TAME_H

#include <stddef.h>

static inline int tame_continues(unsigned char c, unsigned char low, unsigned char high)
{
  return c >= low && c <= high;
}

/* The bytes of the character at `t` (NUL-terminated), 0: it may not stay. */
static inline size_t tame_character(const unsigned char *t)
{
  if (t[0] < 0x80)
    return t[0] >= 0x20 && t[0] != 0x7f;
  if (t[0] >= 0xc2 && t[0] <= 0xdf)
    return tame_continues(t[1], t[0] == 0xc2 ? 0xa0 : 0x80, 0xbf) ? 2 : 0;
  if ((t[0] & 0xf0) == 0xe0) {
    if (!tame_continues(t[1], t[0] == 0xe0 ? 0xa0 : 0x80, t[0] == 0xed ? 0x9f : 0xbf) ||
        !tame_continues(t[2], 0x80, 0xbf))
      return 0;
    const int turns = t[0] == 0xe2 && ((t[1] == 0x80 && t[2] >= 0xa8 && t[2] <= 0xae) ||
                                       (t[1] == 0x81 && t[2] >= 0xa6 && t[2] <= 0xa9));
    return turns ? 0 : 3;
  }
  return t[0] >= 0xf0 && t[0] <= 0xf4 &&
                 tame_continues(t[1], t[0] == 0xf0 ? 0x90 : 0x80, t[0] == 0xf4 ? 0x8f : 0xbf) &&
                 tame_continues(t[2], 0x80, 0xbf) && tame_continues(t[3], 0x80, 0xbf)
             ? 4
             : 0;
}

/* Each byte that may not stay becomes `instead`. */
static inline void tame(char *text, char instead)
{
  for (size_t n; *text; text += n)
    if (!(n = tame_character((const unsigned char *)text))) {
      *text = instead;
      n = 1;
    }
}

#endif
