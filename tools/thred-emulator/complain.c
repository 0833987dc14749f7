/* SPDX-License-Identifier: MIT */
#include "complain.h"

#include <stdio.h>

#include "lib/tame.h"

void complain(const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *text = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  tame(text, '?');
  fprintf(stderr, "thred-emulator: %s\n", text);
}
