/* SPDX-License-Identifier: MIT */
#include "lib/cache-liveness.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cache-internal.h"
#include "lib/clock.h"

#define SLOTS 64u
#define BUSY  1u /* bit of a ticket: being opened or closed, nobody else's to touch */

/*
 * One open descriptor. `ticket` is 0 (free), or a number that was never used before; only who
 * changes it from one value to another may touch the rest. In ordinary memory, not in a page that
 * fork(2) wipes: a child must find what it has to close.
 */
typedef struct {
  _Atomic uint64_t ticket;
  _Atomic int64_t until_ms; /* CLOCK_MONOTONIC */
  atomic_int descriptor;    /* + 1; 0: none */
  dev_t device;
  ino_t inode;
} Slot;

static Slot slots[SLOTS];
static _Atomic uint64_t last_ticket;

/* The descriptor is closed only while it is the file that we opened: a program may close all
 * descriptors and open its own. */
static void close_slot(Slot *slot)
{
  struct stat st;
  int fd = atomic_load(&slot->descriptor) - 1;
  if (fd >= 0 && !fstat(fd, &st) && st.st_dev == slot->device && st.st_ino == slot->inode)
    close(fd);
  atomic_store(&slot->descriptor, 0);
}

/* After fork(2) both processes have the description, and its lock would outlive us in the child.
 * No lock is taken here and only fstat and close are called. A thread of the parent may have been
 * opening one: that descriptor, not listed yet, stays open in the child, without harm beyond that
 * (its lease has an end). */
static void after_fork_in_child(void)
{
  for (Slot *slot = slots; slot < slots + SLOTS; slot++) {
    close_slot(slot);
    atomic_store(&slot->ticket, 0);
  }
}

__attribute__((constructor)) static void register_fork_handler(void)
{
  pthread_atfork(NULL, NULL, after_fork_in_child);
}

/* A slot that is free, or that somebody left behind by longjmp(3): its time is over. */
static Slot *take_slot(uint64_t ticket)
{
  int64_t now = clock_monotonic_ms();
  for (Slot *slot = slots; slot < slots + SLOTS; slot++) {
    uint64_t seen = atomic_load(&slot->ticket);
    if (seen & BUSY || (seen && atomic_load(&slot->until_ms) > now))
      continue;
    if (atomic_compare_exchange_strong(&slot->ticket, &seen, ticket | BUSY))
      return slot;
  }
  return NULL;
}

static bool open_into(Slot *slot, const Cache *cache)
{
  struct stat st;
  close_slot(slot);
  int fd = open(cache->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  if (fd < 0)
    return false;
  if (fstat(fd, &st) || st.st_dev != cache->device || st.st_ino != cache->inode) {
    close(fd); /* the segment's name leads to another one by now */
    return false;
  }
  slot->device = st.st_dev;
  slot->inode = st.st_ino;
  atomic_store(&slot->descriptor, fd + 1);
  return true;
}

Liveness liveness_open(const Cache *cache, int64_t until_ms)
{
  Liveness none = {0};
  if (!cache->shared)
    return none;
  uint64_t ticket = atomic_fetch_add(&last_ticket, 2) + 2;
  Slot *slot = take_slot(ticket);
  if (!slot)
    return none;
  if (!open_into(slot, cache)) {
    atomic_store(&slot->ticket, 0);
    return none;
  }
  atomic_store(&slot->until_ms, until_ms);
  atomic_store(&slot->ticket, ticket);
  return (Liveness){(uint32_t)(slot - slots) + 1, ticket};
}

/* The descriptor, or -1: it was taken back. Whoever gets it must not keep it. */
static int descriptor_of(Liveness liveness)
{
  if (!liveness.slot || liveness.slot > SLOTS)
    return -1;
  Slot *slot = &slots[liveness.slot - 1];
  return atomic_load(&slot->ticket) == liveness.ticket ? atomic_load(&slot->descriptor) - 1 : -1;
}

/* Off the end of any segment, whatever the place. */
static struct flock byte_of(uint64_t place)
{
  return (struct flock){.l_type = F_WRLCK,
                        .l_whence = SEEK_SET,
                        .l_start = (off_t)(place >> 2 | (uint64_t)1 << 61),
                        .l_len = 1};
}

bool liveness_try(Liveness liveness, uint64_t place)
{
  struct flock lock = byte_of(place);
  int fd = descriptor_of(liveness);
  return fd >= 0 && fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

bool liveness_is_held(Liveness liveness, uint64_t place)
{
  struct flock lock = byte_of(place);
  int fd = descriptor_of(liveness);
  return fd < 0 || fcntl(fd, F_OFD_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}

void liveness_close(Liveness *liveness)
{
  if (liveness->slot && liveness->slot <= SLOTS) {
    Slot *slot = &slots[liveness->slot - 1];
    uint64_t ticket = liveness->ticket;
    if (atomic_compare_exchange_strong(&slot->ticket, &ticket, ticket | BUSY)) {
      close_slot(slot);
      atomic_store(&slot->ticket, 0);
    }
  }
  *liveness = (Liveness){0};
}
