/* SPDX-License-Identifier: MIT */
/* lib/fetch/config-files: which files are read, refused, replaced; when a block is stale; hostile
 * bytes. */
#include "tests/unit/config-fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ACTIVE "[environment sandbox]\nhosts = sandbox.thredfi.com\ncredentials = env\n"
#define CLOSED "; what it forbids is unknown, so no environment is active until it is mended"

static bool active(const Fixture *f)
{
  return fixture_environment(f, "sandbox")->active;
}

static void link_to(const Fixture *f, const char *target, const char *path)
{
  char *from = fixture_expand(f, path), *to = fixture_expand(f, target);
  assert_int_equal(symlink(to, from), 0);
  free(from);
  free(to);
}

/* ---- which files ---- */

static void absent_and_missing_levels(void **state)
{
  Fixture *f = *state;
  fixture_remove(f, "$A");
  f->origin.user = NULL;
  fixture_write(f, "$S/a.conf", ACTIVE);
  fixture_load(f);
  assert_no_problems(f);
  assert_true(active(f));
  assert_true(fixture_has_source(f, "$S", true));
  assert_true(fixture_has_source(f, "$A", false));
  assert_false(fixture_has_source(f, "$U", true));
  assert_false(fixture_has_source(f, "$U", false));
}

static void an_origin_of_nothing(void **state)
{
  Fixture *f = *state;
  f->origin.shipped = f->origin.admin = f->origin.user = f->origin.modules = NULL;
  fixture_load(f);
  assert_no_problems(f);
  assert_int_equal(f->snapshot->sources.count, 0);
}

static void names_of_files(void **state)
{
  Fixture *f = *state;
  fixture_write(f, "$A/A_b-1.2.conf", ACTIVE);
  fixture_write(f, "$A/readme", "nonsense");
  fixture_write(f, "$A/a.conf~", "nonsense");
  fixture_write(f, "$A/a.conf.bak", "nonsense");
  fixture_write(f, "$A/.conf", "nonsense");
  fixture_load(f);
  fixture_problems(f,
                   "$A: \".conf\" is not read; the name of a file has letters, digits, . _ and - "
                   "before .conf",
                   (const char *)NULL);
  assert_true(active(f));
  fixture_remove(f, "$A/.conf");
  fixture_write(f, "$A/b c.conf", "nonsense");
  fixture_load(f);
  fixture_problems(f,
                   "$A: \"b c.conf\" is not read; the name of a file has letters, digits, . _ and "
                   "- before .conf",
                   (const char *)NULL);
  assert_true(active(f));
  assert_false(fixture_has_source(f, "$A/b c.conf", true));
}

static void sorted_as_bytes(void **state)
{
  Fixture *f = *state;
  static const char *const names[] = {"$A/9.conf", "$A/10.conf", "$S/Z.conf", "$A/_.conf",
                                      "$S/a.conf"};
  for (size_t i = 0; i < 5; i++)
    fixture_write(f, names[i], "[thred]\nlog = wrong\n");
  fixture_load(f);
  static const char *const order[] = {"$A/10.conf", "$A/9.conf", "$S/Z.conf", "$A/_.conf",
                                      "$S/a.conf"};
  assert_int_equal(f->snapshot->problems.count, 5);
  for (uint32_t i = 0; i < 5; i++) {
    char *path = fixture_expand(f, order[i]);
    assert_string_equal(fixture_string(f, snapshot_problem(f->snapshot, i)->file), path);
    free(path);
  }
}

static void the_same_name_replaces(void **state)
{
  Fixture *f = *state;
  fixture_write(f, "$S/a.conf", "[thred]\nlog = error\nentries = 100\n");
  fixture_write(f, "$A/a.conf", "[thred]\nlog = info\n");
  fixture_load(f);
  assert_no_problems(f);
  assert_int_equal(f->snapshot->log, SNAPSHOT_LOG_INFO);
  assert_int_equal(f->snapshot->entries, 1024);
  fixture_write(f, "$U/a.conf", "[thred]\nlog = debug\n");
  fixture_load(f);
  assert_int_equal(f->snapshot->log, SNAPSHOT_LOG_DEBUG);
}

