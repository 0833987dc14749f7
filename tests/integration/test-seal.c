/* SPDX-License-Identifier: MIT */
/*
 * test-seal.c - `seal` of [thred]: whatever it says, no token lies readable in a segment's file;
 * with `required` it is only in one whose key the kernel has.
 */
#include <fcntl.h>
#include <glob.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "client.h"
#include "process.h"

enum { FOUND = 100, NOT_FOUND, NO_SEGMENT, NO_TOKEN };

static bool file_holds(const char *path, const char *text, size_t length)
{
  struct stat st;
  bool found = false;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return false;
  if (fstat(fd, &st) == 0 && st.st_size > 0) {
    void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (bytes != MAP_FAILED) {
      found = memmem(bytes, (size_t)st.st_size, text, length) != NULL;
      munmap(bytes, (size_t)st.st_size);
    }
  }
  close(fd);
  return found;
}

/* In any segment of this user: the text is this token's and no other's. */
static int look_for(const char *text, size_t length)
{
  glob_t found;
  int result = NO_SEGMENT;
  if (glob("/dev/shm/thred-auth-*", 0, NULL, &found) == 0) {
    result = NOT_FOUND;
    for (size_t i = 0; i < found.gl_pathc; i++)
      if (file_holds(found.gl_pathv[i], text, length))
        result = FOUND;
  }
  globfree(&found);
  return result;
}

static int get_and_look(ThredTokenKind kind)
{
  ThredTokenRequest request = {.size = sizeof request, .kind = kind, .business_id = FIRST};
  ThredToken token = {.size = sizeof token};
  int result = thred_token_get(&request, &token) ? NO_TOKEN : look_for(token.value, token.length);
  thred_token_clear(&token);
  return result;
}

/* A process of its own for each, which reads the configuration as it is now. */
static int in_child(ThredTokenKind kind)
{
  pid_t pid = fork();
  if (pid == 0)
    _exit(get_and_look(kind));
  assert_true(pid > 0);
  return process_wait(pid);
}

/* Two processes, one token: 1 fetch. Where each is alone, 2. */
static void in_two_processes(const char *seal, int fetches)
{
  char text[64];
  snprintf(text, sizeof text, "[thred]\nseal = %s\n", seal);
  emulator_configure(&emulator, "60-seal.conf", text);
  int first = in_child(THRED_TOKEN_BUSINESS), second = in_child(THRED_TOKEN_PARTNER);
  emulator_unconfigure(&emulator, "60-seal.conf");
  if (first == NO_SEGMENT && second == NO_SEGMENT)
    skip(); /* no /dev/shm here */
  assert_int_equal(first, NOT_FOUND);
  assert_int_equal(second, NOT_FOUND);
  expect_counter(&emulator, "token_requests.partner", fetches);
  expect_counter(&emulator, "token_requests.business", 1);
}

static bool has_keyring(void)
{
  return syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_USER_KEYRING, 1) > 0;
}

static void with_auto(void **state)
{
  (void)state;
  in_two_processes("auto", 1);
}

static void with_off(void **state)
{
  (void)state;
  in_two_processes("off", 1);
}

static void with_required(void **state)
{
  (void)state;
  in_two_processes("required", has_keyring() ? 1 : 2);
}

static int transfer(void)
{
  Client client;
  client_open(&client, mode_easy, BASE INVOICES);
  bool good = true;
  for (int i = 0; i < 3; i++)
    good &= client_run(&client) == CURLE_OK && client_status(&client) == 200;
  client_close(&client);
  return good ? 0 : NO_TOKEN;
}

static void required_works(void **state)
{
  (void)state;
  emulator_configure(&emulator, "60-seal.conf", "[thred]\nseal = required\n");
  pid_t pid = fork();
  if (pid == 0)
    _exit(transfer());
  int status = process_wait(pid);
  emulator_unconfigure(&emulator, "60-seal.conf");
  assert_int_equal(status, 0);
  expect_counter(&emulator, "token_requests.business", 1);
  expect_counter(&emulator, "ok", 3);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      IN_MODE(with_auto, easy),
      IN_MODE(with_off, easy),
      IN_MODE(with_required, easy),
      IN_MODE(required_works, easy),
  };
  harness_require_installation();
  return cmocka_run_group_tests(tests, harness_start, harness_stop);
}
