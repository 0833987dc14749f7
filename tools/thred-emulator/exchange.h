/* SPDX-License-Identifier: MIT */
/* exchange - from a whole request to its answer, counted and logged. */
#ifndef EMULATOR_EXCHANGE_H
#define EMULATOR_EXCHANGE_H

#include "emulator.h"
#include "reply.h"

/* The headers are in. */
void exchange_begin(Emulator *emulator, Request *request);

/* The body is in; may sleep. The reply is empty before and complete after. */
void exchange_answer(Emulator *emulator, Request *request, Reply *reply);

/* The client went away before it was answered. */
void exchange_abandon(Emulator *emulator, Request *request);

#endif
