/* SPDX-License-Identifier: MIT */
/* oauth.h - the two token requests over libcurl (miss part). RFC 6749, 4.4; RFC 6750. */
#ifndef THRED_LIB_FETCH_OAUTH_H
#define THRED_LIB_FETCH_OAUTH_H

#include "lib/fetch-abi.h"

/* FetchApi.fetch_token */
int oauth_fetch_token(const FetchRequest *request, FetchResult *result, Error *error);

#endif
