/* SPDX-License-Identifier: MIT */
#include "api.h"

#include "auth.h"
#include "git.h"

static bool is_read(const Request *request)
{
  return g_str_equal(request->method, "GET") || g_str_equal(request->method, "HEAD");
}

static bool is_method(const Request *request, const char *method)
{
  return g_str_equal(request->method, method);
}

static void refuse_credential(Reply *reply)
{
  reply_error(reply, 401, "authentication_required",
              "The partner's UUID and API key are required as HTTP Basic credentials.");
  reply->challenge = BASIC_CHALLENGE;
}

static void refuse_scope(Reply *reply)
{
  reply_error(reply, 403, "permission_denied", "This token does not reach this resource.");
}

static void unknown_business(Reply *reply)
{
  reply_error(reply, 404, "business_not_found", "There is no such business.");
}

/* Every 401 comes before any 403 or 404: only a good token learns what there is (RFC 6750, 3.1). */
static bool has_token(const Request *request, Reply *reply)
{
  switch (request->kind) {
  case AUTH_PARTNER:
  case AUTH_BUSINESS:
    return true;
  case AUTH_INVALID:
    reply_error(reply, 401, "invalid_token", "The token is wrong, expired or revoked.");
    reply->challenge = INVALID_TOKEN_CHALLENGE;
    return false;
  case AUTH_NONE:
  case AUTH_BASIC:
    break;
  }
  reply_error(reply, 401, "authentication_required", "A bearer token is required.");
  reply->challenge = BEARER_CHALLENGE;
  return false;
}

static bool has_partner_token(const Request *request, Reply *reply)
{
  if (!has_token(request, reply))
    return false;
  if (request->kind == AUTH_PARTNER)
    return true;
  refuse_scope(reply);
  return false;
}

/* Of the business that the path names, if it names one. */
static bool has_business_token(const Request *request, Reply *reply)
{
  const char *named = request->route.business;
  if (!has_token(request, reply))
    return false;
  if (request->kind == AUTH_BUSINESS && (!*named || g_str_equal(request->business, named)))
    return true;
  refuse_scope(reply);
  return false;
}

static void grant(Emulator *emulator, const Request *request, TokenKind kind, Reply *reply)
{
  SettingsValues values = settings_values(emulator->settings);
  bool partner = kind == TOKEN_PARTNER;
  TokenWish wish = {.kind = kind,
                    .host = request->host,
                    .subject = settings_partner(emulator->settings),
                    .business = request->route.business,
                    .lifetime =
                        (unsigned)(partner ? values.partner_lifetime : values.business_lifetime),
                    .bytes = values.token_bytes};
  g_autofree char *token = tokens_issue(emulator->tokens, &wish);
  if (!token) {
    reply_error(reply, 500, "internal_error", "The token could not be made.");
    return;
  }
  counters_add(emulator->counters,
               partner ? COUNT_TOKENS_ISSUED_PARTNER : COUNT_TOKENS_ISSUED_BUSINESS);
  struct json_object *json = json_object_new_object();
  json_object_object_add(json, "access_token", json_object_new_string(token));
  json_object_object_add(json, "token_type", json_object_new_string("Bearer"));
  json_object_object_add(json, "expires_in", json_object_new_int64(wish.lifetime));
  if (!partner) {
    json_object_object_add(json, "scope", json_object_new_string("business_access"));
    json_object_object_add(json, "business_id", json_object_new_string(wish.business));
  }
  reply_json(reply, 200, json);
  reply->no_store = true;
}

static void answer_partner_token(Emulator *emulator, const Request *request, Reply *reply)
{
  if (!is_method(request, "POST"))
    reply_not_allowed(reply, "POST");
  else if (!auth_is_partner(emulator, request))
    refuse_credential(reply);
  else
    grant(emulator, request, TOKEN_PARTNER, reply);
}

static void answer_business_token(Emulator *emulator, const Request *request, Reply *reply)
{
  if (!is_method(request, "POST"))
    reply_not_allowed(reply, "POST");
  else if (!has_partner_token(request, reply))
    return;
  else if (!businesses_exists(emulator->businesses, request->route.business))
    unknown_business(reply);
  else
    grant(emulator, request, TOKEN_BUSINESS, reply);
}

/* What arrived, so that a client can prove that its body came through whole. */
static void receipt(const Request *request, unsigned status, const char *id, Reply *reply)
{
  struct json_object *json = json_object_new_object();
  json_object_object_add(json, "id", json_object_new_string(id));
  json_object_object_add(json, "bytes", json_object_new_uint64(request->body_bytes));
  json_object_object_add(json, "sha256", json_object_new_string(request->body_sha256));
  reply_json(reply, status, json);
}

