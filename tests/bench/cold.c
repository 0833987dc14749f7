/* SPDX-License-Identifier: MIT */
#include "tests/bench/cold.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/bench/bench.h"
#include "tests/integration/harness.h"

#define SHM "/dev/shm"

static dev_t before;

static dev_t device_of_shm(void)
{
  struct stat st;
  return stat(SHM, &st) ? 0 : st.st_dev;
}

void cold_begin(void)
{
  before = device_of_shm();
}

bool cold_is_private(void)
{
  return device_of_shm() != before;
}

void cold_token(void)
{
  emulator_forget_tokens(&emulator);
}

void cold_machine(void)
{
  unsigned removed = 0;
  DIR *directory = opendir(SHM);
  for (const struct dirent *file; directory && (file = readdir(directory));)
    if (strncmp(file->d_name, "thred-auth-", 11) == 0)
      removed += unlinkat(dirfd(directory), file->d_name, 0) == 0;
  if (directory)
    closedir(directory);
  bench_require(removed > 0, "there was no segment");
}
