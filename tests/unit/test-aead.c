/* SPDX-License-Identifier: MIT */
/* lib/aead: AES-256-GCM against a published answer, and against every change of what is sealed. */
#include <openssl/err.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/aead.h"

static void from_hex(const char *hex, uint8_t *bytes)
{
  for (; *hex; hex += 2)
    *bytes++ = (uint8_t)strtoul((char[]){hex[0], hex[1], 0}, NULL, 16);
}

/* "The Galois/Counter Mode of Operation" (McGrew, Viega), test case 16. */
static void published_answer(void **state)
{
  AeadKey key;
  AeadSeal seal;
  uint8_t bound[20], text[60], expected[60];
  (void)state;
  from_hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", key.bytes);
  from_hex("cafebabefacedbaddecaf888", seal.nonce);
  from_hex("76fc6ece0f4e1768cddf8853bb2d551b", seal.tag);
  from_hex("feedfacedeadbeeffeedfacedeadbeefabaddad2", bound);
  from_hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
           "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
           expected);
  from_hex("522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
           "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
           text);
  assert_true(aead_open(&key, bound, sizeof bound, text, sizeof text, &seal));
  assert_memory_equal(text, expected, sizeof text);
}

enum { SIZE = 100 };

typedef struct {
  AeadKey key;
  AeadSeal seal;
  uint8_t bound[24], sealed[SIZE];
  char text[SIZE];
} Sealed;

static Sealed make(void)
{
  Sealed one = {.key = {{1, 2, 3}}, .bound = {4, 5, 6}};
  for (size_t i = 0; i < SIZE; i++)
    one.text[i] = (char)('a' + i % 26);
  assert_true(
      aead_seal(&one.key, one.bound, sizeof one.bound, one.text, SIZE, one.sealed, &one.seal));
  return one;
}

static bool opens(const Sealed *one, size_t size)
{
  uint8_t bytes[SIZE];
  memcpy(bytes, one->sealed, SIZE);
  return aead_open(&one->key, one->bound, sizeof one->bound, bytes, size, &one->seal) &&
         memcmp(bytes, one->text, SIZE) == 0;
}

static void there_and_back(void **state)
{
  (void)state;
  const Sealed one = make(), other = make();
  assert_true(opens(&one, SIZE));
  assert_memory_not_equal(one.sealed, one.text, 16);
  /* The same under the same key, and nothing in common: the nonce is random. */
  assert_memory_not_equal(one.seal.nonce, other.seal.nonce, sizeof one.seal.nonce);
  assert_memory_not_equal(one.sealed, other.sealed, 16);
}

static void every_bit_counts(void **state)
{
  (void)state;
  Sealed one = make();
  struct {
    uint8_t *bytes;
    size_t size;
  } parts[] = {{one.key.bytes, sizeof one.key},
               {one.seal.nonce, sizeof one.seal.nonce},
               {one.seal.tag, sizeof one.seal.tag},
               {one.bound, sizeof one.bound},
               {one.sealed, sizeof one.sealed}};
  for (size_t p = 0; p < sizeof parts / sizeof *parts; p++)
    for (size_t bit = 0; bit < 8 * parts[p].size; bit++) {
      parts[p].bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
      assert_false(opens(&one, SIZE));
      parts[p].bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
  assert_false(opens(&one, SIZE - 1));
  assert_true(opens(&one, SIZE));
}

/* SSL_get_error(3) of the program's looks at the thread's queue. */
static void errors_stay_ours(void **state)
{
  (void)state;
  Sealed one = make();
  ERR_clear_error();
  ERR_raise(ERR_LIB_USER, 42); /* the program's own */
  one.seal.tag[0] ^= 1;
  assert_false(opens(&one, SIZE));
  assert_int_equal(ERR_GET_REASON(ERR_get_error()), 42);
  assert_int_equal(ERR_get_error(), 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(published_answer),
      cmocka_unit_test(there_and_back),
      cmocka_unit_test(every_bit_counts),
      cmocka_unit_test(errors_stay_ours),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
