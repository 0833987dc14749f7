/* SPDX-License-Identifier: MIT */
/* oauth.h - the two token requests over libcurl (miss part). RFC 6749, 4.4; RFC 6750. */
#ifndef THRED_LIB_FETCH_OAUTH_H
#define THRED_LIB_FETCH_OAUTH_H

#include "lib/fetch-abi.h"
#include "lib/fetch/credentials.h"

/* FetchApi.fetch_token */
int oauth_fetch_token(const FetchRequest *request, FetchResult *result, Error *error);

/* FetchApi.connect */
int oauth_connect(const FetchRequest *request, Error *error);

/* One request for a partner token, with this credential. *key_refused: the server does not accept
 * the key, another one may do. */
int oauth_ask_partner(const FetchRequest *request, const Credential *credential,
                      FetchResult *result, bool *key_refused, Error *error);

#endif
