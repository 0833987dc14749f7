/* SPDX-License-Identifier: MIT */
#include "lib/bearer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <thred/credential-module.h>

#include "lib/bearer-log.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/fetch-load.h"
#include "lib/process.h"
#include "lib/secret-memory.h"
#include "lib/secure.h"
#include "lib/worker.h"

#define WAIT_SLICE_MS                                                                              \
  25 /* and twice as long each time, with as much by chance, up to eight times */
#define LEASE_GRACE_MS    2000  /* a fetch that keeps its time-out never loses its lease */
#define RENEW_CALM_MS     60000 /* more than this left: renewing may not cost a caller much */
#define RENEW_PATIENCE_MS 6000  /* what it may cost then; half of it is for the sources */
#define STALLS_MAX        60    /* of 50 ms: longer than the cache takes to give itself up */

/* One call: the request with what is derived from it once. */
typedef struct {
  const BearerRequest *request;
  const SnapshotEnvironment *environment;
  Cache *cache;
  CacheKey key;
  CacheLabel label;
  int64_t deadline_ms;
  bool patient;   /* .. is the environment's: the caller has time enough */
  int stalls;     /* how often in a row the lock was not to be had */
  unsigned waits; /* slices so far */
  uint32_t random;
} Call;

/* ---- the key ---- */

/* THRED_IDENTITY_ENV_FILE: the path, to be freed; NULL: none, or out of memory. On the heap: this
 * may run in a callback of libcurl's, on a stack of the program's. */
static char *find_env_file(const char *text)
{
  char name[128], *path = NULL;
  const size_t length = strcspn(text, ":/");
  snprintf(name, sizeof name, "%.*s", (int)length, text);
  const char *value = process_env(name), *home = process_env("HOME");
  const char *rest = text[length] ? text + length + 1 : "";
  const bool in_folder = text[length] == '/';
  const char *named = value || in_folder ? value : rest;
  const bool at_home = named && home && strncmp(named, "~/", 2) == 0;
  if (!named || asprintf(&path, "%s%s%s%s", at_home ? home : "", named + at_home,
                         in_folder ? "/" : "", in_folder ? rest : "") < 0)
    return NULL;
  return path;
}

/* What path it is counts as well as the file. */
static void add_env_file(Digest *digest, const char *text)
{
  char *path = find_env_file(text);
  SnapshotSource file = path ? snapshot_stat(path) : (SnapshotSource){0};
  digest_add_string(digest, path);
  digest_add(digest, &file, sizeof file);
  free(path);
}

static void add_identity(Digest *digest, const Snapshot *snapshot, const SnapshotIdentity *identity)
{
  const char *text = snapshot_text(snapshot, identity->text);
  digest_add_u64(digest, identity->kind);
  digest_add_string(digest, text);
  if (identity->kind == THRED_IDENTITY_ENV) {
    digest_add_string(digest, process_env(text));
  } else if (identity->kind == THRED_IDENTITY_FILE) {
    SnapshotSource file = snapshot_stat(text);
    digest_add(digest, &file, sizeof file);
  } else if (identity->kind == THRED_IDENTITY_ENV_FILE) {
    add_env_file(digest, text);
  }
}

static void add_stack(Digest *digest, const Snapshot *snapshot, SnapshotTable stack)
{
  digest_add_u64(digest, stack.count);
  for (uint32_t i = 0; i < stack.count; i++) {
    const SnapshotStackEntry *entry = snapshot_stack(snapshot, stack.offset + i);
    digest_add_string(digest, snapshot_string(snapshot, entry->module));
    digest_add(digest, entry->action, sizeof entry->action);
    digest_add_u64(digest, entry->identities.count);
    for (uint32_t k = 0; k < entry->identities.count; k++)
      add_identity(digest, snapshot, snapshot_identity(snapshot, entry->identities.offset + k));
  }
}

/* Two processes share a token only if they would have asked the same server with the same
 * credential: the key is a digest of all of that. */
