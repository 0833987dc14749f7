/* SPDX-License-Identifier: MIT */
#include "faults.h"

#include <pthread.h>
#include <string.h>

#define MAX_FAULTS   10000
#define MAX_DELAY_MS (3600ULL * 1000)

struct FaultList {
  pthread_mutex_t lock;
  GQueue faults; /* of Fault *, in the order of definition */
  guint64 last_id;
};

/* In the order of enum FaultAction. `status`: the one that is sent where none was given. */
static const struct {
  const char *name;
  guint64 status;
} actions[] = {{"status", 0}, {"delay", 0},   {"drop", 0},   {"garbage", 200}, {"redirect", 302},
               {"raw", 200},  {"empty", 200}, {"html", 200}, {"huge", 200}};

const char *const fault_parameters[] = {
    "path",     "host",        "method", "scheme",           "times", "action", "status",
    "delay_ms", "retry_after", "to",     "www_authenticate", "body",  NULL};

FaultList *faults_new(void)
{
  FaultList *list = g_new0(FaultList, 1);
  pthread_mutex_init(&list->lock, NULL);
  g_queue_init(&list->faults);
  return list;
}

void fault_free(Fault *fault)
{
  g_free(fault->path);
  g_free(fault->host);
  g_free(fault->method);
  g_free(fault->scheme);
  g_free(fault->retry_after);
  g_free(fault->to);
  g_free(fault->body);
  g_free(fault);
}

static void free_fault(gpointer fault)
{
  fault_free(fault);
}

void faults_clear(FaultList *list)
{
  pthread_mutex_lock(&list->lock);
  g_queue_clear_full(&list->faults, free_fault);
  pthread_mutex_unlock(&list->lock);
}

void faults_free(FaultList *list)
{
  if (!list)
    return;
  faults_clear(list);
  pthread_mutex_destroy(&list->lock);
  g_free(list);
}

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
      "action is status, delay, drop, garbage, redirect, raw, empty, html or huge.");
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
      !params_number(params, "times", 0, G_MAXUINT32, &fault->times, error) ||
      !params_number(params, "status", 200, 599, &fault->status, error) ||
      !params_number(params, "delay_ms", 0, MAX_DELAY_MS, &fault->delay_ms, error))
    return false;
  fault->forever = fault->times == 0;
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

guint64 faults_define(FaultList *list, const Params *params, GError **error)
{
  Fault *fault = g_new0(Fault, 1);
  if (!read_fault(fault, params, error)) {
    fault_free(fault);
    return 0;
  }
  guint64 id = 0;
  pthread_mutex_lock(&list->lock);
  if (list->faults.length < MAX_FAULTS) {
    id = fault->id = ++list->last_id;
    g_queue_push_tail(&list->faults, g_steal_pointer(&fault));
  }
  pthread_mutex_unlock(&list->lock);
  if (fault) {
    fault_free(fault);
    g_set_error(error, CONTROL_ERROR, 0, "There are %d faults already.", MAX_FAULTS);
  }
  return id;
}

static bool path_matches(const char *path, const Request *request)
{
  if (g_str_equal(path, "token:partner"))
    return request->route.kind == ROUTE_TOKEN_PARTNER;
  if (g_str_equal(path, "token:business"))
    return request->route.kind == ROUTE_TOKEN_BUSINESS;
  return g_str_has_prefix(request->path, path);
}

static bool matches(const Fault *fault, const Request *request)
{
  const char *scheme = request->connection->tls ? "https" : "http";
  return (!fault->path || path_matches(fault->path, request)) &&
         (!fault->host || g_str_equal(fault->host, request->host)) &&
         (!fault->method || g_str_equal(fault->method, request->method)) &&
         (!fault->scheme || g_str_equal(fault->scheme, scheme));
}

static Fault *fault_copy(const Fault *fault)
{
  Fault *copy = g_memdup2(fault, sizeof *fault);
  copy->path = g_strdup(fault->path);
  copy->host = g_strdup(fault->host);
  copy->method = g_strdup(fault->method);
  copy->scheme = g_strdup(fault->scheme);
  copy->retry_after = g_strdup(fault->retry_after);
  copy->to = g_strdup(fault->to);
  copy->body = g_strdup(fault->body);
  return copy;
}

