/* SPDX-License-Identifier: MIT */
#include "tally.h"

#include <pthread.h>

#define MAX_ROWS 10000

/* One of them for each host, path and method. */
typedef struct Row {
  char *host, *path, *method;
  guint64 requests;
  struct json_object *statuses; /* "200": 3, in the order in which they came first */
} Row;

struct Tally {
  pthread_mutex_t lock;
  GHashTable *rows; /* "HOST PATH METHOD" -> Row */
};

static void row_free(gpointer data)
{
  Row *row = data;
  json_object_put(row->statuses);
  g_free(row->host);
  g_free(row->path);
  g_free(row->method);
  g_free(row);
}

Tally *tally_new(void)
{
  Tally *tally = g_new0(Tally, 1);
  pthread_mutex_init(&tally->lock, NULL);
  tally->rows = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, row_free);
  return tally;
}

void tally_free(Tally *tally)
{
  if (!tally)
    return;
  pthread_mutex_destroy(&tally->lock);
  g_hash_table_unref(tally->rows);
  g_free(tally);
}

void tally_reset(Tally *tally)
{
  pthread_mutex_lock(&tally->lock);
  g_hash_table_remove_all(tally->rows);
  pthread_mutex_unlock(&tally->lock);
}

static Row *row_inlock(Tally *tally, const char *host, const char *path, const char *method)
{
  g_autofree char *key = g_strdup_printf("%s %s %s", host, path, method);
  if (g_hash_table_size(tally->rows) >= MAX_ROWS && !g_hash_table_contains(tally->rows, key)) {
    host = path = method = "";
    g_free(key);
    key = g_strdup("");
  }
  Row *row = g_hash_table_lookup(tally->rows, key);
  if (row)
    return row;
  row = g_new0(Row, 1);
  row->host = g_strdup(host);
  row->path = g_strdup(path);
  row->method = g_strdup(method);
  row->statuses = json_object_new_object();
  g_hash_table_insert(tally->rows, g_steal_pointer(&key), row);
  return row;
}

void tally_add(Tally *tally, const Request *request, unsigned status)
{
  char name[16];
  g_snprintf(name, sizeof name, "%u", status);
  pthread_mutex_lock(&tally->lock);
  Row *row = row_inlock(tally, request->host, request->path, request->method);
  struct json_object *count = json_object_object_get(row->statuses, name);
  guint64 before = count ? json_object_get_uint64(count) : 0;
  row->requests++;
  json_object_object_add(row->statuses, name, json_object_new_uint64(before + 1));
  pthread_mutex_unlock(&tally->lock);
}

static gint compare_rows(gconstpointer one, gconstpointer other)
{
  const Row *a = one, *b = other;
  int order = g_strcmp0(a->host, b->host);
  if (order == 0)
    order = g_strcmp0(a->path, b->path);
  return order ? order : g_strcmp0(a->method, b->method);
}

static struct json_object *row_json(const Row *row)
{
  struct json_object *json = json_object_new_object();
  json_object_object_add(json, "host", json_object_new_string(row->host));
  json_object_object_add(json, "path", json_object_new_string(row->path));
  json_object_object_add(json, "method", json_object_new_string(row->method));
  json_object_object_add(json, "requests", json_object_new_uint64(row->requests));
  struct json_object *statuses = NULL;
  (void)json_object_deep_copy(row->statuses, &statuses, NULL);
  json_object_object_add(json, "statuses", statuses);
  return json;
}

struct json_object *tally_json(Tally *tally)
{
  struct json_object *json = json_object_new_array();
  pthread_mutex_lock(&tally->lock);
  GList *rows = g_list_sort(g_hash_table_get_values(tally->rows), compare_rows);
  for (GList *at = rows; at; at = at->next)
    json_object_array_add(json, row_json(at->data));
  g_list_free(rows);
  pthread_mutex_unlock(&tally->lock);
  return json;
}