static void masking(void **state)
{
  Fixture *f = *state;
  fixture_write(f, "$S/a.conf", ACTIVE);
  link_to(f, "/dev/null", "$A/a.conf");
  fixture_load(f);
  assert_no_problems(f);
  assert_int_equal(f->snapshot->environments.count, 0);
  fixture_write(f, "$A/b.conf", ACTIVE "allow = business\n");
  link_to(f, "/dev/null", "$U/b.conf");
  fixture_load(f);
  assert_no_problems(f);
  assert_int_equal(f->snapshot->environments.count, 0);
}

static void a_user_mask_keeps_the_limits(void **state)
{
  Fixture *f = *state;
  fixture_write(f, "$S/a.conf", ACTIVE);
  fixture_write(f, "$A/b.conf", "[environment sandbox]\nallow = business\n");
  link_to(f, "/dev/null", "$U/b.conf");
  fixture_load(f);
  assert_no_problems(f);
  assert_int_equal(fixture_environment(f, "sandbox")->allow, SNAPSHOT_ALLOW_BUSINESS);
}

static void links_are_followed(void **state)
{
  Fixture *f = *state;
  fixture_write(f, "$R/real", ACTIVE);
  link_to(f, "$R/real", "$A/a.conf");
  fixture_load(f);
  assert_no_problems(f);
  assert_true(active(f));
}

/* ---- what is refused ---- */

static void files_open_to_others_to_write(void **state)
{
  static const struct {
    const char *path, *suffix;
    bool active;
  } cases[] = {{"$S/b.conf", CLOSED, false}, {"$A/b.conf", CLOSED, false}, {"$U/b.conf", "", true}};
  static const unsigned modes[] = {0666, 0664, 0646};
  Fixture *f = *state;
  fixture_write(f, "$S/a.conf", ACTIVE);
  for (size_t i = 0; i < 3; i++) {
    fixture_write(f, cases[i].path, "[environment sandbox]\ntimeout = 99\n");
    for (size_t m = 0; m < 3; m++) {
      char expected[256];
      fixture_chmod(f, cases[i].path, modes[m]);
      snprintf(expected, sizeof expected,
               "%s: refused: it is writable by group or others (owner %u, mode %04o)%s",
               cases[i].path, (unsigned)geteuid(), modes[m], cases[i].suffix);
      fixture_load(f);
      fixture_problems(f, expected, (const char *)NULL);
      assert_int_equal(active(f), cases[i].active);
      assert_int_equal(fixture_environment(f, "sandbox")->timeout, 15);
      assert_true(fixture_has_source(f, cases[i].path, true));
    }
    fixture_chmod(f, cases[i].path, 0640);
    fixture_load(f);
    assert_no_problems(f);
    fixture_remove(f, cases[i].path);
  }
}

static void directories_open_to_others_to_write(void **state)
{
  Fixture *f = *state;
  fixture_write(f, "$S/a.conf", ACTIVE);
  fixture_write(f, "$A/b.conf", "[environment sandbox]\ntimeout = 99\n");
  fixture_write(f, "$U/c.conf", "[environment sandbox]\nconnect-timeout = 99\n");
  char expected[256];
  snprintf(expected, sizeof expected,
           "$A: refused: it is writable by group or others (owner %u, mode 0775)" CLOSED,
           (unsigned)geteuid());
  fixture_chmod(f, "$A", 0775);
  fixture_load(f);
  fixture_problems(f, expected, (const char *)NULL);
  assert_false(active(f));
  assert_int_equal(fixture_environment(f, "sandbox")->timeout, 15);
  assert_int_equal(fixture_environment(f, "sandbox")->connect_timeout, 99);
  assert_false(fixture_has_source(f, "$A/b.conf", true));
  fixture_chmod(f, "$A", 0755);
  fixture_chmod(f, "$U", 0757);
  fixture_load(f);
  assert_int_equal(f->snapshot->problems.count, 1);
  assert_true(active(f));
  assert_int_equal(fixture_environment(f, "sandbox")->connect_timeout, 5);
}

static void owned_by_a_stranger(void **state)
{
  Fixture *f = *state;
  if (geteuid() != 0)
    skip();
  fixture_write(f, "$S/a.conf", ACTIVE);
  fixture_write(f, "$A/b.conf", "[environment sandbox]\ntimeout = 99\n");
  char *path = fixture_expand(f, "$A/b.conf");
  assert_int_equal(chown(path, 12345, 0), 0);
  fixture_load(f);
  fixture_problems(
      f,
      "$A/b.conf: refused: it is owned by neither root nor this user (owner 12345, mode "
      "0644)" CLOSED,
      (const char *)NULL);
  assert_false(active(f));
  assert_int_equal(chown(path, 0, 0), 0);
  assert_int_equal(chown(f->admin, 12345, 0), 0);
  fixture_load(f);
  fixture_problems(f,
                   "$A: refused: it is owned by neither root nor this user (owner 12345, mode "
                   "0755)" CLOSED,
                   (const char *)NULL);
  assert_false(active(f));
  free(path);
}

