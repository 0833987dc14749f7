/* SPDX-License-Identifier: MIT */
#include "businesses.h"

#include <glib.h>
#include <pthread.h>

#define MAX_BUSINESSES 10000

typedef struct Business {
  char id[UUID_SIZE];
  bool archived;
} Business;

struct BusinessList {
  pthread_mutex_t lock;
  GPtrArray *in_order; /* owns them */
  GHashTable *by_id;
};

static const char *const fixed[] = {"3c90c3cc-0d44-4b50-8888-8dd25736052a",
                                    "11111111-1111-4111-8111-111111111111",
                                    "22222222-2222-4222-8222-222222222222"};

static void add_inlock(BusinessList *list, const char *id)
{
  Business *business = g_new0(Business, 1);
  g_strlcpy(business->id, id, sizeof business->id);
  g_ptr_array_add(list->in_order, business);
  g_hash_table_insert(list->by_id, business->id, business);
}

BusinessList *businesses_new(void)
{
  BusinessList *list = g_new0(BusinessList, 1);
  pthread_mutex_init(&list->lock, NULL);
  list->in_order = g_ptr_array_new_with_free_func(g_free);
  list->by_id = g_hash_table_new(g_str_hash, g_str_equal);
  for (size_t i = 0; i < G_N_ELEMENTS(fixed); i++)
    add_inlock(list, fixed[i]);
  return list;
}

void businesses_free(BusinessList *list)
{
  if (!list)
    return;
  g_hash_table_destroy(list->by_id);
  g_ptr_array_unref(list->in_order);
  pthread_mutex_destroy(&list->lock);
  g_free(list);
}

bool businesses_create(BusinessList *list, char id[UUID_SIZE])
{
  g_autofree char *uuid = g_uuid_string_random();
  g_strlcpy(id, uuid, UUID_SIZE);
  pthread_mutex_lock(&list->lock);
  bool room = list->in_order->len < MAX_BUSINESSES;
  if (room)
    add_inlock(list, id);
  pthread_mutex_unlock(&list->lock);
  return room;
}

bool businesses_exists(BusinessList *list, const char *id)
{
  pthread_mutex_lock(&list->lock);
  bool exists = g_hash_table_contains(list->by_id, id);
  pthread_mutex_unlock(&list->lock);
  return exists;
}

bool businesses_archive(BusinessList *list, const char *id, bool archived)
{
  pthread_mutex_lock(&list->lock);
  Business *business = g_hash_table_lookup(list->by_id, id);
  if (business)
    business->archived = archived;
  pthread_mutex_unlock(&list->lock);
  return business != NULL;
}

static struct json_object *business_json(const Business *business)
{
  struct json_object *json = json_object_new_object();
  json_object_object_add(json, "id", json_object_new_string(business->id));
  json_object_object_add(json, "archived", json_object_new_boolean(business->archived));
  return json;
}

struct json_object *businesses_json(BusinessList *list, const char *id)
{
  pthread_mutex_lock(&list->lock);
  const Business *business = g_hash_table_lookup(list->by_id, id);
  struct json_object *json = business ? business_json(business) : NULL;
  pthread_mutex_unlock(&list->lock);
  return json;
}

struct json_object *businesses_list_json(BusinessList *list)
{
  struct json_object *results = json_object_new_array();
  pthread_mutex_lock(&list->lock);
  for (guint i = 0; i < list->in_order->len; i++)
    json_object_array_add(results, business_json(g_ptr_array_index(list->in_order, i)));
  pthread_mutex_unlock(&list->lock);
  struct json_object *json = json_object_new_object();
  json_object_object_add(json, "count", json_object_new_uint64(json_object_array_length(results)));
  json_object_object_add(json, "results", results);
  return json;
}
