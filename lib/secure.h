/* SPDX-License-Identifier: MIT */
/*
 * secure.h - whom we take files from, and how secrets leave memory.
 *
 * Used by the hot part, the miss part and the modules; libc only.
 */
#ifndef THRED_LIB_SECURE_H
#define THRED_LIB_SECURE_H

#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

/* What a file is trusted with. Links are followed; the file that was opened is judged, by fstat. */
typedef enum {
  SECURE_CONFIG,    /* regular; owner root or us; not writable by group or others */
  SECURE_DIRECTORY, /* the same for a directory */
  SECURE_SECRET     /* regular; owner root or us; nothing for others; for the group at most reading,
                       and that only if root owns it */
} SecureRule;

/*
 * Opens `path` for reading (O_CLOEXEC, O_NONBLOCK, O_NOCTTY) if `rule` accepts it.
 * Returns the descriptor, which is the caller's to close, and fills in *st; or -1 with errno
 * set (EPERM: refused by the rule) and one sentence in `why` that names path, owner and mode.
 */
int secure_open(const char *path, SecureRule rule, struct stat *st, char *why, size_t why_size);

/* What makes `rule` accept a file of this kind, owner and mode ("chmod go-w", with the
 * path behind it); NULL: it does. */
const char *secure_remedy(SecureRule rule, const struct stat *st);

/* Overwrites memory in a way the compiler may not leave out. */
static inline void secure_wipe(void *memory, size_t size)
{
  if (memory)
    explicit_bzero(memory, size);
}

#endif
