/* SPDX-License-Identifier: MIT */
/* regular-file.h - can be read from its beginning again; for the library and the shim. */
#ifndef THRED_LIB_REGULAR_FILE_H
#define THRED_LIB_REGULAR_FILE_H

#include <stdbool.h>
#include <sys/stat.h>

/* False for NULL too. Leaves errno as stat(2) does. */
static inline bool is_regular_file(const char *path)
{
  struct stat st;
  return path && stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

#endif
