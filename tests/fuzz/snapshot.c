/* SPDX-License-Identifier: MIT */
/*
 * A configuration block of any bytes: what snapshot_check() takes is safe for all that readers do
 * with it.
 *
 * An input is a list of edits of a good block (a place, a width, a value), so that it survives
 * changes of the layout; or, if it begins with '=', the block itself but for the three words that
 * every block begins with.
 */
#include "lib/bearer.c"
#include "lib/key-age.h"
#include "tests/fuzz/conf.h"
#include "tests/fuzz/fuzz.h"

static Snapshot *good;
static size_t good_size;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
  static Conf conf;
  (void)argc, (void)argv;
  conf_make(&conf);
  conf_write_shipped(&conf, "[environment sandbox]\ncredentials = env file [NOTFOUND=return]\n"
                            "next = systemd\nbusiness = 3c90c3cc-0d44-4b50-8888-8dd25736052a\n"
                            "pin-business = yes\nkey-created = 2026-09-01\n"
                            "ca-file = /etc/ca.pem\nconnect-to = ::127.0.0.1:8443\n"
                            "[environment production]\ncredentials = exec\nunknown = x\n"
                            "[credentials file]\npath = /etc/thred/key\n"
                            "[credentials exec]\ncommand = /bin/true\npass-environment = A B\n");
  good = conf_load(&conf.origin, &good_size);
  return 0;
}

static char *edited(FuzzInput *input, size_t *size)
{
  /* Exactly as large as it is, so that whoever reads past it is caught. */
  char *block = fuzz_copy(good, *size = good_size);
  while (input->at < input->end) {
    size_t at = fuzz_number(input, 2) % *size;
    unsigned how = (unsigned)fuzz_number(input, 1), width = 1u << how % 3;
    uint64_t value = fuzz_number(input, width), old = 0;
    if (how & 8) /* aligned, as the fields are */
      at &= ~(size_t)(width - 1);
    if (at + width > *size)
      continue;
    memcpy(&old, block + at, width);
    value = how & 16 ? old + value : how & 32 ? *size - value % 64 : value;
    memcpy(block + at, &value, width);
  }
  return block;
}

static char *whole(FuzzInput *input, size_t *size)
{
  *size = (size_t)(input->end - input->at);
  char *block = fuzz_copy(input->at, *size);
  if (*size > sizeof(Snapshot)) {
    Snapshot *head = (Snapshot *)(void *)block;
    head->magic = SNAPSHOT_MAGIC;
    head->layout = SNAPSHOT_LAYOUT;
    head->size = (uint32_t)*size;
    block[*size - 1] = 0;
  }
  return block;
}

static size_t sum;

static void use(const Snapshot *s, uint32_t string)
{
  sum += string ? strlen(snapshot_string(s, string)) : 0;
}

static void use_environment(const Snapshot *s, uint32_t index)
{
  int days;
  const SnapshotEnvironment *e = snapshot_environment(s, index);
  const char *name = snapshot_string(s, e->name);
  FUZZ_TRUE(snapshot_find_environment(s, name) <= index);
  const uint32_t strings[] = {e->business, e->key_created, e->ca_file, e->connect_to, e->file};
  for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
    use(s, strings[i]);
  key_age_days(snapshot_string(s, e->key_created), 1800000000, &days);
  for (uint32_t i = 0; i < e->host_count && i < 4; i++) {
    const char *host = snapshot_string(s, snapshot_host(s, e->first_host + i)->name);
    BearerRequest request = {.snapshot = s,
                             .environment = index,
                             .host = host,
                             .token = SNAPSHOT_TOKEN_BUSINESS,
                             .business = "",
                             .deadline_ms = 1};
    CacheKey key;
    FUZZ_TRUE(make_key(&request, e, &key));
    bearer_deadline_ms(&request);
  }
}

static void use_stack(const Snapshot *s, const SnapshotStackEntry *entry)
{
  use(s, entry->name);
  use(s, entry->module);
  for (uint32_t i = 0; i < entry->options.count; i++) {
    const SnapshotOption *option = snapshot_option(s, entry->options.offset + i);
    use(s, option->key);
    use(s, option->value);
    use(s, option->file);
  }
}

/* The path of each route, on each host. */
static void decide(const Snapshot *s)
{
  char url[2048];
  for (uint32_t i = 0; i < s->routes.count && i < 8; i++) {
    const SnapshotHost *host = s->hosts.count ? snapshot_host(s, i % s->hosts.count) : NULL;
    snprintf(url, sizeof url, "https://%s%s", host ? snapshot_string(s, host->name) : "thredfi.com",
             snapshot_string(s, snapshot_route(s, i)->path));
    RouteDecision d = route_decide(s, thred_curl_api(), i & 1 ? "HEAD" : "POST", url, NULL);
    FUZZ_TRUE(d.environment == SNAPSHOT_NONE || d.environment < s->environments.count);
    FUZZ_TRUE(d.route == SNAPSHOT_NONE || d.route < s->routes.count);
    FUZZ_TRUE(d.reason != ROUTE_TOKEN || snapshot_environment(s, d.environment)->active);
  }
}

static void use_all(const Snapshot *s)
{
  for (uint32_t i = 0; i < s->sources.count; i++)
    use(s, snapshot_source(s, i)->path);
  for (uint32_t i = 0; i < s->environments.count; i++)
    use_environment(s, i);
  for (uint32_t i = 0; i < s->stack.count; i++)
    use_stack(s, snapshot_stack(s, i));
  for (uint32_t i = 0; i < s->problems.count; i++) {
    use(s, snapshot_problem(s, i)->text);
    use(s, snapshot_problem(s, i)->file);
  }
  snapshot_is_provisional(s);
  snapshot_is_current(s);
  decide(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  FuzzInput input = {data, data + size};
  size_t length;
  bool is_whole = size > 0 && *data == '=';
  input.at += is_whole;
  char *block = is_whole ? whole(&input, &length) : edited(&input, &length);
  if (snapshot_check(block, length))
    use_all((const Snapshot *)(void *)block);
  free(block);
  return 0;
}
