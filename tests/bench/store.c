/* SPDX-License-Identifier: MIT */
#include "tests/bench/store.h"

#include <string.h>

void store_token(uint32_t number, char *token)
{
  memset(token, 'a' + (int)(number % 26), STORE_TOKEN);
  token[STORE_TOKEN] = 0;
}

/* By hand: snprintf() would be a good part of what the fastest store takes. */
const char *store_key(uint32_t number)
{
  static const char digits[] = "0123456789abcdef";
  static char key[] = "3c90c3cc-0d44-4b50-8888-8dd200000000"; /* like a business's id */
  for (char *at = key + sizeof key - 2; at >= key + sizeof key - 9; at--, number >>= 4)
    *at = digits[number & 15];
  return key;
}
