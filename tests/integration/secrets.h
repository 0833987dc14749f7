/* SPDX-License-Identifier: MIT */
/*
 * secrets.h - looks for secrets in texts: each of them as it is, in base64 (also where it is a part
 * of something longer) and base64url, in hexadecimal, percent-encoded and with JSON's escapes; and
 * every piece of SECRETS_PIECE bytes of any of these.
 */
#ifndef TESTS_INTEGRATION_SECRETS_H
#define TESTS_INTEGRATION_SECRETS_H

#include <stddef.h>

#define SECRETS_PIECE 16

/* A secret that is shorter than a piece is looked for as a whole. The text is copied. */
void secrets_add(const char *secret);

/* Forgets all. */
void secrets_clear(void);

/* The first place in `text` where one stands, or NULL. */
const char *secrets_find(const char *text, size_t length);

#endif
