/* SPDX-License-Identifier: MIT */
/* plugin/preload/needs-libcurl: which objects lose RTLD_DEEPBIND. */
#include <curl/curl.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "elf-fixture.h"
#include "plugin/preload/needs-libcurl.h"

static bool needs(const char *file)
{
  errno = 77;
  bool needed = needs_libcurl(file);
  assert_int_equal(errno, 77);
  return needed;
}

static void a_program_with_libcurl(void **state)
{
  (void)state;
  assert_non_null(curl_version()); /* so that it is linked */
  assert_true(needs("/proc/self/exe"));
}

static void what_needs_none(void **state)
{
  static const char *const files[] = {
      "/bin/sh", "/dev/null",    "/dev/zero",       "/",          "/no/such/file",
      "",        "libcurl.so.4", "/proc/self/exe/", "/etc/passwd"};
  (void)state;
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
    assert_false(needs(files[i]));
  assert_false(needs(NULL));
}

/* Nobody waits, and nobody who waits for a reader is woken up. */
static void a_fifo(void **state)
{
  char folder[] = "/tmp/thred-fifo-XXXXXX", file[64];
  (void)state;
  assert_non_null(mkdtemp(folder));
  snprintf(file, sizeof file, "%s/fifo", folder);
  assert_int_equal(mkfifo(file, 0600), 0);
  alarm(20);
  assert_false(needs(file));
  alarm(0);
  unlink(file);
  rmdir(folder);
}

static unsigned looks, found;

static void look(const char *path)
{
  looks++;
  found += needs(path);
}

/* Some changes do no harm, and most do. */
static void broken_objects(void **state)
{
  (void)state;
  unsigned before = elf_descriptors();
  elf_each_broken(look);
  assert_int_equal(elf_descriptors(), before);
  assert_in_range(found, 1, looks - 1);
}

static void names(void **state)
{
  (void)state;
  assert_true(is_libcurl_name("libcurl.so.4"));
  assert_true(is_libcurl_name("libcurl-gnutls.so.4"));
  assert_false(is_libcurl_name("libcurlpp.so.1"));
  assert_false(is_libcurl_name("libcur"));
  assert_false(is_libcurl_name(""));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_program_with_libcurl),
      cmocka_unit_test(what_needs_none),
      cmocka_unit_test(a_fifo),
      cmocka_unit_test(broken_objects),
      cmocka_unit_test(names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