static bool make_key(const BearerRequest *request, const SnapshotEnvironment *env, CacheKey *key)
{
  const Snapshot *snapshot = request->snapshot;
  Digest *digest = digest_new();
  digest_add_string(digest, "thred-auth token key 1");
  digest_add_string(digest, request->host);
  digest_add_u64(digest, request->token);
  digest_add_string(digest, request->token == SNAPSHOT_TOKEN_BUSINESS ? request->business : NULL);
  digest_add_string(digest, snapshot_string(snapshot, env->connect_to));
  digest_add_string(digest, snapshot_string(snapshot, env->ca_file));
  add_stack(digest, snapshot, env->credentials);
  add_stack(digest, snapshot, env->next);
  return digest_finish(digest, key->bytes);
}

#define MEMO_MS 1000

static bool is_remembered(const BearerMemo *memo, const BearerRequest *request,
                          const char *business)
{
  return memo->snapshot == request->snapshot && memo->environment == request->environment &&
         memo->token == request->token && memo->host == request->host &&
         strcmp(memo->business, business) == 0 && clock_coarse_ms() - memo->made_ms < MEMO_MS;
}

static bool get_key(const BearerRequest *request, const SnapshotEnvironment *env, CacheKey *key)
{
  BearerMemo *memo = request->memo;
  const char *business = request->token == SNAPSHOT_TOKEN_BUSINESS ? request->business : "";
  if (memo && is_remembered(memo, request, business)) {
    *key = memo->key;
    return true;
  }
  if (!make_key(request, env, key))
    return false;
  if (memo && strlen(business) < sizeof memo->business) {
    *memo = (BearerMemo){.snapshot = request->snapshot,
                         .environment = request->environment,
                         .token = request->token,
                         .host = request->host,
                         .made_ms = clock_coarse_ms(),
                         .key = *key};
    strcpy(memo->business, business);
  }
  return true;
}

static Cache *cache_for(const Snapshot *snapshot)
{
  return cache_create(snapshot->entries, (SnapshotSeal)snapshot->seal);
}

int64_t bearer_deadline_ms(const BearerRequest *request)
{
  const SnapshotEnvironment *env = snapshot_environment(request->snapshot, request->environment);
  int64_t longest = clock_monotonic_ms() + (int64_t)env->timeout * 1000;
  return request->deadline_ms < longest ? request->deadline_ms : longest;
}

static int begin(Call *call, const BearerRequest *request, Error *error)
{
  const Snapshot *snapshot = request->snapshot;
  const SnapshotEnvironment *env = snapshot_environment(snapshot, request->environment);
  call->request = request;
  call->environment = env;
  call->label = (CacheLabel){request->token, snapshot_string(snapshot, env->name), request->host,
                             request->token == SNAPSHOT_TOKEN_BUSINESS ? request->business : NULL};
  call->cache = cache_for(snapshot);
  if (!call->cache)
    return error_set(error, THRED_E_NO_MEMORY, "no memory for a token cache");
  if (!get_key(request, env, &call->key))
    return error_set(error, THRED_E_INTERNAL, "out of memory for a digest");
  return THRED_OK;
}

/* One process is the first to say so, and one line tells. */
static void note_refused(const Call *call)
{
  const uint64_t generation = call->request->refused;
  if (generation && cache_refuse(call->cache, &call->key, generation))
    bearer_log_refused(&call->label, generation);
}

/* For a call that may take time. */
static void set_patience(Call *call)
{
  call->stalls = 0;
  call->waits = 0;
  call->random = (uint32_t)clock_monotonic_ns() | 1;
  call->deadline_ms = bearer_deadline_ms(call->request);
  call->patient = call->deadline_ms < call->request->deadline_ms;
}

/* ---- fetching ---- */

