/* SPDX-License-Identifier: MIT */
/*
 * cache-liveness.h - a lock that the kernel takes away from whoever dies: the sign that the owner
 * of a lease lives.
 *
 * It is an open-file-description lock (fcntl(2), F_OFD_SETLK) on one byte of the segment's file,
 * far behind its end. Each lease has a byte of its own, by the entry's key and the lease's epoch:
 * who still holds that of an earlier one disturbs nobody. It is held for the duration of a fetch
 * and through one descriptor of its own, so it is gone with the process however it ends, at exec(2)
 * (O_CLOEXEC), and when the program closes all descriptors (closefrom(3): the price is one extra
 * fetch). A plain F_SETLK lock would be gone at any close of the file in the process.
 *
 * It is a hint: it lets others take a lease over early, never keeps them from it after its end. A
 * child that has the descriptor without our atfork handler knowing (raw clone(2), or a fork(2) at
 * the very moment when another thread opens or closes it) holds the lock beyond its parent's death;
 * then the lease's end decides.
 *
 * Threads: any. No lock; nothing here waits.
 */
#ifndef THRED_LIB_CACHE_LIVENESS_H
#define THRED_LIB_CACHE_LIVENESS_H

#include <stdbool.h>
#include <stdint.h>

struct Cache;

/* Plain data; all 0: none. */
typedef struct {
  uint32_t slot;   /* index + 1 in this process's table */
  uint64_t ticket; /* the slot may have been given to another since */
} Liveness;

/* Opens the segment's file for one lock; `until_ms` (CLOCK_MONOTONIC): by then it is no longer
 * needed, and whoever comes next closes it if nobody did (a fetch that was left by longjmp). None
 * where there is no file, or too many fetches run in this process. */
Liveness liveness_open(const struct Cache *cache, int64_t until_ms);

/* True: the lock of this lease is this opener's now (as well: it may have several) False: somebody
 * else's, or not to be had. The only function of the cache that makes a system call under the
 * segment's lock; it does not wait.
 */
bool liveness_try(Liveness liveness, uint64_t key, uint64_t epoch);

/* True: somebody holds the lock of this lease, or it cannot be told. */
bool liveness_is_held(Liveness liveness, uint64_t key, uint64_t epoch);

/* The same through any descriptor of the segment's file, one for reading too: for who only looks.
 */
bool liveness_is_held_in(int fd, uint64_t key, uint64_t epoch);

/* Gives the locks up and closes the descriptor, unless the program has closed it already (its
 * number may belong to another file now). *liveness is none then. */
void liveness_close(Liveness *liveness);

#endif
