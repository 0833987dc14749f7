/* SPDX-License-Identifier: MIT */
#include "lib/fetch/leftovers.h"

#include <stdlib.h>

#include "lib/secure.h"

#define SMALL_MAX  1040 /* glibc's tcache keeps up to seven blocks of each size to here */
#define SMALL_STEP 16
#define SMALL_EACH 8

/* Larger ones are merged with their neighbours: it is how much is asked for that counts. */
static const struct {
  size_t size;
  unsigned count;
} large[] = {{64 * 1024, 3}, {16 * 1024, 4}, {8 * 1024, 4}, {4 * 1024, 8}, {2 * 1024, 8}};

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

void leftovers_wipe(void)
{
  Block *blocks = NULL;
  for (size_t size = SMALL_STEP + 8; size <= SMALL_MAX; size += SMALL_STEP)
    for (unsigned i = 0; i < SMALL_EACH; i++)
      take(&blocks, size);
  for (size_t l = 0; l < sizeof large / sizeof large[0]; l++)
    for (unsigned i = 0; i < large[l].count; i++)
      take(&blocks, large[l].size + sizeof(Block));
  while (blocks) {
    Block *next = blocks->next;
    free(blocks);
    blocks = next;
  }
}
