/* SPDX-License-Identifier: MIT */
/* lib/log, with lib/tame.h and lib/sigpipe.h: what may stand in a line, and what writing one does.
 */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/sigpipe.h"
#include "lib/tame.h"

static void what_may_stay(void **state)
{
  (void)state;
  static const struct {
    const char *text, *tamed;
  } cases[] = {
      {"", ""},
      {"ordinary: 'text' ~", "ordinary: 'text' ~"},
      {"a\nb\r\tc\x1b[2J\x7f", "a?b??c?[2J?"},
      {"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x94\x91", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x94\x91"},
      {"\xc2\x9b"
       "2J",
       "??2J"},                 /* C1: U+009B */
      {"\xc2\xa0", "\xc2\xa0"}, /* the first behind C1 */
      {"\x9b"
       "2J",
       "?2J"},                                                  /* C1 in ISO 8859 */
      {"\xe2\x80\xaetxt\xe2\x80\xa8", "???txt???"},             /* U+202E, U+2028 */
      {"\xe2\x80\xa7\xe2\x80\xaf", "\xe2\x80\xa7\xe2\x80\xaf"}, /* their neighbours */
      {"\xe2\x81\xa6\xe2\x81\xa9", "??????"},                   /* U+2066, U+2069 */
      {"\xe2\x81\xa5\xe2\x81\xaa", "\xe2\x81\xa5\xe2\x81\xaa"},
      {"\xc0\x9b\xc1\xbf", "????"},      /* overlong (RFC 3629, 3) */
      {"\xe0\x82\x9b", "???"},           /* overlong U+009B */
      {"\xf0\x80\x82\x9b", "????"},      /* the same in four bytes */
      {"\xed\xa0\x80", "???"},           /* a surrogate */
      {"\xf4\x90\x80\x80\xf5", "?????"}, /* above U+10FFFF */
      {"\xe2\x82", "??"},                /* cut off */
      {"\xe2\n\x82", "???"},
      {"\xf0\x9f\x94", "???"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[64];
    strcpy(text, cases[i].text);
    tame(text, '?');
    assert_string_equal(text, cases[i].tamed);
  }
}

/* ---- stderr ---- */

static int kept_stderr;

static void put_stderr(int fd)
{
  kept_stderr = dup(STDERR_FILENO);
  assert_true(dup2(fd, STDERR_FILENO) >= 0);
}

static void put_back_stderr(void)
{
  dup2(kept_stderr, STDERR_FILENO);
  close(kept_stderr);
}

static void a_line(void **state)
{
  (void)state;
  char text[4096] = "";
  int file = memfd_create("stderr", MFD_CLOEXEC);
  put_stderr(file);
  log_error("%s", "a server said:\n<0>forged\x1b[2J\xc2\x9b");
  log_debug("nothing");
  put_back_stderr();
  assert_true(pread(file, text, sizeof text - 1, 0) > 0);
  close(file);
  assert_string_equal(text, "thred-auth: error: a server said: <0>forged [2J  \n");
}

static volatile sig_atomic_t signals;

static void count(int number)
{
  (void)number;
  signals++;
}

/* A line to a stderr that nobody reads. */
static void write_in_vain(void)
{
  int ends[2];
  assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
  close(ends[0]);
  put_stderr(ends[1]);
  log_error("nobody reads this");
  put_back_stderr();
  close(ends[1]);
}

static bool is_pending(void)
{
  sigset_t pending;
  sigpending(&pending);
  return sigismember(&pending, SIGPIPE) == 1 || sigismember(&pending, SIGXFSZ) == 1;
}

static void no_signal(void **state)
{
  (void)state;
  sigset_t mask;
  signals = 0;
  signal(SIGPIPE, count);
  write_in_vain();
  assert_int_equal(signals, 0);
  assert_false(is_pending());
  sigprocmask(SIG_BLOCK, NULL, &mask);
  assert_int_equal(sigismember(&mask, SIGPIPE), 0);
  signal(SIGPIPE, SIG_IGN);
  write_in_vain();
  signal(SIGPIPE, SIG_DFL);
  write_in_vain(); /* or it ends here */
}

/* What the program has blocked stays so; and one that it has waiting is its own. */
static void the_programs_signal_stays(void **state)
{
  (void)state;
  sigset_t only;
  signals = 0;
  signal(SIGPIPE, count);
  sigemptyset(&only);
  sigaddset(&only, SIGPIPE);
  sigprocmask(SIG_BLOCK, &only, NULL);
  write_in_vain();
  assert_false(is_pending());
  raise(SIGPIPE);
  write_in_vain();
  assert_true(is_pending());
  assert_int_equal(signals, 0);
  sigprocmask(SIG_UNBLOCK, &only, NULL);
  assert_int_equal(signals, 1);
  signal(SIGPIPE, SIG_DFL);
}

/* `ulimit -f`: a file that may not grow is SIGXFSZ to whoever writes to it. */
static void a_file_that_may_not_grow(void **state)
{
  (void)state;
  int file = memfd_create("stderr", MFD_CLOEXEC), status = -1;
  const pid_t pid = fork();
  if (pid == 0) {
    const struct rlimit limit = {100, 100};
    dup2(file, STDERR_FILENO);
    setrlimit(RLIMIT_FSIZE, &limit);
    for (int i = 0; i < 10; i++)
      log_error("line %d", i);
    _exit(is_pending());
  }
  assert_int_equal(waitpid(pid, &status, 0), pid);
  close(file);
  assert_int_equal(status, 0);
}

/* Somebody has the other end, and does not read: one second, once. */
static void a_full_stderr(void **state)
{
  (void)state;
  int ends[2];
  char text[4096];
  assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
  assert_true(fcntl(ends[1], F_SETPIPE_SZ, 4096) > 0);
  put_stderr(ends[1]);
  const int64_t began = clock_monotonic_ms();
  for (int i = 0; i < 500; i++)
    log_error("line %d", i);
  const int64_t took = clock_monotonic_ms() - began;
  assert_true(read(ends[0], text, sizeof text) > 0); /* there is room again */
  log_error("the last line");
  put_back_stderr();
  ssize_t length = read(ends[0], text, sizeof text - 1);
  assert_true(length > 0);
  text[length] = 0;
  assert_non_null(strstr(text, "the last line"));
  assert_in_range(took, 900, 5000);
  close(ends[0]);
  close(ends[1]);
}

/* The same in a program whose timer interrupts what it waits for: a profiler's, say. */
static void a_full_stderr_and_a_timer(void **state)
{
  (void)state;
  const struct sigaction counts = {.sa_handler = count, .sa_flags = SA_RESTART};
  const struct itimerval often = {{0, 20000}, {0, 20000}}, never = {{0, 0}, {0, 0}};
  int ends[2], status = -1;
  assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
  assert_true(fcntl(ends[1], F_SETPIPE_SZ, 4096) > 0);
  pid_t pid = fork();
  if (pid == 0) {
    sigaction(SIGALRM, &counts, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    dup2(ends[1], STDERR_FILENO);
    const int64_t began = clock_monotonic_ms();
    for (int i = 0; i < 500; i++)
      log_error("line %d", i);
    setitimer(ITIMER_REAL, &never, NULL);
    _exit(clock_monotonic_ms() - began < 900);
  }
  const int64_t until = clock_monotonic_ms() + 10000;
  while (waitpid(pid, &status, WNOHANG) == 0 && clock_monotonic_ms() < until)
    nanosleep(&(struct timespec){0, 10000000}, NULL);
  if (status == -1) {
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
  }
  assert_int_equal(status, 0);
  close(ends[0]);
  close(ends[1]);
}

static void *log_cancelled(void *data)
{
  pthread_cancel(pthread_self());
  log_error("the thread ends at the next point where it can, and not in here");
  *(bool *)data = true;
  pthread_testcancel();
  return NULL;
}

static void no_place_to_be_cancelled(void **state)
{
  bool came_out = false;
  void *result = NULL;
  pthread_t thread;
  (void)state;
  int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  put_stderr(nowhere);
  assert_int_equal(pthread_create(&thread, NULL, log_cancelled, &came_out), 0);
  assert_int_equal(pthread_join(thread, &result), 0);
  put_back_stderr();
  close(nowhere);
  assert_true(came_out && result == PTHREAD_CANCELED);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_may_stay),
      cmocka_unit_test(a_line),
      cmocka_unit_test(no_signal),
      cmocka_unit_test(the_programs_signal_stays),
      cmocka_unit_test(a_file_that_may_not_grow),
      cmocka_unit_test(a_full_stderr),
      cmocka_unit_test(a_full_stderr_and_a_timer),
      cmocka_unit_test(no_place_to_be_cancelled),
  };
  setenv("THRED_LOG", "error", 1);
  return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
