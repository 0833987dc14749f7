/* SPDX-License-Identifier: MIT */
#include "lib/handle.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ascii.h"
#include "lib/config-current.h"
#include "lib/process.h"
#include "lib/secret-memory.h"
#include "lib/secure.h"
#include "lib/wait.h"

#define PREFIX "Authorization: Bearer "
_Static_assert(sizeof PREFIX + TOKEN_MAX <= SECRET_ROOM, "a line fits into a room");

/* curl_slist's data is char *, but libcurl only reads it. A line without a colon is no header:
 * libcurl sends nothing for it. */
static char empty_line[] = "Authorization:";
static char no_line[] = "X-Thred-None";

/* ---- the registry ---- */

#define BUCKETS 256u

/* Buckets of singly linked lists: each change is one store, so that the copy a fork makes is whole.
 */
static ProcessLock lock = PROCESS_LOCK_INIT;
static Handle *table[BUCKETS];

static Handle **bucket_of(CURL *curl)
{
  uintptr_t bits = (uintptr_t)curl;
  return &table[(bits >> 4 ^ bits >> 12) % BUCKETS];
}

/* A CURL may have two: one that the program attached, and the shim's, which then stands aside. */
static Handle *find(CURL *curl, bool watched)
{
  process_lock(&lock);
  Handle *handle = *bucket_of(curl);
  while (handle && (handle->curl != curl || handle->unchanged != watched))
    handle = handle->next;
  process_unlock(&lock);
  return handle;
}

Handle *handle_find(CURL *curl)
{
  return find(curl, false);
}

Handle *handle_find_watched(CURL *curl)
{
  return find(curl, true);
}

void handle_register(Handle *handle)
{
  process_lock(&lock);
  Handle **bucket = bucket_of(handle->curl);
  handle->next = *bucket;
  *bucket = handle;
  process_unlock(&lock);
}

static Handle *unregister(CURL *curl, bool watched)
{
  process_lock(&lock);
  Handle **at = bucket_of(curl);
  while (*at && ((*at)->curl != curl || (*at)->unchanged != watched))
    at = &(*at)->next;
  Handle *handle = *at;
  if (handle)
    *at = handle->next;
  process_unlock(&lock);
  return handle;
}

Handle *handle_unregister(CURL *curl)
{
  return unregister(curl, false);
}

void handle_unregister_watched(const Handle *handle)
{
  if (handle)
    unregister(handle->curl, true);
}

/* ---- the node ---- */

void handle_silence(Handle *handle)
{
  handle->node.data = empty_line;
}

void handle_clear_token(Handle *handle)
{
  handle_silence(handle);
  if (handle->line_length)
    secure_wipe(handle->line, handle->line_length);
  handle->line_length = 0;
}

void handle_step_aside(Handle *handle)
{
  if (handle->unchanged)
    handle->node.data = no_line;
}

/* 32 KiB, and a handle may never see Thred again: so it gives its line back after a transfer. */
void handle_give_line(Handle *handle)
{
  secret_room_free(handle->line);
  handle->line = NULL;
}

char *handle_token_room(Handle *handle)
{
  if (!handle->line)
    handle->line = secret_room();
  if (!handle->line)
    return NULL;
  memcpy(handle->line, PREFIX, sizeof PREFIX);
  return handle->line + sizeof PREFIX - 1;
}

void handle_show_token(Handle *handle, size_t token_length)
{
  handle->line_length = sizeof PREFIX - 1 + token_length;
  handle->node.data = handle->line;
}

/* ---- the program's headers ---- */

/* "Authorization:", "Authorization;" and, as libcurl after 8.21 takes it too, blanks in between. */
static bool is_authorization(const char *line)
{
  size_t length = strlen("Authorization");
  if (!ascii_equal_n(line, "Authorization", length))
    return false;
  line += length;
  while (*line == ' ' || *line == '\t')
    line++;
  return *line == ':' || *line == ';';
}

/* libcurl sends an entry as it is, with the ends of lines that a program puts into it. */
static bool has_more_authorization(const char *entry)
{
  while ((entry = strchr(entry, '\n')))
    if (is_authorization(++entry))
      return true;
  return false;
}

static void free_nodes(struct curl_slist *list)
{
  while (list) {
    struct curl_slist *next = list->next;
    free(list);
    list = next;
  }
}

