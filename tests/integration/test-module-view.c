/* SPDX-License-Identifier: MIT */
/*
 * test-module-view.c - a credential module sees no token: not in what it is handed, not in the
 * environment, and not on the stack of the thread that asks it, where callers hold a refused one.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client.h"
#include "run-probe.h"

/* With THRED_MODULE_DIR the miss part is looked for beside that folder. */
static char modules[128], dump[128];

static void copy(const char *from, const char *to)
{
  Outcome outcome;
  const char *const argv[] = {"install", "-D", "-m", "755", from, to, NULL};
  process_run(argv, NULL, &outcome);
  assert_string_equal(outcome.err, "");
}

static void read_credentials(char uuid[128], char key[512])
{
  FILE *file = fopen(emulator.credentials, "re");
  assert_non_null(file);
  assert_int_equal(fscanf(file, "THRED_PARTNER_UUID=%127s THRED_API_KEY=%511s", uuid, key), 2);
  fclose(file);
}

static void configure(void)
{
  char text[2048], uuid[128], key[512], to[256];
  snprintf(modules, sizeof modules, "%s/thred/credentials", emulator.dir);
  snprintf(dump, sizeof dump, "%s/dump", emulator.dir);
  snprintf(to, sizeof to, "%s/thred/libthred-fetch.so", emulator.dir);
  copy(harness_installed("lib/thred/libthred-fetch.so"), to);
  snprintf(to, sizeof to, "%s/spy.so", modules);
  copy(harness_beside("spy.so"), to);
  read_credentials(uuid, key);
  snprintf(text, sizeof text,
           "[environment sandbox]\ncredentials = spy\n"
           "[credentials spy]\nuuid = %s\nkey = %s\ndump = %s\n",
           uuid, key, dump);
  emulator_configure(&emulator, "60-spy.conf", text);
  setenv("THRED_MODULE_DIR", modules, 1);
}

static char *read_dump(size_t *length)
{
  struct stat st;
  int fd = open(dump, O_RDONLY | O_CLOEXEC);
  assert_true(fd >= 0 && fstat(fd, &st) == 0);
  char *text = malloc((size_t)st.st_size + 1);
  assert_non_null(text);
  *length = (size_t)st.st_size;
  assert_int_equal(read(fd, text, *length), *length);
  close(fd);
  return text;
}

static bool dump_has(const char *secret)
{
  size_t length;
  char *text = read_dump(&length);
  bool found = memmem(text, length, secret, strlen(secret)) != NULL;
  free(text);
  return found;
}

/* By their signatures. Returns how many there were. */
static size_t expect_no_token_in_dump(void)
{
  size_t count = 0;
  json_object *log = request_log(&emulator);
  for (size_t i = 0; i < json_object_array_length(log); i++) {
    const char *sent = log_authorization(log, i);
    if (strncmp(sent, "Bearer ", 7) != 0)
      continue;
    assert_false(dump_has(sent + strlen(sent) - 40));
    count++;
  }
  json_object_put(log);
  return count;
}

static void no_token(void **state)
{
  static const Probe probe = {.arguments = {"get", BASE INVOICES, "2"}};
  Outcome outcome;
  char uuid[128], key[512];
  (void)state;
  if (SANITIZED)
    skip(); /* the module reads its callers' stack */
  probe_run(&probe, &outcome);
  assert_string_equal(outcome.out, "0 200\n0 200\n");
  control_revoke(&emulator); /* this process has both tokens at hand when the module is asked */
  probe_run(&probe, &outcome);
  assert_string_equal(outcome.out, "0 200\n0 200\n");
  expect_counter(&emulator, "token_requests.partner", 2);
  assert_true(expect_no_token_in_dump() >= 6);
  /* What it is to see is there: an option, the environment. */
  read_credentials(uuid, key);
  assert_true(dump_has(key));
  assert_true(dump_has(modules));
}

static int start(void **state)
{
  int result = harness_start(state);
  configure();
  return result;
}

int main(void)
{
  const struct CMUnitTest tests[] = {IN_MODE(no_token, easy)};
  harness_require_installation();
  return cmocka_run_group_tests(tests, start, harness_stop);
}
