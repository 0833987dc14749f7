/* SPDX-License-Identifier: MIT */
/*
 * pair.h - what libthred-preload.so and the two objects of plugin/pair share.
 *
 * A function that a program looks up in libcurl itself (dlsym on what dlopen gave) is never the
 * shim's. So a library of libcurl's name is put in libcurl's place, on LD_LIBRARY_PATH: it needs
 * the real one, which serves whatever it does not define itself, and its functions jump to the
 * shim's, in the one libthred-preload.so of the process. Before the jump they note for which
 * libcurl the call is: the return address, which is in libffi for all of them, does not tell.
 */
#ifndef PLUGIN_PRELOAD_PAIR_H
#define PLUGIN_PRELOAD_PAIR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "plugin/preload/library.h"

/* One of the pair. Lies in it, and stays (nodelete). */
typedef struct Pair {
  const char *target; /* the real library's path */
  const void *start, *end;
  _Atomic(const Library *) library; /* the real one, once it was found */
} Pair;

/* The last call of this thread that came in by one of the pair. Written by its stubs: the order and
 * the place of both is known there. */
typedef struct {
  const void *caller; /* its return address */
  Pair *pair;
} PairCall;

/* In libthred-preload.so, for the pair. Storage of a thread's own that needs no allocation. */
#define PAIR_CALL_STORAGE __attribute__((tls_model("initial-exec"), visibility("protected")))
extern _Thread_local PairCall thred_preload_call PAIR_CALL_STORAGE;
/* When it is loaded. */
void thred_preload_add_pair(Pair *pair);

/* The one that the present call from `caller` came in by, or NULL. */
Pair *pair_of_call(const void *caller);

/* The one that `address` lies in, or NULL. */
Pair *pair_at(const void *address);

#endif
