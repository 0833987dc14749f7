/* SPDX-License-Identifier: MIT */
#include "faults.h"

#include <pthread.h>
#include <string.h>

#define MAX_FAULTS  10000
/* What each=yes remembers; a request beyond that is left alone. */
#define MAX_TARGETS 10000

struct FaultList {
  pthread_mutex_t lock;
  GQueue faults; /* of Fault *, in the order of definition */
  guint64 last_id;
};

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
  g_clear_pointer(&fault->by_target, g_hash_table_unref);
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

guint64 faults_define(FaultList *list, const Params *params, GError **error)
{
  Fault *fault = fault_read(params, error);
  if (!fault)
    return 0;
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
  if (g_str_equal(path, "token"))
    return request->route.kind == ROUTE_TOKEN_PARTNER ||
           request->route.kind == ROUTE_TOKEN_BUSINESS;
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
  copy->by_target = NULL;
  return copy;
}

/* Where the requests that this one is counted among are counted; NULL: there are too many. */
static guint64 *count_of(Fault *fault, const Request *request)
{
  if (!fault->each)
    return &fault->matched;
  g_autofree char *key =
      g_strdup_printf("%s %s %s", request->method, request->host, request->target);
  if (!fault->by_target)
    fault->by_target = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  guint64 *count = g_hash_table_lookup(fault->by_target, key);
  if (!count && g_hash_table_size(fault->by_target) < MAX_TARGETS) {
    count = g_new0(guint64, 1);
    g_hash_table_insert(fault->by_target, g_steal_pointer(&key), count);
  }
  return count;
}

/* Counts the request, and says whether it is its turn to suffer. */
static bool is_its_turn(Fault *fault, const Request *request)
{
  guint64 *count = count_of(fault, request);
  if (!count)
    return false;
  guint64 before = (*count)++;
  return before >= fault->after && (fault->times == 0 || before < fault->after + fault->times);
}

static bool is_used_up(const Fault *fault)
{
  return !fault->each && fault->times > 0 && fault->matched >= fault->after + fault->times;
}

Fault *faults_take(FaultList *list, const Request *request, guint64 after)
{
  Fault *taken = NULL;
  pthread_mutex_lock(&list->lock);
  for (GList *at = list->faults.head; at && !taken; at = at->next) {
    Fault *fault = at->data;
    if (fault->id <= after || !matches(fault, request) || !is_its_turn(fault, request))
      continue;
    taken = fault_copy(fault);
    if (is_used_up(fault)) {
      g_queue_delete_link(&list->faults, at);
      fault_free(fault);
      break;
    }
  }
  pthread_mutex_unlock(&list->lock);
  return taken;
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
