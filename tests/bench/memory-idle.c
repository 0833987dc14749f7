/* SPDX-License-Identifier: MIT */
/* memory-idle.c - a program that does not use libcurl: says that it is there, and waits. */
#include <unistd.h>

int main(void)
{
  if (write(STDOUT_FILENO, ".", 1) == 1)
    pause();
  return 0;
}
