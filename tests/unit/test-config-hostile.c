/* SPDX-License-Identifier: MIT */
/* lib/fetch/config: too large, too many, garbage, many threads. */
#include "tests/unit/config-fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#define ACTIVE "[environment sandbox]\nhosts = sandbox.thredfi.com\ncredentials = env\n"
#define CLOSED "; what it forbids is unknown, so no environment is active until it is mended"

static bool active(const Fixture *f)
{
  return fixture_environment(f, "sandbox")->active;
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
      T(a_file_may_have_256_kib),  T(all_files_may_have_4_mib),
      T(at_most_512_files),        T(too_large_for_a_block),
      T(problems_are_bounded),     T(random_bytes),
      T(a_file_of_any_size),       T(binary_file),
      T(the_same_in_every_thread), T(no_descriptor_is_left),
  };
  return cmocka_run_group_tests_name("config-hostile", tests, NULL, NULL);
}
