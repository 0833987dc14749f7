/* SPDX-License-Identifier: MIT */
/*
 * aead.c - the cipher of OpenSSL's default provider, called as EVP calls it: by the functions that
 * provider-cipher(7) lists. EVP_CIPHER_fetch(3) in a library context of our own makes all ciphers
 * of the provider and a table of all names, and EVP_CipherInit_ex2(3) looks for an engine: 1.4 ms
 * in each process, for the one token that most of them want. This way it is 0.02 ms.
 */
#include "lib/aead.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define PROVIDER "default"
#define CIPHER   "AES-256-GCM"

/* ---- the cipher ---- */

typedef struct {
  OSSL_LIB_CTX *library;
  OSSL_PROVIDER *provider;
  void *provider_context;
  OSSL_FUNC_cipher_newctx_fn *new_context;
  OSSL_FUNC_cipher_freectx_fn *free_context;
  OSSL_FUNC_cipher_encrypt_init_fn *begin_seal;
  OSSL_FUNC_cipher_decrypt_init_fn *begin_open;
  OSSL_FUNC_cipher_update_fn *update;
  OSSL_FUNC_cipher_final_fn *final;
  OSSL_FUNC_cipher_get_ctx_params_fn *get;
  OSSL_FUNC_cipher_set_ctx_params_fn *set;
} Cipher;

static void take_functions(Cipher *cipher, const OSSL_DISPATCH *function)
{
  for (; function->function_id; function++) {
    switch (function->function_id) {
    case OSSL_FUNC_CIPHER_NEWCTX:
      cipher->new_context = OSSL_FUNC_cipher_newctx(function);
      break;
    case OSSL_FUNC_CIPHER_FREECTX:
      cipher->free_context = OSSL_FUNC_cipher_freectx(function);
      break;
    case OSSL_FUNC_CIPHER_ENCRYPT_INIT:
      cipher->begin_seal = OSSL_FUNC_cipher_encrypt_init(function);
      break;
    case OSSL_FUNC_CIPHER_DECRYPT_INIT:
      cipher->begin_open = OSSL_FUNC_cipher_decrypt_init(function);
      break;
    case OSSL_FUNC_CIPHER_UPDATE:
      cipher->update = OSSL_FUNC_cipher_update(function);
      break;
    case OSSL_FUNC_CIPHER_FINAL:
      cipher->final = OSSL_FUNC_cipher_final(function);
      break;
    case OSSL_FUNC_CIPHER_GET_CTX_PARAMS:
      cipher->get = OSSL_FUNC_cipher_get_ctx_params(function);
      break;
    case OSSL_FUNC_CIPHER_SET_CTX_PARAMS:
      cipher->set = OSSL_FUNC_cipher_set_ctx_params(function);
      break;
    default:
      break;
    }
  }
}

static bool is_whole(const Cipher *cipher)
{
  return cipher->new_context && cipher->free_context && cipher->begin_seal && cipher->begin_open &&
         cipher->update && cipher->final && cipher->get && cipher->set;
}

/* In a list of names with colons between them (provider(7)). */
static bool is_named(const char *names, const char *name)
{
  const size_t length = strlen(name);
  while (strncmp(names, name, length) != 0 || (names[length] && names[length] != ':')) {
    names = strchr(names, ':');
    if (!names)
      return false;
    names++;
  }
  return true;
}

/* False: there is none. What was made of it is the caller's to free, all the same. */
static bool find_cipher(Cipher *cipher)
{
  int no_store;
  cipher->library = OSSL_LIB_CTX_new();
  if (cipher->library)
    cipher->provider = OSSL_PROVIDER_load(cipher->library, PROVIDER);
  if (!cipher->provider)
    return false;
  cipher->provider_context = OSSL_PROVIDER_get0_provider_ctx(cipher->provider);
  const OSSL_ALGORITHM *all =
      OSSL_PROVIDER_query_operation(cipher->provider, OSSL_OP_CIPHER, &no_store);
  for (const OSSL_ALGORITHM *one = all; one && one->algorithm_names; one++)
    if (is_named(one->algorithm_names, CIPHER)) {
      take_functions(cipher, one->implementation);
      break;
    }
  OSSL_PROVIDER_unquery_operation(cipher->provider, OSSL_OP_CIPHER, all);
  return is_whole(cipher);
}

