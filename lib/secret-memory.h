/* SPDX-License-Identifier: MIT */
/*
 * secret-memory.h - memory for keys and tokens, which core dumps leave out. Any thread; no lock, so
 * that a fork at any moment leaves it whole.
 */
#ifndef THRED_LIB_SECRET_MEMORY_H
#define THRED_LIB_SECRET_MEMORY_H

#include <stddef.h>

#include "lib/fetch-abi.h"

/* Bytes of a room: a token with a header's name before it and a NUL behind. */
#define SECRET_ROOM (64u + TOKEN_MAX)

/* Pages of this process alone, zeroed, or NULL. munmap(2) gives them back. */
void *secret_pages(size_t size);

/*
 * Keeps them out of swap as well, where there is leave for it: what is locked counts against the
 * program's RLIMIT_MEMLOCK, so a process locks 64 KiB in all, and a quarter of that limit at most;
 * what does not go is no error. Each call counts; a child of fork(2) has to call again.
 */
void secret_keep_from_swap(void *memory, size_t size);

/* Room for one token: SECRET_ROOM bytes, the caller's; NULL: out of memory. What was written there
 * is the caller's to wipe before it gives the room back (NULL is fine). */
char *secret_room(void);
void secret_room_free(char *room);

#endif