static int request_token(const Call *call, int64_t deadline_ms, const char *partner_token,
                         CacheToken *token, FetchResult *result, Error *error)
{
  ProcessPaths paths;
  memset(result, 0, sizeof *result);
  int code = THRED_E_NO_MEMORY;
  const FetchApi *fetch = NULL;
  if (process_paths(&paths) && (fetch = fetch_load(paths.fetch_object, error))) {
    FetchRequest ask = {.snapshot = call->request->snapshot,
                        .environment = call->request->environment,
                        .host = call->request->host,
                        .business_id = call->label.business,
                        .partner_token = partner_token,
                        .deadline_ms = deadline_ms,
                        .module_dir = paths.modules,
                        .wait_begin = worker_wait_begin,
                        .wait_end = worker_wait_end,
                        .start = worker_start,
                        .note_lost = worker_note_lost,
                        .note = bearer_log_note,
                        .at_secure = (int)paths.origin.at_secure};
    token->boot_ms = clock_boot_ms();
    token->real_ms = clock_real_ms();
    code = fetch->fetch_token(&ask, result, error);
  } else if (error->code) {
    code = error->code;
  }
  process_paths_clear(&paths);
  if (code == THRED_OK) {
    token->generation = 0;
    token->lifetime_ms = result->lifetime * 1000;
    token->length = result->length;
    memcpy(token->value, result->token, result->length + 1);
    secure_wipe(result->token, result->length);
  }
  free(result->token);
  result->token = NULL;
  return code;
}

/* A business token is asked for with the partner token, which has a place of its own in the cache.
 * If it is refused it is replaced, once. */
static int request_business_token(const Call *call, int64_t deadline_ms, CacheToken *token,
                                  FetchResult *result, Error *error)
{
  BearerRequest ask = *call->request;
  CacheToken partner = {.value = secret_room()};
  if (!partner.value)
    return error_set(error, THRED_E_NO_MEMORY, "out of memory for a token");
  ask.token = SNAPSHOT_TOKEN_PARTNER;
  ask.business = NULL;
  ask.memo = NULL;
  ask.refused = 0;
  ask.not_before_ms = 0; /* if it is revoked too, the endpoint says so */
  ask.deadline_ms = deadline_ms;
  int code = THRED_OK;
  for (int attempt = 0; attempt < 2; attempt++) {
    partner.length = 0;
    code = bearer_get(&ask, &partner, error);
    if (code) {
      result->shared_failure = 0; /* it stands in the partner token's entry, if anywhere */
      break;
    }
    code = request_token(call, deadline_ms, partner.value, token, result, error);
    secure_wipe(partner.value, partner.length);
    if (code != THRED_E_REFUSED)
      break;
    ask.refused = partner.generation;
  }
  secret_room_free(partner.value);
  return code;
}

static int fetch_token(const Call *call, int64_t deadline_ms, CacheToken *token,
                       FetchResult *result, Error *error)
{
  memset(result, 0, sizeof *result);
  if (!call->label.business)
    bearer_log_age(call->request->snapshot, call->environment);
  bearer_log_asking(&call->label, call->request->refused);
  int code = call->label.business ? request_business_token(call, deadline_ms, token, result, error)
                                  : request_token(call, deadline_ms, NULL, token, result, error);
  if (code == THRED_OK && result->from_next)
    bearer_log_next(&call->label);
  return code;
}

/* Fetches as the owner of a lease and ends it, one way or the other. */
static int fetch_as_owner(const Call *call, CacheClaim *claim, CachePurpose purpose,
                          int64_t deadline_ms, CacheToken *token, Error *error)
{
  FetchResult result;
  int code = fetch_token(call, deadline_ms, token, &result, error);
  if (code == THRED_OK) {
    cache_publish(call->cache, &call->key, claim, token); /* if not, it is good for us alone */
    bearer_log_fetched(&call->label, token->generation, result.lifetime);
  } else if (result.shared_failure) {
    cache_fail(call->cache, &call->key, claim, code, result.http_status, result.retry_after * 1000);
  } else if (purpose == CACHE_FOR_RENEWAL) {
    cache_postpone(call->cache, &call->key, claim);
  } else {
    cache_release(call->cache, &call->key, claim);
  }
  return code;
}

