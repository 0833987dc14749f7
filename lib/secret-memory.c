/* SPDX-License-Identifier: MIT */
#include "lib/secret-memory.h"

#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#define LOCKED_MAX (64u * 1024u)
#define SPARES     4u /* more rooms than are in use at a time, most often */

void *secret_pages(size_t size)
{
  void *memory =
      mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED)
    return NULL;
  madvise(memory, size, MADV_DONTDUMP);
  return memory;
}

void secret_keep_from_swap(void *memory, size_t size)
{
  static _Atomic size_t locked;
  const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  const uintptr_t from = (uintptr_t)memory / page * page;
  const size_t whole = ((uintptr_t)memory + size - from + page - 1) / page * page;
  if (atomic_fetch_add(&locked, whole) + whole > LOCKED_MAX || mlock(memory, size))
    atomic_fetch_sub(&locked, whole);
}

static _Atomic(char *) spare[SPARES];

char *secret_room(void)
{
  for (size_t i = 0; i < SPARES; i++) {
    char *room = atomic_exchange_explicit(&spare[i], NULL, memory_order_acquire);
    if (room)
      return room;
  }
  return secret_pages(SECRET_ROOM);
}

void secret_room_free(char *room)
{
  for (size_t i = 0; room && i < SPARES; i++) {
    char *none = NULL;
    if (atomic_compare_exchange_strong_explicit(&spare[i], &none, room, memory_order_release,
                                                memory_order_relaxed))
      return;
  }
  if (room)
    munmap(room, SECRET_ROOM);
}
