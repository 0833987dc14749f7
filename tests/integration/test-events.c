/* SPDX-License-Identifier: MIT */
/*
 * test-events.c - every event that docs/logging.md lists, brought about: it comes with the id, the
 * level and the words that stand there, and packaging/thred-auth.catalog has a text for it. And an
 * outage is two lines, however many requests it meets.
 */
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"
#include "events-fixture.h"
#include "journal.h"
#include "lib/cache-layout.h"
#include "run-plain.h"
#include "run-probe.h"

static bool alone;

/* ---- who logs ---- */

static Outcome outcome;

static void configure(const char *text)
{
  emulator_configure(&emulator, "70-events.conf", text);
}

static void probe(const char *url)
{
  const Probe one = {.arguments = {"get", url, "1"}};
  probe_run(&one, &outcome);
}

static void rest_ms(int64_t ms)
{
  for (int64_t until = now_ms() + ms; now_ms() < until;)
    usleep(10000);
}

#define NEED_JOURNAL()                                                                             \
  do {                                                                                             \
    if (!alone)                                                                                    \
      skip();                                                                                      \
  } while (0)

/* ---- the events ---- */

static void requests(void **state)
{
  (void)state;
  NEED_JOURNAL();
  probe(BASE INVOICES);
  events_expect("decision", "token");
  events_expect("token-fetched", NULL);
  control_revoke(&emulator);
  probe(BASE INVOICES);
  events_expect("token-refused", NULL);
  events_forget();
  probe(BASE "/v1/platform/oauth2/token");
  events_expect("decision", "tokenless");
  events_expect_count("decision", 1);
}

/* The program is this one. The endpoint is well again after many requests. Without decisions: they
 * would come faster than the kernel lets anyone read. */
static void an_outage(void **state)
{
  Client client;
  NEED_JOURNAL();
  configure("[thred]\nlog = info\n");
  control(&emulator, "POST", "fault?path=token:partner&times=0&action=status&status=503");
  client_open(&client, MODE(state), BASE INVOICES);
  for (int i = 0; i < 300; i++)
    client_expect(&client, 401);
  events_expect("token-failure", "server");
  events_expect_count("token-failure", 1);
  events_expect_count("token-restored", 0);
  control(&emulator, "DELETE", "fault");
  for (int64_t since = now_ms(); now_ms() - since < 20000;) {
    client_run(&client);
    if (client_status(&client) == 200)
      break;
    usleep(50000);
  }
  for (int i = 0; i < 50; i++)
    client_expect(&client, 200);
  events_expect("token-restored", NULL);
  events_expect_count("token-failure", 1);
  events_expect_count("token-restored", 1);
  client_close(&client);
}

/* A fault on this machine is no more told each time than one of the server's. */
static void a_local_fault(void **state)
{
  Client client;
  NEED_JOURNAL();
  assert_int_equal(chmod(emulator.credentials, 0644), 0);
  client_open(&client, MODE(state), BASE INVOICES);
  for (int i = 0; i < 30; i++)
    client_expect(&client, 401);
  events_expect("token-failure", "no-credential");
  events_expect_count("token-failure", 1);
  assert_int_equal(chmod(emulator.credentials, 0600), 0);
  client_close(&client);
}

static void a_renewal(void **state)
{
  Client client;
  NEED_JOURNAL();
  control(&emulator, "POST", "set?lifetime=3");
  client_open(&client, MODE(state), BASE BUSINESSES);
  client_expect(&client, 200);
  control(&emulator, "POST", "fault?path=token:partner&times=0&action=status&status=503");
  rest_ms(1700);
  for (int i = 0; i < 10; i++)
    client_expect(&client, 200);
  events_expect("renewal-failure", "server");
  events_expect_count("renewal-failure", 1);
  control(&emulator, "DELETE", "fault");
  client_close(&client);
}

