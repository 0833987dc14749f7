/* SPDX-License-Identifier: MIT */
/* fault-read.c - a fault as the control API takes and shows it. */
#include "faults.h"

#define MAX_DELAY_MS (3600ULL * 1000)

/* In the order of enum FaultAction. `status`: the one that is sent where none was given. */
static const struct {
  const char *name;
  guint64 status;
} actions[] = {{"status", 0}, {"delay", 0},   {"drop", 0},   {"garbage", 200}, {"redirect", 302},
               {"raw", 200},  {"empty", 200}, {"html", 200}, {"huge", 200},    {"revoke", 0}};

const char *const fault_parameters[] = {
    "path",        "host",  "method",           "scheme", "after",
    "each",        "times", "action",           "status", "delay_ms",
    "retry_after", "to",    "www_authenticate", "body",   "kind",
    "business",    NULL};

static bool read_action(Fault *fault, const Params *params, GError **error)
{
  const char *name = params_text(params, "action");
  for (size_t i = 0; name && i < G_N_ELEMENTS(actions); i++) {
    if (g_str_equal(name, actions[i].name)) {
      fault->action = (FaultAction)i;
      fault->status = actions[i].status;
      return true;
    }
  }
  g_set_error_literal(
      error, CONTROL_ERROR, 0,
      "action is status, delay, drop, garbage, redirect, raw, empty, html, huge or revoke.");
  return false;
}

static bool read_challenge_rule(Fault *fault, const Params *params, GError **error)
{
  bool yes = true;
  if (!params_flag(params, "www_authenticate", &yes, error))
    return false;
  if (params_text(params, "www_authenticate"))
    fault->challenge_rule = yes ? CHALLENGE_ALWAYS : CHALLENGE_NEVER;
  return true;
}

static bool has_control_character(const char *text)
{
  for (; *text; text++)
    if ((unsigned char)*text < 0x20 || *text == 0x7f)
      return true;
  return false;
}

/* NULL, or what does not fit together. */
static const char *judge(const Fault *fault)
{
  bool redirects = fault->action == FAULT_REDIRECT;
  if (fault->action == FAULT_STATUS && fault->status == 0)
    return "action=status needs status.";
  if (fault->action == FAULT_DELAY && fault->delay_ms == 0)
    return "action=delay needs delay_ms.";
  if (fault->each && fault->times == 0)
    return "each=yes needs times of 1 or more.";
  if (fault->action != FAULT_REVOKE && (fault->revoked_kind || *fault->revoked_business))
    return "kind and business say what action=revoke revokes.";
  if (redirects && !fault->to)
    return "action=redirect needs to.";
  if (redirects && (fault->status < 300 || fault->status > 399))
    return "action=redirect needs a status from 300 to 399.";
  /* Either would let a parameter write headers of its own. */
  if (fault->to && has_control_character(fault->to))
    return "to holds a control character.";
  if (fault->retry_after && has_control_character(fault->retry_after))
    return "retry_after holds a control character.";
  if (fault->scheme && !g_str_equal(fault->scheme, "http") && !g_str_equal(fault->scheme, "https"))
    return "scheme is http or https.";
  return NULL;
}

static bool read_fault(Fault *fault, const Params *params, GError **error)
{
  fault->times = 1;
  if (!read_action(fault, params, error) || !read_challenge_rule(fault, params, error) ||
      !params_number(params, "after", 0, G_MAXUINT32, &fault->after, error) ||
      !params_number(params, "times", 0, G_MAXUINT32, &fault->times, error) ||
      !params_flag(params, "each", &fault->each, error) ||
      !params_kind(params, "kind", &fault->revoked_kind, error) ||
      !params_uuid(params, "business", fault->revoked_business, error) ||
      !params_number(params, "status", 200, 599, &fault->status, error) ||
      !params_number(params, "delay_ms", 0, MAX_DELAY_MS, &fault->delay_ms, error))
    return false;
  fault->path = g_strdup(params_text(params, "path"));
  fault->method = g_strdup(params_text(params, "method"));
  fault->scheme = g_strdup(params_text(params, "scheme"));
  fault->retry_after = g_strdup(params_text(params, "retry_after"));
  fault->to = g_strdup(params_text(params, "to"));
  fault->body = g_strdup(params_text(params, "body"));
  if (params_text(params, "host"))
    fault->host = g_ascii_strdown(params_text(params, "host"), -1);
  const char *wrong = judge(fault);
  if (wrong)
    g_set_error_literal(error, CONTROL_ERROR, 0, wrong);
  return !wrong;
}

Fault *fault_read(const Params *params, GError **error)
{
  Fault *fault = g_new0(Fault, 1);
  if (read_fault(fault, params, error))
    return fault;
  fault_free(fault);
  return NULL;
}

static void add_text(struct json_object *json, const char *key, const char *text)
{
  if (text)
    json_object_object_add(json, key, json_object_new_string(text));
}

/* How often it still applies. */
static guint64 times_left(const Fault *fault)
{
  bool begun = !fault->each && fault->times > 0 && fault->matched > fault->after;
  return begun ? fault->after + fault->times - fault->matched : fault->times;
}

static void add_number(struct json_object *json, const char *key, guint64 number)
{
  if (number)
    json_object_object_add(json, key, json_object_new_uint64(number));
}

struct json_object *fault_json(const Fault *fault)
{
  struct json_object *json = json_object_new_object();
  json_object_object_add(json, "id", json_object_new_uint64(fault->id));
  add_text(json, "path", fault->path);
  add_text(json, "host", fault->host);
  add_text(json, "method", fault->method);
  add_text(json, "scheme", fault->scheme);
  if (!fault->each && fault->matched < fault->after)
    add_number(json, "after", fault->after - fault->matched);
  else if (fault->each)
    add_number(json, "after", fault->after);
  if (fault->each)
    add_text(json, "each", "yes");
  json_object_object_add(json, "times", json_object_new_uint64(times_left(fault)));
  add_text(json, "action", actions[fault->action].name);
  add_number(json, "status", fault->status);
  add_number(json, "delay_ms", fault->delay_ms);
  add_text(json, "retry_after", fault->retry_after);
  add_text(json, "to", fault->to);
  if (fault->challenge_rule != CHALLENGE_DEFAULT)
    add_text(json, "www_authenticate", fault->challenge_rule == CHALLENGE_ALWAYS ? "yes" : "no");
  add_text(json, "body", fault->body);
  if (fault->revoked_kind)
    add_text(json, "kind", fault->revoked_kind == TOKEN_PARTNER ? "partner" : "business");
  if (*fault->revoked_business)
    add_text(json, "business", fault->revoked_business);
  return json;
}
