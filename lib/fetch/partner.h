/* SPDX-License-Identifier: MIT */
/*
 * partner.h - the partner token while keys rotate: the stack, the stack afresh after a refusal,
 * then the stack `next` (miss part).
 */
#ifndef THRED_LIB_FETCH_PARTNER_H
#define THRED_LIB_FETCH_PARTNER_H

#include "lib/fetch-abi.h"

/* fetch_token for a partner; the request has been checked. */
int partner_fetch(const FetchRequest *request, FetchResult *result, Error *error);

/* FetchApi.ask_sources */
void partner_ask_sources(const FetchRequest *request,
                         void (*each)(const FetchAnswer *answer, void *data), void *data);

#endif
