/* SPDX-License-Identifier: MIT */
#include "jwt.h"

#include <glib.h>
#include <openssl/evp.h>
#include <string.h>

static const char alphabet[] = G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-_";

/* RFC 7515, 2: base64url without padding. */
static void append_base64url(GString *text, const void *data, size_t length)
{
  g_autofree char *base64 = g_base64_encode(data, length);
  for (const char *at = base64; *at && *at != '='; at++)
    g_string_append_c(text, *at == '+' ? '-' : *at == '/' ? '_' : *at);
}

char *jwt_make(const unsigned char key[JWT_KEY_SIZE], struct json_object *claims, size_t bytes)
{
  static const char header[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
  const char *body = json_object_to_json_string_ext(claims, JSON_C_TO_STRING_PLAIN);
  GString *token = g_string_new(NULL);
  append_base64url(token, header, strlen(header));
  g_string_append_c(token, '.');
  append_base64url(token, body, strlen(body));

  unsigned char signature[EVP_MAX_MD_SIZE];
  size_t length = 0;
  if (!EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key, JWT_KEY_SIZE,
                 (const unsigned char *)token->str, token->len, signature, sizeof signature,
                 &length)) {
    g_string_free(token, TRUE);
    return NULL;
  }
  g_string_append_c(token, '.');
  append_base64url(token, signature, length);
  while (token->len < bytes)
    g_string_append_c(token, alphabet[token->len % (sizeof alphabet - 1)]);
  return g_string_free(token, FALSE);
}