static void the_key(void **state)
{
  char conf[512], path[128];
  (void)state;
  NEED_JOURNAL();
  configure("[environment sandbox]\nkey-created = 2020-01-01\n");
  probe(BASE INVOICES);
  events_expect("key-age", NULL);
  snprintf(path, sizeof path, "%s/wrong", emulator.dir);
  int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  dprintf(file, "THRED_PARTNER_UUID=00000000-0000-4000-8000-000000000000\n"
                "THRED_API_KEY=0123456789abcdef0123456789abcdef0123456789ab\n");
  close(file);
  snprintf(conf, sizeof conf,
           "[environment sandbox]\ncredentials = old\nnext = file\n[credentials old]\n"
           "module = file\npath = %s\n",
           path);
  configure(conf);
  probe(BASE INVOICES);
  events_expect("key-replaced", NULL);
  assert_string_equal(outcome.out, "0 200\n");
}

static void the_configuration(void **state)
{
  Client client;
  NEED_JOURNAL();
  client_open(&client, MODE(state), BASE INVOICES);
  client_expect(&client, 200);
  configure("[environment sandbox]\ntimeout = soon\n");
  probe(BASE INVOICES);
  events_expect("configuration-problem", NULL);
  rest_ms(1100);
  client_expect(&client, 200);
  events_expect("configuration-kept", "problem");
  configure("[environment sandbox]\ntimeout = 14\n");
  rest_ms(1100);
  client_expect(&client, 200);
  events_expect("configuration-restored", NULL);
  for (int i = 0; i < 20; i++)
    client_expect(&client, 200);
  events_expect_count("configuration-restored", 1);
  client_close(&client);
}

/* A module directory with no library beside it. */
static void no_configuration(void **state)
{
  char directory[128], variable[160];
  (void)state;
  NEED_JOURNAL();
  snprintf(directory, sizeof directory, "%s/modules", emulator.dir);
  snprintf(variable, sizeof variable, "THRED_MODULE_DIR=%s", directory);
  assert_int_equal(mkdir(directory, 0755), 0);
  const Probe one = {.arguments = {"get", BASE INVOICES, "20"}, .environment = {variable}};
  probe_run(&one, &outcome);
  /* `log` is in the configuration: what there is of it is the default. */
  events_expect("configuration-missing", "internal");
  events_expect_count("configuration-missing", 1);
}

/* ---- the cache ---- */

static bool find_segment(char path[256])
{
  glob_t found;
  const int result = glob("/dev/shm/thred-auth-*", 0, NULL, &found);
  if (result == 0)
    snprintf(path, 256, "%s", found.gl_pathv[0]);
  globfree(&found);
  return result == 0;
}

static void an_overwritten_lock(void **state)
{
  char path[256];
  (void)state;
  NEED_JOURNAL();
  probe(BASE INVOICES);
  assert_true(find_segment(path));
  int file = open(path, O_RDWR | O_CLOEXEC);
  char garbage[sizeof(pthread_mutex_t)];
  memset(garbage, 0xa5, sizeof garbage);
  assert_int_equal(pwrite(file, garbage, sizeof garbage, offsetof(CacheHeader, lock)),
                   sizeof garbage);
  close(file);
  emulator_forget_tokens(&emulator); /* or they are read without it */
  events_forget();
  probe(BASE INVOICES);
  assert_string_equal(outcome.out, "0 200\n");
  events_expect("cache-replaced", NULL);
  events_expect_count("cache-replaced", 1);
}

static void an_expired_key(void **state)
{
  char path[256], name[64] = "thred-auth:";
  uint8_t salt[16];
  (void)state;
  NEED_JOURNAL();
  probe(BASE INVOICES);
  assert_true(find_segment(path));
  int file = open(path, O_RDONLY | O_CLOEXEC);
  assert_int_equal(pread(file, salt, sizeof salt, offsetof(CacheHeader, salt)), sizeof salt);
  close(file);
  for (size_t i = 0; i < sizeof salt; i++)
    sprintf(name + strlen(name), "%02x", salt[i]);
  const long key = syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_USER_KEYRING, "user", name, 0);
  if (key < 0 || syscall(SYS_keyctl, KEYCTL_UNLINK, key, KEY_SPEC_USER_KEYRING) < 0) {
    events_cannot("cache-key-expired", "no keyring");
    skip();
  }
  probe(BASE INVOICES);
  events_expect("cache-key-expired", NULL);
}

