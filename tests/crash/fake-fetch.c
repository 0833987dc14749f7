/* SPDX-License-Identifier: MIT */
#include "tests/crash/fake-fetch.h"

#include <stdlib.h>
#include <string.h>
#include <thred/credential-module.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fetch-load.h"
#include "tests/crash/crash.h"

#define SLICE_MS  5 /* how late a fetch may notice its deadline */
#define HEAD_SIZE 41

FakeFetch *fake_fetch;

static struct {
  void (*call)(void *data);
  void *data;
} middle;

void fake_start(void)
{
  fake_fetch = child_shared(sizeof *fake_fetch);
  atomic_store(&fake_fetch->takes_ms, FAKE_FETCH_MS);
  atomic_store(&fake_fetch->lifetime_s, 3600);
}

void fake_forget(void)
{
  unsigned count = atomic_load(&fake_fetch->count);
  for (unsigned i = 0; i < count; i++)
    atomic_store(&fake_fetch->runs[i].state, FAKE_EMPTY);
  atomic_store(&fake_fetch->count, 0);
}

void fake_in_the_middle(void (*call)(void *data), void *data)
{
  middle.call = call;
  middle.data = data;
}

/* ---- tokens: "credential.business.number." in hexadecimal, and a filling that follows from it
 * ----
 */

static uint64_t mixed(uint64_t value)
{
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
  return value ^ (value >> 31);
}

static uint32_t hash_of(const char *business)
{
  uint32_t hash = 2166136261u; /* FNV-1a */
  for (const char *p = business ? business : ""; *p; p++)
    hash = (hash ^ (unsigned char)*p) * 16777619u;
  return hash;
}

/* Up to 1 KiB, and one in 16 up to the largest that there may be. */
static size_t write_token(char *out, uint64_t credential, const char *business, uint64_t number)
{
  static const char letters[65] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  uint32_t hash = hash_of(business);
  uint64_t state = mixed(credential * 0x9e3779b97f4a7c15u + hash) ^ mixed(number + 1);
  size_t longest = mixed(state) >> 60 ? 1024 : TOKEN_MAX;
  size_t length = HEAD_SIZE + (state >> 20) % (longest - HEAD_SIZE + 1);
  snprintf(out, HEAD_SIZE + 1, "%016llx.%08x.%014llx.", (unsigned long long)credential, hash,
           (unsigned long long)number);
  for (size_t i = HEAD_SIZE; i < length; i++)
    out[i] = letters[mixed(state + i) >> 58];
  out[length] = 0;
  return length;
}

bool fake_token_is_whole(const CacheToken *token, uint64_t credential, const char *business,
                         uint64_t *number)
{
  char *expected = malloc(TOKEN_MAX + 1);
  require(expected);
  *number = token->length >= HEAD_SIZE ? strtoull(token->value + 26, NULL, 16) : 0;
  size_t length = write_token(expected, credential, business, *number);
  bool whole = token->length == length && memcmp(token->value, expected, length + 1) == 0;
  free(expected);
  return whole;
}

/* ---- the list ---- */

/* A process may be killed anywhere here: `state` comes last. */
static FakeRun *enter(uint64_t credential, const char *business)
{
  unsigned index = atomic_fetch_add(&fake_fetch->count, 1);
  require(index < FAKE_RUNS);
  FakeRun *run = &fake_fetch->runs[index];
  run->pid = getpid();
  run->since_ms = clock_monotonic_ms();
  run->credential = credential;
  run->number = atomic_fetch_add(&fake_fetch->numbers, 1) + 1;
  snprintf(run->business, sizeof run->business, "%s", business ? business : "");
  atomic_store(&run->state, FAKE_RUNNING);
  return run;
}

static unsigned entered(void)
{
  unsigned count = atomic_load(&fake_fetch->count);
  return count < FAKE_RUNS ? count : FAKE_RUNS;
}