static void free_cipher(Cipher *cipher)
{
  if (cipher && cipher->provider)
    OSSL_PROVIDER_unload(cipher->provider);
  if (cipher)
    OSSL_LIB_CTX_free(cipher->library);
  free(cipher);
}

/* Made by the first thread that needs it, kept for the life of the process: no lock that a fork
 * could leave held, and losing the race costs one free. */
static const Cipher *get_cipher(void)
{
  static _Atomic(Cipher *) shared;
  Cipher *cipher = atomic_load_explicit(&shared, memory_order_acquire);
  if (cipher)
    return cipher;
  Cipher *mine = calloc(1, sizeof *mine);
  if (mine && find_cipher(mine) && atomic_compare_exchange_strong(&shared, &cipher, mine))
    return mine;
  free_cipher(mine);
  return cipher;
}

/* ---- sealing and opening ---- */

/* A context for each call, rather than one that is kept: the provider wipes the key's schedule when
 * it frees it, and a core dump of the process must not have it. The thread's queue of errors
 * is the program's: an entry of ours in it would be taken for one of its TLS connection's
 * (SSL_get_error(3)). */
typedef struct {
  const Cipher *cipher;
  void *context;
  bool good;
} Step;

static Step begin(const AeadKey *key, const uint8_t *nonce, const void *bound, size_t bound_size,
                  bool seal)
{
  size_t none;
  ERR_set_mark();
  Step step = {.cipher = get_cipher()};
  if (step.cipher)
    step.context = step.cipher->new_context(step.cipher->provider_context);
  if (step.context)
    step.good = (seal ? step.cipher->begin_seal : step.cipher->begin_open)(
                    step.context, key->bytes, sizeof key->bytes, nonce, AEAD_NONCE_SIZE, NULL) &&
                step.cipher->update(step.context, NULL, &none, bound_size, bound, bound_size);
  return step;
}

/* All of the text at once; room for `size` bytes. */
static void update(Step *step, void *to, const void *from, size_t size)
{
  size_t done = 0;
  step->good = step->good && step->cipher->update(step->context, to, &done, size, from, size) &&
               done == size;
}

/* GCM gives no more bytes out at the end. */
static void finish(Step *step, void *to)
{
  size_t rest = 0;
  step->good = step->good && step->cipher->final(step->context, to, &rest, 0) && rest == 0;
}

static bool end(const Step *step)
{
  if (step->context)
    step->cipher->free_context(step->context);
  ERR_pop_to_mark();
  return step->good;
}

bool aead_seal(const AeadKey *key, const void *bound, size_t bound_size, const void *text,
               size_t size, void *sealed, AeadSeal *seal)
{
  OSSL_PARAM tag[] = {
      OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, seal->tag, sizeof seal->tag),
      OSSL_PARAM_END};
  if (getrandom(seal->nonce, sizeof seal->nonce, GRND_NONBLOCK) != sizeof seal->nonce)
    return false;
  Step step = begin(key, seal->nonce, bound, bound_size, true);
  update(&step, sealed, text, size);
  finish(&step, (unsigned char *)sealed + size);
  step.good = step.good && step.cipher->get(step.context, tag);
  return end(&step);
}

bool aead_open(const AeadKey *key, const void *bound, size_t bound_size, void *text, size_t size,
               const AeadSeal *seal)
{
  uint8_t bytes[AEAD_TAG_SIZE]; /* which OpenSSL takes as not constant */
  OSSL_PARAM tag[] = {OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, bytes, sizeof bytes),
                      OSSL_PARAM_END};
  memcpy(bytes, seal->tag, sizeof bytes);
  Step step = begin(key, seal->nonce, bound, bound_size, false);
  update(&step, text, text, size);
  step.good = step.good && step.cipher->set(step.context, tag);
  finish(&step, (unsigned char *)text + size);
  return end(&step);
}
