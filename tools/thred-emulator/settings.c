/* SPDX-License-Identifier: MIT */
#include "settings.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <string.h>

#define MAX_LIFETIME    (10ULL * 365 * 24 * 3600)
#define MAX_TOKEN_BYTES (1024ULL * 1024)
#define MAX_DELAY_MS    (3600ULL * 1000) /* also how long an old key lives on */

static const SettingsValues defaults = {
    .partner_lifetime = 3600, .business_lifetime = 3600, .www_authenticate = true};

const char *const settings_parameters[] = {"lifetime",    "partner_lifetime", "business_lifetime",
                                           "token_bytes", "www_authenticate", "delay_ms",
                                           "api_key",     "old_key_ms",       NULL};

struct Settings {
  char *partner;
  char *first_key;
  pthread_mutex_t lock;
  char *key;
  char *old_key;    /* accepted until .. or NULL */
  gint64 old_until; /* .. this moment of g_get_monotonic_time() */
  SettingsValues values;
};

static char *random_key(void)
{
  unsigned char bytes[32];
  if (RAND_bytes(bytes, sizeof bytes) != 1)
    return NULL;
  return g_base64_encode(bytes, sizeof bytes);
}

Settings *settings_new(const char *api_key)
{
  char *key = api_key ? g_strdup(api_key) : random_key();
  if (!key)
    return NULL;
  Settings *settings = g_new0(Settings, 1);
  pthread_mutex_init(&settings->lock, NULL);
  settings->partner = g_uuid_string_random();
  settings->first_key = key;
  settings->key = g_strdup(key);
  settings->values = defaults;
  return settings;
}

void settings_free(Settings *settings)
{
  if (!settings)
    return;
  pthread_mutex_destroy(&settings->lock);
  g_free(settings->partner);
  g_free(settings->first_key);
  g_free(settings->key);
  g_free(settings->old_key);
  g_free(settings);
}

const char *settings_partner(const Settings *settings)
{
  return settings->partner;
}

const char *settings_first_key(const Settings *settings)
{
  return settings->first_key;
}

SettingsValues settings_values(Settings *settings)
{
  pthread_mutex_lock(&settings->lock);
  SettingsValues values = settings->values;
  pthread_mutex_unlock(&settings->lock);
  return values;
}

/* Digests have one length, so that comparing them does not tell the length of the secret. */
static bool same_secret(const char *one, size_t one_length, const char *other, size_t other_length)
{
  unsigned char digests[2][EVP_MAX_MD_SIZE];
  size_t size = 0;
  return EVP_Q_digest(NULL, "SHA256", NULL, one, one_length, digests[0], &size) == 1 &&
         EVP_Q_digest(NULL, "SHA256", NULL, other, other_length, digests[1], &size) == 1 &&
         CRYPTO_memcmp(digests[0], digests[1], size) == 0;
}

bool settings_accept_basic(Settings *settings, const char *credential, size_t length)
{
  /* The user-id ends at the first colon; the password may hold more of them, and any byte. */
  const char *colon = memchr(credential, ':', length);
  if (!colon)
    return false;
  size_t user_length = (size_t)(colon - credential);
  const char *key = colon + 1;
  size_t key_length = length - user_length - 1;
  g_autofree char *user = g_ascii_strdown(credential, (gssize)user_length);
  bool user_fits = same_secret(user, user_length, settings->partner, strlen(settings->partner));
  pthread_mutex_lock(&settings->lock);
  bool key_fits = same_secret(key, key_length, settings->key, strlen(settings->key));
  if (settings->old_key && g_get_monotonic_time() < settings->old_until)
    key_fits |= same_secret(key, key_length, settings->old_key, strlen(settings->old_key));
  pthread_mutex_unlock(&settings->lock);
  return user_fits & key_fits;
}

static bool read_values(SettingsValues *values, const Params *params, GError **error)
{
  if (!params_number(params, "lifetime", 0, MAX_LIFETIME, &values->partner_lifetime, error))
    return false;
  if (params_text(params, "lifetime"))
    values->business_lifetime = values->partner_lifetime;
  return params_number(params, "partner_lifetime", 0, MAX_LIFETIME, &values->partner_lifetime,
                       error) &&
         params_number(params, "business_lifetime", 0, MAX_LIFETIME, &values->business_lifetime,
                       error) &&
         params_number(params, "token_bytes", 0, MAX_TOKEN_BYTES, &values->token_bytes, error) &&
         params_number(params, "delay_ms", 0, MAX_DELAY_MS, &values->delay_ms, error) &&
         params_flag(params, "www_authenticate", &values->www_authenticate, error);
}

/* With the lock. */
static void change_key(Settings *settings, const char *key, guint64 old_key_ms)
{
  g_free(settings->old_key);
  settings->old_key = settings->key;
  settings->old_until = g_get_monotonic_time() + (gint64)old_key_ms * 1000;
  settings->key = g_strdup(key);
}

bool settings_change(Settings *settings, const Params *params, GError **error)
{
  const char *key = params_text(params, "api_key");
  guint64 old_key_ms = 0;
  if (key && !*key) {
    g_set_error_literal(error, CONTROL_ERROR, 0, "api_key is empty.");
    return false;
  }
  if (!params_number(params, "old_key_ms", 0, MAX_DELAY_MS, &old_key_ms, error))
    return false;
  pthread_mutex_lock(&settings->lock);
  SettingsValues values = settings->values;
  bool ok = read_values(&values, params, error);
  if (ok) {
    settings->values = values;
    if (key)
      change_key(settings, key, old_key_ms);
  }
  pthread_mutex_unlock(&settings->lock);
  return ok;
}

void settings_reset(Settings *settings)
{
  pthread_mutex_lock(&settings->lock);
  settings->values = defaults;
  g_clear_pointer(&settings->old_key, g_free);
  g_free(settings->key);
  settings->key = g_strdup(settings->first_key);
  pthread_mutex_unlock(&settings->lock);
}

struct json_object *settings_json(Settings *settings)
{
  SettingsValues values = settings_values(settings);
  struct json_object *json = json_object_new_object();
  json_object_object_add(json, "partner_lifetime", json_object_new_uint64(values.partner_lifetime));
  json_object_object_add(json, "business_lifetime",
                         json_object_new_uint64(values.business_lifetime));
  json_object_object_add(json, "token_bytes", json_object_new_uint64(values.token_bytes));
  json_object_object_add(json, "www_authenticate",
                         json_object_new_boolean(values.www_authenticate));
  json_object_object_add(json, "delay_ms", json_object_new_uint64(values.delay_ms));
  return json;
}