static void readable_by_root_only(void **state)
{
  Fixture *f = *state;
  if (geteuid() != 0)
    skip();
  fixture_write(f, "$S/a.conf", ACTIVE);
  fixture_write(f, "$A/b.conf", "[environment sandbox]\ntimeout = 99\n");
  fixture_chmod(f, "$A/b.conf", 0600);
  assert_int_equal(seteuid(65534), 0);
  fixture_load(f);
  assert_int_equal(seteuid(0), 0);
  fixture_problems(f, "$A/b.conf: Permission denied" CLOSED, (const char *)NULL);
  assert_false(active(f));
  fixture_chmod(f, "$A", 0700);
  assert_int_equal(seteuid(65534), 0);
  fixture_load(f);
  assert_int_equal(seteuid(0), 0);
  fixture_problems(f, "$A: Permission denied" CLOSED, (const char *)NULL);
  assert_false(active(f));
}

static void a_refused_file_still_replaces(void **state)
{
  Fixture *f = *state;
  fixture_write(f, "$S/a.conf", ACTIVE);
  fixture_write(f, "$S/b.conf", "[route r]\npath = /**\ntoken = business\n");
  fixture_write(f, "$A/b.conf", "[route r]\npath = /**\ntoken = none\n");
  fixture_chmod(f, "$A/b.conf", 0666);
  fixture_load(f);
  assert_int_equal(f->snapshot->problems.count, 1);
  assert_int_equal(f->snapshot->routes.count, 0);
  /* A user's file in its place does not hide that it is refused. */
  fixture_write(f, "$U/b.conf", "[route r]\npath = /**\ntoken = business\n");
  fixture_load(f);
  assert_int_equal(f->snapshot->problems.count, 1);
  assert_int_equal(f->snapshot->routes.count, 1);
  assert_false(active(f));
}

static void what_is_no_file(void **state)
{
  Fixture *f = *state;
  fixture_write(f, "$S/a.conf", ACTIVE);
  char *path = fixture_expand(f, "$A/b.conf");
  assert_int_equal(mkfifo(path, 0644), 0);
  fixture_chmod(f, "$A/b.conf", 0644);
  fixture_load(f); /* and does not wait for a writer */
  assert_true(fixture_has_problem(f, "$A/b.conf: refused: it is not a regular file"));
  assert_false(active(f));
  assert_int_equal(unlink(path), 0);
  assert_int_equal(mkdir(path, 0755), 0);
  fixture_load(f);
  assert_true(fixture_has_problem(f, "$A/b.conf: refused: it is not a regular file"));
  assert_false(active(f));
  assert_int_equal(rmdir(path), 0);
  link_to(f, "$R/nowhere", "$A/b.conf");
  fixture_load(f);
  fixture_problems(f, "$A/b.conf: No such file or directory" CLOSED, (const char *)NULL);
  assert_false(active(f));
  assert_int_equal(unlink(path), 0);
  link_to(f, "/dev/zero", "$A/b.conf");
  fixture_load(f);
  assert_true(fixture_has_problem(f, "$A/b.conf: refused: it is not a regular file"));
  free(path);
}

static void a_file_in_the_directory_place(void **state)
{
  Fixture *f = *state;
  fixture_write(f, "$S/a.conf", ACTIVE);
  fixture_remove(f, "$A");
  fixture_write(f, "$A", ACTIVE);
  fixture_load(f);
  fixture_problems(f, "$A: Not a directory" CLOSED, (const char *)NULL);
  assert_false(active(f));
}

/* ---- sizes ---- */

static void a_file_may_have_256_kib(void **state)
{
  Fixture *f = *state;
  enum { LARGEST = 256 * 1024 };
  char *text = malloc(LARGEST + 1);
  assert_non_null(text);
  memset(text, '\n', LARGEST + 1);
  memcpy(text, ACTIVE, strlen(ACTIVE));
  fixture_write_bytes(f, "$A/a.conf", text, LARGEST);
  fixture_load(f);
  assert_no_problems(f);
  assert_true(active(f));
  fixture_write_bytes(f, "$A/a.conf", text, LARGEST + 1);
  fixture_write(f, "$A/b.conf", ACTIVE);
  fixture_load(f);
  fixture_problems(f, "$A/a.conf: it is larger than the 256 KiB that a file may have" CLOSED,
                   (const char *)NULL);
  assert_false(active(f));
  free(text);
}

