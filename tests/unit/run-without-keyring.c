/* SPDX-License-Identifier: MIT */
/* run-without-keyring.c - run-without-keyring PROGRAM [ARGUMENT]...: where the kernel refuses its
 * keyrings, as in most containers. */
#include <stdio.h>
#include <unistd.h>

#include "tests/unit/no-keyring.h"

int main(int argc, char **argv)
{
  if (argc < 2 || !no_keyring(NO_KEYRING_EPERM))
    return 77; /* meson: skipped */
  execvp(argv[1], argv + 1);
  perror(argv[1]);
  return 127;
}
