/* SPDX-License-Identifier: MIT */
/*
 * secret-json.h - JSON (RFC 8259) with secrets in it: one object, read strictly, all of whose
 * strings are overwritten before json-c frees them (miss part and credential modules).
 *
 * Safe on hostile bytes. Nothing that is said of a text quotes it.
 */
#ifndef THRED_LIB_FETCH_SECRET_JSON_H
#define THRED_LIB_FETCH_SECRET_JSON_H

#include <json-c/json.h>
#include <stddef.h>

typedef struct {
  json_tokener *tokener;
  json_object *object;
  size_t length; /* of the text */
} SecretJson;

/*
 * Parses `text` as ONE object. NULL, or what is wrong, with the position in *at.
 * secret_json_done() is due either way.
 */
const char *secret_json_read(SecretJson *json, const char *text, size_t length, size_t *at);

/* A member of an object; NULL: it has none of this name, or `object` is none. */
json_object *secret_json_member(json_object *object, const char *name);

/* The same if it is a string, with its length (may be NULL); it stays json-c's. */
const char *secret_json_string(json_object *object, const char *name, size_t *length);

/* Wipes and frees. */
void secret_json_done(SecretJson *json);

#endif
