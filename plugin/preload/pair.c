/* SPDX-License-Identifier: MIT */
#include "plugin/preload/pair.h"

#include <stddef.h>

#define PAIRS_MAX 4

/* Each place is written once, from NULL, by the loader's lock's holder. */
static _Atomic(Pair *) pairs[PAIRS_MAX];

_Thread_local PairCall thred_preload_call PAIR_CALL_STORAGE;

__attribute__((visibility("default"))) void thred_preload_add_pair(Pair *pair)
{
  for (unsigned i = 0; i < PAIRS_MAX; i++) {
    Pair *none = NULL;
    if (atomic_compare_exchange_strong(&pairs[i], &none, pair))
      return;
  }
}

Pair *pair_of_call(const void *caller)
{
  PairCall *call = &thred_preload_call;
  Pair *pair = call->caller == caller ? call->pair : NULL;
  call->caller = NULL;
  return pair;
}

Pair *pair_at(const void *address)
{
  for (unsigned i = 0; i < PAIRS_MAX; i++) {
    Pair *pair = atomic_load_explicit(&pairs[i], memory_order_acquire);
    if (!pair)
      return NULL;
    if ((uintptr_t)address - (uintptr_t)pair->start < (uintptr_t)pair->end - (uintptr_t)pair->start)
      return pair;
  }
  return NULL;
}
