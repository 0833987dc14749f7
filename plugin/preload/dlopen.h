/* SPDX-License-Identifier: MIT */
#ifndef PLUGIN_PRELOAD_DLOPEN_H
#define PLUGIN_PRELOAD_DLOPEN_H

#include <stdbool.h>

/* The program, or a constructor, has opened an object; or nobody can tell. */
bool dlopen_was_called(void);

#endif
