/* SPDX-License-Identifier: MIT */
/*
 * test-user-change.c - a process that was root and became another user: what root had in memory is
 * not that user's.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client.h"
#include "process.h"

#define NOBODY_ID 65534

enum { STILL_ROOTS = 100, NOT_FETCHED, NOT_CHANGED };

static int get(ThredTokenKind kind)
{
  ThredTokenRequest request = {.size = sizeof request, .kind = kind, .business_id = FIRST};
  ThredToken token = {.size = sizeof token};
  int code = thred_token_get(&request, &token);
  thred_token_clear(&token);
  return code;
}

/* What the child does; its exit status is a ThredError or one of the above. */
typedef int (*Body)(void);

static int drops_for_good(void)
{
  if (get(THRED_TOKEN_BUSINESS) || get(THRED_TOKEN_PARTNER))
    return NOT_FETCHED;
  if (setresgid(NOBODY_ID, NOBODY_ID, NOBODY_ID) || setresuid(NOBODY_ID, NOBODY_ID, NOBODY_ID))
    return NOT_CHANGED;
  if (get(THRED_TOKEN_PARTNER) == THRED_OK)
    return STILL_ROOTS;
  return get(THRED_TOKEN_BUSINESS);
}

static int drops_for_a_while(void)
{
  if (get(THRED_TOKEN_BUSINESS))
    return NOT_FETCHED;
  if (seteuid(NOBODY_ID))
    return NOT_CHANGED;
  int code = get(THRED_TOKEN_BUSINESS);
  if (code == THRED_OK)
    return STILL_ROOTS;
  if (seteuid(0))
    return NOT_CHANGED;
  return get(THRED_TOKEN_BUSINESS) ? NOT_FETCHED : code;
}

static int transfers(void)
{
  Client client;
  client_open(&client, mode_easy, BASE INVOICES);
  if (client_run(&client) || client_status(&client) != 200)
    return NOT_FETCHED;
  if (setresgid(NOBODY_ID, NOBODY_ID, NOBODY_ID) || setresuid(NOBODY_ID, NOBODY_ID, NOBODY_ID))
    return NOT_CHANGED;
  if (client_run(&client) || client_status(&client) != 401)
    return STILL_ROOTS;
  client_close(&client);
  return 0;
}

static int in_child(Body body)
{
  pid_t pid = fork();
  if (pid == 0)
    _exit(body()); /* no LeakSanitizer: it may not look at a process that changed its user */
  assert_true(pid > 0);
  return process_wait(pid);
}

/* The configuration is for all to read, as in /etc; the credentials are root's. */
static void share_configuration(void)
{
  char file[192];
  struct stat st;
  if (geteuid() != 0)
    skip();
  snprintf(file, sizeof file, "%s/50-emulator.conf", emulator.conf_dir);
  assert_int_equal(chmod(emulator.dir, 0755), 0);
  assert_int_equal(chmod(emulator.conf_dir, 0755), 0);
  assert_int_equal(chmod(file, 0644), 0);
  assert_int_equal(chmod(emulator.ca, 0644), 0);
  assert_int_equal(stat(emulator.credentials, &st), 0);
  assert_int_equal(st.st_mode & 07777, 0600);
}

static void setresuid_drops_the_tokens(void **state)
{
  (void)state;
  share_configuration();
  assert_int_equal(in_child(drops_for_good), THRED_E_CREDENTIALS);
  expect_log(&emulator, LOG_TOKENS);
}

static void seteuid_hides_them(void **state)
{
  (void)state;
  share_configuration();
  assert_int_equal(in_child(drops_for_a_while), THRED_E_CREDENTIALS);
  expect_log(&emulator, LOG_TOKENS);
}

static void a_transfer_goes_without(void **state)
{
  (void)state;
  share_configuration();
  control(&emulator, "POST", "set?www_authenticate=no");
  assert_int_equal(in_child(transfers), 0);
  expect_log(&emulator, LOG_TOKENS "GET https " HOST " " INVOICES " business=3c90 200\n"
                                   "GET https " HOST " " INVOICES " none 401\n");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      IN_MODE(setresuid_drops_the_tokens, easy),
      IN_MODE(seteuid_hides_them, easy),
      IN_MODE(a_transfer_goes_without, easy),
  };
  harness_require_installation();
  return cmocka_run_group_tests(tests, harness_start, harness_stop);
}
