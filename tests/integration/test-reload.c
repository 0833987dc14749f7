/* SPDX-License-Identifier: MIT */
/* test-reload.c - a program that runs takes a changed configuration within a second or two, and
 * none that is broken. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"

#define GOOD "[environment sandbox]\ntimeout = 14\n"
#define BAD  "[environment sandbox]\nallow = partner;\ntimeout = soon\n"

static void rest_ms(int64_t ms)
{
  for (int64_t until = now_ms() + ms; now_ms() < until;)
    usleep(20000);
}

/* ---- what goes to stderr ---- */

static int real_stderr;
static char path[128];

static void watch_stderr(void)
{
  snprintf(path, sizeof path, "%s/stderr", emulator.dir);
  int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
  assert_true(file >= 0);
  real_stderr = fcntl(2, F_DUPFD_CLOEXEC, 3);
  setenv("THRED_LOG", "warning", 1);
  dup2(file, 2);
  close(file);
}

static void unwatch_stderr(void)
{
  unsetenv("THRED_LOG");
  dup2(real_stderr, 2);
  close(real_stderr);
}

static void show_stderr(void)
{
  char line[2048];
  FILE *file = fopen(path, "re");
  while (file && fgets(line, sizeof line, file))
    print_message("# %s", line);
  if (file)
    fclose(file);
}

/* How many lines since the watch began have this in them. */
static void expect_lines(const char *text, int wanted)
{
  char line[2048];
  int lines = 0;
  FILE *file = fopen(path, "re");
  assert_non_null(file);
  for (; fgets(line, sizeof line, file);)
    lines += strstr(line, text) != NULL;
  fclose(file);
  if (lines != wanted)
    show_stderr();
  assert_int_equal(lines, wanted);
}

/* ---- the tests ---- */

static Client client;

static void begin(void **state)
{
  harness_fresh(state);
  emulator_configure(&emulator, "60-reload.conf", GOOD);
  watch_stderr();
  rest_ms(1100); /* for the configuration, and for THRED_LOG */
  client_open(&client, mode_easy, BASE INVOICES);
  client_expect(&client, 200);
}

static void end(void)
{
  unwatch_stderr();
  emulator_unconfigure(&emulator, "60-reload.conf");
  rest_ms(1100);
  client_expect(&client, 200);
  client_close(&client);
}

static void expect_within(long status, int64_t ms)
{
  const int64_t since = now_ms();
  do
    assert_int_equal(client_run(&client), CURLE_OK);
  while (client_status(&client) != status && now_ms() - since < ms);
  assert_int_equal(client_status(&client), status);
}

static void changed(void **state)
{
  begin(state);
  emulator_configure(&emulator, "60-reload.conf", "[environment sandbox]\nallow = partner;\n");
  expect_within(401, 5000);
  emulator_configure(&emulator, "60-reload.conf", GOOD);
  expect_within(200, 5000);
  expect_lines("configuration", 0);
  end();
}

/* It is looked at each second, told of once, and mended. */
static void broken(void **state)
{
  begin(state);
  emulator_configure(&emulator, "60-reload.conf", BAD);
  for (int64_t since = now_ms(); now_ms() - since < 4000;)
    client_expect(&client, 200);
  expect_lines("and the one before it stays in use: ", 1);
  expect_lines("60-reload.conf:3", 2); /* which, and that */
  emulator_configure(&emulator, "60-reload.conf", "[environment sandbox]\nallow = partner;\n");
  expect_within(401, 5000);
  expect_lines("stays in use", 1);
  end();
}

/* Broken in another way is told of again; mended by taking it away, too. */
static void broken_twice(void **state)
{
  begin(state);
  emulator_configure(&emulator, "60-reload.conf", BAD);
  rest_ms(1100);
  client_expect(&client, 200);
  emulator_configure(&emulator, "60-reload.conf", "[environment sandbox]\ntimeouts = 3\n");
  rest_ms(1100);
  client_expect(&client, 200);
  expect_lines("stays in use", 2);
  emulator_unconfigure(&emulator, "60-reload.conf");
  rest_ms(1100);
  client_expect(&client, 200);
  emulator_configure(&emulator, "60-reload.conf", BAD);
  rest_ms(1100);
  client_expect(&client, 200);
  expect_lines("stays in use", 3);
  end();
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      IN_MODE(changed, easy),
      IN_MODE(broken, easy),
      IN_MODE(broken_twice, easy),
  };
  harness_require_installation();
  return cmocka_run_group_tests(tests, harness_start, harness_stop);
}
