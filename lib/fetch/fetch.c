/* SPDX-License-Identifier: MIT */
/* fetch.c - the one symbol that the hot part takes from the miss part (fetch-abi.h). */
#include "lib/fetch/config.h"
#include "lib/fetch/oauth.h"
#include "lib/fetch/partner.h"

extern __attribute__((visibility("default"))) const FetchApi thred_fetch;

const FetchApi thred_fetch = {
    .abi = FETCH_ABI,
    .size = sizeof(FetchApi),
    .load_config = config_load,
    .explain_config = config_explain,
    .fetch_token = oauth_fetch_token,
    .ask_sources = partner_ask_sources,
    .connect = oauth_connect,
};
