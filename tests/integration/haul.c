/* SPDX-License-Identifier: MIT */
#include "haul.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "process.h"

static char *read_back(int fd, size_t *length)
{
  struct stat st;
  assert_int_equal(fstat(fd, &st), 0);
  char *text = malloc((size_t)st.st_size + 1);
  assert_non_null(text);
  *length = (size_t)st.st_size;
  assert_int_equal(pread(fd, text, *length, 0), *length);
  text[*length] = '\0';
  close(fd);
  return text;
}

void haul_take(Haul *haul, const char *const *argv)
{
  int out = memfd_create("stdout", MFD_CLOEXEC), err = memfd_create("stderr", MFD_CLOEXEC);
  assert_true(out >= 0 && err >= 0);
  haul->status = process_wait(process_start(argv, out, err));
  haul->out = read_back(out, &haul->out_length);
  haul->err = read_back(err, &haul->err_length);
  assert_true(haul->status < 126);
}

void haul_free(Haul *haul)
{
  free(haul->out);
  free(haul->err);
  *haul = (Haul){0};
}

static size_t count_in(const char *text, const char *end, const char *secret)
{
  size_t count = 0, length = strlen(secret);
  assert_true(length > 8); /* anything shorter stands somewhere by chance */
  while ((text = memmem(text, (size_t)(end - text), secret, length))) {
    count++;
    text += length;
  }
  return count;
}

size_t haul_count(const Haul *haul, const char *secret)
{
  return count_in(haul->out, haul->out + haul->out_length, secret);
}

size_t haul_count_err(const Haul *haul, const char *secret)
{
  return count_in(haul->err, haul->err + haul->err_length, secret);
}

size_t haul_count_channel(const Haul *haul, const char *channel, const char *secret)
{
  char mark[64];
  size_t count = 0;
  const char *end = haul->out + haul->out_length;
  int length = snprintf(mark, sizeof mark, "\n@@%s\n", channel);
  const char *at = haul->out;
  while ((at = memmem(at, (size_t)(end - at), mark, (size_t)length))) {
    at += length;
    const char *next = memmem(at, (size_t)(end - at), "\n@@", 3);
    count += count_in(at, next ? next : end, secret);
  }
  return count;
}
