/* SPDX-License-Identifier: MIT */
#include "lib/cache-robust.h"

#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

bool robust_init(pthread_mutex_t *mutex)
{
  pthread_mutexattr_t attributes;
  if (pthread_mutexattr_init(&attributes))
    return false;
  bool good = !pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) &&
              !pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST) &&
              !pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_NORMAL) &&
              !pthread_mutex_init(mutex, &attributes);
  pthread_mutexattr_destroy(&attributes);
  return good;
}

#ifdef __GLIBC__
/* As this libc does it, found out with a mutex of our own. */
typedef struct {
  int kind;
  bool known; /* that its links are those which robust_list() tells */
} Style;

/* ThreadSanitizer sees an unlock only if it is pthread_mutex_unlock(). */
#if defined(__SANITIZE_THREAD__)
#define UNLOCKS_ITSELF 0
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNLOCKS_ITSELF 0
#endif
#endif
#ifndef UNLOCKS_ITSELF
#define UNLOCKS_ITSELF 1
#endif

/* ---- the list of the thread's robust mutexes ---- */

/* The kernel walks it when the thread dies (get_robust_list(2)): a mutex that is locked now comes
 * between its head and its first. */
static bool robust_list(RobustOwned *owned)
{
  struct robust_list_head *head = NULL;
  size_t size = 0;
  if (syscall(SYS_get_robust_list, 0, &head, &size) || !head)
    return false;
  owned->head = head;
  owned->next = head->list.next;
  return true;
}

static void *link_of(pthread_mutex_t *mutex)
{
  return &mutex->__data.__list.__next;
}

#if __PTHREAD_MUTEX_HAVE_PREV
/* Whatever comes next, another mutex or the head, has its way back just before it. The lowest bit
 * stands for a kind of mutex. */
static void **back_link(void *next)
{
  return (void **)(((uintptr_t)next & ~(uintptr_t)1) - sizeof(void *));
}

static bool has_way_back(pthread_mutex_t *mutex, const RobustOwned *owned)
{
  return (void *)mutex->__data.__list.__prev == owned->head &&
         *back_link(owned->next) == link_of(mutex);
}

static void clear_way_back(pthread_mutex_t *mutex, const RobustOwned *owned)
{
  *back_link(owned->next) = owned->head;
  mutex->__data.__list.__prev = NULL;
}
#else
static bool has_way_back(pthread_mutex_t *mutex, const RobustOwned *owned)
{
  (void)mutex, (void)owned;
  return true;
}

static void clear_way_back(pthread_mutex_t *mutex, const RobustOwned *owned)
{
  (void)mutex, (void)owned;
}
#endif

static bool is_listed(pthread_mutex_t *mutex, const RobustOwned *owned)
{
  const struct robust_list_head *head = owned->head;
  return (void *)head->list.next == link_of(mutex) &&
         (void *)mutex->__data.__list.__next == owned->next && has_way_back(mutex, owned);
}

static void unlist(pthread_mutex_t *mutex, const RobustOwned *owned)
{
  struct robust_list_head *head = owned->head;
  clear_way_back(mutex, owned);
  head->list.next = owned->next;
  mutex->__data.__list.__next = NULL;
}

/* ---- unlocking ---- */

/* False: it is not this thread's. */
static bool release_word(int *word)
{
  if ((__atomic_load_n(word, __ATOMIC_RELAXED) & FUTEX_TID_MASK) != (int)syscall(SYS_gettid))
    return false;
  if (__atomic_exchange_n(word, 0, __ATOMIC_RELEASE) & (int)FUTEX_WAITERS)
    syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
  return true;
}

/* Should the thread die in between, the kernel finds the mutex as the pending one. */
static bool unlock(pthread_mutex_t *mutex, const RobustOwned *owned)
{
  struct robust_list_head *head = owned->head;
  head->list_op_pending = link_of(mutex);
  atomic_signal_fence(memory_order_seq_cst);
  unlist(mutex, owned);
  mutex->__data.__owner = 0;
  mutex->__data.__nusers = 0;
  __atomic_store_n(&mutex->__data.__kind, owned->kind, __ATOMIC_RELAXED);
  const bool ours = release_word(&mutex->__data.__lock);
  atomic_signal_fence(memory_order_seq_cst);
  head->list_op_pending = NULL;
  return ours;
}

/* ---- the style ---- */

/* Our unlock undoes glibc's lock. */
static bool is_known(pthread_mutex_t *model)
{
  RobustOwned owned = {.kind = model->__data.__kind};
  if (!UNLOCKS_ITSELF || !robust_list(&owned) || pthread_mutex_trylock(model))
    return false;
  if (!is_listed(model, &owned)) {
    pthread_mutex_unlock(model);
    return false;
  }
  const struct robust_list_head *head = owned.head;
  return unlock(model, &owned) && (void *)head->list.next == owned.next &&
         !pthread_mutex_trylock(model) && !pthread_mutex_unlock(model);
}

static bool find_style(Style *style)
{
  pthread_mutex_t model;
  if (!robust_init(&model))
    return false;
  style->kind = model.__data.__kind;
  style->known = is_known(&model);
  pthread_mutex_destroy(&model);
  return true;
}

static bool get_style(Style *style)
{
  static atomic_int kind = -1, known;
  style->kind = atomic_load_explicit(&kind, memory_order_acquire);
  style->known = atomic_load_explicit(&known, memory_order_relaxed);
  if (style->kind >= 0)
    return true;
  if (!find_style(style))
    return false;
  atomic_store_explicit(&known, style->known, memory_order_relaxed);
  atomic_store_explicit(&kind, style->kind, memory_order_release);
  return true;
}

/* ---- the functions of cache-robust.h ---- */

bool robust_expect(RobustOwned *owned)
{
  Style style;
  owned->head = NULL;
  if (!get_style(&style))
    return false;
  owned->kind = style.kind;
  if (style.known)
    (void)robust_list(owned);
  return true;
}

/* Written again where it is right, so that the very next reads, glibc's, find it. */
bool robust_is_intact(pthread_mutex_t *mutex, const RobustOwned *owned)
{
  if (__atomic_load_n(&mutex->__data.__kind, __ATOMIC_RELAXED) != owned->kind)
    return false;
  __atomic_store_n(&mutex->__data.__kind, owned->kind, __ATOMIC_RELAXED);
  return true;
}

bool robust_unlock(pthread_mutex_t *mutex, const RobustOwned *owned)
{
  return owned->head ? unlock(mutex, owned) : pthread_mutex_unlock(mutex) == 0;
}
#else
bool robust_expect(RobustOwned *owned)
{
  (void)owned;
  return true;
}

bool robust_is_intact(pthread_mutex_t *mutex, const RobustOwned *owned)
{
  (void)mutex, (void)owned;
  return true;
}

bool robust_unlock(pthread_mutex_t *mutex, const RobustOwned *owned)
{
  (void)owned;
  return pthread_mutex_unlock(mutex) == 0;
}
#endif
