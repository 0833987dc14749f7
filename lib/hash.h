/* SPDX-License-Identifier: MIT */
/* hash.h - FNV-1a, 64 bits: whether two texts are most likely the same. Never for security. */
#ifndef THRED_LIB_HASH_H
#define THRED_LIB_HASH_H

#include <stdint.h>

#define HASH_INIT 14695981039346656037u

static inline uint64_t hash_byte(uint64_t hash, unsigned char byte)
{
  return (hash ^ byte) * 1099511628211u;
}

/* Goes on from `hash` with `text`; NULL is as "". */
static inline uint64_t hash_text(uint64_t hash, const char *text)
{
  for (const char *p = text ? text : ""; *p; p++)
    hash = hash_byte(hash, (unsigned char)*p);
  return hash;
}

#endif
