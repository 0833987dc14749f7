/* SPDX-License-Identifier: MIT */
/* tools/thredctl/elf-file: what `thredctl doctor` reads of a program, whole or broken. */
#include <curl/curl.h>
#include <elf.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "elf-fixture.h"
#include "tools/thredctl/elf-file.h"

static void this_program(void **state)
{
  bool found = false;
  g_autofree char *error = NULL;
  (void)state;
  assert_non_null(curl_version()); /* so that it is linked */
  g_autoptr(ElfFile) file = elf_file_read("/proc/self/exe", &error);
  assert_non_null(file);
  assert_int_equal(file->class, sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32);
  assert_true(file->dynamic);
  assert_non_null(strstr(file->interpreter, "ld"));
  for (guint i = 0; i < file->needed->len; i++)
    found |= strncmp(file->needed->pdata[i], "libcurl", 7) == 0;
  assert_true(found);
  assert_false(file->defines_curl);
}

static void what_is_none(void **state)
{
  static const char *const files[] = {"/dev/null",     "/dev/zero", "/",
                                      "/no/such/file", "",          "/etc/passwd"};
  (void)state;
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
    g_autofree char *error = NULL;
    assert_null(elf_file_read(files[i], &error));
    assert_non_null(error);
  }
}

static unsigned looks, read_well;

static void look(const char *path)
{
  g_autofree char *error = NULL;
  g_autoptr(ElfFile) file = elf_file_read(path, &error);
  assert_true(!file == (error != NULL));
  looks++;
  read_well += file && file->needed->len > 0;
}

static void broken_programs(void **state)
{
  (void)state;
  unsigned before = elf_descriptors();
  elf_each_broken(look);
  assert_int_equal(elf_descriptors(), before);
  assert_in_range(read_well, 1, looks - 1);
}

/* Where the text lies, near the ends of the pieces that are read at a time (64 KiB), and whether
 * what comes behind it belongs to it. */
static void text_anywhere(void **state)
{
  static const off_t places[] = {0,       1,       65530,   65535,   1048560, 1048570,
                                 1048575, 1048576, 1048580, 1048639, 1048640, 3145720};
  (void)state;
  for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
    for (int tail = 0; tail < 2; tail++) {
      char path[] = "/tmp/thred-text-XXXXXX";
      int fd = mkstemp(path);
      assert_int_equal(pwrite(fd, "libcurl/7.88.1", 14, places[i]), 14);
      if (tail)
        assert_int_equal(pwrite(fd, "-x", 2, places[i] + 14), 2);
      g_autofree char *found = elf_file_find_text(path, "libcurl/");
      g_autofree char *none = elf_file_find_text(path, "libcurl-");
      close(fd);
      unlink(path);
      assert_string_equal(found, "libcurl/7.88.1");
      assert_null(none);
    }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(this_program),
      cmocka_unit_test(what_is_none),
      cmocka_unit_test(broken_programs),
      cmocka_unit_test(text_anywhere),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
