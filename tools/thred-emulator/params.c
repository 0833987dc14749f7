/* SPDX-License-Identifier: MIT */
#include "params.h"

#include <string.h>

#define FORM_TYPE "application/x-www-form-urlencoded"

struct Params {
  GHashTable *values;
};

static bool fail(GError **error, const char *before, const char *text, const char *after)
{
  g_set_error(error, CONTROL_ERROR, 0, "%s%s%s", before, text, after);
  return false;
}

/* Takes over name and value; every name goes into `values` once. */
static bool add(GHashTable *values, char *name, char *value, const char *const *allowed,
                GError **error)
{
  bool known = g_strv_contains(allowed, name);
  if (known && !g_hash_table_contains(values, name)) {
    g_hash_table_insert(values, name, value);
    return true;
  }
  fail(error, known ? "Given twice: parameter '" : "Unknown parameter '", name, "'.");
  g_free(name);
  g_free(value);
  return false;
}

/* Reads one "a=b&c=d". */
static bool read_form(GHashTable *values, const char *form, gssize length,
                      const char *const *allowed, GError **error)
{
  GUriParamsIter iter;
  char *name = NULL, *value = NULL;
  GError *malformed = NULL;
  g_uri_params_iter_init(&iter, form, length, "&", G_URI_PARAMS_WWW_FORM);
  while (g_uri_params_iter_next(&iter, &name, &value, &malformed))
    if (!add(values, name, value, allowed, error))
      return false;
  if (!malformed)
    return true;
  fail(error, "Malformed parameters: ", malformed->message, ".");
  g_error_free(malformed);
  return false;
}

static bool body_is_form(const Request *request)
{
  const char *type = request_header(request, "content-type");
  return type && g_ascii_strncasecmp(type, FORM_TYPE, strlen(FORM_TYPE)) == 0;
}

static Params *params_new(void)
{
  Params *params = g_new0(Params, 1);
  params->values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  return params;
}

Params *params_of_words(char *const *words, const char *const *allowed, GError **error)
{
  g_autoptr(Params) params = params_new();
  for (; *words; words++) {
    const char *equals = strchr(*words, '=');
    if (!equals || equals == *words) {
      /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it does not know g_autoptr */
      fail(error, "'", *words, "' is not NAME=VALUE.");
      return NULL;
    }
    if (!add(params->values, g_strndup(*words, (gsize)(equals - *words)), g_strdup(equals + 1),
             allowed, error))
      return NULL;
  }
  return g_steal_pointer(&params);
}

Params *params_read(const Request *request, const char *const *allowed, GError **error)
{
  g_autoptr(Params) params = params_new();
  if (request->query && !read_form(params->values, request->query, -1, allowed, error))
    return NULL; /* NOLINT(clang-analyzer-unix.Malloc): it does not know g_autoptr */
  if (request->body->len > 0 && !body_is_form(request)) {
    fail(error, "The body must be of type ", FORM_TYPE, ".");
    return NULL;
  }
  if (request->body->len > 0 && !read_form(params->values, (const char *)request->body->data,
                                           (gssize)request->body->len, allowed, error))
    return NULL;
  return g_steal_pointer(&params);
}

void params_free(Params *params)
{
  g_hash_table_destroy(params->values);
  g_free(params);
}

const char *params_text(const Params *params, const char *name)
{
  return g_hash_table_lookup(params->values, name);
}

bool params_number(const Params *params, const char *name, guint64 least, guint64 most,
                   guint64 *value, GError **error)
{
  const char *text = params_text(params, name);
  if (!text || g_ascii_string_to_unsigned(text, 10, least, most, value, NULL))
    return true;
  g_set_error(error, CONTROL_ERROR, 0,
              "%s=%s is not a number from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT ".", name,
              text, least, most);
  return false;
}

bool params_flag(const Params *params, const char *name, bool *value, GError **error)
{
  const char *text = params_text(params, name);
  if (!text)
    return true;
  bool yes = g_str_equal(text, "yes");
  if (!yes && !g_str_equal(text, "no"))
    return fail(error, "", name, " is yes or no.");
  *value = yes;
  return true;
}

bool params_kind(const Params *params, const char *name, TokenKind *value, GError **error)
{
  const char *text = params_text(params, name);
  if (!text)
    return true;
  bool partner = g_str_equal(text, "partner");
  if (!partner && !g_str_equal(text, "business"))
    return fail(error, "", name, " is partner or business.");
  *value = partner ? TOKEN_PARTNER : TOKEN_BUSINESS;
  return true;
}

bool params_uuid(const Params *params, const char *name, char value[UUID_SIZE], GError **error)
{
  const char *text = params_text(params, name);
  return !text || route_copy_uuid(value, text) || fail(error, "", name, " is not a UUID.");
}