static void no_keyring(void **state)
{
  char program[256];
  (void)state;
  NEED_JOURNAL();
  snprintf(program, sizeof program, "%s", harness_beside("../unit/run-without-keyring"));
  if (access(program, X_OK) || SANITIZED) {
    events_cannot("cache-unsealed", "no run-without-keyring");
    skip();
  }
  const Probe one = {.arguments = {"get", BASE INVOICES, "3"}, .wrapper = {program}};
  probe_run(&one, &outcome);
  events_expect("cache-unsealed", NULL);
  events_expect_count("cache-unsealed", 1);
}

/* A process whose segment somebody holds who makes room for another: it looks again after five
 * seconds. It is started first, and looked at last; what it fetches would else count in other
 * tests. */
static pid_t racer;

static void name_mark(char path[160], const char *directory, const char *name)
{
  snprintf(path, 160, "%s/race-%s", directory, name);
}

static void mark(const char *directory, const char *name)
{
  char path[160];
  name_mark(path, directory, name);
  close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static void wait_for_mark(const char *directory, const char *name)
{
  char path[160];
  name_mark(path, directory, name);
  for (int i = 0; i < 2000 && access(path, F_OK); i++)
    usleep(10000);
}

static void get_a_token(void)
{
  ThredTokenRequest request = {.size = sizeof request, .kind = THRED_TOKEN_PARTNER};
  ThredToken token = {.size = sizeof token};
  thred_token_get(&request, &token);
  thred_token_clear(&token);
}

static int race(const char *directory)
{
  char path[256];
  pid_t maker = fork();
  if (maker == 0) {
    get_a_token();
    _exit(0);
  }
  waitpid(maker, NULL, 0);
  int file = find_segment(path) ? open(path, O_RDWR | O_CLOEXEC) : -1;
  if (file < 0 || flock(file, LOCK_EX) || pwrite(file, "no cache", 8, 0) != 8)
    return 1;
  get_a_token();
  close(file);
  mark(directory, "begun");
  rest_ms(5200);
  wait_for_mark(directory, "go");
  get_a_token();
  return 0;
}

static void start_race(const char *self)
{
  const char *argv[] = {"unshare",
                        "-m",
                        "sh",
                        "-c",
                        "mount -t tmpfs none /dev/shm && exec \"$0\" race \"$1\"",
                        self,
                        emulator.dir,
                        NULL};
  racer = process_start(argv, -1, -1);
  wait_for_mark(emulator.dir, "begun");
}

static void a_private_cache(void **state)
{
  (void)state;
  NEED_JOURNAL();
  mark(emulator.dir, "go");
  assert_int_equal(process_wait(racer), 0);
  wait_until(events_is_ever_seen, events_find("cache-private"));
  wait_until(events_is_ever_seen, events_find("cache-shared"));
}

/* ---- programs ---- */

static void plain(const char *program, const char *scenario)
{
  const Plain one = {.program = program,
                     .scenario = scenario,
                     .shim = true,
                     .port = emulator.port,
                     .authority = &emulator};
  plain_run(&one, &outcome);
}

static void a_clash(void **state)
{
  (void)state;
  NEED_JOURNAL();
  plain("probe-taken-g_free", "plain");
  events_expect("program-unreachable", "clash");
  events_expect_count("program-unreachable", 1);
  events_expect_count("token-failure", 0);
}

static void not_verified(void **state)
{
  (void)state;
  NEED_JOURNAL();
  plain(NULL, "peer not verified"); /* two transfers */
  events_expect("unverified", "unverified");
  events_expect_count("unverified", 1);
}

static void a_duplicate(void **state)
{
  Client client, copy;
  NEED_JOURNAL();
  client_open(&client, MODE(state), BASE BUSINESSES);
  client_expect(&client, 200);
  client_adopt(&copy, &client, curl_easy_duphandle(client.curl));
  for (int i = 0; i < 5; i++)
    assert_int_equal(client_run(&copy), CURLE_ABORTED_BY_CALLBACK);
  events_expect("duplicate-handle", "plain");
  events_expect_count("duplicate-handle", 1);
  client_close(&copy);
  client_close(&client);
}

/* ---- the end ---- */

static void every_row_has_come(void **state)
{
  (void)state;
  NEED_JOURNAL();
  unsigned missing = 0;
  events_note();
  for (size_t i = 0; i < events_count; i++)
    if (!events[i].ever) {
      print_message("%s has not come: %s\n", events[i].name,
                    events[i].why_not ? events[i].why_not : "nothing brings it about");
      missing += !events[i].why_not;
    }
  assert_int_equal(missing, 0);
}

/* "-- ID" begins an entry, which names what it is about (systemd's CATALOG). */
static void the_catalog_has_each(void **state)
{
  char line[1024], path[512];
  size_t entries = 0;
  (void)state;
  snprintf(path, sizeof path, "%s/packaging/thred-auth.catalog", getenv("THRED_TEST_SOURCE"));
  FILE *file = fopen(path, "re");
  assert_non_null(file);
  while (fgets(line, sizeof line, file)) {
    if (strncmp(line, "-- ", 3) != 0)
      continue;
    bool known = false;
    for (size_t i = 0; i < events_count; i++)
      known |= strncmp(line + 3, events[i].id, 32) == 0 && line[35] == '\n';
    if (!known)
      fail_msg("docs/logging.md has no %s", line);
    entries++;
    assert_non_null(fgets(line, sizeof line, file));
    assert_int_equal(strncmp(line, "Subject: ", 9), 0);
  }
  fclose(file);
  assert_int_equal(entries, events_count);
}

/* journald takes it, and shows the text for an id. */
static void journalctl_takes_the_catalog(void **state)
{
  char command[1024];
  (void)state;
  if (!process_has("journalctl"))
    skip();
  snprintf(command, sizeof command,
           "d=%s/catalog && mkdir -p $d/usr/lib/systemd/catalog && "
           "cp %s $d/usr/lib/systemd/catalog/ && journalctl --update-catalog --root=$d && "
           "journalctl --root=$d --list-catalog | grep -c thred-auth",
           emulator.dir, harness_installed("lib/systemd/catalog/thred-auth.catalog"));
  const char *argv[] = {"sh", "-c", command, NULL};
  process_run(argv, NULL, &outcome);
  assert_int_equal((size_t)atoi(outcome.out), events_count);
  assert_string_equal(outcome.err, "");
}

/* ---- fixtures ---- */

static char self[PATH_MAX];

static int start(void **state)
{
  struct stat before, after;
  assert_int_equal(stat("/proc/self/ns/mnt", &before), 0);
  if (harness_start(state))
    return -1;
  events_read();
  assert_int_equal(stat("/proc/self/ns/mnt", &after), 0);
  alone = before.st_ino != after.st_ino && journal_mount() && journal_start(journal_bind());
  emulator_configure(&emulator, "60-events.conf", "[thred]\nlog = debug\n");
  if (alone)
    start_race(self);
  return 0;
}

static int fresh(void **state)
{
  configure("");
  control(&emulator, "DELETE", "fault");
  const int result = harness_fresh(state);
  if (alone)
    events_forget();
  return result;
}

#define TEST(name)                                                                                 \
  {                                                                                                \
#name, name, fresh, NULL, &mode_easy                                                           \
  }

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      TEST(requests),
      TEST(an_outage),
      TEST(a_local_fault),
      TEST(a_renewal),
      TEST(the_key),
      TEST(the_configuration),
      TEST(no_configuration),
      TEST(an_overwritten_lock),
      TEST(an_expired_key),
      TEST(no_keyring),
      TEST(a_clash),
      TEST(not_verified),
      TEST(a_duplicate),
      TEST(a_private_cache),
      TEST(every_row_has_come),
      TEST(the_catalog_has_each),
      TEST(journalctl_takes_the_catalog),
  };
  if (argc > 2 && strcmp(argv[1], "race") == 0)
    return race(argv[2]);
  harness_require_installation();
  if (!realpath(argv[0], self) || !getenv("THRED_TEST_SOURCE"))
    return 77;
  return cmocka_run_group_tests(tests, start, harness_stop);
}