/* The list without its Authorization lines: nodes of ours, strings of the program's. */
static bool filter(const struct curl_slist *headers, struct curl_slist **filtered)
{
  struct curl_slist **end = filtered;
  *filtered = NULL;
  for (; headers; headers = headers->next) {
    if (headers->data && is_authorization(headers->data))
      continue;
    struct curl_slist *node = calloc(1, sizeof *node);
    if (!node) {
      free_nodes(*filtered);
      *filtered = NULL;
      return false;
    }
    node->data = headers->data;
    *end = node;
    end = &node->next;
  }
  return true;
}

bool handle_set_headers(Handle *handle, struct curl_slist *headers)
{
  struct curl_slist *filtered = NULL;
  bool own = false, mixed = false;
  for (const struct curl_slist *line = headers; line; line = line->next) {
    own |= line->data && is_authorization(line->data);
    mixed |= line->data && has_more_authorization(line->data);
  }
  if (own && !filter(headers, &filtered))
    return false;
  free_nodes(handle->filtered);
  handle->filtered = filtered;
  handle->own_authorization = own || mixed;
  handle->mixed_authorization = mixed;
  handle->program.headers = headers;
  handle->node.next = headers;
  return true;
}

/* ---- the life of a Handle ---- */

/* Where all of them lie; each for twice as many as the one before, and never freed. Added under
 * `lock`, looked through without. */
typedef struct Slab {
  struct Slab *next;
  size_t count;
  Handle handles[];
} Slab;

#define FIRST_SLAB 4u

static _Atomic(Slab *) slabs;
static Handle *dead_handles; /* guarded by `lock` */

static Slab *make_slab(void)
{
  const Slab *last = atomic_load(&slabs);
  const size_t count = last ? 2 * last->count : FIRST_SLAB;
  Slab *slab = calloc(1, sizeof *slab + count * sizeof slab->handles[0]);
  if (slab)
    slab->count = count;
  return slab;
}

/* Its handles are dead ones, that belong to a slab in the copy that a fork makes, too. */
static void add_slab(Slab *slab)
{
  slab->next = atomic_load(&slabs);
  atomic_store_explicit(&slabs, slab, memory_order_release);
  for (size_t i = slab->count; i-- > 0;) {
    slab->handles[i].next = dead_handles;
    dead_handles = &slab->handles[i];
  }
}

/* A dead one, of `slab` if there is no other; NULL: there is none. */
static Handle *take_dead(Slab *slab)
{
  process_lock(&lock);
  if (slab)
    add_slab(slab);
  Handle *handle = dead_handles;
  if (handle)
    dead_handles = handle->next;
  process_unlock(&lock);
  return handle;
}

bool handle_is_one(const void *pointer)
{
  const Slab *slab = atomic_load_explicit(&slabs, memory_order_acquire);
  for (; slab; slab = slab->next) {
    const uintptr_t offset = (uintptr_t)pointer - (uintptr_t)slab->handles;
    if (offset < slab->count * sizeof slab->handles[0])
      return offset % sizeof slab->handles[0] == 0;
  }
  return false;
}

#define CURL_VERSION_CREDS 0x081500 /* 8.21.0: credentials are copied at connection set-up */

Handle *handle_new(CURL *curl, const ThredCurlApi *api)
{
  Handle *handle = take_dead(NULL);
  if (!handle) /* allocated here: malloc(3) may be anybody's */
    handle = take_dead(make_slab());
  if (!handle)
    return NULL;
  handle->next = NULL;
  handle->api = *api;
  handle->curl_version = api->version_info(CURLVERSION_FIRST)->version_num;
  handle->bearer_late = handle->curl_version >= CURL_VERSION_CREDS;
  handle->curl = curl;
  handle->program = (Program){.http_auth = CURLAUTH_BASIC, .header_opt = CURLHEADER_SEPARATE};
  handle_silence(handle);
  return handle;
}

void handle_free(Handle *handle)
{
  if (!handle)
    return;
  handle_clear_token(handle);
  wait_end(handle);
  response_begin(handle, RESPONSE_PASSES);
  handle_give_line(handle);
  free_nodes(handle->filtered);
  free(handle->remembered.url);
  config_release(handle->remembered.snapshot);
  secure_wipe(handle, sizeof *handle);
  handle_silence(handle);
  process_lock(&lock);
  handle->next = dead_handles;
  dead_handles = handle;
  process_unlock(&lock);
}