static int64_t lease_ms(const Call *call)
{
  return (int64_t)call->environment->timeout * 1000 + LEASE_GRACE_MS;
}

/* ---- waiting ---- */

/* A publish wakes everybody; the slices are for an owner that died and a wake-up that went astray.
 * They grow and differ, as a thousand who wait must not keep the machine from the one who fetches;
 * the first of them to look finds a dead owner early all the same. */
static void wait_for_change(Call *call, const CacheClaim *claim)
{
  int64_t left = call->deadline_ms - clock_monotonic_ms();
  int64_t slice = (int64_t)WAIT_SLICE_MS << (call->waits < 3 ? call->waits : 3);
  call->waits++;
  call->random = call->random * 1664525u + 1013904223u;
  slice = slice / 2 + (int64_t)(call->random >> 8) % slice;
  if (left <= 0)
    return;
  worker_wait_begin();
  cache_wait(call->cache, claim, left < slice ? left : slice);
  worker_wait_end();
}

/* ---- replacing a token that is in hand ---- */

/* The contents of `from` become those of `to`, each in its own memory; `from` is wiped. */
static void move_token(CacheToken *to, CacheToken *from)
{
  char *value = to->value;
  memcpy(value, from->value, from->length + 1);
  secure_wipe(from->value, from->length);
  *to = *from;
  to->value = value;
}

/* Fetches as the owner; on success *token is the new one, else it stays. */
static int replace_as_owner(const Call *call, CacheClaim *claim, CachePurpose purpose,
                            int64_t deadline_ms, CacheToken *token)
{
  Error error = ERROR_INIT;
  CacheToken fresh = {.value = secret_room()};
  if (!fresh.value) {
    cache_release(call->cache, &call->key, claim);
    return THRED_E_NO_MEMORY;
  }
  int code = fetch_as_owner(call, claim, purpose, deadline_ms, &fresh, &error);
  if (code == THRED_OK)
    move_token(token, &fresh);
  else
    bearer_log_kept(&call->label, code, &error);
  secret_room_free(fresh.value);
  return code;
}

/* From `refresh-before` on, up to a fifth of it later, so that many machines do not renew in step;
 * never before half of a short life is over. */
static bool is_due(const Call *call, const CacheToken *token)
{
  int64_t before = (int64_t)call->environment->refresh_before * 1000;
  if (before > token->lifetime_ms / 2)
    before = token->lifetime_ms / 2;
  return token->remaining_ms < before - before / 5 * token->jitter / 65536;
}

/* Ahead of expiry: one process renews, the others and every failure go on with what they have. How
 * long nobody tries again after a failure stands in the entry, for all processes. */
static void renew(const Call *call, CacheToken *token)
{
  CacheClaim claim;
  int64_t now = clock_monotonic_ms(), deadline_ms = call->deadline_ms;
  if (cache_claim(call->cache, &call->key, &call->label, token->generation, lease_ms(call),
                  CACHE_FOR_RENEWAL, &claim) != CACHE_CLAIM_OWNED)
    return;
  if (token->remaining_ms > RENEW_CALM_MS && now + RENEW_PATIENCE_MS < deadline_ms)
    deadline_ms = now + RENEW_PATIENCE_MS;
  replace_as_owner(call, &claim, CACHE_FOR_RENEWAL, deadline_ms, token);
}

/* What is in the cache now, without losing what is in hand if that is nothing. */
static bool reread(const Call *call, CacheToken *token)
{
  CacheToken now = {.value = secret_room()};
  bool hit = now.value && cache_read(call->cache, &call->key, &now) == CACHE_HIT;
  if (hit)
    move_token(token, &now);
  secret_room_free(now.value);
  return hit;
}

/* Older than the request allows. Whatever its age, if the request does not care. */
static bool is_suspect(const BearerRequest *request, const CacheToken *token)
{
  return request->not_before_ms != 0 && token->boot_ms < request->not_before_ms;
}

