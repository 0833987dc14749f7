/* SPDX-License-Identifier: MIT */
/*
 * lib/log-sinks and the entries of lib/log: journald's socket, /dev/log as either kind of socket,
 * each of them gone, stopped or never there; and nobody waits. /run and /dev are the test's own.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/tame.h"
#include "tests/integration/isolation.h"
#include "tests/integration/journal.h"

static bool alone;
static int journal = -1, syslog_socket = -1;
static JournalEntry entry;

static int set_up(void **state)
{
  (void)state;
  if (alone && !journal_mount())
    return -1;
  journal = syslog_socket = -1;
  return 0;
}

static int tear_down(void **state)
{
  (void)state;
  if (journal >= 0)
    close(journal);
  if (syslog_socket >= 0)
    close(syslog_socket);
  unlink("/dev/log");
  if (alone)
    journal_unmount();
  return 0;
}

#define NEED_MOUNTS()                                                                              \
  do {                                                                                             \
    if (!alone)                                                                                    \
      skip();                                                                                      \
  } while (0)

static void take(void)
{
  const char *mistake = NULL;
  assert_true(journal_next(journal, &entry, &mistake));
  if (mistake)
    fail_msg("%s: %s", mistake, entry.text);
}

static void expect_field(const char *name, const char *value)
{
  const char *there = journal_field(&entry, name);
  if (!there || strcmp(there, value) != 0)
    fail_msg("%s is %s", name, there ? there : "not there");
}

/* The text of a line to the syslog socket; static. */
static const char *take_line(int from)
{
  static char line[4096];
  ssize_t length = recv(from, line, sizeof line - 1, 0);
  line[length > 0 ? length : 0] = 0;
  return line;
}

/* Some lines, and how long the slowest took. */
static int64_t log_lines(int count)
{
  int64_t slowest = 0;
  for (int i = 0; i < count; i++) {
    const int64_t began = clock_monotonic_ms();
    errno = EXDEV;
    log_error("line %d", i);
    assert_int_equal(errno, EXDEV);
    if (clock_monotonic_ms() - began > slowest)
      slowest = clock_monotonic_ms() - began;
  }
  return slowest;
}

/* ---- journald ---- */

static const LogFields everything = {.event = EVENT_TOKEN_FAILURE,
                                     .environment = "sandbox",
                                     .host = "sandbox.thredfi.com",
                                     .kind = "business",
                                     .business = "3c90c3cc-0d44-4b50-8888-8dd25736052a",
                                     .reason = "server",
                                     .rule = "business-resources",
                                     .file = "/etc/thred/conf.d/50.conf",
                                     .line = 7,
                                     .generation = 12};

static void an_entry(void **state)
{
  (void)state;
  NEED_MOUNTS();
  journal = journal_bind();
  log_event(&everything, "no token: %s", "it is %s");
  assert_true(recv(journal, entry.text, sizeof entry.text, MSG_PEEK) > 0);
  take();
  static const char *const expected[][2] = {
      {"MESSAGE", "no token: it is %s"},
      {"PRIORITY", "3"},
      {"SYSLOG_IDENTIFIER", "thred-auth"},
      {"MESSAGE_ID", "24a6b196ea7f4371a9d4e6b8a048020f"},
      {"THRED_EVENT", "token-failure"},
      {"THRED_ENVIRONMENT", "sandbox"},
      {"THRED_HOST", "sandbox.thredfi.com"},
      {"THRED_KIND", "business"},
      {"THRED_BUSINESS", "3c90c3cc-0d44-4b50-8888-8dd25736052a"},
      {"THRED_GENERATION", "12"},
      {"THRED_REASON", "server"},
      {"THRED_RULE", "business-resources"},
      {"THRED_CONFIG_FILE", "/etc/thred/conf.d/50.conf"},
      {"THRED_CONFIG_LINE", "7"},
  };
  assert_int_equal(entry.count, sizeof expected / sizeof *expected);
  for (size_t i = 0; i < entry.count; i++)
    expect_field(expected[i][0], expected[i][1]);
}

static void a_line_without_an_event(void **state)
{
  (void)state;
  NEED_MOUNTS();
  journal = journal_bind();
  log_warning("words");
  take();
  assert_int_equal(entry.count, 3);
  expect_field("PRIORITY", "4");
  log_info("nothing at this level");
  const char *mistake;
  assert_false(journal_next(journal, &entry, &mistake));
}

/* Nothing that comes from outside begins another field or entry. */
static void no_forged_field(void **state)
{
  (void)state;
  NEED_MOUNTS();
  LogFields fields = everything;
  journal = journal_bind();
  fields.file = "/etc/a\nMESSAGE=forged\n\nPRIORITY=0\x1b[2J";
  fields.rule = "x\xc2\x9b"
                "2J";
  fields.reason = "";
  log_event(&fields, "a\n%s\r", "MESSAGE_ID=0");
  take();
  expect_field("MESSAGE", "a MESSAGE_ID=0 ");
  expect_field("THRED_CONFIG_FILE", "/etc/a MESSAGE=forged  PRIORITY=0 [2J");
  expect_field("THRED_RULE", "x  2J");
  assert_null(journal_field(&entry, "THRED_REASON"));
  expect_field("PRIORITY", "3");
}

