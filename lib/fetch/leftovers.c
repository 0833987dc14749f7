/* SPDX-License-Identifier: MIT */
#include "lib/fetch/leftovers.h"

#include <stdlib.h>

#include "lib/secure.h"

#define SMALL_MAX  1040 /* glibc's tcache keeps up to seven blocks of each size to here */
#define SMALL_STEP 16
#define SMALL_EACH 8

/* Above, where a request of 1.5 KiB lies: from the largest down, so that a block of any size is the
 * smallest that fits for one of ours. */
#define MIDDLE_MAX  4096
#define MIDDLE_STEP 64
#define MIDDLE_EACH 3

/* Larger ones are merged with their neighbours: it is how much is asked for that counts. */
static const struct {
  size_t size;
  unsigned count;
} large[] = {{64 * 1024, 5}, {16 * 1024, 3}, {8 * 1024, 3}};

/* Blocks in hand: each begins with a pointer to the one before. */
typedef struct Block {
  struct Block *next;
} Block;

static void take(Block **blocks, size_t size)
{
  Block *block = malloc(size);
  if (!block)
    return;
  secure_wipe(block, size);
  block->next = *blocks;
  *blocks = block;
}

static void take_some(Block **blocks, size_t size, unsigned count)
{
  for (unsigned i = 0; i < count; i++)
    take(blocks, size);
}

static void give_back(Block **blocks)
{
  while (*blocks) {
    Block *next = (*blocks)->next;
    free(*blocks);
    *blocks = next;
  }
}

/* In three turns, so that it never has more than 400 KiB. */
void leftovers_wipe(void)
{
  Block *blocks = NULL;
  for (size_t l = 0; l < sizeof large / sizeof large[0]; l++)
    take_some(&blocks, large[l].size + sizeof(Block), large[l].count);
  give_back(&blocks);
  for (size_t size = MIDDLE_MAX; size > SMALL_MAX; size -= MIDDLE_STEP)
    take_some(&blocks, size, MIDDLE_EACH);
  give_back(&blocks);
  for (size_t size = SMALL_STEP + 8; size <= SMALL_MAX; size += SMALL_STEP)
    take_some(&blocks, size, SMALL_EACH);
  give_back(&blocks);
}
