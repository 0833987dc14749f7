/* SPDX-License-Identifier: MIT */
#include "control.h"

#include "params.h"

/* Each fills in the reply, or fails with `error`: a 400. */
typedef bool (*Handler)(Emulator *emulator, const Params *params, Reply *reply, GError **error);

static bool get_counters(Emulator *emulator, const Params *params, Reply *reply, GError **error)
{
  (void)params, (void)error;
  reply_json(reply, 200, counters_json(emulator->counters));
  return true;
}

static bool get_requests(Emulator *emulator, const Params *params, Reply *reply, GError **error)
{
  (void)params, (void)error;
  reply_clear(reply);
  reply->status = 200;
  reply->content_type = "application/json";
  reply->body = journal_text(emulator->journal, &reply->length);
  return true;
}

static bool post_reset(Emulator *emulator, const Params *params, Reply *reply, GError **error)
{
  (void)params, (void)error;
  faults_clear(emulator->faults);
  settings_reset(emulator->settings);
  journal_reset(emulator->journal);
  tally_reset(emulator->tally);
  counters_reset(emulator->counters);
  reply_text(reply, 200, "application/json", "{\"reset\":true}");
  return true;
}

static bool post_revoke(Emulator *emulator, const Params *params, Reply *reply, GError **error)
{
  char business[UUID_SIZE] = "";
  TokenKind kind = TOKEN_NONE;
  if (!params_uuid(params, "business", business, error) ||
      !params_kind(params, "kind", &kind, error))
    return false;
  unsigned revoked = tokens_revoke(emulator->tokens, kind, *business ? business : NULL);
  struct json_object *json = json_object_new_object();
  json_object_object_add(json, "revoked", json_object_new_int64(revoked));
  reply_json(reply, 200, json);
  return true;
}

static bool post_set(Emulator *emulator, const Params *params, Reply *reply, GError **error)
{
  if (!settings_change(emulator->settings, params, error))
    return false;
  reply_json(reply, 200, settings_json(emulator->settings));
  return true;
}

static bool post_fault(Emulator *emulator, const Params *params, Reply *reply, GError **error)
{
  guint64 id = faults_define(emulator->faults, params, error);
  if (id == 0)
    return false;
  struct json_object *json = json_object_new_object();
  json_object_object_add(json, "id", json_object_new_uint64(id));
  reply_json(reply, 201, json);
  return true;
}

static bool delete_fault(Emulator *emulator, const Params *params, Reply *reply, GError **error)
{
  (void)params, (void)error;
  faults_clear(emulator->faults);
  reply_text(reply, 200, "application/json", "{\"cleared\":true}");
  return true;
}

static bool get_faults(Emulator *emulator, const Params *params, Reply *reply, GError **error)
{
  (void)params, (void)error;
  reply_json(reply, 200, faults_json(emulator->faults));
  return true;
}

static const char *const no_parameters[] = {NULL};
static const char *const revoke_parameters[] = {"kind", "business", NULL};

static const struct {
  const char *method;
  const char *path;
  const char *const *parameters;
  Handler handler;
} calls[] = {
    {"GET", "/_emulator/counters", no_parameters, get_counters},
    {"GET", "/_emulator/requests", no_parameters, get_requests},
    {"POST", "/_emulator/reset", no_parameters, post_reset},
    {"POST", "/_emulator/revoke", revoke_parameters, post_revoke},
    {"POST", "/_emulator/set", settings_parameters, post_set},
    {"POST", "/_emulator/fault", fault_parameters, post_fault},
    {"DELETE", "/_emulator/fault", no_parameters, delete_fault},
    {"GET", "/_emulator/faults", no_parameters, get_faults},
};

static void perform(Emulator *emulator, const Request *request, size_t call, Reply *reply)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(Params) params = params_read(request, calls[call].parameters, &error);
  if (!params || !calls[call].handler(emulator, params, reply, &error))
    reply_error(reply, 400, "bad_parameter", error->message);
}

void control_answer(Emulator *emulator, const Request *request, Reply *reply)
{
  if (request->body_bytes > CONTROL_BODY_LIMIT) {
    reply_error(reply, 413, "too_large", "A control request has at most 1 MiB of body.");
    return;
  }
  const char *allow = NULL;
  for (size_t i = 0; i < G_N_ELEMENTS(calls); i++) {
    if (!g_str_equal(request->path, calls[i].path))
      continue;
    if (g_str_equal(request->method, calls[i].method)) {
      perform(emulator, request, i, reply);
      return;
    }
    allow = allow ? "POST, DELETE" : calls[i].method;
  }
  if (allow)
    reply_not_allowed(reply, allow);
  else
    reply_error(reply, 404, "unknown_control_path", "There is no such control request.");
}
