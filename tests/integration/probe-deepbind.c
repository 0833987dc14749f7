/* SPDX-License-Identifier: MIT */
/*
 * probe-deepbind.c - opens objects, and prints what came of it.
 *
 *     probe-deepbind deep|flat FILE...
 *
 * With RTLD_DEEPBIND or without. For each FILE ("NULL" is NULL) a line: dlerror's text and what
 * became of errno, or whose function the plug-in calls (deepbind-plugin.c), or that it has none.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *whose(void);
const char *whose(void)
{
  return "the program's";
}

static void try(const char *file, int flags)
{
  const char *(*plugin_whose)(void) = NULL;
  errno = 77;
  void *handle = dlopen(file, flags);
  int code = errno;
  void *symbol = handle ? dlsym(handle, "plugin_whose") : NULL;
  memcpy(&plugin_whose, &symbol, sizeof symbol);
  if (!handle)
    printf("%s, errno %d\n", dlerror(), code);
  else
    printf("%s, errno %d\n", plugin_whose ? plugin_whose() : "opened", code);
}

int main(int argc, char **argv)
{
  if (argc < 2)
    return 64;
  for (int i = 2; i < argc; i++)
    try(strcmp(argv[i], "NULL") == 0 ? NULL : argv[i],
        RTLD_LAZY | (strcmp(argv[1], "deep") == 0 ? RTLD_DEEPBIND : 0));
  return 0;
}
