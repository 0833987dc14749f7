/* SPDX-License-Identifier: MIT */
/* loader.h - asks ld.so(8) itself which objects a program would get. */
#ifndef THREDCTL_LOADER_H
#define THREDCTL_LOADER_H

#include <glib.h>

typedef struct {
  char *name; /* as it was asked for */
  char *path;
} LoadedObject;

/* The loader of this system's programs, as thredctl itself has it. NULL: not known. Static storage.
 */
const char *loader_path(void);

/*
 * What the loader would map for `program`, in its order, with the caller's environment but for
 * LD_PRELOAD and LD_LIBRARY_PATH (NULL: without). No code of the program is run. `*complaints`:
 * what the loader said on stderr. NULL: it could not be asked, or the program cannot be loaded at
 * all.
 */
GPtrArray *loader_list(const char *program, const char *preload, const char *library_path,
                       char **complaints);

/* By its name as it was asked for, or NULL. */
const LoadedObject *loader_find(const GPtrArray *objects, const char *name);

#endif
