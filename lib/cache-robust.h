/* SPDX-License-Identifier: MIT */
/*
 * cache-robust.h - a robust mutex in memory that a broken peer may write over.
 *
 * Of the mutex only the lock word, its first 4 bytes, may be changed by somebody else than its
 * owner. glibc aborts on some kinds that it does not know, so the kind is compared before each
 * attempt to lock. And glibc's unlock follows the links of the thread's robust list that lie in the
 * mutex, into whatever they say by then: so it is unlocked here, as glibc does it, by the links
 * that are known beforehand. Nothing is ever taken from the segment but the lock word. Where the
 * links are not known (another libc), it is pthread_mutex_unlock().
 */
#ifndef THRED_LIB_CACHE_ROBUST_H
#define THRED_LIB_CACHE_ROBUST_H

#include <pthread.h>
#include <stdbool.h>

/* What a thread's robust mutex, locked as its last one, has in it. */
typedef struct {
  int kind;
  void *head; /* of the thread's robust list (get_robust_list(2)); NULL: the links are not known */
  void *next; /* .. and what was first in it before */
} RobustOwned;

/* Robust, process-shared, NORMAL. False: not to be had. */
bool robust_init(pthread_mutex_t *mutex);

/* What a mutex will have in it if this thread locks it now. A child of raw clone(2), which shares
 * no mutex with anyone, does not know the links. False: no such mutex is to be had at all. */
bool robust_expect(RobustOwned *owned);

/* Right before an attempt to lock it. False: it is no such mutex any more. */
bool robust_is_intact(pthread_mutex_t *mutex, const RobustOwned *owned);

/* The last robust mutex that this thread has locked. All but the lock word becomes what it was
 * before. False: the lock word was no longer the thread's, and stays as it is. */
bool robust_unlock(pthread_mutex_t *mutex, const RobustOwned *owned);

#endif
