/* SPDX-License-Identifier: MIT */
/* diagnosis-change.c - what gets a program its bearers that the shim does not reach. */
#include <string.h>

#include "tools/thredctl/diagnosis.h"

#define BY_HAND "let a script give it the header: thredctl token --header --business ID prints it"

static const struct {
  const char *reason, *change;
} changes[] = {
    {"not-found", "name it by its path, or put its folder into PATH"},
    {"not-executable", "chmod +x it, if it is a program"},
    {"interpreter-missing", "install that interpreter, or mend the first line of the script"},
    {"script-loop", "mend the first lines of these scripts"},
    {"env", "take -i, -u LD_PRELOAD or LD_PRELOAD= out of the script's first line"},
    {"unreadable", "ask as a user who may read the file"},
    {"architecture", "install thred-auth for that architecture, and use its thredctl"},
    {"static", "take a build of it that is linked dynamically; or " BY_HAND},
    {"musl", "take a build of it for the GNU C library; or " BY_HAND},
    {"loader", "mend what the loader says (ld.so(8), LD_LIBRARY_PATH)"},
    {"secure", "run it without these rights, or from a program that is linked with libthred-auth"},
    {"asan", "install the compiler's runtime that it was built with"},
    {"shim", "install thred-auth anew, all of it"},
    {"old-libcurl", "let it find a libcurl of 7.80 or later; or " BY_HAND},
    {"own-libcurl", "take a build of it that is linked with the system's libcurl; or " BY_HAND},
    {"deepbind", BY_HAND},
};

const char *diagnosis_change(const char *reason)
{
  for (size_t i = 0; i < G_N_ELEMENTS(changes); i++)
    if (strcmp(changes[i].reason, reason) == 0)
      return changes[i].change;
  return NULL;
}
