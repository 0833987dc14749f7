/* SPDX-License-Identifier: MIT */
/*
 * test-rotation.c - keys that change while programs run: in a file, in the second stack, in what a
 * command says. And keys that are refused: nobody hammers the endpoint with one.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "process.h"
#include "run-probe.h"

static char partner[64]; /* the emulator's, of its credentials file */

/* ---- files ---- */

static const char *beside(const char *name)
{
  static char paths[4][128];
  static unsigned next;
  char *path = paths[next++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", emulator.dir, name);
  return path;
}

/* As an administrator does it: whole, or not at all. */
static void replace(const char *path, const char *text, mode_t mode)
{
  char new[160];
  snprintf(new, sizeof new, "%s.new", path);
  FILE *file = fopen(new, "we");
  assert_non_null(file);
  assert_true(fputs(text, file) >= 0);
  assert_int_equal(fclose(file), 0);
  assert_int_equal(chmod(new, mode), 0);
  assert_int_equal(rename(new, path), 0);
}

static void write_key(const char *path, const char *key)
{
  char text[512];
  snprintf(text, sizeof text, "THRED_PARTNER_UUID=%s\nTHRED_API_KEY=%s\n", partner, key);
  replace(path, text, 0600);
}

static void read_partner(void)
{
  char line[256];
  FILE *file = fopen(emulator.credentials, "re");
  assert_non_null(file);
  while (fgets(line, sizeof line, file))
    if (sscanf(line, "THRED_PARTNER_UUID=%63s", partner) == 1)
      break;
  fclose(file);
  assert_true(partner[0] != 0);
}

static void configure(const char *lines, const char *key, const char *path)
{
  char conf[512];
  snprintf(conf, sizeof conf, "[environment sandbox]\n%s\n%s = %s\n", lines, key, path);
  emulator_configure(&emulator, "60-rotation.conf", conf);
}

static void configure_next(const char *path)
{
  configure("next = file-next\n[credentials file-next]\nmodule = file", "path", path);
}

static void configure_command(const char *path)
{
  configure("credentials = exec\n[credentials exec]", "command", path);
}

/* The emulator is told, and `path` says, that this is the key. */
static void begin(void **state, const char *path, const char *key)
{
  harness_fresh(state);
  read_partner();
  control(&emulator, "POST", "set?api_key=%s", key);
  write_key(path, key);
}

static void end(void)
{
  emulator_unconfigure(&emulator, "60-rotation.conf");
}

/* ---- eight processes that never stop ---- */

#define PROCESSES 8

typedef struct {
  atomic_int requests, failures;
  atomic_bool stop;
} Shared;

static void request_on_and_on(Shared *shared)
{
  Client client;
  client_open(&client, mode_easy, BASE INVOICES);
  while (!atomic_load(&shared->stop)) {
    bool good = client_run(&client) == CURLE_OK && client_status(&client) == 200;
    atomic_fetch_add(&shared->requests, 1);
    atomic_fetch_add(&shared->failures, !good);
    client_clear(&client);
  }
  _exit(0);
}

static void rest_ms(int64_t ms)
{
  for (int64_t until = now_ms() + ms; now_ms() < until;)
    usleep(20000);
}

/* In turns: the new key comes in the file itself, and in the one of the stack `next`. A second
 * later the old one is refused, and each token has only a second to live, so that new ones are got
 * all the time. */
static void rotated_under_load(void **state)
{
  pid_t pids[PROCESSES];
  Shared *shared =
      mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  assert_true(shared != MAP_FAILED);
  begin(state, emulator.credentials, "first");
  write_key(beside("next"), "first");
  configure_next(beside("next"));
  control(&emulator, "POST", "set?lifetime=2");
  for (int i = 0; i < PROCESSES; i++)
    if ((pids[i] = fork()) == 0)
      request_on_and_on(shared);
  rest_ms(2000);
  for (int round = 0; round < 3; round++) {
    char key[32];
    snprintf(key, sizeof key, "key-%d", round);
    control(&emulator, "POST", "set?api_key=%s&old_key_ms=1000", key);
    write_key(round == 1 ? emulator.credentials : beside("next"), key);
    rest_ms(4000);
    if (round != 1)
      write_key(emulator.credentials, key); /* `next` has become the first */
  }
  atomic_store(&shared->stop, true);
  for (int i = 0; i < PROCESSES; i++)
    assert_int_equal(process_wait(pids[i]), 0);
  print_message("# %d requests, %d token requests for the partner\n",
                atomic_load(&shared->requests), counter(&emulator, "token_requests.partner"));
  assert_true(atomic_load(&shared->requests) > 100);
  assert_int_equal(atomic_load(&shared->failures), 0);
  assert_true(counter(&emulator, "token_requests.partner") > 3);
  munmap(shared, sizeof *shared);
  end();
}

/* ---- one process ---- */

static int partner_requests(void)
{
  return counter(&emulator, "token_requests.partner");
}

/* By a new process, which reads the configuration at once. */
static void expect_probe(const char *out)
{
  Outcome outcome;
  const Probe probe = {.arguments = {"get", BASE INVOICES}};
  probe_run(&probe, &outcome);
  assert_string_equal(outcome.out, out);
}

/* A program that runs takes what the file says at its next fetch. */
static void changed_file(void **state)
{
  Client client;
  begin(state, emulator.credentials, "first");
  client_open(&client, mode_easy, BASE INVOICES);
  client_expect(&client, 200);
  control(&emulator, "POST", "set?api_key=second");
  write_key(emulator.credentials, "second");
  rest_ms(1100); /* so long a handle remembers which credential it was */
  client_expect(&client, 200);
  assert_int_equal(partner_requests(), 2); /* another credential, another place in the cache */
  client_close(&client);
}

static void next_stack(void **state)
{
  begin(state, emulator.credentials, "old");
  control(&emulator, "POST", "set?api_key=new");
  write_key(beside("next"), "new");
  configure_next(beside("next"));
  expect_probe("0 200\n");
  assert_int_equal(partner_requests(), 2); /* refused; and with the other */
  end();
}

/* Neither is accepted: both are tried once, and then no more for a while, by nobody. */
static void both_refused(void **state)
{
  begin(state, emulator.credentials, "one");
  write_key(beside("next"), "two");
  control(&emulator, "POST", "set?api_key=another");
  configure_next(beside("next"));
  const Probe probe = {.arguments = {"get", BASE INVOICES, "5"}};
  pid_t pids[4];
  const int64_t since = now_ms();
  for (int i = 0; i < 4; i++)
    pids[i] = probe_start(&probe);
  for (int i = 0; i < 4; i++)
    process_wait(pids[i]);
  const int64_t took = now_ms() - since;
  /* Twice each time; after half a second, then a second, and so on, it may be again. */
  assert_in_range(partner_requests(), 2, 2 * (1 + took / 500));
  expect_counter(&emulator, "unauthorized", 20);
  end();
}

/* As it is between two rotations: `next` names a file that is not there yet. */
static void next_is_empty(void **state)
{
  begin(state, emulator.credentials, "one");
  unlink(beside("next"));
  control(&emulator, "POST", "set?api_key=two");
  configure_next(beside("next"));
  const Probe probe = {.arguments = {"get", BASE INVOICES, "20"}};
  Outcome outcome;
  const int64_t since = now_ms();
  probe_run(&probe, &outcome);
  assert_in_range(partner_requests(), 1, 1 + (now_ms() - since) / 500);
  /* It comes: that is another credential, and nobody waits for the end of a failure. */
  write_key(beside("next"), "two");
  expect_probe("0 200\n");
  end();
}

/* ---- an old key ---- */

static void probe_with_created(int days, Outcome *outcome)
{
  char conf[128], date[16];
  const time_t created = time(NULL) - (time_t)days * 86400;
  struct tm day;
  strftime(date, sizeof date, "%Y-%m-%d", gmtime_r(&created, &day));
  snprintf(conf, sizeof conf, "[environment sandbox]\nkey-created = %s\n", date);
  emulator_configure(&emulator, "60-rotation.conf", conf);
  emulator_forget_tokens(&emulator);
  const Probe probe = {.arguments = {"get", BASE INVOICES, "2"},
                       .environment = {"THRED_LOG=warning"}};
  probe_run(&probe, outcome);
  assert_string_equal(outcome->out, "0 200\n0 200\n");
}

static void old_key(void **state)
{
  Outcome outcome;
  begin(state, emulator.credentials, "first");
  probe_with_created(79, &outcome);
  assert_string_equal(outcome.err, "");
  probe_with_created(80, &outcome);
  assert_string_equal(outcome.err,
                      "thred-auth: warning: the API key of [environment sandbox] is 80 days old "
                      "(key-created); Thred asks for a new one every 90 days\n");
  probe_with_created(200, &outcome);
  assert_non_null(strstr(outcome.err, "is 200 days old"));
  end();
}

/* ---- a command ---- */

/* Counts its runs; from the `after`-th on it says `second`. */
static const char *command(int after)
{
  char text[1024];
  unlink(beside("runs"));
  snprintf(text, sizeof text,
           "#!/bin/sh\necho run >>%s\nkey=first\n[ $(wc -l <%s) -lt %d ] || key=second\n"
           "echo \"{\\\"version\\\":1,\\\"partner_uuid\\\":\\\"%s\\\",\\\"api_key\\\":"
           "\\\"$key\\\"}\"\n",
           beside("runs"), beside("runs"), after, partner);
  replace(beside("command"), text, 0755);
  return beside("command");
}

static int runs(void)
{
  int count = 0;
  FILE *file = fopen(beside("runs"), "re");
  for (int c; file && (c = fgetc(file)) != EOF;)
    count += c == '\n';
  if (file)
    fclose(file);
  return count;
}

/* The store has a new key by the time that it is asked again. */
static void asked_again(void **state)
{
  begin(state, emulator.credentials, "unused");
  control(&emulator, "POST", "set?api_key=second");
  configure_command(command(2));
  expect_probe("0 200\n");
  assert_int_equal(partner_requests(), 2);
  assert_int_equal(runs(), 2);
  end();
}

/* It has the same one: that is not sent a second time. */
static void asked_again_in_vain(void **state)
{
  begin(state, emulator.credentials, "unused");
  control(&emulator, "POST", "set?api_key=second");
  configure_command(command(100));
  expect_probe("0 401\n");
  assert_int_equal(partner_requests(), 1);
  assert_int_equal(runs(), 2);
  end();
}

/* No key is sent twice: `next` has the first one again. */
static void next_is_the_first(void **state)
{
  begin(state, emulator.credentials, "unused");
  control(&emulator, "POST", "set?api_key=third");
  char conf[512];
  snprintf(conf, sizeof conf,
           "[environment sandbox]\ncredentials = exec\nnext = later\n"
           "[credentials exec]\ncommand = %s\n[credentials later]\nmodule = file\npath = %s\n",
           command(2), beside("next"));
  write_key(beside("next"), "first");
  emulator_configure(&emulator, "60-rotation.conf", conf);
  expect_probe("0 401\n");
  assert_int_equal(partner_requests(), 2);
  assert_int_equal(runs(), 2);
  end();
}

/* A token that is there is served without a look at the stack. */
static void cached_token_runs_nothing(void **state)
{
  begin(state, emulator.credentials, "unused");
  control(&emulator, "POST", "set?api_key=first");
  configure_command(command(100));
  const Probe probe = {.arguments = {"get", BASE INVOICES, "5"}};
  for (int i = 0; i < 3; i++) {
    Outcome outcome;
    probe_run(&probe, &outcome);
    assert_string_equal(outcome.out, "0 200\n0 200\n0 200\n0 200\n0 200\n");
  }
  assert_int_equal(runs(), 1);
  assert_int_equal(partner_requests(), 1);
  end();
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      IN_MODE(changed_file, easy),
      IN_MODE(next_stack, easy),
      IN_MODE(next_is_empty, easy),
      IN_MODE(both_refused, easy),
      IN_MODE(old_key, easy),
      IN_MODE(asked_again, easy),
      IN_MODE(asked_again_in_vain, easy),
      IN_MODE(next_is_the_first, easy),
      IN_MODE(cached_token_runs_nothing, easy),
      IN_MODE(rotated_under_load, easy),
  };
  harness_require_installation();
  return cmocka_run_group_tests(tests, harness_start, harness_stop);
}
