/* SPDX-License-Identifier: MIT */
/*
 * ascii.h - classes of characters, and comparing names without regard to case, and without regard
 * to the host's locale: under a Turkish one, tolower('I') is not 'i', and AUTHORIZATION would be
 * another header.
 */
#ifndef THRED_LIB_ASCII_H
#define THRED_LIB_ASCII_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static inline bool ascii_is_digit(char c)
{
  return c >= '0' && c <= '9';
}

static inline bool ascii_is_alpha(char c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline char ascii_lower(char c)
{
  return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* The first `length` characters are the same; neither string ends before. */
static inline bool ascii_equal_n(const char *a, const char *b, size_t length)
{
  for (size_t i = 0; i < length; i++)
    if ((a[i] != b[i] && ascii_lower(a[i]) != ascii_lower(b[i])) || a[i] == 0)
      return false;
  return true;
}

static inline bool ascii_equal(const char *a, const char *b)
{
  size_t length = strlen(a);
  return strlen(b) == length && ascii_equal_n(a, b, length);
}

#endif
