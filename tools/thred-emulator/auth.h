/* SPDX-License-Identifier: MIT */
/* auth - what a request's Authorization header is worth now. */
#ifndef EMULATOR_AUTH_H
#define EMULATOR_AUTH_H

#include "emulator.h"

/*
 * Fills in request->kind and request->business. On an API host a token counts only if that host
 * issued it; elsewhere any token that is good somewhere is named, for it should not be there.
 */
void auth_examine(Emulator *emulator, Request *request);

/* Is it the partner's Basic credential (RFC 7617), strictly encoded? */
bool auth_is_partner(Emulator *emulator, const Request *request);

#endif
