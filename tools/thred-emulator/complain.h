/* SPDX-License-Identifier: MIT */
/* complain.h - a line on standard error. */
#ifndef THRED_EMULATOR_COMPLAIN_H
#define THRED_EMULATOR_COMPLAIN_H

#include <glib.h>

/* "thred-emulator: ..." and a newline. What it repeats (arguments, words of files) moves no
 * terminal. */
void complain(const char *format, ...) G_GNUC_PRINTF(1, 2);

#endif
