/* SPDX-License-Identifier: MIT */
/* The module exec: what a command answers, and that the program around it does not notice. */
#include "tests/unit/credentials-fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define UUID   "3c90c3cc-0d44-4b50-8888-8dd25736052a"
#define SECRET "s3cret-api-key"
#define ANSWER "{\"version\":1,\"partner_uuid\":\"" UUID "\",\"api_key\":\"" SECRET "\"}"
#define ECHO   "printf '%s' '" ANSWER "'\n"

static char module_dir[PATH_SIZE];
static const char *notes;

static int set_up(void **state)
{
  if (fixture_set_up(state))
    return -1;
  snprintf(module_dir, sizeof module_dir, "%s",
           module_dir_with("real", "THRED_TEST_REAL_MODULES", "exec"));
  return 0;
}

/* A script of the fixture's, and the option that runs it. */
static const char *script(const char *body)
{
  static char option[2 * PATH_SIZE], text[8192];
  snprintf(text, sizeof text, "#!/bin/sh\n%s", body);
  unlink(at("command"));
  snprintf(option, sizeof option, "command=%s",
           write_file(at("command"), text, strlen(text), 0755));
  return option;
}

static Heard run_for(const char *options, int at_secure, int64_t ms, Credential *credential)
{
  static Heard heard;
  heard = module_ask_for(module_dir, "exec", options, at_secure, 0, ms);
  notes = heard.notes;
  if (credential)
    *credential = heard.credential;
  assert_null(strstr(heard.said, "s3cret"));
  assert_null(strstr(heard.notes, "s3cret"));
  return heard;
}

static void expect(const char *body, ThredCredentialStatus status, const char *says)
{
  Credential credential;
  Heard heard = run_for(script(body), 0, 20000, &credential);
  if (heard.status != status || !strstr(heard.said, says))
    fail_msg("%s: %d: %s", body, (int)heard.status, heard.said);
  if (status == THRED_CREDENTIAL_SUCCESS) {
    assert_string_equal(credential.partner_uuid, UUID);
    assert_string_equal(credential.api_key, SECRET);
  }
}

/* ---- answers ---- */

static void test_answers(void **state)
{
  (void)state;
  expect(ECHO, THRED_CREDENTIAL_SUCCESS, "");
  expect(ECHO "echo; echo", THRED_CREDENTIAL_SUCCESS, "");
  expect("cat <<EOF\n{\"version\":1,\"partner_uuid\":\"" UUID "\",\"api_key\":\"" SECRET
         "\",\"expires_in\":60,\"more\":[]}\nEOF\n",
         THRED_CREDENTIAL_SUCCESS, "");
  expect("exit 0", THRED_CREDENTIAL_NOTFOUND, "command: it printed nothing");
  expect("echo", THRED_CREDENTIAL_NOTFOUND, "it printed nothing");
  expect("echo '{\"version\":1}'", THRED_CREDENTIAL_UNAVAIL, "\"partner_uuid\" is missing");
  expect("echo '{\"version\":2,\"partner_uuid\":\"a\",\"api_key\":\"b\"}'",
         THRED_CREDENTIAL_UNAVAIL, "\"version\" is not 1");
  expect("echo '{\"version\":\"1\",\"partner_uuid\":\"a\",\"api_key\":\"b\"}'",
         THRED_CREDENTIAL_UNAVAIL, "\"version\" is not 1");
  expect("echo '{\"version\":1,\"partner_uuid\":\"a\",\"api_key\":7}'", THRED_CREDENTIAL_UNAVAIL,
         "\"api_key\" is missing or not a string");
  expect("echo '{\"version\":1,\"partner_uuid\":\"a:b\",\"api_key\":\"k\"}'",
         THRED_CREDENTIAL_UNAVAIL, "the partner UUID has a colon in it");
  expect("echo '{\"version\":1,\"partner_uuid\":\"a\",\"api_key\":\"k\",\"expires_in\":\"x\"}'",
         THRED_CREDENTIAL_UNAVAIL, "\"expires_in\" is not a whole number of seconds");
  expect("echo '{\"version\":1,\"partner_uuid\":\"a\",\"api_key\":\"k\",\"expires_in\":0}'",
         THRED_CREDENTIAL_TRYAGAIN, "has expired");
  expect("echo s3cret", THRED_CREDENTIAL_UNAVAIL, "its answer cannot be used: ");
  expect("echo '[]'", THRED_CREDENTIAL_UNAVAIL, "the text is not an object");
  expect("printf '" ANSWER ANSWER "'", THRED_CREDENTIAL_UNAVAIL, "unexpected character at byte");
  expect("printf '{'", THRED_CREDENTIAL_UNAVAIL, "the text ends too early");
  expect("head -c 20000 /dev/zero", THRED_CREDENTIAL_UNAVAIL, "it is longer than 16 KiB");
  expect("head -c 3000000 /dev/zero | tr '\\0' a >&2\n" ECHO, THRED_CREDENTIAL_SUCCESS, "");
}

