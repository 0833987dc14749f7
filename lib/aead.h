/* SPDX-License-Identifier: MIT */
/*
 * aead.h - AES-256-GCM (NIST SP 800-38D) through OpenSSL, in a library context of our own: the
 * host's default context may be configured, replaced or cleaned up at will. Any thread; neither
 * function leaves a key or plain text of its own behind.
 */
#ifndef THRED_LIB_AEAD_H
#define THRED_LIB_AEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { AEAD_KEY_SIZE = 32, AEAD_NONCE_SIZE = 12, AEAD_TAG_SIZE = 16 };

typedef struct {
  uint8_t bytes[AEAD_KEY_SIZE];
} AeadKey;

/* What travels beside the sealed bytes. */
typedef struct {
  uint8_t nonce[AEAD_NONCE_SIZE];
  uint8_t tag[AEAD_TAG_SIZE];
} AeadSeal;

/* Fetches the cipher, which the first use would else: some 0.8 ms. */
void aead_prepare(void);

/* `size` bytes of plain text become as many sealed ones (up to 64 GiB, here TOKEN_MAX). Makes a
 * random nonce: 2^32 of them for one key stay safe, and a key lives for one segment. False: OpenSSL
 * has no AES-256-GCM, or the kernel no random bytes; `sealed` is then not to be used. */
bool aead_seal(const AeadKey *key, const void *bound, size_t bound_size, const void *text,
               size_t size, void *sealed, AeadSeal *seal);

/* In place. False: it was not sealed with this key, or not together with `bound`, or not as it
 * stands there; `text` then holds bytes of no meaning, which the caller wipes. */
bool aead_open(const AeadKey *key, const void *bound, size_t bound_size, void *text, size_t size,
               const AeadSeal *seal);

#endif
