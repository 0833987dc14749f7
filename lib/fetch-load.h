/* SPDX-License-Identifier: MIT */
/* fetch-load.h - opens the miss part on the first miss, once, for good. */
#ifndef THRED_LIB_FETCH_LOAD_H
#define THRED_LIB_FETCH_LOAD_H

#include "lib/fetch-abi.h"

/* The miss part's functions, or NULL with the reason: THRED_E_INTERNAL, THRED_E_NO_MEMORY, or
 * THRED_E_CLASH (which is logged once). Any thread. */
const FetchApi *fetch_load(const char *object, Error *error);

#endif