FakeTally fake_tally(uint64_t credential, const char *business)
{
  FakeTally tally = {0};
  for (unsigned i = 0; i < entered(); i++) {
    const FakeRun *run = &fake_fetch->runs[i];
    int state = atomic_load(&run->state);
    if (state == FAKE_EMPTY || run->credential != credential ||
        strcmp(run->business, business ? business : "") != 0)
      continue;
    tally.started++;
    tally.running += state == FAKE_RUNNING;
    tally.tokens += state == FAKE_TOKEN;
    tally.failed += state == FAKE_FAILED;
    tally.killed += state == FAKE_KILLED;
    tally.tokens_killed += state == FAKE_TOKEN_KILLED;
  }
  return tally;
}

FakeRun *fake_newest(uint64_t credential)
{
  for (unsigned i = entered(); i-- > 0;) {
    FakeRun *run = &fake_fetch->runs[i];
    if (atomic_load(&run->state) != FAKE_EMPTY && run->credential == credential)
      return run;
  }
  return NULL;
}

FakeRun *fake_running(uint64_t credential)
{
  for (unsigned i = entered(); i-- > 0;) {
    FakeRun *run = &fake_fetch->runs[i];
    if (atomic_load(&run->state) == FAKE_RUNNING && run->credential == credential)
      return run;
  }
  return NULL;
}

void fake_killed(pid_t pid)
{
  for (unsigned i = entered(); i-- > 0;) {
    FakeRun *run = &fake_fetch->runs[i];
    int state = atomic_load(&run->state);
    if (state == FAKE_EMPTY || run->pid != pid)
      continue;
    if (state == FAKE_RUNNING)
      atomic_store(&run->state, FAKE_KILLED);
    else if (state == FAKE_TOKEN)
      atomic_store(&run->state, FAKE_TOKEN_KILLED);
    return;
  }
}

/* ---- fetching ---- */

static uint64_t credential_of(const Snapshot *snapshot)
{
  const char *text = snapshot_string(snapshot, snapshot_identity(snapshot, 0)->text);
  return strtoull(text, NULL, 16);
}

static void check_partner(const FetchRequest *request, uint64_t credential)
{
  uint64_t number;
  CacheToken partner = {.value = (char *)(uintptr_t)request->partner_token};
  partner.length = partner.value ? strlen(partner.value) : 0;
  if (!partner.value || !fake_token_is_whole(&partner, credential, NULL, &number))
    atomic_fetch_add(&fake_fetch->wrong_partner, 1);
}

/* False: the deadline came first. An answer whose time had come before it is taken, also by one who
 * was stopped meanwhile. */
static bool take_time(int64_t since_ms, int64_t deadline_ms)
{
  bool half = false;
  for (;;) {
    int64_t now = clock_monotonic_ms(), takes = atomic_load(&fake_fetch->takes_ms);
    if (!half && middle.call && now >= since_ms + takes / 2) {
      half = true;
      middle.call(middle.data);
      continue;
    }
    if (now >= since_ms + takes)
      return true;
    if (now >= deadline_ms)
      return false;
    int64_t left = since_ms + takes - now;
    sleep_us((left < SLICE_MS ? left : SLICE_MS) * 1000);
  }
}

static int answer(const FakeRun *run, FetchResult *result, Error *error)
{
  int failure = atomic_load(&fake_fetch->failure);
  if (failure) {
    result->shared_failure = atomic_load(&fake_fetch->shared_failure);
    result->http_status = atomic_load(&fake_fetch->http_status);
    result->retry_after = atomic_load(&fake_fetch->retry_after_s);
    return error_set(error, failure, "the fake server fails (%d)", result->http_status);
  }
  result->token = malloc(TOKEN_MAX + 1);
  if (!result->token)
    return error_set(error, THRED_E_NO_MEMORY, "no memory for a fake token");
  result->length = write_token(result->token, run->credential, run->business, run->number);
  result->lifetime = atomic_load(&fake_fetch->lifetime_s);
  result->http_status = 200;
  return THRED_OK;
}

