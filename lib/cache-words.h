/* SPDX-License-Identifier: MIT */
/* cache-words.h - touching words of the segment that another process may be writing. */
#ifndef THRED_LIB_CACHE_WORDS_H
#define THRED_LIB_CACHE_WORDS_H

#include <string.h>

#include "lib/cache-layout.h"

static inline uint64_t word_get(const CacheWord *word)
{
  return atomic_load_explicit(word, memory_order_relaxed);
}

static inline void word_set(CacheWord *word, uint64_t value)
{
  atomic_store_explicit(word, value, memory_order_relaxed);
}

/* Copies that may race with the other side: relaxed word by word, so that they are defined
 * behaviour and the tag, not luck, decides. Sizes are rounded up to whole words on the segment's
 * side. */
static inline void words_copy_out(void *to, const CacheWord *from, size_t size)
{
  char *bytes = to;
  size_t whole = size / 8, rest = size % 8;
  for (size_t i = 0; i < whole; i++) {
    uint64_t word = word_get(from + i);
    memcpy(bytes + 8 * i, &word, 8);
  }
  if (rest) {
    uint64_t word = word_get(from + whole);
    memcpy(bytes + 8 * whole, &word, rest);
  }
}

static inline void words_copy_in(CacheWord *to, const void *from, size_t size)
{
  const char *bytes = from;
  for (size_t i = 0; i < size; i += 8, to++) {
    uint64_t word = 0;
    memcpy(&word, bytes + i, size - i < 8 ? size - i : 8);
    word_set(to, word);
  }
}

#endif
