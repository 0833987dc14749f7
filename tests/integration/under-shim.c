/* SPDX-License-Identifier: MIT */
#include "under-shim.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

#define SHIM "libthred-preload.so"

/* The object that defines `symbol`, or NULL. */
static const char *object_of(const char *symbol)
{
  Dl_info info;
  void *address = dlsym(RTLD_DEFAULT, symbol);
  return address && dladdr(address, &info) ? info.dli_fname : NULL;
}

const char *shim_variable(void)
{
  static char text[2 * PATH_MAX];
  /* A shared AddressSanitizer insists on being first; one that is linked in is. */
  const char *sanitizer = SANITIZED ? object_of("__asan_init") : NULL;
  bool is_shared = sanitizer && strstr(sanitizer, "lib") && strstr(sanitizer, ".so");
  snprintf(text, sizeof text, "LD_PRELOAD=%s%s%s", is_shared ? sanitizer : "", is_shared ? ":" : "",
           harness_installed("lib/thred/" SHIM));
  return text;
}

static bool is_under_shim(void)
{
  const char *object = object_of("curl_easy_init");
  return object && strstr(object, "/" SHIM);
}

void shim_enter(void)
{
  char self[PATH_MAX];
  char *argv[] = {self, NULL};
  if (is_under_shim())
    return;
  const char *preload = getenv("LD_PRELOAD");
  if ((preload && strstr(preload, SHIM)) || !realpath(program_invocation_name, self)) {
    fprintf(stderr, "the shim was not loaded\n");
    exit(1);
  }
  putenv((char *)(uintptr_t)shim_variable());
  execv(self, argv);
  perror(self);
  exit(1);
}

void shim_enter_if_asked(void)
{
  if (getenv("THRED_TEST_SHIM"))
    shim_enter();
}