static void test_endings(void **state)
{
  (void)state;
  expect(ECHO "exit 3", THRED_CREDENTIAL_UNAVAIL, "command: exit status 3");
  expect("echo no such key >&2; exit 1", THRED_CREDENTIAL_UNAVAIL, "exit status 1: no such key");
  expect("echo busy >&2; exit 75", THRED_CREDENTIAL_TRYAGAIN, "exit status 75: busy");
  expect("kill -9 $$", THRED_CREDENTIAL_UNAVAIL, "was killed by signal 9");
  /* Something that it has left behind holds its pipes open. */
  expect("sleep 60 &\n" ECHO, THRED_CREDENTIAL_SUCCESS, "");
  Heard heard = run_for("command=/nonexistent/command", 0, 20000, NULL);
  assert_int_equal(heard.status, THRED_CREDENTIAL_UNAVAIL);
  assert_non_null(strstr(heard.said, "/nonexistent/command: No such file"));
  const char *option = script("#");
  write_file(at("command"),
             "\x7f"
             "ELF",
             4, 0755);
  heard = run_for(option, 0, 20000, NULL);
  assert_non_null(strstr(heard.said, "cannot be run: Exec format error"));
  chmod(at("command"), 0644);
  heard = run_for(option, 0, 20000, NULL);
  assert_non_null(strstr(heard.said, "cannot be run: Permission denied"));
  chmod(at("command"), 0777);
  heard = run_for(option, 0, 20000, NULL);
  assert_int_equal(heard.status, THRED_CREDENTIAL_UNAVAIL);
  assert_non_null(strstr(heard.said, "writable by"));
}

/* All that it has started goes with it. */
static void test_deadline(void **state)
{
  (void)state;
  char body[2 * PATH_SIZE];
  snprintf(body, sizeof body, "echo $$ > %s\nsleep 60 & echo $! >> %s\nwait\n", at("pids"),
           at("pids"));
  int64_t since = clock_monotonic_ms();
  Heard heard = run_for(script(body), 0, 700, NULL);
  assert_int_equal(heard.status, THRED_CREDENTIAL_TRYAGAIN);
  assert_non_null(strstr(heard.said, "was killed, it took longer than it may"));
  assert_true(clock_monotonic_ms() - since < 20000);
  FILE *file = fopen(at("pids"), "r");
  long pid = 0;
  int count = 0;
  assert_non_null(file);
  for (; fscanf(file, "%ld", &pid) == 1; count++)
    while (kill((pid_t)pid, 0) == 0) /* until its new parent has seen that it is dead */
      assert_true(clock_monotonic_ms() - since < 20000);
  fclose(file);
  assert_int_equal(count, 2);
}