static void receipt_with_new_id(const Request *request, unsigned status, Reply *reply)
{
  g_autofree char *id = g_uuid_string_random();
  receipt(request, status, id, reply);
}

static void answer_businesses(Emulator *emulator, const Request *request, Reply *reply)
{
  char id[UUID_SIZE];
  if (!has_partner_token(request, reply))
    return;
  if (is_read(request))
    reply_json(reply, 200, businesses_list_json(emulator->businesses));
  else if (!is_method(request, "POST"))
    reply_not_allowed(reply, "GET, HEAD, POST");
  else if (businesses_create(emulator->businesses, id))
    receipt(request, 201, id, reply);
  else
    reply_error(reply, 409, "too_many_businesses", "The emulator keeps no more businesses.");
}

static void answer_business(Emulator *emulator, const Request *request, Reply *reply)
{
  const char *id = request->route.business;
  RouteKind kind = request->route.kind;
  if (!has_partner_token(request, reply))
    return;
  if (kind == ROUTE_BUSINESS && !is_read(request) && !is_method(request, "PATCH")) {
    reply_not_allowed(reply, "GET, HEAD, PATCH");
    return;
  }
  if (kind != ROUTE_BUSINESS)
    businesses_archive(emulator->businesses, id, kind == ROUTE_ARCHIVE);
  struct json_object *json = businesses_json(emulator->businesses, id);
  if (!json)
    unknown_business(reply);
  else
    reply_json(reply, 200, json);
}

static void answer_collection(const Request *request, Reply *reply)
{
  if (is_read(request)) {
    struct json_object *json = json_object_new_object();
    json_object_object_add(json, "count", json_object_new_int(0));
    json_object_object_add(json, "next", NULL);
    json_object_object_add(json, "previous", NULL);
    json_object_object_add(json, "results", json_object_new_array());
    reply_json(reply, 200, json);
  } else if (is_method(request, "POST")) {
    receipt_with_new_id(request, 201, reply);
  } else if (is_method(request, "PUT") || is_method(request, "PATCH")) {
    receipt_with_new_id(request, 200, reply);
  } else if (is_method(request, "DELETE")) {
    reply_text(reply, 204, NULL, "");
  } else {
    reply_not_allowed(reply, "GET, HEAD, POST, PUT, PATCH, DELETE");
  }
}

static void answer_nothing(const Request *request, Reply *reply)
{
  if (has_token(request, reply))
    reply_error(reply, 404, "not_found", "There is no such resource.");
}

/* Of a host that is not Thred's: what a program sent there, but for its headers. */
static void answer_echo(const Request *request, Reply *reply)
{
  if (is_method(request, "CONNECT")) {
    reply_not_allowed(reply, "GET, HEAD, POST, PUT, PATCH, DELETE");
    return;
  }
  struct json_object *json = json_object_new_object();
  json_object_object_add(json, "host", json_object_new_string(request->host));
  json_object_object_add(json, "method", json_object_new_string(request->method));
  json_object_object_add(json, "path", json_object_new_string(request->path));
  json_object_object_add(json, "body_bytes", json_object_new_uint64(request->body_bytes));
  reply_json(reply, 200, json);
}

guint64 api_delay_ms(Emulator *emulator, const Request *request)
{
  RouteKind kind = request->route.kind;
  if (!request->api_host || (kind != ROUTE_TOKEN_PARTNER && kind != ROUTE_TOKEN_BUSINESS))
    return 0;
  return settings_values(emulator->settings).delay_ms;
}

void api_answer(Emulator *emulator, const Request *request, Reply *reply)
{
  if (!request->api_host) {
    answer_echo(request, reply);
    return;
  }
  switch (request->route.kind) {
  case ROUTE_TOKEN_PARTNER:
    answer_partner_token(emulator, request, reply);
    break;
  case ROUTE_TOKEN_BUSINESS:
    answer_business_token(emulator, request, reply);
    break;
  case ROUTE_BUSINESSES:
    answer_businesses(emulator, request, reply);
    break;
  case ROUTE_BUSINESS:
  case ROUTE_ARCHIVE:
  case ROUTE_UNARCHIVE:
    answer_business(emulator, request, reply);
    break;
  case ROUTE_RESOURCE:
    if (has_business_token(request, reply))
      answer_collection(request, reply);
    break;
  case ROUTE_PUBLIC:
    reply_text(reply, 200, "application/json", "{\"results\":[]}");
    break;
  case ROUTE_GIT:
    if (!emulator->git_root)
      answer_nothing(request, reply);
    else if (has_business_token(request, reply))
      git_answer(emulator, request, reply);
    break;
  case ROUTE_OTHER:
    answer_nothing(request, reply);
    break;
  }
}