static int fetch_token(const FetchRequest *request, FetchResult *result, Error *error)
{
  uint64_t credential = credential_of(request->snapshot);
  memset(result, 0, sizeof *result);
  require(strcmp(request->host, FAKE_HOST) == 0);
  if (request->business_id)
    check_partner(request, credential);
  FakeRun *run = enter(credential, request->business_id);
  int code = take_time(run->since_ms, request->deadline_ms)
                 ? answer(run, result, error)
                 : error_set(error, THRED_E_TIMEOUT, "the fake server is too slow");
  atomic_store(&run->state, code == THRED_OK ? FAKE_TOKEN : FAKE_FAILED);
  return code;
}

static void ask_sources(const FetchRequest *request,
                        void (*each)(const FetchAnswer *answer, void *data), void *data)
{
  (void)request, (void)each, (void)data;
}

static int load_config(const SnapshotOrigin *origin, void **block, size_t *size, Error *error)
{
  (void)origin, (void)block, (void)size;
  return error_set(error, THRED_E_CONFIG, "the fake miss part reads no configuration");
}

const FetchApi *__wrap_fetch_load(const char *object, Error *error);

const FetchApi *__wrap_fetch_load(const char *object, Error *error)
{
  static const FetchApi api = {.abi = FETCH_ABI,
                               .size = sizeof api,
                               .load_config = load_config,
                               .fetch_token = fetch_token,
                               .ask_sources = ask_sources};
  (void)object, (void)error;
  return &api;
}

/* ---- configuration ---- */

static uint32_t add_text(FakeSnapshot *block, size_t *at, const char *text)
{
  size_t offset = offsetof(FakeSnapshot, text) + *at, size = strlen(text) + 1;
  require(*at + size < sizeof block->text);
  memcpy(block->text + *at, text, size);
  *at += size;
  return (uint32_t)offset;
}

#define TABLE(field)                                                                               \
  {                                                                                                \
    offsetof(FakeSnapshot, field), 1                                                               \
  }

static SnapshotHeader header_of(uint32_t entries)
{
  const SnapshotTable none = {sizeof(SnapshotHeader), 0};
  return (SnapshotHeader){
      .magic = SNAPSHOT_MAGIC,
      .layout = SNAPSHOT_LAYOUT,
      .size = sizeof(FakeSnapshot),
      .sources = none,
      .environments = TABLE(environment),
      .hosts = TABLE(host),
      .routes = none,
      .stack = TABLE(stack),
      .options = none,
      .identities = TABLE(identity),
      .problems = none,
      .log = SNAPSHOT_LOG_ERROR,
      .entries = entries,
  };
}

const Snapshot *fake_snapshot(FakeSnapshot *block, const FakeSettings *settings)
{
  const SnapshotTable first = {0, 1};
  char credential[24];
  size_t at = 0;
  memset(block, 0, sizeof *block);
  snprintf(credential, sizeof credential, "%016llx", (unsigned long long)settings->credential);
  uint32_t sandbox = add_text(block, &at, "sandbox"), host = add_text(block, &at, FAKE_HOST);
  uint32_t module = add_text(block, &at, "fake"), identity = add_text(block, &at, credential);
  block->header = header_of(settings->entries);
  block->environment = (SnapshotEnvironment){
      .name = sandbox,
      .active = 1,
      .host_count = 1,
      .allow = SNAPSHOT_ALLOW_PARTNER | SNAPSHOT_ALLOW_BUSINESS,
      .refresh_before = settings->refresh_before,
      .connect_timeout = settings->timeout,
      .timeout = settings->timeout,
      .credentials = first,
  };
  block->stack = (SnapshotStackEntry){.name = module, .module = module, .identities = first};
  block->identity = (SnapshotIdentity){THRED_IDENTITY_TEXT, identity};
  block->host = (SnapshotHost){host, 0};
  require(snapshot_check(block, sizeof *block));
  return &block->header;
}

BearerRequest fake_request(const Snapshot *snapshot, const char *business)
{
  return (BearerRequest){
      .snapshot = snapshot,
      .host = snapshot_string(snapshot, snapshot_host(snapshot, 0)->name),
      .token = business ? SNAPSHOT_TOKEN_BUSINESS : SNAPSHOT_TOKEN_PARTNER,
      .business = business,
      .deadline_ms = INT64_MAX,
  };
}