static void test_notes(void **state)
{
  (void)state;
  expect("echo first >&2; echo 'key " SECRET " end' >&2; echo 's3cret-apx' >&2\n" ECHO,
         THRED_CREDENTIAL_SUCCESS, "");
  assert_non_null(strstr(notes, "exec: first\n"));
  assert_non_null(strstr(notes, "exec: key ************** end\n"));
  expect("echo 'cannot use " SECRET "' >&2\n" ECHO "exit 2", THRED_CREDENTIAL_UNAVAIL,
         "exit status 2: cannot use **************");
  /* Written otherwise in the answer; where that is unusable, too; and short keys. */
  expect("echo 'no s3cret/key' >&2\n"
         "echo '{\"version\":1,\"partner_uuid\":\"a\",\"api_key\":\"s3cret\\/key\"}'; exit 1",
         THRED_CREDENTIAL_UNAVAIL, "no **********");
  expect("echo " SECRET " >&2; printf '{\"api_key\":\"" SECRET "'", THRED_CREDENTIAL_UNAVAIL, "");
  assert_non_null(strstr(notes, "exec: **************\n"));
  expect("echo 'no s3cret/key' >&2; printf '{\"api_key\":\"s3cret\\\\/key\"'",
         THRED_CREDENTIAL_UNAVAIL, "");
  assert_string_equal(notes, "");
  expect("echo 'no s3cret/key' >&2\n"
         "printf '{\"version\":1,\"partner_uuid\":\"a\",\"api_key\":\"s3cret\\\\/key\"}\\000\\n'",
         THRED_CREDENTIAL_UNAVAIL, "more text after the object");
  assert_string_equal(notes, "");
  expect("echo 'no s3cret/key' >&2\n"
         "echo '{\"version\":1,\"partner_uuid\":\"a\",\"apikey\":\"s3cret\\/key\"}'",
         THRED_CREDENTIAL_UNAVAIL, "api_key");
  assert_string_equal(notes, "");
  Credential credential;
  run_for(script("echo say xyz >&2\n"
                 "echo '{\"version\":1,\"partner_uuid\":\"a\",\"api_key\":\"xyz\"}'"),
          0, 20000, &credential);
  assert_string_equal(notes, "exec: say ***\n");
}

/* ---- what it begins with ---- */

/* Two real-time signals are glibc's own, and no sigaction(2) of its changes them; but whatever its
 * posix_spawn(3) starts, as make does, ignores them from its start. Before there is a thread: with
 * the first one glibc sets its handlers. */
static void forget_internal_signals(void)
{
  static const char by_default[128]; /* the kernel's struct sigaction, whatever it is like here */
  for (int number = 32; number < 34; number++)
    syscall(SYS_rt_sigaction, number, by_default, NULL, _NSIG / 8);
}

static void test_clean_start(void **state)
{
  (void)state;
  char body[4096];
  int leak = open("/dev/null", O_RDONLY); /* without O_CLOEXEC */
  int high = fcntl(leak, F_DUPFD, 200);
  setenv("THRED_TEST_SECRET", "x", 1);
  setenv("THRED_TEST_PASSED", "y z", 1);
  snprintf(
      body, sizeof body, "%s > %s 2>&1\n%s",
      "{ pwd; umask; env | grep -v '^_=\\|^SHLVL=\\|^PWD=\\|^OLDPWD=' | sort; ls /proc/self/fd;"
      " readlink /proc/$$/fd/0; grep 'Sig[BI]' /proc/self/status; }",
      at("seen"), ECHO);
  char options[2 * PATH_SIZE];
  snprintf(options, sizeof options, "%s|pass-environment=THRED_TEST_PASSED;HOME_THAT_IS_NOT",
           script(body));
  signal(SIGUSR1, SIG_IGN);
  assert_int_equal(run_for(options, 0, 20000, NULL).status, THRED_CREDENTIAL_SUCCESS);
  signal(SIGUSR1, SIG_DFL);
  char seen[4096] = "";
  FILE *file = fopen(at("seen"), "r");
  assert_non_null(file);
  assert_true(fread(seen, 1, sizeof seen - 1, file) > 0);
  fclose(file);
  const char *expected = "/\n0077\n"
                         "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
                         "THRED_TEST_PASSED=y z\n"
                         "0\n1\n2\n3\n" /* 3 is the folder, for ls */
                         "/dev/null\n"
                         "SigBlk:\t0000000000000000\n"
                         "SigIgn:\t0000000000000000\n";
  assert_string_equal(seen, expected);
  if (getuid() == 0) { /* under AT_SECURE only root's command would do, and it gets nothing of the
                          environment */
    assert_int_equal(run_for(options, 1, 20000, NULL).status, THRED_CREDENTIAL_SUCCESS);
    file = fopen(at("seen"), "r");
    memset(seen, 0, sizeof seen);
    assert_true(fread(seen, 1, sizeof seen - 1, file) > 0);
    fclose(file);
    assert_null(strstr(seen, "THRED_TEST"));
  }
  close(leak);
  close(high);
}

/* With 0, 1 and 2 closed, the pipes get their numbers. */
static void without_standard_files(void)
{
  Credential credential;
  Stack s;
  Error error = ERROR_INIT;
  const char *option = script(ECHO);
  stack_init(&s);
  stack_add(&s, "exec", "exec", option);
  CredentialsQuestion question = stack_question(&s, 1, module_dir);
  close(0);
  close(1);
  close(2);
  _exit(credentials_get(&question, &credential, &error) == THRED_OK &&
                strcmp(credential.api_key, SECRET) == 0
            ? 0
            : 1);
}

