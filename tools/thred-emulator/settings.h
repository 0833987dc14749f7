/* SPDX-License-Identifier: MIT */
/* settings - what the control API can turn, and the partner's credential. Any thread. */
#ifndef EMULATOR_SETTINGS_H
#define EMULATOR_SETTINGS_H

#include "params.h"

typedef struct Settings Settings;

/* A random partner UUID; `api_key` NULL: a random key. NULL without enough randomness. */
Settings *settings_new(const char *api_key);
void settings_free(Settings *settings);

/* The partner's UUID and the key of the start; they never change. */
const char *settings_partner(const Settings *settings);
const char *settings_first_key(const Settings *settings);

typedef struct SettingsValues {
  guint64 partner_lifetime;  /* seconds */
  guint64 business_lifetime; /* seconds */
  guint64 token_bytes;       /* 0: as they come */
  guint64 delay_ms;          /* of every token request */
  bool www_authenticate;     /* on a 401 */
} SettingsValues;

/* The values of this moment. */
SettingsValues settings_values(Settings *settings);

/* RFC 7617, 2: is it the partner with today's key? Takes the same time whatever is wrong. */
bool settings_accept_basic(Settings *settings, const char *credential, size_t length);

/* All or, with `error`, nothing of POST /_emulator/set. */
extern const char *const settings_parameters[];
bool settings_change(Settings *settings, const Params *params, GError **error);

/* Back to the values of the start, the key included. */
void settings_reset(Settings *settings);

/* Without the key; the caller owns the object. */
struct json_object *settings_json(Settings *settings);

#endif
