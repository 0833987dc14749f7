/* SPDX-License-Identifier: MIT */
/* control - the API under /_emulator/ with which a test watches and turns the emulator. */
#ifndef EMULATOR_CONTROL_H
#define EMULATOR_CONTROL_H

#include "emulator.h"
#include "reply.h"

void control_answer(Emulator *emulator, const Request *request, Reply *reply);

#endif
