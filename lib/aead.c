/* SPDX-License-Identifier: MIT */
#include "lib/aead.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <sys/random.h>

/* Made by the first thread that needs it, kept for the life of the process: no lock that a fork
 * could leave held, and losing the race costs one free. */
static EVP_CIPHER *cipher(void)
{
  static _Atomic(EVP_CIPHER *) shared;
  EVP_CIPHER *cipher = atomic_load_explicit(&shared, memory_order_acquire);
  if (cipher)
    return cipher;
  OSSL_LIB_CTX *context = OSSL_LIB_CTX_new();
  EVP_CIPHER *mine = context ? EVP_CIPHER_fetch(context, "AES-256-GCM", NULL) : NULL;
  if (mine && atomic_compare_exchange_strong(&shared, &cipher, mine))
    return mine;
  EVP_CIPHER_free(mine);
  OSSL_LIB_CTX_free(context);
  return cipher;
}

void aead_prepare(void)
{
  ERR_set_mark();
  (void)cipher();
  ERR_pop_to_mark();
}

/* A context for each call, rather than one that is kept: EVP_CIPHER_CTX_free(3) wipes the key's
 * schedule, and a core dump of the process must not have it. 0.3 us. The thread's queue of errors
 * is the program's: an entry of ours in it would be taken for one of its TLS connection's
 * (SSL_get_error(3)). */
typedef struct {
  EVP_CIPHER_CTX *context;
  bool good;
} Step;

static Step begin(const AeadKey *key, const uint8_t *nonce, const void *bound, size_t bound_size,
                  int encrypt)
{
  int none;
  ERR_set_mark();
  const EVP_CIPHER *aes = cipher();
  Step step = {.context = aes ? EVP_CIPHER_CTX_new() : NULL};
  step.good = step.context &&
              EVP_CipherInit_ex2(step.context, aes, key->bytes, nonce, encrypt, NULL) == 1 &&
              EVP_CipherUpdate(step.context, NULL, &none, bound, (int)bound_size) == 1;
  return step;
}

static bool end(const Step *step)
{
  EVP_CIPHER_CTX_free(step->context);
  ERR_pop_to_mark();
  return step->good;
}

bool aead_seal(const AeadKey *key, const void *bound, size_t bound_size, const void *text,
               size_t size, void *sealed, AeadSeal *seal)
{
  int done = 0, rest = 0;
  if (getrandom(seal->nonce, sizeof seal->nonce, GRND_NONBLOCK) != sizeof seal->nonce)
    return false;
  Step step = begin(key, seal->nonce, bound, bound_size, 1);
  step.good =
      step.good && EVP_CipherUpdate(step.context, sealed, &done, text, (int)size) == 1 &&
      EVP_CipherFinal_ex(step.context, (unsigned char *)sealed + done, &rest) == 1 &&
      (size_t)done + (size_t)rest == size &&
      EVP_CIPHER_CTX_ctrl(step.context, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG_SIZE, seal->tag) == 1;
  return end(&step);
}

bool aead_open(const AeadKey *key, const void *bound, size_t bound_size, void *text, size_t size,
               const AeadSeal *seal)
{
  int done = 0, rest = 0;
  uint8_t tag[AEAD_TAG_SIZE];
  for (size_t i = 0; i < sizeof tag; i++) /* which OpenSSL takes as not constant */
    tag[i] = seal->tag[i];
  Step step = begin(key, seal->nonce, bound, bound_size, 0);
  step.good = step.good && EVP_CipherUpdate(step.context, text, &done, text, (int)size) == 1 &&
              EVP_CIPHER_CTX_ctrl(step.context, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG_SIZE, tag) == 1 &&
              EVP_CipherFinal_ex(step.context, (unsigned char *)text + done, &rest) == 1 &&
              (size_t)done + (size_t)rest == size;
  return end(&step);
}
