/* SPDX-License-Identifier: MIT */
/*
 * callers.h - which libcurl an object of the process was found to be bound to, so that it is looked
 * up once: that takes the loader's lock, and what dlerror(3) has to tell to the program.
 */
#ifndef PLUGIN_PRELOAD_CALLERS_H
#define PLUGIN_PRELOAD_CALLERS_H

#include <link.h>
#include <stddef.h>

#include "plugin/preload/library.h"

/* Of the object that `caller` lies in; NULL: not known. No lock, no allocation. */
const Library *callers_find(const void *caller);

/* Remembers it, if there is room. Nothing happens where the C library cannot tell objects without
 * its lock (glibc below 2.35). */
void callers_note(const void *caller, const Library *library);

/* The object that `address`, of code, lies in, or NULL: as dladdr1(3) tells, which looks through
 * the object's symbols for it. */
struct link_map *callers_map_of(const void *address);

/* How many objects there are, if the shim was loaded when the program started, which is before the
 * C library; 0 if not, or if the C library cannot tell. */
size_t callers_count_objects(void);

/* `caller` lies in an object whose path begins so. */
bool callers_lies_under(const void *caller, const char *folder);

#endif
