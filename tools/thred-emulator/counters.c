/* SPDX-License-Identifier: MIT */
#include "counters.h"

#include <pthread.h>

struct Counters {
  pthread_mutex_t lock;
  guint64 values[COUNTERS];
  guint64 resets; /* from 1, so that a new connection has been counted in none of them */
  guint64 last_connection;
};

/* In the order of enum Counter. */
static const struct {
  const char *name;
  const char *member; /* of the object `name`; NULL: a number of its own */
} labels[COUNTERS] = {
    {"token_requests", "partner"},
    {"token_requests", "business"},
    {"tokens_issued", "partner"},
    {"tokens_issued", "business"},
    {"requests", NULL},
    {"ok", NULL},
    {"unauthorized", NULL},
    {"forbidden", NULL},
    {"not_found", NULL},
    {"foreign_requests", NULL},
    {"foreign_authorization", NULL},
    {"plain_http_requests", NULL},
    {"connections", NULL},
    {"connects", NULL},
    {"connect_authorization", NULL},
    {"faults", NULL},
};

Counters *counters_new(void)
{
  Counters *counters = g_new0(Counters, 1);
  pthread_mutex_init(&counters->lock, NULL);
  counters->resets = 1;
  return counters;
}

void counters_free(Counters *counters)
{
  if (!counters)
    return;
  pthread_mutex_destroy(&counters->lock);
  g_free(counters);
}

void counters_add(Counters *counters, Counter which)
{
  pthread_mutex_lock(&counters->lock);
  counters->values[which]++;
  pthread_mutex_unlock(&counters->lock);
}

static Counter counter_of(const Request *request)
{
  if (!request->api_host)
    return COUNT_FOREIGN_REQUESTS;
  if (request->route.kind == ROUTE_TOKEN_PARTNER)
    return COUNT_TOKEN_REQUESTS_PARTNER;
  if (request->route.kind == ROUTE_TOKEN_BUSINESS)
    return COUNT_TOKEN_REQUESTS_BUSINESS;
  return COUNT_REQUESTS;
}

/*
 * A connection counts with its first request after a reset, and not at all if it only ever asks the
 * control API: a test must not see itself.
 */
static void count_connection_inlock(Counters *counters, Connection *connection)
{
  if (connection->number == 0)
    connection->number = ++counters->last_connection;
  if (connection->counted_in == counters->resets)
    return;
  connection->counted_in = counters->resets;
  counters->values[COUNT_CONNECTIONS]++;
}

void counters_arrival(Counters *counters, const Request *request)
{
  bool plain = !request->connection->tls;
  pthread_mutex_lock(&counters->lock);
  count_connection_inlock(counters, request->connection);
  counters->values[counter_of(request)]++;
  if (plain)
    counters->values[COUNT_PLAIN_HTTP_REQUESTS]++;
  if ((plain || !request->api_host) && request->authorization->len > 0)
    counters->values[COUNT_FOREIGN_AUTHORIZATION]++;
  pthread_mutex_unlock(&counters->lock);
}

void counters_outcome(Counters *counters, const Request *request, unsigned status)
{
  if (counter_of(request) != COUNT_REQUESTS)
    return;
  if (status >= 200 && status < 300)
    counters_add(counters, COUNT_OK);
  else if (status == 401)
    counters_add(counters, COUNT_UNAUTHORIZED);
  else if (status == 403)
    counters_add(counters, COUNT_FORBIDDEN);
  else if (status == 404)
    counters_add(counters, COUNT_NOT_FOUND);
}

void counters_reset(Counters *counters)
{
  pthread_mutex_lock(&counters->lock);
  for (int i = 0; i < COUNTERS; i++)
    counters->values[i] = 0;
  counters->resets++;
  pthread_mutex_unlock(&counters->lock);
}

struct json_object *counters_json(Counters *counters)
{
  struct json_object *json = json_object_new_object();
  pthread_mutex_lock(&counters->lock);
  for (int i = 0; i < COUNTERS; i++) {
    struct json_object *parent = json;
    if (labels[i].member && !json_object_object_get_ex(json, labels[i].name, &parent)) {
      parent = json_object_new_object();
      json_object_object_add(json, labels[i].name, parent);
    }
    json_object_object_add(parent, labels[i].member ? labels[i].member : labels[i].name,
                           json_object_new_uint64(counters->values[i]));
  }
  pthread_mutex_unlock(&counters->lock);
  return json;
}
