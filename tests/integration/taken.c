/* SPDX-License-Identifier: MIT */
/*
 * taken.c - of a program that exports its symbols: a function of its own by the name of a
 * library's, TAKEN, as a statically linked copy or a chance brings it about. Nobody but the program
 * is to call it: it ends the program. With HANDS_ON, it is one that hands the call on to the
 * library's.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_(name) #name
#define TEXT(name)  TEXT_(name)

#ifdef HANDS_ON
void *TAKEN(void *argument);
void *TAKEN(void *argument)
{
  void *(*next)(void *) = NULL;
  void *symbol = dlsym(RTLD_NEXT, TEXT(TAKEN));
  memcpy(&next, &symbol, sizeof next);
  return next ? next(argument) : NULL;
}
#else
void TAKEN(void);
void TAKEN(void)
{
  abort();
}
#endif
