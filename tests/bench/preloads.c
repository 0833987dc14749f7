/* SPDX-License-Identifier: MIT */
#include "tests/bench/preloads.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/bench.h"
#include "tests/integration/under-shim.h"

static const struct {
  const char *name, *path; /* in the folder of libc, or beside this program */
  const char *package;
} others[] = {{"an empty object", "libbench-empty.so", NULL},
              {"libfaketime, which does nothing", "faketime/libfaketime.so.1", "libfaketime"},
              {"socket_wrapper, which does nothing", "libsocket_wrapper.so", "libsocket-wrapper"}};

/* A file in the folder of libc, which Debian keeps all libraries under. */
static bool is_with_libc(char *path)
{
  Dl_info libc;
  void *function = dlsym(RTLD_DEFAULT, "fopen");
  return function && dladdr(function, &libc) && realpath(libc.dli_fname, path);
}

static bool is_beside(char *path)
{
  ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);
  path[length > 0 ? length : 0] = 0;
  return length > 0;
}

static bool find(Preload *preload, size_t other)
{
  char folder[PATH_MAX];
  if (!(others[other].package ? is_with_libc(folder) : is_beside(folder)))
    return false;
  *strrchr(folder, '/') = 0;
  int length = snprintf(preload->variable, sizeof preload->variable, "LD_PRELOAD=%s/%s", folder,
                        others[other].path);
  preload->name = others[other].name;
  return length < (int)sizeof preload->variable &&
         access(strchr(preload->variable, '=') + 1, R_OK) == 0;
}

size_t preloads_find(Preload *preloads)
{
  size_t count = PRELOAD_OTHERS;
  preloads[PRELOAD_NOTHING] = (Preload){.name = "without a preload"};
  preloads[PRELOAD_SHIM].name = "thred-auth's shim";
  snprintf(preloads[PRELOAD_SHIM].variable, sizeof preloads->variable, "%s", shim_variable());
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
    count += find(&preloads[count], i);
  return count;
}

void preloads_tell_missing(void)
{
  static Preload preload;
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
    if (!find(&preload, i))
      bench_note("%s: not here, for %s is not installed.", others[i].name,
                 others[i].package ? others[i].package : others[i].path);
}
