/* SPDX-License-Identifier: MIT */
/* api - Thred's API: both token endpoints and the resources, each with its scope check. */
#ifndef EMULATOR_API_H
#define EMULATOR_API_H

#include "emulator.h"
#include "reply.h"

/* The delay that the settings put before every token request; none before others. */
guint64 api_delay_ms(Emulator *emulator, const Request *request);

/* For an examined request (auth_examine) to any host; other hosts get an echo. */
void api_answer(Emulator *emulator, const Request *request, Reply *reply);

#endif
