/* SPDX-License-Identifier: MIT */
/*
 * fuzz.h - what the fuzzers have in common: the entry points of libFuzzer, invariants, and an input
 * that is taken apart from its front.
 *
 * An input that has come to its end goes on as zeros and empty texts, so that each one means
 * something, and one that libFuzzer cuts still does.
 */
#ifndef THRED_TESTS_FUZZ_FUZZ_H
#define THRED_TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An invariant: what is not so is a finding, with the place. */
#define FUZZ_TRUE(condition)                                                                       \
  ((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #condition, NULL))
/* The same with what was said, which names the case. */
#define FUZZ_SAYS(condition, text)                                                                 \
  ((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #condition, text))

__attribute__((noreturn)) static inline void fuzz_fail(const char *file, int line, const char *what,
                                                       const char *text)
{
  fprintf(stderr, "%s:%d: not so: %s%s%s\n", file, line, what, text ? "\n  it says: " : "",
          text ? text : "");
  abort();
}

typedef struct {
  const uint8_t *at, *end;
} FuzzInput;

/* Up to eight bytes as a number, the lowest first. */
static inline uint64_t fuzz_number(FuzzInput *input, unsigned bytes)
{
  uint64_t number = 0;
  for (unsigned i = 0; i < bytes && input->at < input->end; i++)
    number |= (uint64_t)*input->at++ << (8 * i);
  return number;
}

/* `length` bytes in memory of their own, not terminated: whoever reads on is caught. */
static inline char *fuzz_copy(const void *bytes, size_t length)
{
  char *copy = malloc(length);
  FUZZ_TRUE(copy || !length);
  if (length)
    memcpy(copy, bytes, length);
  return copy;
}

/* What stands up to the next `mark`, or the end, as a string without NULs; to be freed. */
static inline char *fuzz_line(FuzzInput *input, char mark)
{
  size_t left = (size_t)(input->end - input->at);
  const uint8_t *end = left ? memchr(input->at, mark, left) : NULL;
  size_t length = end ? (size_t)(end - input->at) : left;
  char *line = malloc(length + 1);
  FUZZ_TRUE(line);
  if (length)
    memcpy(line, input->at, length);
  line[length] = 0;
  input->at += length + (end ? 1 : 0);
  return line;
}

/* Nothing that forges a line of a log, or moves a terminal's cursor. */
static inline bool fuzz_is_tame(const char *text)
{
  for (; *text; text++)
    if ((unsigned char)*text < 0x20 || *text == 0x7f)
      return false;
  return true;
}

#endif
