/* SPDX-License-Identifier: MIT */
#include "journal.h"

#include <pthread.h>
#include <string.h>

#define MAX_ENTRIES 10000
/* Ten thousand requests with tokens of 32 KiB each would be another thing than ten thousand. */
#define MAX_BYTES   (256UL * 1024 * 1024)

/* Entries are kept as the JSON text that they will be asked for as. */
struct Journal {
  pthread_mutex_t lock;
  GQueue entries; /* of char *, without the opening brace and "n" */
  size_t bytes;
  guint64 last; /* the number of the newest entry */
};

Journal *journal_new(void)
{
  Journal *journal = g_new0(Journal, 1);
  pthread_mutex_init(&journal->lock, NULL);
  g_queue_init(&journal->entries);
  return journal;
}

void journal_free(Journal *journal)
{
  if (!journal)
    return;
  g_queue_clear_full(&journal->entries, g_free);
  pthread_mutex_destroy(&journal->lock);
  g_free(journal);
}

static const char *kind_name(AuthKind kind)
{
  static const char *const names[] = {"none", "basic", "partner", "business", "invalid"};
  return names[kind];
}

static void add_text(struct json_object *json, const char *key, const char *text)
{
  json_object_object_add(json, key, json_object_new_string(text));
}

static struct json_object *entry_json(const Request *request, unsigned status)
{
  struct json_object *json = json_object_new_object();
  struct json_object *authorization = json_object_new_array();
  for (guint i = 0; i < request->authorization->len; i++)
    json_object_array_add(authorization,
                          json_object_new_string(g_ptr_array_index(request->authorization, i)));
  json_object_object_add(json, "connection", json_object_new_uint64(request->connection->number));
  add_text(json, "scheme", request->connection->tls ? "https" : "http");
  add_text(json, "host", request->host);
  add_text(json, "method", request->method);
  add_text(json, "target", request->target);
  json_object_object_add(json, "authorization", authorization);
  add_text(json, "kind", kind_name(request->kind));
  json_object_object_add(json, "business",
                         *request->business ? json_object_new_string(request->business) : NULL);
  json_object_object_add(json, "status", json_object_new_int64(status));
  json_object_object_add(json, "body_bytes", json_object_new_uint64(request->body_bytes));
  add_text(json, "body_sha256", request->body_sha256);
  json_object_object_add(json, "headers", json_object_get(request->headers));
  return json;
}

void journal_add(Journal *journal, const Request *request, unsigned status)
{
  struct json_object *json = entry_json(request, status);
  const char *text =
      json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
  char *entry = g_strdup(text + 1);
  json_object_put(json);

  pthread_mutex_lock(&journal->lock);
  g_queue_push_tail(&journal->entries, entry);
  journal->bytes += strlen(entry);
  journal->last++;
  while (journal->entries.length > MAX_ENTRIES ||
         (journal->bytes > MAX_BYTES && journal->entries.length > 1)) {
    char *oldest = g_queue_pop_head(&journal->entries);
    journal->bytes -= strlen(oldest);
    g_free(oldest);
  }
  pthread_mutex_unlock(&journal->lock);
}

void journal_reset(Journal *journal)
{
  pthread_mutex_lock(&journal->lock);
  g_queue_clear_full(&journal->entries, g_free);
  journal->bytes = 0;
  journal->last = 0;
  pthread_mutex_unlock(&journal->lock);
}

char *journal_text(Journal *journal, size_t *length)
{
  pthread_mutex_lock(&journal->lock);
  GString *text = g_string_sized_new(journal->bytes + 32UL * journal->entries.length + 3);
  guint64 n = journal->last - journal->entries.length;
  g_string_append_c(text, '[');
  for (GList *at = journal->entries.head; at; at = at->next)
    g_string_append_printf(text, "%s{\"n\":%" G_GUINT64_FORMAT ",%s", at->prev ? ",\n" : "", ++n,
                           (const char *)at->data);
  pthread_mutex_unlock(&journal->lock);
  g_string_append(text, "]\n");
  *length = text->len;
  return g_string_free(text, FALSE);
}
