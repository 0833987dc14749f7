/* SPDX-License-Identifier: MIT */
/*
 * cache-robust.h - a robust mutex in memory that a broken peer may write over.
 *
 * Of the mutex only the lock word, its first 4 bytes, may be changed by somebody else than its
 * owner. glibc aborts on some kinds that it does not know, and unlocking it follows the links of
 * the thread's robust list: so the kind is compared before each attempt, and before the mutex is
 * unlocked all but the lock word is put back. Kind and links are known beforehand and are never
 * taken from the segment. With another libc nothing is known, and nothing done.
 */
#ifndef THRED_LIB_CACHE_ROBUST_H
#define THRED_LIB_CACHE_ROBUST_H

#include <pthread.h>
#include <stdbool.h>

/* What a thread's robust mutex, locked as its last one, has in it. */
typedef struct {
  int kind;
  void *previous, *next; /* previous NULL: the links are not known */
} RobustOwned;

/* Robust, process-shared, NORMAL. False: not to be had. */
bool robust_init(pthread_mutex_t *mutex);

/* What a mutex will have in it if this thread locks it now. A child of raw clone(2), which shares
 * no mutex with anyone, does not know the links. False: no such mutex is to be had at all. */
bool robust_expect(RobustOwned *owned);

/* Right before an attempt to lock it. False: it is no such mutex any more. */
bool robust_is_intact(pthread_mutex_t *mutex, const RobustOwned *owned);

/* Of the mutex, which was just locked: what robust_put_back() is to restore right before it is
 * unlocked. */
void robust_note(pthread_mutex_t *held, const pthread_mutex_t *mutex, const RobustOwned *owned);
void robust_put_back(pthread_mutex_t *mutex, const pthread_mutex_t *held);

#endif
