/* SPDX-License-Identifier: MIT */
#include "tests/unit/heap-watch.h"

#include <link.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const *secrets;
static atomic_bool watching;
static bool here_only;
static _Thread_local bool here;
static atomic_int frees, found;
static _Atomic(const char *) last; /* secret that was found */

/* Where they lie. dladdr(3) at each free would read whole symbol tables. */
static struct {
  const char *name;
  uintptr_t begin, end;
} objects[2];

static int note_object(struct dl_phdr_info *info, size_t size, void *data)
{
  (void)size, (void)data;
  for (size_t i = 0; i < 2; i++) {
    if (!strstr(info->dlpi_name, objects[i].name))
      continue;
    for (int p = 0; p < info->dlpi_phnum; p++) {
      uintptr_t at = info->dlpi_addr + info->dlpi_phdr[p].p_vaddr;
      if (info->dlpi_phdr[p].p_type != PT_LOAD)
        continue;
      objects[i].begin = objects[i].begin ? objects[i].begin : at;
      objects[i].end = at + info->dlpi_phdr[p].p_memsz;
    }
  }
  return 0;
}

void heap_watch(const char *module, const char *const *of)
{
  memset(objects, 0, sizeof objects);
  objects[0].name = module;
  objects[1].name = "/libjson-c";
  dl_iterate_phdr(note_object, NULL);
  secrets = of;
  atomic_store(&frees, 0);
  atomic_store(&found, 0);
  atomic_store(&watching, true);
}

void heap_watch_here(const char *module, const char *const *of)
{
  here = here_only = true;
  heap_watch(module, of);
}

void heap_expect_clean(void)
{
  atomic_store(&watching, false);
  here = here_only = false;
  if (HEAP_UNWATCHED)
    return;
  if (!objects[0].begin)
    fail_msg("%s is not loaded", objects[0].name);
  if (atomic_load(&found) > 0)
    fail_msg("%d blocks of %d had a secret, the last one %s", atomic_load(&found),
             atomic_load(&frees), atomic_load(&last));
  assert_true(atomic_load(&frees) > 0);
}

#if !HEAP_UNWATCHED

extern void __libc_free(void *memory);

static bool is_watched(uintptr_t caller)
{
  return caller - objects[0].begin < objects[0].end - objects[0].begin ||
         caller - objects[1].begin < objects[1].end - objects[1].begin;
}

static void give_back(void *memory, void *caller)
{
  if (!memory)
    return;
  const size_t size = malloc_usable_size(memory);
  if (atomic_load(&watching) && (here || !here_only) && is_watched((uintptr_t)caller)) {
    atomic_fetch_add(&frees, 1);
    for (const char *const *secret = secrets; *secret; secret++)
      if (memmem(memory, size, *secret, strlen(*secret))) {
        atomic_fetch_add(&found, 1);
        atomic_store(&last, *secret);
      }
  }
  explicit_bzero(memory, size);
  __libc_free(memory);
}

void free(void *memory)
{
  give_back(memory, __builtin_return_address(0));
}

/* It always moves, so that what it leaves behind is looked at, too. */
void *realloc(void *memory, size_t size)
{
  void *moved = malloc(size);
  size_t before = memory ? malloc_usable_size(memory) : 0;
  if (!moved)
    return NULL;
  if (memory)
    memcpy(moved, memory, before < size ? before : size);
  give_back(memory, __builtin_return_address(0));
  return moved;
}

#endif