static void all_files_may_have_4_mib(void **state)
{
  Fixture *f = *state;
  enum { LARGEST = 256 * 1024 };
  char *text = malloc(LARGEST);
  assert_non_null(text);
  memset(text, '\n', LARGEST);
  fixture_write(f, "$A/z.conf", ACTIVE);
  for (int i = 0; i < 16; i++) {
    char path[32];
    snprintf(path, sizeof path, "$A/%02d.conf", i);
    fixture_write_bytes(f, path, text, LARGEST);
  }
  fixture_write(f, "$A/y.conf", "");
  fixture_load(f);
  assert_true(fixture_has_problem(
      f, "$A/z.conf: with it the files are larger than the 4 MiB that they may have together"));
  fixture_remove(f, "$A/00.conf");
  fixture_load(f);
  assert_no_problems(f);
  free(text);
}

static void at_most_512_files(void **state)
{
  Fixture *f = *state;
  fixture_write(f, "$S/a.conf", ACTIVE);
  for (int i = 0; i < 511; i++) {
    char path[32];
    snprintf(path, sizeof path, "$A/%03d.conf", i);
    fixture_write(f, path, "# nothing\n");
  }
  fixture_load(f);
  assert_no_problems(f);
  assert_true(active(f));
  fixture_write(f, "$U/one-more.conf", "");
  fixture_load(f);
  fixture_problems(f, "$U: with it there are more than 512 files" CLOSED, (const char *)NULL);
  assert_int_equal(f->snapshot->environments.count, 0);
}

static void too_large_for_a_block(void **state)
{
  Fixture *f = *state;
  for (int file = 0; file < 2; file++) {
    char *text = NULL, path[32];
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    for (int i = 0; i < 4000; i++)
      fprintf(out, "[route r%d-%d]\npath=/%d/%d\ntoken=none\n", file, i, file, i);
    fclose(out);
    snprintf(path, sizeof path, "$A/%d.conf", file);
    fixture_write(f, path, text);
    free(text);
  }
  Error error = ERROR_INIT;
  void *block = &error;
  f->size = 7;
  int code = config_load(&f->origin, &block, &f->size, &error);
  assert_int_equal(code, THRED_E_CONFIG);
  assert_int_equal(error.code, THRED_E_CONFIG);
  assert_string_equal(error.message, "the configuration is larger than the 256 KiB that it may "
                                     "take once it is read");
  assert_ptr_equal(block, &error);
  assert_int_equal(f->size, 7);
  assert_int_equal(config_load(&f->origin, &block, &f->size, NULL), THRED_E_CONFIG);
}

static void problems_are_bounded(void **state)
{
  Fixture *f = *state;
  enum { SIZE = 200 * 1024 };
  char *text = malloc(SIZE);
  assert_non_null(text);
  for (size_t i = 0; i < SIZE; i++)
    text[i] = i % 2 ? '\n' : 'x';
  fixture_write_bytes(f, "$A/a.conf", text, SIZE);
  fixture_write(f, "$A/b.conf", "[environment sandbox]\ntimeout = x\n");
  fixture_load(f);
  assert_int_equal(f->snapshot->problems.count, 27);
  assert_true(
      fixture_has_problem(f, "$A/a.conf: the further problems of this file are not listed"));
  assert_true(fixture_has_problem(f, "$A/b.conf:2: [environment sandbox] timeout: \"x\" is not a "
                                     "whole number"));
  for (int i = 0; i < 100; i++) {
    char path[32];
    snprintf(path, sizeof path, "$A/a%d.conf", i);
    fixture_write_bytes(f, path, text, 1000);
  }
  fixture_load(f);
  assert_true(fixture_has_problem(f, "the further problems, of all files, are not listed"));
  /* Not listed, but not forgotten. */
  assert_false(active(f));
  free(text);
}

/* ---- when a block is stale ---- */

static bool current(const Fixture *f)
{
  return snapshot_is_current(f->snapshot);
}

