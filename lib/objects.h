/* SPDX-License-Identifier: MIT */
/*
 * objects.h - the objects that are in this process at one moment, and which of them one was linked
 * with. What another thread may unload meanwhile is copied, so only what is kept in memory by the
 * caller (its `linked` ones, the program itself) may be looked into.
 */
#ifndef THRED_LIB_OBJECTS_H
#define THRED_LIB_OBJECTS_H

#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
  const void *headers; /* where its program headers lie: what tells it from any other */
  uintptr_t base;      /* what its own addresses are relative to */
  const ElfW(Dyn) * dynamic;
  uintptr_t start, end;
  char soname[64], file[64]; /* "": none, or too long; the file's without its directory */
  bool linked;
} Object;

/* In the order in which they were loaded: the program is the first. */
typedef struct {
  size_t count, room;
  Object *all;
  bool incomplete; /* out of memory */
} Objects;

/* Free it in either case. False: out of memory. */
bool objects_list(Objects *objects);
void objects_free(Objects *objects);

/* The one whose dynamic section this is (l_ld of its link map), or NULL. */
Object *objects_with(const Objects *objects, const ElfW(Dyn) * dynamic);
/* The one that `address` lies in, or NULL. */
const Object *objects_at(const Objects *objects, uintptr_t address);

/* Marks `object` and what it was linked with; and, if `deep`, what that was linked with, and so on.
 */
void objects_mark_linked(const Objects *objects, Object *object, bool deep);

/* What `tag` of the dynamic section says: a number, or where in memory; 0: nothing. */
uintptr_t object_number(const Object *object, ElfW(Sxword) tag);
uintptr_t object_address(const Object *object, ElfW(Sxword) tag);

#endif
