/* SPDX-License-Identifier: MIT */
#include "secrets.h"

#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

#define SLOTS     (1u << 20) /* a power of two; half of them may be used */
#define SHORT_MAX 256

/* Hashes of pieces; 0: a free slot. 64 bits of a good hash: no two pieces have the same. */
static uint64_t *slots;
static size_t used;
static char *shorts[SHORT_MAX];
static size_t shorts_count;

static uint64_t hash_of(const char *piece)
{
  uint64_t hash = 14695981039346656037u; /* FNV-1a */
  for (size_t i = 0; i < SECRETS_PIECE; i++)
    hash = (hash ^ (unsigned char)piece[i]) * 1099511628211u;
  return hash ? hash : 1;
}

static size_t slot_of(uint64_t hash)
{
  size_t slot = (size_t)(hash ^ hash >> 32) % SLOTS;
  while (slots && slots[slot] && slots[slot] != hash)
    slot = (slot + 1) % SLOTS;
  return slot;
}

static void add_text(const char *text, size_t length)
{
  if (!slots)
    slots = calloc(SLOTS, sizeof *slots);
  assert_non_null(slots);
  if (length >= 6 && length < SECRETS_PIECE) {
    assert_true(shorts_count < SHORT_MAX);
    shorts[shorts_count++] = strndup(text, length);
  }
  for (size_t i = 0; i + SECRETS_PIECE <= length; i++) {
    uint64_t hash = hash_of(text + i);
    size_t slot = slot_of(hash);
    used += slots[slot] == 0;
    slots[slot] = hash;
    assert_true(used < SLOTS / 2);
  }
}

/* `before` bytes of something else stand in front of it; what these change is left out. */
static void add_base64(const char *secret, size_t length, size_t before)
{
  unsigned char *bytes = calloc(1, length + before + 1);
  char *text = malloc((length + before) / 3 * 4 + 8);
  assert_true(bytes && text);
  memcpy(bytes + before, secret, length);
  EVP_EncodeBlock((unsigned char *)text, bytes, (int)(length + before));
  /* As many letters as are made of the secret's bits alone. */
  size_t first = (before * 8 + 5) / 6, end = (before + length) * 8 / 6;
  add_text(text + first, end - first);
  for (char *at = text; *at; at++)
    *at = *at == '+' ? '-' : *at == '/' ? '_' : *at;
  add_text(text + first, end - first);
  free(bytes);
  free(text);
}

static bool is_unreserved(char c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         (c && strchr("-._~", c));
}

/* `format` takes one byte; `all`: also those that need not be written so. */
static void add_formatted(const char *secret, size_t length, const char *format, bool all)
{
  char *text = malloc(length * 8 + 1), *at = text;
  assert_non_null(text);
  for (size_t i = 0; i < length; i++)
    if (!all && is_unreserved(secret[i]))
      *at++ = secret[i];
    else
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
      at += sprintf(at, format, (unsigned char)secret[i]);
#pragma GCC diagnostic pop
  add_text(text, (size_t)(at - text));
  free(text);
}

void secrets_add(const char *secret)
{
  static const char *const formats[] = {"%02x",    "%02X",    "%%%02x", "%%%02X",
                                        "\\u%04x", "\\x%02x", "%02x ",  "%02x:"};
  size_t length = strlen(secret);
  add_text(secret, length);
  for (size_t before = 0; before < 3; before++)
    add_base64(secret, length, before);
  for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
    add_formatted(secret, length, formats[i], true);
  add_formatted(secret, length, "%%%02X", false);
  add_formatted(secret, length, "%%%02x", false);
  add_formatted(secret, length, "\\u%04x", false);
}

void secrets_clear(void)
{
  free(slots);
  slots = NULL;
  used = 0;
  while (shorts_count > 0)
    free(shorts[--shorts_count]);
}

const char *secrets_find(const char *text, size_t length)
{
  for (size_t i = 0; slots && i + SECRETS_PIECE <= length; i++)
    if (slots[slot_of(hash_of(text + i))])
      return text + i;
  for (size_t i = 0; i < shorts_count; i++) {
    const char *found = memmem(text, length, shorts[i], strlen(shorts[i]));
    if (found)
      return found;
  }
  return NULL;
}