/* The clock of file systems ticks in milliseconds: changes until one is seen, for five seconds. */
static void goes_stale(Fixture *f, void (*change)(const Fixture *f, int round))
{
  fixture_load(f);
  assert_true(current(f));
  struct timespec start, now;
  clock_gettime(CLOCK_MONOTONIC, &start);
  for (int round = 0; current(f); round++) {
    change(f, round);
    clock_gettime(CLOCK_MONOTONIC, &now);
    assert_true(now.tv_sec - start.tv_sec < 5);
  }
  fixture_load(f);
  assert_true(current(f));
}

static void change_content(const Fixture *f, int round)
{
  fixture_write(f, "$A/a.conf", round % 2 ? "# 1\n" : "# 2\n");
}

static void change_mode(const Fixture *f, int round)
{
  fixture_chmod(f, "$A/a.conf", round % 2 ? 0666 : 0644);
}

static void replace_file(const Fixture *f, int round)
{
  (void)round;
  fixture_write(f, "$R/new", ACTIVE);
  char *from = fixture_expand(f, "$R/new"), *to = fixture_expand(f, "$A/a.conf");
  assert_int_equal(rename(from, to), 0);
  free(from);
  free(to);
}

static void add_file(const Fixture *f, int round)
{
  char path[32];
  snprintf(path, sizeof path, "$U/new%d.conf", round);
  fixture_write(f, path, "");
}

static void remove_file(const Fixture *f, int round)
{
  (void)round;
  fixture_remove(f, "$A/a.conf");
}

static void make_absent_directory(const Fixture *f, int round)
{
  (void)round;
  assert_int_equal(mkdir(f->user, 0755), 0);
  assert_int_equal(chmod(f->user, 0755), 0);
}

static void fix_directory(const Fixture *f, int round)
{
  fixture_chmod(f, "$A", round % 2 ? 0777 : 0755);
}

static void install_module(const Fixture *f, int round)
{
  (void)round;
  fixture_write(f, "$M/env.so", "");
}

static void change_module(const Fixture *f, int round)
{
  fixture_write(f, "$M/env.so", round % 2 ? "1" : "22");
}

static void change_target(const Fixture *f, int round)
{
  fixture_write(f, "$R/target", round % 2 ? "# 1\n" : "# 2\n");
}

static void relink(const Fixture *f, int round)
{
  char name[16];
  snprintf(name, sizeof name, "$R/l%d", round);
  fixture_write(f, name, "# other\n");
  fixture_remove(f, "$A/link.conf");
  link_to(f, name, "$A/link.conf");
}

static void unmask(const Fixture *f, int round)
{
  (void)round;
  fixture_remove(f, "$A/mask.conf");
}

static void stale_after_each_change(void **state)
{
  Fixture *f = *state;
  fixture_write(f, "$A/a.conf", ACTIVE);
  goes_stale(f, install_module);
  goes_stale(f, change_module);
  goes_stale(f, change_content);
  goes_stale(f, replace_file);
  goes_stale(f, change_mode);
  fixture_chmod(f, "$A/a.conf", 0666);
  goes_stale(f, change_mode);
  goes_stale(f, add_file);
  fixture_write(f, "$R/target", "");
  link_to(f, "$R/target", "$A/link.conf");
  goes_stale(f, change_target);
  goes_stale(f, relink);
  link_to(f, "/dev/null", "$A/mask.conf");
  goes_stale(f, unmask);
  fixture_chmod(f, "$A", 0777);
  goes_stale(f, fix_directory);
  fixture_chmod(f, "$A", 0755);
  goes_stale(f, remove_file);
}

static void stale_when_an_absent_directory_appears(void **state)
{
  Fixture *f = *state;
  fixture_remove(f, "$U");
  goes_stale(f, make_absent_directory);
}

/* ---- hostile bytes, many threads ---- */