/* A field that does not fit is left out, and the entry is whole. */
static void what_is_long(void **state)
{
  (void)state;
  NEED_MOUNTS();
  static char text[5000];
  LogFields fields = everything;
  journal = journal_bind();
  memset(text, 'x', sizeof text - 1);
  memcpy(text + 1018, "\xe2\x82\xac", 3); /* is cut in two */
  for (size_t length = 900; length < 1300; length += 7) {
    text[length] = 0;
    fields.file = fields.rule = text;
    log_event(&fields, "%s", text);
    take();
    assert_true(entry.length <= 2304 && strlen(journal_field(&entry, "MESSAGE")) <= 1023);
    expect_field("THRED_EVENT", "token-failure");
    text[length] = 'x';
  }
  fields.file = fields.rule = text;
  log_event(&fields, "%s", text);
  take();
  assert_null(journal_field(&entry, "THRED_CONFIG_FILE"));
  char message[2048];
  snprintf(message, sizeof message, "%s", journal_field(&entry, "MESSAGE"));
  tame(message, '?');
  assert_null(strchr(message, '?'));
}

/* ---- where there is none, or it takes no more ---- */

static void syslog_in_its_place(void **state)
{
  (void)state;
  char expected[64];
  NEED_MOUNTS();
  syslog_socket = journal_bind_at("/dev/log", SOCK_DGRAM);
  snprintf(expected, sizeof expected, "<12>thred-auth[%d]: a warning", (int)getpid());
  log_warning("a warning");
  assert_string_equal(take_line(syslog_socket), expected);
  snprintf(expected, sizeof expected, "<11>thred-auth[%d]: an event", (int)getpid());
  log_event(&everything, "an event");
  assert_string_equal(take_line(syslog_socket), expected);
}

/* Its socket is there, and nobody behind it. */
static void a_dead_journal(void **state)
{
  (void)state;
  NEED_MOUNTS();
  close(journal_bind());
  assert_true(log_lines(20) < 200);
  syslog_socket = journal_bind_at("/dev/log", SOCK_DGRAM);
  assert_true(log_lines(1) < 200);
  assert_non_null(strstr(take_line(syslog_socket), ": line 0"));
}

/* It is stopped, or behind: its queue is full. */
static void a_full_journal(void **state)
{
  (void)state;
  NEED_MOUNTS();
  journal = journal_bind();
  assert_true(log_lines(2000) < 200);
  syslog_socket = journal_bind_at("/dev/log", SOCK_DGRAM);
  assert_true(log_lines(1) < 200);
  assert_non_null(strstr(take_line(syslog_socket), ": line 0"));
  assert_true(log_lines(2000) < 200); /* both are */
  take();
  expect_field("MESSAGE", "line 0"); /* and not in the middle of a line */
}

static void a_stream(void **state)
{
  (void)state;
  char expected[64];
  NEED_MOUNTS();
  syslog_socket = journal_bind_at("/dev/log", SOCK_STREAM);
  assert_int_equal(listen(syslog_socket, 8), 0);
  log_error("over a stream");
  int connection = accept(syslog_socket, NULL, NULL);
  assert_true(connection >= 0);
  char line[256] = "";
  ssize_t length = recv(connection, line, sizeof line, 0);
  snprintf(expected, sizeof expected, "<11>thred-auth[%d]: over a stream", (int)getpid());
  assert_int_equal(length, strlen(expected) + 1); /* with its NUL */
  assert_string_equal(line, expected);
  assert_int_equal(recv(connection, line, sizeof line, 0), 0);
  close(connection);
  assert_true(log_lines(2000) < 200); /* nobody accepts */
}

static void no_socket_at_all(void **state)
{
  (void)state;
  NEED_MOUNTS();
  assert_true(log_lines(100) < 200);
}

/* ---- descriptors ---- */

static int count_descriptors(void)
{
  int count = 0;
  for (int fd = 0; fd < 256; fd++)
    count += fcntl(fd, F_GETFD) >= 0;
  return count;
}

/* A program that was started without them: no line of ours takes their numbers, not for a moment
 * that another thread might write in. */
static void no_standard_descriptors(void **state)
{
  (void)state;
  NEED_MOUNTS();
  journal = journal_bind();
  syslog_socket = journal_bind_at("/dev/log", SOCK_STREAM);
  const int before = count_descriptors();
  log_error("one");
  assert_int_equal(count_descriptors(), before);
  pid_t pid = fork();
  if (pid == 0) {
    for (int fd = 0; fd <= 2; fd++)
      close(fd);
    log_error("two");
    for (int fd = 0; fd <= 2; fd++)
      if (fcntl(fd, F_GETFD) >= 0)
        _exit(1);
    _exit(0);
  }
  int status = -1;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_int_equal(status, 0);
  take();
  take();
  expect_field("MESSAGE", "two");
}

static void *log_some(void *data)
{
  (void)data;
  for (int i = 0; i < 500; i++)
    log_event(&everything, "line %d", i);
  return NULL;
}

static void many_threads(void **state)
{
  (void)state;
  NEED_MOUNTS();
  pthread_t threads[8];
  journal = journal_bind();
  for (size_t i = 0; i < 8; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, log_some, NULL), 0);
  const char *mistake = NULL;
  unsigned taken = 0;
  for (size_t i = 0; i < 8; i++) {
    for (; journal_next(journal, &entry, &mistake); taken++)
      assert_null(mistake);
    pthread_join(threads[i], NULL);
  }
  assert_true(taken > 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(an_entry),
      TEST(a_line_without_an_event),
      TEST(no_forged_field),
      TEST(what_is_long),
      TEST(syslog_in_its_place),
      TEST(a_dead_journal),
      TEST(a_full_journal),
      TEST(a_stream),
      TEST(no_socket_at_all),
      TEST(no_standard_descriptors),
      TEST(many_threads),
  };
  unsetenv("THRED_LOG");
  isolate_cache();
  alone = mount("none", "/dev", "tmpfs", MS_NOSUID, "") == 0;
  return cmocka_run_group_tests_name("log-sinks", tests, NULL, NULL);
}