/* Under suspicion: whoever comes first fetches, the others take that one. The suspected token stays
 * good for everyone else, and for us if no other is to be had within the limits. */
static void replace_suspect(Call *call, CacheToken *token)
{
  CacheClaim claim;
  while (is_suspect(call->request, token)) {
    if (call->deadline_ms <= clock_monotonic_ms())
      return;
    if (cache_must_wait(call->cache, &call->key, token->generation, &claim)) {
      wait_for_change(call, &claim);
    } else {
      switch (cache_claim(call->cache, &call->key, &call->label, token->generation, lease_ms(call),
                          CACHE_FOR_REFETCH, &claim)) {
      case CACHE_CLAIM_OWNED:
        replace_as_owner(call, &claim, CACHE_FOR_REFETCH, call->deadline_ms, token);
        return;
      case CACHE_CLAIM_BUSY:
        wait_for_change(call, &claim);
        break;
      case CACHE_CLAIM_NEWER:
        break;
      default:
        return;
      }
    }
    if (!reread(call, token))
      return;
  }
}

/* ---- getting ---- */

int bearer_failure(int failure)
{
  switch (failure) {
  case THRED_E_REFUSED:
  case THRED_E_BUSINESS_NOT_FOUND:
  case THRED_E_TOO_LARGE:
    return failure;
  default:
    return THRED_E_SERVER;
  }
}

static int shared_failure(const Call *call, const CacheClaim *claim, Error *error)
{
  return error_set(error, bearer_failure(claim->failure),
                   "%s answered %d to a %s token request; it is not asked again for %lld s",
                   call->request->host, claim->failure_status,
                   call->label.business ? "business" : "partner",
                   (long long)(claim->retry_ms + 999) / 1000);
}

static int limited(const Call *call, const CacheClaim *claim, Error *error)
{
  return error_set(error, THRED_E_REFUSED,
                   "%s refuses every new token: no other is fetched for %lld s",
                   call->request->host, (long long)(claim->retry_ms + 999) / 1000);
}

/* Asks for the lease, and fetches if it is ours. THRED_E_AGAIN: look into the cache again. */
static int claim_or_wait(Call *call, uint64_t seen, CacheToken *token, Error *error)
{
  CacheClaim claim;
  FetchResult result;
  CachePurpose purpose = call->request->refused ? CACHE_FOR_REFETCH : CACHE_FOR_MISS;
  CacheClaimResult answer =
      cache_claim(call->cache, &call->key, &call->label, seen, lease_ms(call), purpose, &claim);
  call->stalls = answer == CACHE_CLAIM_LOCKED ? call->stalls + 1 : 0;
  switch (answer) {
  case CACHE_CLAIM_OWNED:
    return fetch_as_owner(call, &claim, purpose, call->deadline_ms, token, error);
  case CACHE_CLAIM_LOCKED:
    if (call->stalls < STALLS_MAX)
      break;
    return fetch_token(call, call->deadline_ms, token, &result, error);
  case CACHE_CLAIM_NONE:
    return fetch_token(call, call->deadline_ms, token, &result, error);
  case CACHE_CLAIM_FAILED:
    return shared_failure(call, &claim, error);
  case CACHE_CLAIM_LIMITED:
    return limited(call, &claim, error);
  case CACHE_CLAIM_BUSY:
    wait_for_change(call, &claim);
    break;
  case CACHE_CLAIM_NEWER:
  case CACHE_CLAIM_LATER:
    break;
  }
  return THRED_E_AGAIN;
}

/* One round on a miss. THRED_E_AGAIN: look into the cache again. */
static int on_miss(Call *call, CacheToken *token, Error *error)
{
  CacheClaim claim;
  int code = THRED_E_AGAIN;
  if (call->deadline_ms <= clock_monotonic_ms())
    return error_set(error, THRED_E_TIMEOUT, "no %s token of %s within %u s",
                     call->label.business ? "business" : "partner", call->request->host,
                     call->environment->timeout);
  uint64_t seen = token->generation ? token->generation : call->request->refused;
  if (cache_must_wait(call->cache, &call->key, seen, &claim))
    wait_for_change(call, &claim);
  else
    code = claim_or_wait(call, seen, token, error);
  if (code != THRED_E_AGAIN)
    return code;
  /* The segment may have been retired or taken away while we waited. */
  Cache *cache = cache_for(call->request->snapshot);
  if (cache)
    call->cache = cache;
  return THRED_E_AGAIN;
}

