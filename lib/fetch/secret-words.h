/* SPDX-License-Identifier: MIT */
/*
 * secret-words.h - may words that are not ours be quoted? (miss part and modules)
 *
 * A server that was sent a secret can send it back in its words for an error: whole or in part, or
 * written otherwise (base64, hexadecimal, percent-encoded). And who puts a key into a file of the
 * configuration has made a mistake in a line that a message would like to show.
 */
#ifndef THRED_LIB_FETCH_SECRET_WORDS_H
#define THRED_LIB_FETCH_SECRET_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define SECRET_WORDS_RUN                                                                           \
  16 /* so many letters in a row with digits, or in both cases, are no word */

/* In place of what is not quoted. */
#define SECRET_WORDS_HIDDEN "(not shown: it may be a secret)"

/* Any eight bytes of `secret` (may be NULL), or all, if there are fewer: who repeats a long one may
 * cut it. */
static inline bool secret_words_repeat(const char *words, const char *secret)
{
  size_t length = secret ? strlen(secret) : 0, words_length = strlen(words);
  size_t window = length < 8 ? length : 8;
  for (size_t i = 0; window > 0 && i + window <= words_length; i++)
    if (memmem(secret, length, words + i, window))
      return true;
  return false;
}

/* The bytes of a time as AWS writes it, "20261126T004743Z"; 0: none stands here. */
static inline size_t secret_words_time(const char *at)
{
  static const char digits[] = "0123456789";
  /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): it does not know strspn */
  return strspn(at, digits) == 8 && at[8] == 'T' && strspn(at + 9, digits) == 6 && at[15] == 'Z'
             ? 16
             : 0;
}

/* A long row of letters that no word of a language, and no error code, is written as. */
static inline bool secret_words_look_encoded(const char *words)
{
  static const char others[] = "+/=_%-";
  bool digit = false, upper = false, lower = false;
  size_t run = 0;
  for (const char *at = words; *at; at++) {
    if (run == 0)
      at += secret_words_time(at);
    if (!*at)
      break;
    const bool is_digit = *at >= '0' && *at <= '9', is_upper = *at >= 'A' && *at <= 'Z',
               is_lower = *at >= 'a' && *at <= 'z';
    if (!is_digit && !is_upper && !is_lower && !strchr(others, *at)) {
      digit = upper = lower = false;
      run = 0;
      continue;
    }
    digit |= is_digit;
    upper |= is_upper;
    lower |= is_lower;
    if (++run >= SECRET_WORDS_RUN && (digit || (upper && lower)))
      return true;
  }
  return false;
}

#endif
