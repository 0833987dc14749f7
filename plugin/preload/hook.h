/* SPDX-License-Identifier: MIT */
/* hook.h - what every function that stands before one of libcurl's has. */
#ifndef PLUGIN_PRELOAD_HOOK_H
#define PLUGIN_PRELOAD_HOOK_H

#include "plugin/preload/library.h"
#include "plugin/preload/watch.h"

#define HOOK     __attribute__((visibility("default")))
#define CALLER() __builtin_extract_return_addr(__builtin_return_address(0))

/* The libcurl of a handle: the one that made it, else the one that the caller is bound to. */
static inline const Library *hook_library(const Watch *watch, const void *caller)
{
  return watch ? watch->library : library_of_caller(caller);
}

/* Watches a handle that the program got from `library`. NULL: out of memory, or no handle. */
Watch *hook_watch(void *handle, const Library *library);

#endif
