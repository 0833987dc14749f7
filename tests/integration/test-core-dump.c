/* SPDX-License-Identifier: MIT */
/*
 * test-core-dump.c - what a process leaves to whoever gets hold of its core dump, and the segment
 * to whoever copies its file: the kernel writes a real one, and it is looked through for every
 * secret.
 *
 * It stands in each case whether the process has fetched the tokens itself ("cold"), or found them
 * in the segment ("warm"). What the tests do not find is the claim of docs/threat-model.md; what
 * they do find, and have to tell of, is libcurl's.
 */
#include <fcntl.h>
#include <glob.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client.h"
#include "process.h"
#include "under-shim.h"

#define URL BASE INVOICES

typedef struct {
  char partner[8192], business[8192], key[512], basic[1024];
} Secrets;

static char directory[] = "/tmp/thred-core-XXXXXX";

/* ---- a core dump ---- */

/* core(5): a name alone is a file in the process's directory; a pipe is somebody else's. */
static bool files_are_written_here(void)
{
  char pattern[256] = "|";
  FILE *file = fopen("/proc/sys/kernel/core_pattern", "re");
  bool here =
      file && fgets(pattern, sizeof pattern, file) && !strchr(pattern, '/') && pattern[0] != '|';
  if (file)
    fclose(file);
  return here;
}

/* Runs it there. Its core dump's path is static storage. */
static const char *dump_of(const char *const *arguments, bool shim)
{
  static char path[256];
  char port[32], ca[128];
  const char *script = "cd \"$0\" && rm -f core* && exec \"$@\"";
  const char *argv[16] = {"sh", "-c", script, directory, harness_beside("probe-dump")};
  const char *environment[] = {port, ca, shim ? shim_variable() : "LD_PRELOAD", "MALLOC_PERTURB_",
                               NULL}; /* which overwrites what is freed */
  Outcome outcome;
  glob_t found;
  snprintf(port, sizeof port, "PROBE_PORT=%u", emulator.port);
  snprintf(ca, sizeof ca, "PROBE_CA=%s", emulator.ca);
  for (size_t i = 0; arguments[i]; i++)
    argv[5 + i] = arguments[i];
  process_run(argv, environment, &outcome);
  assert_int_equal(outcome.status, 128 + 6);
  snprintf(path, sizeof path, "%s/core*", directory);
  assert_int_equal(glob(path, 0, NULL, &found), 0);
  snprintf(path, sizeof path, "%s", found.gl_pathv[0]);
  globfree(&found);
  return path;
}

/* ---- looking ---- */

static const char *map(const char *path, size_t *size)
{
  struct stat st;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  assert_true(fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0);
  *size = (size_t)st.st_size;
  const char *bytes = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, fd, 0);
  assert_true(bytes != MAP_FAILED);
  close(fd);
  return bytes;
}

/* A register of the CPU holds 64 bytes of what was copied last, and ld.so saves them on the stack:
 * of a secret that is longer, what stands there is a part. */
enum { REGISTER = 64 };

/* How many copies there are of more than that, or of the whole. Not counted are those that are
 * whole and stand in a request, where libcurl put them. */
static unsigned count(const char *bytes, size_t size, const char *secret, unsigned *requests)
{
  unsigned found = 0;
  const char *end = bytes + size;
  const size_t length = strlen(secret), piece = length > REGISTER ? REGISTER + 1 : length;
  for (const char *at = bytes; (at = memmem(at, (size_t)(end - at), secret, piece)); at++) {
    const bool whole = (size_t)(end - at) >= length + 2 && memcmp(at, secret, length) == 0;
    if (whole && requests && memcmp(at + length, "\r\n", 2) == 0)
      ++*requests;
    else if (whole || !requests) /* what is overwritten in part was libcurl's, and freed */
      found++;
  }
  return found;
}

typedef struct {
  unsigned partner, business, key, basic;
  unsigned requests; /* with the business token */
} Found;

static Found look(const char *path, const Secrets *secrets)
{
  size_t size;
  const char *bytes = map(path, &size);
  Found found = {0};
  found.partner = count(bytes, size, secrets->partner, NULL);
  found.business = count(bytes, size, secrets->business, &found.requests);
  found.key = count(bytes, size, secrets->key, NULL);
  found.basic = count(bytes, size, secrets->basic, NULL);
  munmap((void *)(uintptr_t)bytes, size);
  return found;
}

/* ---- the secrets ---- */

/* A JWT from the last bytes of its claims on: they begin all alike. */
static void take(char *to, size_t size, const char *token)
{
  enum { CLAIMS = 40, SIGNATURE = 43 };
  const char *claims = strchr(token, '.'), *signature = claims ? strchr(claims + 1, '.') : NULL;
  assert_true(signature && signature - claims > CLAIMS && strlen(signature + 1) >= SIGNATURE);
  snprintf(to, size, "%s", signature - CLAIMS);
  assert_true(strlen(to) == strlen(signature - CLAIMS));
}

/* The line NAME=value of the emulator's credentials file. */
static void read_credential(const char *name, char *value, size_t size)
{
  char line[1024];
  FILE *file = fopen(emulator.credentials, "re");
  value[0] = 0;
  assert_non_null(file);
  while (fgets(line, sizeof line, file))
    if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == '=') {
      line[strcspn(line, "\n")] = 0;
      snprintf(value, size, "%s", line + strlen(name) + 1);
    }
  fclose(file);
  assert_true(value[0] != 0);
}

