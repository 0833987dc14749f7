/* SPDX-License-Identifier: MIT */
/* jwt - a JSON Web Token signed with HMAC-SHA-256 (RFC 7515, RFC 7519). */
#ifndef EMULATOR_JWT_H
#define EMULATOR_JWT_H

#include <json-c/json.h>
#include <stddef.h>

#define JWT_KEY_SIZE 32

/*
 * header.claims.signature; the caller frees it. A token shorter than `bytes` is filled up behind
 * its signature with characters of the base64url alphabet. NULL when OpenSSL fails.
 */
char *jwt_make(const unsigned char key[JWT_KEY_SIZE], struct json_object *claims, size_t bytes);

#endif
