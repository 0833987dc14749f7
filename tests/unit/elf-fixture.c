/* SPDX-License-Identifier: MIT */
#include "elf-fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define CHANGES 600

static char path[] = "/tmp/thred-elf-XXXXXX";

/* A copy of this program, of this size. */
static int copy_self(off_t *size)
{
  struct stat st;
  int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), to = mkstemp(path);
  assert_true(from >= 0 && to >= 0 && fstat(from, &st) == 0);
  for (off_t left = st.st_size; left > 0;) {
    ssize_t sent = sendfile(to, from, NULL, (size_t)left);
    assert_true(sent > 0);
    left -= sent;
  }
  close(from);
  *size = st.st_size;
  return to;
}

/* Where the dynamic section lies in the file. */
static off_t dynamic_offset(int fd)
{
  ElfW(Ehdr) head;
  ElfW(Phdr) segment;
  assert_int_equal(pread(fd, &head, sizeof head, 0), sizeof head);
  for (unsigned i = 0; i < head.e_phnum; i++) {
    off_t at = (off_t)(head.e_phoff + i * sizeof segment);
    assert_int_equal(pread(fd, &segment, sizeof segment, at), sizeof segment);
    if (segment.p_type == PT_DYNAMIC)
      return (off_t)segment.p_offset;
  }
  fail();
  return 0;
}

static uint32_t next_random(uint32_t *state)
{
  *state = *state * 1664525u + 1013904223u;
  return *state >> 8;
}

/* One to four bytes at a time; then they are put back. */
static void change(int fd, off_t from, uint32_t *state, void (*look)(const char *))
{
  unsigned char before[4], after[4];
  size_t length = 1 + next_random(state) % sizeof before;
  off_t at = from + next_random(state) % 768;
  assert_int_equal(pread(fd, before, length, at), length);
  for (size_t i = 0; i < length; i++)
    after[i] = next_random(state) % 3 ? (unsigned char)next_random(state) : 0xff;
  assert_int_equal(pwrite(fd, after, length, at), length);
  look(path);
  assert_int_equal(pwrite(fd, before, length, at), length);
}

void elf_each_broken(void (*look)(const char *))
{
  off_t size;
  uint32_t state = 1;
  int fd = copy_self(&size);
  off_t dynamic = dynamic_offset(fd);
  look(path);
  for (unsigned i = 0; i < CHANGES; i++)
    change(fd, i % 2 ? 0 : dynamic, &state, look);
  for (off_t length = size; length > 0; length = length * 9 / 10) {
    assert_int_equal(ftruncate(fd, length), 0);
    look(path);
  }
  assert_int_equal(ftruncate(fd, 0), 0);
  look(path);
  close(fd);
  unlink(path);
}

unsigned elf_descriptors(void)
{
  unsigned count = 0;
  DIR *folder = opendir("/proc/self/fd");
  while (folder && readdir(folder))
    count++;
  if (folder)
    closedir(folder);
  return count;
}
