/* SPDX-License-Identifier: MIT */
/* tally - how often each path was asked for, and how it was answered. Any thread. */
#ifndef EMULATOR_TALLY_H
#define EMULATOR_TALLY_H

#include "request.h"

typedef struct Tally Tally;

Tally *tally_new(void);
void tally_free(Tally *tally);

/* `status` 0: it got no answer. */
void tally_add(Tally *tally, const Request *request, unsigned status);

void tally_reset(Tally *tally);

/*
 * An array, sorted by host, path and method; what came after the ten thousandth of them is counted
 * as one, with host, path and method empty. The caller owns it.
 */
struct json_object *tally_json(Tally *tally);

#endif
