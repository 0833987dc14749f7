/* SPDX-License-Identifier: MIT */
#include "lib/cache-robust.h"

#include <linux/futex.h>
#include <stdatomic.h>
#include <string.h>
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
  bool links; /* that it writes the links which robust_list() tells */
} Style;

/* The list that the kernel walks when this thread dies (get_robust_list(2)): a mutex that is locked
 * now comes between its head and its first. */
static bool robust_list(RobustOwned *owned)
{
  struct robust_list_head *head = NULL;
  size_t size = 0;
  if (syscall(SYS_get_robust_list, 0, &head, &size) || !head)
    return false;
  owned->previous = head;
  owned->next = head->list.next;
  return true;
}

#if __PTHREAD_MUTEX_HAVE_PREV
static bool has_links(const pthread_mutex_t *mutex, const RobustOwned *owned)
{
  return (void *)mutex->__data.__list.__prev == owned->previous &&
         (void *)mutex->__data.__list.__next == owned->next;
}

static void set_links(pthread_mutex_t *mutex, const RobustOwned *owned)
{
  mutex->__data.__list.__prev = owned->previous;
  mutex->__data.__list.__next = owned->next;
}
#else
static bool has_links(const pthread_mutex_t *mutex, const RobustOwned *owned)
{
  return (void *)mutex->__data.__list.__next == owned->next;
}

static void set_links(pthread_mutex_t *mutex, const RobustOwned *owned)
{
  mutex->__data.__list.__next = owned->next;
}
#endif

static bool find_style(Style *style)
{
  pthread_mutex_t model;
  RobustOwned owned;
  if (!robust_init(&model))
    return false;
  style->kind = model.__data.__kind;
  style->links = robust_list(&owned) && !pthread_mutex_trylock(&model);
  if (style->links) {
    style->links = has_links(&model, &owned);
    pthread_mutex_unlock(&model);
  }
  pthread_mutex_destroy(&model);
  return true;
}

static bool get_style(Style *style)
{
  static atomic_int kind = -1, links;
  style->kind = atomic_load_explicit(&kind, memory_order_acquire);
  style->links = atomic_load_explicit(&links, memory_order_relaxed);
  if (style->kind >= 0)
    return true;
  if (!find_style(style))
    return false;
  atomic_store_explicit(&links, style->links, memory_order_relaxed);
  atomic_store_explicit(&kind, style->kind, memory_order_release);
  return true;
}

bool robust_expect(RobustOwned *owned)
{
  Style known;
  owned->previous = NULL;
  if (!get_style(&known))
    return false;
  owned->kind = known.kind;
  if (known.links)
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

void robust_note(pthread_mutex_t *held, const pthread_mutex_t *mutex, const RobustOwned *owned)
{
  memcpy(held, mutex, sizeof *held);
  held->__data.__kind = owned->kind;
  if (owned->previous)
    set_links(held, owned);
}

void robust_put_back(pthread_mutex_t *mutex, const pthread_mutex_t *held)
{
  memcpy((char *)mutex + 4, (const char *)held + 4, sizeof *mutex - 4);
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

void robust_note(pthread_mutex_t *held, const pthread_mutex_t *mutex, const RobustOwned *owned)
{
  (void)held, (void)mutex, (void)owned;
}

void robust_put_back(pthread_mutex_t *mutex, const pthread_mutex_t *held)
{
  (void)mutex, (void)held;
}
#endif
