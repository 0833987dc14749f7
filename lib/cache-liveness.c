/* SPDX-License-Identifier: MIT */
#include "lib/cache-liveness.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cache-internal.h"
#include "lib/clock.h"
#include "lib/descriptor.h"

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

/* The descriptor, which is no longer the slot's; -1: it has none any more. A program may close all
 * descriptors and open its own: it is ours only while it is the file that we opened. */
static int take_descriptor(Slot *slot)
{
  struct stat st;
  int fd = atomic_exchange(&slot->descriptor, 0) - 1;
  return fd >= 0 && !fstat(fd, &st) && st.st_dev == slot->device && st.st_ino == slot->inode ? fd
                                                                                             : -1;
}

/* Unlocked first: a child that has a copy of the descriptor would keep the lock. */
static void close_slot(Slot *slot)
{
  struct flock all = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
  int fd = take_descriptor(slot);
  if (fd < 0)
    return;
  fcntl(fd, F_OFD_SETLK, &all);
  close(fd);
}

/* After fork(2) both processes have the description, and its lock would outlive us in the child. It
 * is closed here and not unlocked: it is the parent's. No lock is taken, only fstat and close are
 * called. What a thread of the parent was just opening or closing is not listed and stays open in
 * the child. */
static void after_fork_in_child(void)
{
  for (Slot *slot = slots; slot < slots + SLOTS; slot++) {
    int fd = take_descriptor(slot);
    if (fd >= 0)
      close(fd);
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

/* The kernel has just given us this number: whoever else has it listed lost it when the program
 * closed its descriptors, and would close ours, which is the same file. */
static void forget_number(int fd)
{
  for (Slot *slot = slots; slot < slots + SLOTS; slot++) {
    int listed = fd + 1;
    atomic_compare_exchange_strong(&slot->descriptor, &listed, 0);
  }
}

static bool open_into(Slot *slot, const Cache *cache)
{
  struct stat st;
  close_slot(slot);
  int fd = descriptor_above_standard(
      open(cache->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
  if (fd < 0)
    return false;
  if (fstat(fd, &st) || st.st_dev != cache->device || st.st_ino != cache->inode) {
    close(fd); /* the segment's name leads to another one by now */
    return false;
  }
  forget_number(fd);
  slot->device = st.st_dev;
  slot->inode = st.st_ino;
  atomic_store(&slot->descriptor, fd + 1);
  return true;
}

Liveness liveness_open(const Cache *cache, int64_t until_ms)
{
  Liveness none = {0};
  if (!cache_is_shared(cache))
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

/* Off the end of any segment. */
static struct flock byte_of(uint64_t key, uint64_t epoch)
{
  uint64_t place = key ^ epoch * 0x9e3779b97f4a7c15u;
  return (struct flock){.l_type = F_WRLCK,
                        .l_whence = SEEK_SET,
                        .l_start = (off_t)(place >> 2 | (uint64_t)1 << 61),
                        .l_len = 1};
}

bool liveness_try(Liveness liveness, uint64_t key, uint64_t epoch)
{
  struct flock lock = byte_of(key, epoch);
  int fd = descriptor_of(liveness);
  return fd >= 0 && fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

bool liveness_is_held(Liveness liveness, uint64_t key, uint64_t epoch)
{
  return liveness_is_held_in(descriptor_of(liveness), key, epoch);
}

bool liveness_is_held_in(int fd, uint64_t key, uint64_t epoch)
{
  struct flock lock = byte_of(key, epoch);
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