static void random_bytes(void **state)
{
  static const char seed[] =
      "[thred]\nlog = info\nseal = auto\n" ACTIVE "next = file [UNAVAIL=return] exec\n"
      "business = 3c90c3cc-0d44-4b50-8888-8dd25736052a\npin-business = yes\nallow = business;\n"
      "connect-to = ::127.0.0.1:8443\nkey-created = 2026-09-01\n[credentials file]\npath = /x\n"
      "[route r]\nmethod = GET;POST;\npath = /v1/{business_id}/*/**\ntoken = business\n";
  Fixture *f = *state;
  uint32_t random = 12345;
  for (int round = 0; round < 2000; round++) {
    char text[sizeof seed - 1];
    memcpy(text, seed, sizeof text);
    for (int change = 0; change <= round % 12; change++) {
      random = random * 1664525u + 1013904223u;
      static const char likely[] = "[]=;\n\\ #*{}/\0\xff.!";
      uint32_t at = (random >> 8) % sizeof text;
      random = random * 1664525u + 1013904223u;
      text[at] = round % 2 ? (char)(random >> 16) : likely[(random >> 16) % (sizeof likely - 1)];
    }
    fixture_write_bytes(f, "$A/a.conf", text, sizeof text);
    fixture_load(f); /* checks the block */
  }
}

static void a_file_of_any_size(void **state)
{
  static const char text[] = ACTIVE "timeout = 20\n[route r]\npath = /x\ntoken = none\n";
  Fixture *f = *state;
  for (size_t size = 0; size < sizeof text; size++) {
    fixture_write_bytes(f, "$A/a.conf", text, size);
    fixture_load(f);
  }
}

static void binary_file(void **state)
{
  Fixture *f = *state;
  char bytes[65536];
  uint32_t random = 99;
  for (size_t i = 0; i < sizeof bytes; i++) {
    random = random * 1664525u + 1013904223u;
    bytes[i] = (char)(random >> 16);
  }
  fixture_write_bytes(f, "$A/0.conf", bytes, sizeof bytes);
  fixture_write(f, "$A/a.conf", ACTIVE);
  fixture_load(f);
  assert_true(f->snapshot->problems.count > 0);
  assert_true(active(f));
}

static void *load_in_thread(void *data)
{
  Fixture *f = data;
  for (int i = 0; i < 50; i++) {
    void *block = NULL;
    size_t size = 0;
    if (config_load(&f->origin, &block, &size, NULL) != THRED_OK)
      return data;
    bool same = size == f->size && memcmp(block, f->snapshot, size) == 0;
    free(block);
    if (!same)
      return data;
  }
  return NULL;
}

static void the_same_in_every_thread(void **state)
{
  Fixture *f = *state;
  fixture_write(f, "$S/a.conf", ACTIVE "business = x\n[route r]\npath = /x\ntoken = partner\n");
  fixture_write(f, "$U/b.conf",
                "[thred]\nseal = off\n[credentials file]\nb=2\na=1\n"
                "[environment b]\nhosts = api.thredfi.com\ncredentials = file\n");
  fixture_load(f);
  pthread_t threads[8];
  for (size_t i = 0; i < 8; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, load_in_thread, f), 0);
  for (size_t i = 0; i < 8; i++) {
    void *failed = f;
    assert_int_equal(pthread_join(threads[i], &failed), 0);
    assert_null(failed);
  }
}

static void no_descriptor_is_left(void **state)
{
  Fixture *f = *state;
  fixture_write(f, "$A/a.conf", ACTIVE);
  fixture_write(f, "$A/b.conf", "");
  fixture_chmod(f, "$A/b.conf", 0666);
  fixture_load(f);
  int before = open("/dev/null", O_RDONLY | O_CLOEXEC);
  close(before);
  for (int i = 0; i < 10; i++)
    fixture_load(f);
  int after = open("/dev/null", O_RDONLY | O_CLOEXEC);
  close(after);
  assert_int_equal(before, after);
}

#define T(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      T(absent_and_missing_levels),
      T(an_origin_of_nothing),
      T(names_of_files),
      T(sorted_as_bytes),
      T(the_same_name_replaces),
      T(masking),
      T(a_user_mask_keeps_the_limits),
      T(links_are_followed),
      T(files_open_to_others_to_write),
      T(directories_open_to_others_to_write),
      T(owned_by_a_stranger),
      T(readable_by_root_only),
      T(a_refused_file_still_replaces),
      T(what_is_no_file),
      T(a_file_in_the_directory_place),
      T(a_file_may_have_256_kib),
      T(all_files_may_have_4_mib),
      T(at_most_512_files),
      T(too_large_for_a_block),
      T(problems_are_bounded),
      T(stale_after_each_change),
      T(stale_when_an_absent_directory_appears),
      T(random_bytes),
      T(a_file_of_any_size),
      T(binary_file),
      T(the_same_in_every_thread),
      T(no_descriptor_is_left),
  };
  return cmocka_run_group_tests_name("config-files", tests, NULL, NULL);
}