/* After the process is gone: what it was given, by the emulator's log, and what it gave. */
static Secrets learn(void)
{
  static Secrets secrets;
  Client client;
  ThredToken token = {.size = sizeof token};
  ThredTokenRequest request = {
      .size = sizeof request, .kind = THRED_TOKEN_PARTNER, .business_id = FIRST};
  assert_int_equal(thred_token_get(&request, &token), THRED_OK);
  take(secrets.partner, sizeof secrets.partner, token.value);
  thred_token_clear(&token);
  request.kind = THRED_TOKEN_BUSINESS;
  assert_int_equal(thred_token_get(&request, &token), THRED_OK);
  take(secrets.business, sizeof secrets.business, token.value);
  thred_token_clear(&token);
  client_open(&client, mode_easy, URL); /* the server knows it: it is the one that was in use */
  client_expect(&client, 200);
  client_close(&client);
  read_credential("THRED_API_KEY", secrets.key, sizeof secrets.key);
  char pair[1024], uuid[256];
  read_credential("THRED_PARTNER_UUID", uuid, sizeof uuid);
  snprintf(pair, sizeof pair, "%s:%s", uuid, secrets.key);
  EVP_EncodeBlock((unsigned char *)secrets.basic, (const unsigned char *)pair, (int)strlen(pair));
  expect_counter(&emulator, "token_requests.partner", 1); /* all are those of the process */
  expect_counter(&emulator, "token_requests.business", 1);
  return secrets;
}

/* ---- the cases ---- */

typedef struct {
  const char *arguments[5];
  bool shim, warm;
} Case;

static void fetch_before(void)
{
  Client client;
  client_open(&client, mode_easy, URL);
  client_expect(&client, 200);
  client_close(&client);
}

static Found dumped(const Case *one)
{
  if (SANITIZED || !files_are_written_here())
    skip();
  if (one->warm)
    fetch_before();
  const char *path = dump_of(one->arguments, one->shim);
  Secrets secrets = learn();
  Found found = look(path, &secrets);
  unlink(path);
  return found;
}

static void expect_nothing_but_requests(const Case *one)
{
  Found found = dumped(one);
  print_message("%s: %u requests of libcurl's with the token\n", one->arguments[0], found.requests);
  assert_int_equal(found.partner, 0);
  assert_int_equal(found.business, 0);
  assert_int_equal(found.key, 0);
  assert_int_equal(found.basic, 0);
}

static void expect_nothing(const Case *one)
{
  Found found = dumped(one);
  assert_int_equal(found.partner + found.business + found.key + found.basic + found.requests, 0);
}

/* The judge can see: what a program holds itself is in its dump. */
static void what_a_program_holds(void **state)
{
  const Case one = {.arguments = {"hold", FIRST}, .warm = true};
  (void)state;
  assert_true(dumped(&one).business >= 1);
}

/* libcurl frees the request that it has sent as it is: those of a program that puts a token on by
 * itself, and wipes it, stand in its core dump as well. */
static void what_libcurl_leaves(void **state)
{
  const Case one = {.arguments = {"own", URL, "3", FIRST}, .warm = true};
  (void)state;
  Found found = dumped(&one);
  assert_int_equal(found.business, 0);
  assert_true(found.requests >= 1);
}

static void token_of_the_cache(void **state)
{
  (void)state;
  expect_nothing(&(Case){.arguments = {"token", FIRST}, .warm = true});
}

static void token_fetched(void **state)
{
  (void)state;
  expect_nothing(&(Case){.arguments = {"token", FIRST}});
}

static void attached(void **state)
{
  (void)state;
  expect_nothing_but_requests(&(Case){.arguments = {"attached", URL, "3"}, .warm = true});
}

static void attached_and_fetched(void **state)
{
  (void)state;
  expect_nothing_but_requests(&(Case){.arguments = {"attached", URL, "3"}});
}

static void resting(void **state)
{
  (void)state;
  expect_nothing_but_requests(&(Case){.arguments = {"resting", URL, "3"}, .warm = true});
}

static void shim(void **state)
{
  (void)state;
  expect_nothing_but_requests(
      &(Case){.arguments = {"plain", URL, "3"}, .shim = true, .warm = true});
}

static void shim_and_fetched(void **state)
{
  (void)state;
  expect_nothing_but_requests(&(Case){.arguments = {"plain", URL, "3"}, .shim = true});
}

static int start(void **state)
{
  return mkdtemp(directory) ? harness_start(state) : -1;
}

static int stop(void **state)
{
  rmdir(directory);
  return harness_stop(state);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      IN_MODE(what_a_program_holds, easy),
      IN_MODE(what_libcurl_leaves, easy),
      IN_MODE(token_of_the_cache, easy),
      IN_MODE(token_fetched, easy),
      IN_MODE(attached, easy),
      IN_MODE(attached_and_fetched, easy),
      IN_MODE(resting, easy),
      IN_MODE(shim, easy),
      IN_MODE(shim_and_fetched, easy),
  };
  harness_require_installation();
  return cmocka_run_group_tests(tests, start, stop);
}