/* What is in the cache, or a better one. */
static bool take_cached(Call *call, CacheToken *token)
{
  if (cache_read(call->cache, &call->key, token) != CACHE_HIT)
    return false;
  bearer_log_token(&call->label, token);
  if (is_suspect(call->request, token))
    replace_suspect(call, token);
  else if (is_due(call, token))
    renew(call, token);
  return true;
}

static int get_token(const BearerRequest *request, CacheToken *token, Error *error)
{
  Call call;
  int code = begin(&call, request, error);
  if (code)
    return code;
  set_patience(&call);
  note_refused(&call);
  do {
    if (take_cached(&call, token))
      return THRED_OK;
    code = on_miss(&call, token, error);
  } while (code == THRED_E_AGAIN);
  if (code == THRED_OK)
    bearer_log_token(&call.label, token);
  else if (code != THRED_E_TIMEOUT || call.patient)
    bearer_log_failure(&call.label, code, error);
  return code;
}

static int try_token(const BearerRequest *request, CacheToken *token, Error *error)
{
  Call call;
  int code = begin(&call, request, error);
  if (code)
    return code;
  note_refused(&call);
  if (cache_read(call.cache, &call.key, token) == CACHE_HIT) {
    bearer_log_token(&call.label, token);
    return THRED_OK;
  }
  if (cache_is_busy(call.cache, &call.key))
    return error_set(error, THRED_E_AGAIN, "the token is being fetched");
  return error_set(error, THRED_E_WOULD_BLOCK, "the token has to be fetched");
}

static BearerLook look_for_token(const BearerRequest *request, CacheToken *token, Error *error)
{
  Call call;
  if (begin(&call, request, error))
    return BEARER_NONE;
  note_refused(&call);
  if (cache_read(call.cache, &call.key, token) != CACHE_HIT)
    return BEARER_NONE;
  bearer_log_token(&call.label, token);
  if (is_suspect(request, token))
    return BEARER_SUSPECT;
  return is_due(&call, token) ? BEARER_DUE : BEARER_GOOD;
}

static int refuse_token(const BearerRequest *request, CacheToken *token, Error *error)
{
  Call call;
  int code = begin(&call, request, error);
  (void)token;
  if (code == THRED_OK)
    note_refused(&call);
  return code;
}

/* ---- the functions of bearer.h ---- */

typedef int (*Function)(const BearerRequest *request, CacheToken *token, Error *error);

/* A thread cancelled in the middle would keep the lease to its end: everyone would wait. And what
 * it has open or half made would stay so. */
static int uncancelled(Function function, const BearerRequest *request, CacheToken *token,
                       Error *error)
{
  int old_state;
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old_state);
  int code = function(request, token, error);
  pthread_setcancelstate(old_state, &old_state);
  if (code && token) {
    token->length = 0;
    token->value[0] = 0;
  }
  return code;
}

int bearer_get(const BearerRequest *request, CacheToken *token, Error *error)
{
  return uncancelled(get_token, request, token, error);
}

int bearer_try(const BearerRequest *request, CacheToken *token, Error *error)
{
  return uncancelled(try_token, request, token, error);
}

BearerLook bearer_look(const BearerRequest *request, CacheToken *token, Error *error)
{
  int old_state;
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old_state);
  BearerLook look = look_for_token(request, token, error);
  pthread_setcancelstate(old_state, &old_state);
  return look;
}

void bearer_refuse(const BearerRequest *request)
{
  Error error = ERROR_INIT;
  (void)uncancelled(refuse_token, request, NULL, &error);
}
