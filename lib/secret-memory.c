/* SPDX-License-Identifier: MIT */
#include "lib/secret-memory.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define LOCKED_MAX (64u * 1024u)
#define SHARE      4u /* the part that is ours of what the program may lock */
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

/* What may be locked in all: the program may have secrets of its own, which need the rest. */
static uint64_t locked_max(void)
{
  struct rlimit limit;
  if (getrlimit(RLIMIT_MEMLOCK, &limit))
    return 0;
  const rlim_t share = limit.rlim_cur / SHARE; /* RLIM_INFINITY is the largest number */
  return share < LOCKED_MAX ? share : LOCKED_MAX;
}

/* Who has locked, and how many bytes: a child of fork(2) inherits no locks (mlock(2)). */
static _Atomic uint64_t locked;

static bool take_leave(uint64_t bytes)
{
  const uint64_t process = (uint64_t)getpid() << 32, max = locked_max();
  uint64_t seen = atomic_load(&locked), had;
  do {
    had = seen >> 32 == process >> 32 ? seen & UINT32_MAX : 0;
    if (had + bytes > max)
      return false;
  } while (!atomic_compare_exchange_weak(&locked, &seen, process | (had + bytes)));
  return true;
}

void secret_keep_from_swap(void *memory, size_t size)
{
  const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  const uintptr_t from = (uintptr_t)memory / page * page;
  const size_t whole = ((uintptr_t)memory + size - from + page - 1) / page * page;
  if (take_leave(whole) && mlock(memory, size))
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
