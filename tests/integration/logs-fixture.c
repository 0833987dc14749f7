/* SPDX-License-Identifier: MIT */
#include "logs-fixture.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char logs_uuid[64], logs_key[128], logs_basic[256];
bool logs_alone;

char logs_said[1u << 20];
size_t logs_length;

void logs_note(const char *text)
{
  size_t length = strlen(text);
  assert_true(logs_length + length + 2 < sizeof logs_said);
  memcpy(logs_said + logs_length, text, length);
  logs_length += length;
  logs_said[logs_length++] = '\n';
  logs_said[logs_length] = '\0';
}

void logs_forget(void)
{
  logs_length = 0;
  logs_said[0] = '\0';
}

void logs_add_seen(void)
{
  json_object *log = request_log(&emulator);
  for (size_t i = 0; i < json_object_array_length(log); i++) {
    const char *sent = log_authorization(log, i), *blank = strchr(sent, ' ');
    if (blank)
      secrets_add(blank + 1);
  }
  json_object_put(log);
}

/* What is ours is ASCII, and nothing else was sent that may stay. */
static bool is_tame(const char *text)
{
  for (const unsigned char *at = (const unsigned char *)text; *at; at++)
    if ((*at < 0x20 && *at != '\n') || *at >= 0x7f)
      return false;
  return true;
}

void logs_expect_clean(void)
{
  logs_add_seen();
  assert_true(logs_length > 0);
  const char *found = secrets_find(logs_said, logs_length);
  if (found) {
    const char *line = found;
    while (line > logs_said && line[-1] != '\n')
      line--;
    fail_msg("a secret, or a piece of one: %.40s\nin: %.*s", found, (int)strcspn(line, "\n"), line);
  }
  if (!is_tame(logs_said))
    fail_msg("control characters in: %s", logs_said);
}

void logs_expect(const char *words)
{
  if (strstr(logs_said, words))
    return;
  fputs(logs_said, stderr); /* cmocka cuts its messages */
  fail_msg("'%s' is not in what stands above", words);
}

int logs_run(const char *const *argv, const char *const *environment)
{
  static Outcome outcome;
  process_run(argv, environment, &outcome);
  logs_note(outcome.out);
  logs_note(outcome.err);
  return outcome.status;
}

int logs_probe(const char *a, const char *b, const char *c)
{
  static Outcome outcome;
  const Probe one = {.arguments = {a, b, c}};
  probe_run(&one, &outcome);
  logs_note(outcome.out);
  logs_note(outcome.err);
  return outcome.status;
}

void logs_ask(void)
{
  logs_probe("message", "partner", NULL);
  logs_probe("message", "business", FIRST);
  logs_probe("get", BASE INVOICES, "2");
  thredctl("check");
  thredctl("check", "--json");
}

void logs_configure(const char *text)
{
  emulator_configure(&emulator, "60-logs.conf", text);
}

void logs_write_file(const char *name, const char *text, mode_t mode, char path[128])
{
  snprintf(path, 128, "%s/%s", emulator.dir, name);
  unlink(path);
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, text, strlen(text)), strlen(text));
  close(fd);
}

static void read_credentials(void)
{
  char line[256], pair[256];
  FILE *file = fopen(emulator.credentials, "re");
  assert_non_null(file);
  while (fgets(line, sizeof line, file))
    if (sscanf(line, "THRED_PARTNER_UUID=%63s", logs_uuid) != 1)
      (void)sscanf(line, "THRED_API_KEY=%127s", logs_key);
  fclose(file);
  assert_true(logs_uuid[0] && logs_key[0]);
  int length = snprintf(pair, sizeof pair, "%s:%s", logs_uuid, logs_key);
  EVP_EncodeBlock((unsigned char *)logs_basic, (const unsigned char *)pair, length);
}

int logs_start(void **state)
{
  struct stat before, after;
  assert_int_equal(stat("/proc/self/ns/mnt", &before), 0);
  int result = harness_start(state);
  assert_int_equal(stat("/proc/self/ns/mnt", &after), 0);
  logs_alone = before.st_ino != after.st_ino;
  signal(SIGPIPE, SIG_IGN);
  read_credentials();
  return result || setenv("THRED_LOG", "debug", 1);
}

int logs_fresh(void **state)
{
  static const char *const all[] = {logs_key, logs_basic, WRONG_KEY, URL_SECRET};
  logs_configure("");
  logs_forget();
  secrets_clear();
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    secrets_add(all[i]);
  return harness_fresh(state);
}
