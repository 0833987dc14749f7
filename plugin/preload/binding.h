/* SPDX-License-Identifier: MIT */
/*
 * binding.h - which definition a caller's reference to a libcurl function would be bound to if the
 * shim were not there: what ld.so(8) does, asked for afterwards.
 */
#ifndef PLUGIN_PRELOAD_BINDING_H
#define PLUGIN_PRELOAD_BINDING_H

#include <stdbool.h>

struct link_map;

/* How one caller's references are looked up. */
typedef struct {
  const struct link_map *map; /* the caller's object; NULL: in none */
  void *own;                  /* dlopen handle of it; NULL: it is the program, or in none, or .. */
  const char *path;           /* .. it is opened by this when it is needed, for that takes long */
  const char
      *version; /* the version of libcurl that it asks for; NULL: any. Lives as the object. */
  bool global;  /* it is where RTLD_NEXT looks: what is not found there, it has not */
  bool exact;   /* `own` is the libcurl that is wanted; nothing else counts */
} Binding;

/* Of the code that `caller`, a return address, lies in. */
Binding binding_of(const void *caller);

/*
 * For a caller that has no such reference: the call was made by a jump (its return address is its
 * caller's caller), or by generated code. If the program has only one libcurl, it is that one; else
 * the binding finds nothing. One that thred-auth alone uses does not count (binding-sole.c).
 */
Binding binding_of_sole(void);

/* The library at that path; finds nothing if it is not loaded. */
Binding binding_of_file(const char *path);

/* NULL: no such function. Never one of the pair's, but what that leads to (pair.h). */
void *binding_find(Binding *binding, const char *function);

/* Gives `own` back. */
void binding_release(Binding *binding);

#endif
