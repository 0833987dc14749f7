/* SPDX-License-Identifier: MIT */
/*
 * symbols.h - do the references of a loaded object lead where its author meant them to?
 *
 * The loader looks in the global scope first. So a program that exports a function of OpenSSL,
 * GLib, json-c or libcurl (a copy that was linked in statically, a wrapper, a name that happens to
 * be the same) stands in front of the library that an object of ours was built for, and gets its
 * calls. That cannot be mended from here (RTLD_DEEPBIND would hand us past malloc interposers,
 * too), only noticed before the first call: what was bound is read back from the object's own
 * relocations.
 *
 * The C library and the compiler's are excepted: standing before malloc is what jemalloc and the
 * sanitizers are there for, and they keep to its contract. So is libthred-preload.so.
 */
#ifndef THRED_LIB_SYMBOLS_H
#define THRED_LIB_SYMBOLS_H

#include "lib/error.h"

struct link_map;

/* The objects that are in the process when this is called for the first time, by whatever thread;
 * kept for good. NULL: out of memory. */
typedef struct SymbolsBefore SymbolsBefore;
const SymbolsBefore *symbols_before(void);

/*
 * `handle` is dlopen's, of an object whose references are all bound (RTLD_NOW). Looks at it and at
 * those of its dependencies, direct or not, that were not in the process `before`: how the others
 * are bound is the program's affair. THRED_OK; THRED_E_CLASH with the symbol and the object that
 * has taken it; THRED_E_NO_MEMORY.
 */
int symbols_check_new(void *handle, const SymbolsBefore *before, Error *error);

/* The same of the object that this very code lies in, without its dependencies; once, and then the
 * first answer again. */
int symbols_check_own(Error *error);

/*
 * Of the object of `map` alone, and of those references alone that belong to the library in
 * which `inside` lies, one of its direct dependencies. References that are not bound yet pass.
 */
int symbols_check_into(const struct link_map *map, const void *inside, Error *error);

#endif
