/* SPDX-License-Identifier: MIT */
/*
 * digest.h - SHA-256 through OpenSSL, without a library context (the host's default one may be
 * configured, replaced or cleaned up at will, and one of our own costs time). Any thread.
 */
#ifndef THRED_LIB_DIGEST_H
#define THRED_LIB_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIGEST_SIZE 32

typedef struct Digest Digest;

/* NULL if memory is out; the others accept NULL and do nothing. */
Digest *digest_new(void);
void digest_add(Digest *digest, const void *bytes, size_t size);
/* The text and its NUL, so that neighbouring strings cannot run into each other; NULL counts as a
 * value of its own. */
void digest_add_string(Digest *digest, const char *text);
void digest_add_u64(Digest *digest, uint64_t value);
/* Frees `digest`. False if any step failed: `out` is then not to be used. */
bool digest_finish(Digest *digest, uint8_t out[DIGEST_SIZE]);

#endif
