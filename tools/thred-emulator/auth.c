/* SPDX-License-Identifier: MIT */
#include "auth.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

/* What follows the scheme, or NULL for another scheme. RFC 9110, 11.1: schemes have no case. */
static const char *after_scheme(const char *value, const char *scheme)
{
  size_t length = strlen(scheme);
  if (g_ascii_strncasecmp(value, scheme, length) != 0 || value[length] != ' ')
    return NULL;
  value += length;
  return value + strspn(value, " ");
}

void auth_examine(Emulator *emulator, Request *request)
{
  request->kind = AUTH_NONE;
  request->business[0] = '\0';
  if (request->authorization->len == 0)
    return;
  request->kind = AUTH_INVALID;
  /* RFC 9110, 5.3: it is no list field. What a server makes of two is anybody's guess. */
  if (request->authorization->len > 1)
    return;
  const char *value = g_ptr_array_index(request->authorization, 0);
  const char *token = after_scheme(value, "Bearer");
  if (after_scheme(value, "Basic"))
    request->kind = AUTH_BASIC;
  if (!token)
    return;
  switch (tokens_find(emulator->tokens, token, request->api_host ? request->host : NULL,
                      request->business)) {
  case TOKEN_PARTNER:
    request->kind = AUTH_PARTNER;
    break;
  case TOKEN_BUSINESS:
    request->kind = AUTH_BUSINESS;
    break;
  case TOKEN_NONE:
    break;
  }
}

/* RFC 4648, 4, strictly: the whole alphabet, the padding, nothing else. NULL if it is not that. */
static unsigned char *decode_base64(const char *text, size_t *length)
{
  if (!text)
    return NULL;
  size_t size = strlen(text);
  size_t digits = strspn(text, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "+/");
  size_t padding = size - digits;
  if (size == 0 || size % 4 != 0 || size > G_MAXINT || padding > 2 ||
      strspn(text + digits, "=") != padding)
    return NULL;
  unsigned char *data = g_malloc(size / 4 * 3 + 1);
  int decoded = EVP_DecodeBlock(data, (const unsigned char *)text, (int)size);
  if (decoded < 0) {
    g_free(data);
    return NULL;
  }
  *length = (size_t)decoded - padding;
  return data;
}

bool auth_is_partner(Emulator *emulator, const Request *request)
{
  if (request->kind != AUTH_BASIC)
    return false;
  size_t length = 0;
  const char *value = g_ptr_array_index(request->authorization, 0);
  unsigned char *credential = decode_base64(after_scheme(value, "Basic"), &length);
  if (!credential)
    return false;
  bool accepted = settings_accept_basic(emulator->settings, (const char *)credential, length);
  OPENSSL_cleanse(credential, length);
  g_free(credential);
  return accepted;
}