static void test_without_standard_files(void **state)
{
  (void)state;
  int status = -1;
  pid_t child = fork();
  if (child == 0)
    without_standard_files();
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
}

/* ---- hosts that look after children of their own ---- */

static atomic_int signals;

static void count_signal(int number)
{
  (void)number;
  atomic_fetch_add(&signals, 1);
}

static atomic_bool stop;
static atomic_int reaped;

static void *reap_all(void *data)
{
  while (!atomic_load(&stop)) {
    pid_t pid = waitpid(-1, NULL, WNOHANG);
    if (pid > 0)
      atomic_fetch_add(&reaped, 1);
  }
  return data;
}

static void expect_unnoticed(void)
{
  pthread_t reaper;
  atomic_store(&signals, 0);
  atomic_store(&reaped, 0);
  atomic_store(&stop, false);
  assert_int_equal(pthread_create(&reaper, NULL, reap_all, NULL), 0);
  for (int i = 0; i < 10; i++) {
    expect(ECHO, THRED_CREDENTIAL_SUCCESS, "");
    expect("exit 7", THRED_CREDENTIAL_UNAVAIL, "exit status 7");
  }
  assert_int_equal(run_for(script("sleep 60"), 0, 200, NULL).status, THRED_CREDENTIAL_TRYAGAIN);
  atomic_store(&stop, true);
  pthread_join(reaper, NULL);
  assert_int_equal(atomic_load(&signals), 0);
  assert_int_equal(atomic_load(&reaped), 0);
  errno = 0;
  assert_int_equal(waitpid(-1, NULL, __WALL | WNOHANG), -1); /* nothing is left */
  assert_int_equal(errno, ECHILD);
}

static void test_sigchld_is_handled(void **state)
{
  (void)state;
  struct sigaction before, action = {.sa_handler = count_signal};
  sigaction(SIGCHLD, &action, &before);
  expect_unnoticed();
  sigaction(SIGCHLD, &before, NULL);
}

static void test_sigchld_is_ignored(void **state)
{
  (void)state;
  struct sigaction before, action = {.sa_handler = SIG_IGN};
  sigaction(SIGCHLD, &action, &before);
  expect_unnoticed();
  action = (struct sigaction){.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT};
  sigaction(SIGCHLD, &action, NULL);
  expect_unnoticed();
  sigaction(SIGCHLD, &before, NULL);
}

/* The first process of a container, as which a subreaper gets all orphans. */
static void test_nothing_is_left(void **state)
{
  (void)state;
  static const char *const bodies[] = {"sleep 60\n",
                                       "exec sleep 60\n",
                                       "setsid sleep 60\n",
                                       "sleep 60 >/dev/null 2>&1 &\n" ECHO,
                                       "setsid sleep 60 >/dev/null 2>&1 &\n" ECHO,
                                       "timeout 60 sh -c 'sleep 60; sleep 60'\n",
                                       ECHO};
  struct sigaction before, action = {.sa_handler = count_signal, .sa_flags = SA_RESTART};
  sigaction(SIGCHLD, &action, &before);
  assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L), 0);
  atomic_store(&signals, 0);
  for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
    run_for(script(bodies[i]), 0, 400, NULL);
    errno = 0;
    assert_int_equal(waitpid(-1, NULL, __WALL | WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
  }
  assert_int_equal(atomic_load(&signals), 0);
  prctl(PR_SET_CHILD_SUBREAPER, 0L, 0L, 0L, 0L);
  sigaction(SIGCHLD, &before, NULL);
}

/* Whatever it is that cannot be had, it is said, and is not the command's fault. */
static void test_few_descriptors(void **state)
{
  (void)state;
  struct rlimit all, few;
  const char *option = script(ECHO);
  int top = dup(0);
  close(top);
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &all), 0);
  bool delivered = false;
  for (unsigned room = 6; room < 20; room++) {
    few = all;
    few.rlim_cur = (rlim_t)top + room;
    setrlimit(RLIMIT_NOFILE, &few);
    Heard heard = run_for(option, 0, 20000, NULL);
    setrlimit(RLIMIT_NOFILE, &all);
    delivered = heard.status == THRED_CREDENTIAL_SUCCESS;
    if (!delivered && !strstr(heard.said, "Too many open files"))
      fail_msg("%u: %s", room, heard.said);
  }
  assert_true(delivered);
}

