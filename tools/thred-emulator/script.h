/* SPDX-License-Identifier: MIT */
/* script - a file of settings and faults, for an emulator that nobody talks to while it runs. */
#ifndef EMULATOR_SCRIPT_H
#define EMULATOR_SCRIPT_H

#include "emulator.h"

/*
 * Each line is a call of the control API: "set" or "fault", then its parameters as NAME=VALUE
 * words, quoted as in a shell. On failure `error` names the file and the line.
 */
bool script_read(Emulator *emulator, const char *path, GError **error);

#endif
