/* SPDX-License-Identifier: MIT */
/* A file that may be an object of ELF, for thredctl doctor and for the shim's look at a plug-in. */
#include <fcntl.h>
#include <unistd.h>

#include "plugin/preload/needs-libcurl.h"
#include "tests/fuzz/fuzz.h"
#include "tools/thredctl/elf-file.h"

static char path[64];

static void remove_file(void)
{
  unlink(path);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
  (void)argc, (void)argv;
  snprintf(path, sizeof path, "/dev/shm/thred-fuzz-elf-%d", (int)getpid());
  atexit(remove_file);
  return 0;
}

static size_t sum;

static void use(const char *text)
{
  sum += text ? strlen(text) : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  FUZZ_TRUE(fd >= 0 && write(fd, data, size) == (ssize_t)size);
  close(fd);
  char *error = NULL;
  ElfFile *file = elf_file_read(path, &error);
  FUZZ_TRUE(!file == (error != NULL));
  FUZZ_TRUE(!error || error[0]);
  if (file) {
    use(file->interpreter);
    use(file->rpath);
    for (guint i = 0; i < file->needed->len; i++)
      use(g_ptr_array_index(file->needed, i));
    for (guint i = 0; i < file->versions->len; i++)
      use(g_ptr_array_index(file->versions, i));
    elf_file_free(file);
  }
  g_free(error);
  g_free(elf_file_find_text(path, "libcurl/"));
  needs_libcurl(path);
  return 0;
}