/* In a program with more rights than its caller's, what the caller owns does not run. */
static void test_callers_command(void **state)
{
  (void)state;
  if (getuid() != 0)
    skip();
  const char *option = script(ECHO);
  assert_int_equal(chown(at("command"), 12345, 12345), 0);
  assert_int_equal(setresuid(12345, 12345, 0), 0);
  Heard heard = run_for(option, 1, 5000, NULL);
  assert_int_equal(setresuid(0, 0, 0), 0);
  expect_heard(heard, THRED_CREDENTIAL_UNAVAIL, "");
  assert_true(strstr(heard.said, "refused") || strstr(heard.said, "denied"));
  chmod(at("."), 0777);
  heard = run_for(script(ECHO), 0, 5000, NULL);
  chmod(at("."), 0755);
  expect_heard(heard, THRED_CREDENTIAL_UNAVAIL, "writable by group or others");
}

/* Where a link leads to, whoever may write there could put another command. */
static void test_linked_command(void **state)
{
  (void)state;
  char option[PATH_SIZE + 16], target[PATH_SIZE], link[PATH_SIZE];
  script(ECHO);
  snprintf(link, sizeof link, "%s", at("link"));
  snprintf(option, sizeof option, "command=%s", link);
  assert_int_equal(mkdir(at("open"), 0755), 0);
  snprintf(target, sizeof target, "%s", at("open/command"));
  assert_int_equal(rename(at("command"), target), 0);
  assert_int_equal(symlink(target, link), 0);
  expect_heard(run_for(option, 0, 5000, NULL), THRED_CREDENTIAL_SUCCESS, "");
  chmod(at("open"), 0777);
  expect_heard(run_for(option, 0, 5000, NULL), THRED_CREDENTIAL_UNAVAIL,
               "writable by group or others");
  unlink(target);
  unlink(link);
  rmdir(at("open"));
}

/* ---- options ---- */

static void test_options(void **state)
{
  (void)state;
#define ONLY "the module exec: "
  static const char *const cases[][2] = {
      {"command=/bin/get 'a b' \"c\"", "2 /bin/get 'a b' \"c\";1 /bin/get;"},
      {"command=/x|pass-environment=A B", "2 /x;1 /x;0 A;0 B;"},
      {"command=/x|pass-environment=A;;B_2", "2 /x;1 /x;0 A;0 B_2;"},
      {"command=get", "50-test.conf:10: " ONLY "command: its first word is not an absolute path"},
      {"command=/bin/get 'a", ONLY "command: a quote is not closed"},
      {"command= ", ONLY "command: a quote is not closed, or it is empty"},
      {"command=", "50-test.conf:10: command is empty"},
      {"comand=/x", "50-test.conf:10: the module exec has no option 'comand' (it has: command, "},
      {"pass-environment=A", ONLY "no command"},
      {NULL, ONLY "no command"},
      {"command=/x|pass-environment=A;LD_PRELOAD", ONLY "pass-environment: one of its words"},
      {"command=/x|pass-environment=A=B", ONLY "pass-environment: one of its words"},
      {"command=/x|pass-environment=1A", ONLY "pass-environment: one of its words"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *seen = module_identity(module_dir, "exec", cases[i][0], 0);
    if (!strstr(seen, cases[i][1]))
      fail_msg("%zu: %s", i, seen);
  }
  assert_string_equal(module_identity(module_dir, "exec", "command=/x|pass-environment=A", 1),
                      "2 /x;1 /x;");
}

int main(void)
{
  forget_internal_signals();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_options),
      cmocka_unit_test(test_answers),
      cmocka_unit_test(test_endings),
      cmocka_unit_test(test_notes),
      cmocka_unit_test(test_deadline),
      cmocka_unit_test(test_clean_start),
      cmocka_unit_test(test_without_standard_files),
      cmocka_unit_test(test_sigchld_is_handled),
      cmocka_unit_test(test_sigchld_is_ignored),
      cmocka_unit_test(test_nothing_is_left),
      cmocka_unit_test(test_few_descriptors),
      cmocka_unit_test(test_callers_command),
      cmocka_unit_test(test_linked_command),
  };
  return cmocka_run_group_tests_name("credential-exec", tests, set_up, fixture_tear_down);
}