Fault *faults_take(FaultList *list, const Request *request, guint64 after)
{
  Fault *taken = NULL;
  pthread_mutex_lock(&list->lock);
  for (GList *at = list->faults.head; at && !taken; at = at->next) {
    Fault *fault = at->data;
    if (fault->id <= after || !matches(fault, request))
      continue;
    taken = fault_copy(fault);
    if (!fault->forever && --fault->times == 0) {
      g_queue_delete_link(&list->faults, at);
      fault_free(fault);
      break;
    }
  }
  pthread_mutex_unlock(&list->lock);
  return taken;
}

static void status_reply(const Fault *fault, Reply *reply)
{
  unsigned status = (unsigned)fault->status;
  /* RFC 9110, 15.3.5 and 15.4.5: these two have no body, whatever was asked for. */
  if (status == 204 || status == 304)
    reply_text(reply, status, NULL, "");
  else if (fault->body)
    reply_text(reply, status, "application/json", fault->body);
  else if (status == 401)
    reply_error(reply, 401, "invalid_token", "A fault was asked for.");
  else if (status == 403)
    reply_error(reply, 403, "permission_denied", "A fault was asked for.");
  else if (status == 429)
    reply_error(reply, 429, "rate_limited", "A fault was asked for.");
  else
    reply_error(reply, status, "emulator_fault", "A fault was asked for.");
}

void fault_reply(const Fault *fault, Reply *reply)
{
  /* Neither JSON nor UTF-8, with a NUL in it. */
  static const char garbage[] = "{\"access_token\": \0\xff\xfe]} not json <<";
  static const char html[] = "<!doctype html><title>Bad gateway</title><h1>Bad gateway</h1>\n";
  unsigned status = (unsigned)fault->status;
  switch (fault->action) {
  case FAULT_DELAY:
  case FAULT_STATUS:
    status_reply(fault, reply);
    break;
  case FAULT_DROP:
    reply->drop = true;
    return;
  case FAULT_GARBAGE:
    reply_bytes(reply, status, "application/json", garbage, sizeof garbage - 1);
    break;
  case FAULT_REDIRECT:
  case FAULT_EMPTY:
    reply_text(reply, status, NULL, "");
    break;
  case FAULT_RAW:
    reply_text(reply, status, "application/json", fault->body ? fault->body : "");
    break;
  case FAULT_HTML:
    reply_text(reply, status, "text/html", fault->body ? fault->body : html);
    break;
  case FAULT_HUGE:
    reply_text(reply, status, "application/json", "");
    reply->huge = true;
    break;
  }
  reply->challenge = status == 401 ? BEARER_CHALLENGE : NULL;
  reply->challenge_rule = fault->challenge_rule;
  reply->retry_after = g_strdup(fault->retry_after);
  reply->location = fault->action == FAULT_REDIRECT ? g_strdup(fault->to) : NULL;
}

static void add_text(struct json_object *json, const char *key, const char *text)
{
  if (text)
    json_object_object_add(json, key, json_object_new_string(text));
}

static struct json_object *fault_json(const Fault *fault)
{
  struct json_object *json = json_object_new_object();
  json_object_object_add(json, "id", json_object_new_uint64(fault->id));
  add_text(json, "path", fault->path);
  add_text(json, "host", fault->host);
  add_text(json, "method", fault->method);
  add_text(json, "scheme", fault->scheme);
  json_object_object_add(json, "times", json_object_new_uint64(fault->times));
  add_text(json, "action", actions[fault->action].name);
  if (fault->status)
    json_object_object_add(json, "status", json_object_new_uint64(fault->status));
  if (fault->delay_ms)
    json_object_object_add(json, "delay_ms", json_object_new_uint64(fault->delay_ms));
  add_text(json, "retry_after", fault->retry_after);
  add_text(json, "to", fault->to);
  if (fault->challenge_rule != CHALLENGE_DEFAULT)
    add_text(json, "www_authenticate", fault->challenge_rule == CHALLENGE_ALWAYS ? "yes" : "no");
  add_text(json, "body", fault->body);
  return json;
}

struct json_object *faults_json(FaultList *list)
{
  struct json_object *json = json_object_new_array();
  pthread_mutex_lock(&list->lock);
  for (GList *at = list->faults.head; at; at = at->next)
    json_object_array_add(json, fault_json(at->data));
  pthread_mutex_unlock(&list->lock);
  return json;
}
