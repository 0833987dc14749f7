/* SPDX-License-Identifier: MIT */
/* fetch-load.h - opens the miss part on the first miss, once, for good. */
#ifndef THRED_LIB_FETCH_LOAD_H
#define THRED_LIB_FETCH_LOAD_H

#include "lib/fetch-abi.h"

/* The miss part's functions, or NULL with THRED_E_INTERNAL and the reason. Any thread. */
const FetchApi *fetch_load(const char *object, Error *error);

#endif
