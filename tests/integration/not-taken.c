/* SPDX-License-Identifier: MIT */
/*
 * not-taken.c - of a program whose symbols look taken and are not: it has the C library's allocator
 * replaced, as jemalloc does; it uses a variable of GLib's, which is then copied into the program;
 * and, at a fixed place in memory, the address of a function, which is then an entry of the
 * program's for everybody.
 */
#include <glib.h>
#include <stddef.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void __libc_free(void *memory);

void *malloc(size_t size)
{
  return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
  return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
  return __libc_realloc(memory, size);
}

void free(void *memory)
{
  __libc_free(memory);
}

int is_free(GDestroyNotify function);
int is_free(GDestroyNotify function)
{
  return function == g_free;
}

int is_letter(char letter);
int is_letter(char letter)
{
  return g_ascii_isalpha(letter);
}
