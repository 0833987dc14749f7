/* SPDX-License-Identifier: MIT */
/*
 * options.h - which options of a CURL handle are ours while it is attached, and how they go on and
 * off.
 */
#ifndef THRED_LIB_OPTIONS_H
#define THRED_LIB_OPTIONS_H

#include "lib/error.h"
#include "lib/handle.h"

/* THRED_OK; THRED_E_UNSUPPORTED: this libcurl has no PREREQFUNCTION or no TLS; THRED_E_CLASH: see
 * symbols.h. */
int options_supported(const ThredCurlApi *api, Error *error);

/* Sets them all; under the shim, those that are not on. After a failure some are set: put them
 * back. Not while a transfer is running. */
CURLcode options_set(Handle *handle);

/* Gives the handle what the program had there. */
void options_put_back(Handle *handle);
/* The same for a duplicate that libcurl has made of it. */
void options_give_back(const Handle *handle, CURL *copy);

/*
 * .. but for the functions that libcurl gives the answer to. These stay from the first moment of a
 * transfer to its end: in the middle of a call libcurl has read which function to call, and not yet
 * with what data.
 */
void options_put_request_back(Handle *handle);

/*
 * libcurl answers a 401 by itself if it has a bearer, and if Bearer was among the allowed methods
 * when the transfer began. set_retry decides both, from the program's headers and the
 * configuration; it is for times when no transfer is running. set_methods and set_bearer are for
 * PREREQ: the methods, from `retry_wanted` and `spent`, for the next transfer; the bearer for this
 * request: without a token of ours there is nothing better to answer with, and a second request
 * would be for nothing.
 */
CURLcode options_set_retry(Handle *handle);
CURLcode options_set_retry_off(Handle *handle); /* whatever is wanted otherwise */
CURLcode options_set_methods(Handle *handle);
CURLcode options_set_bearer(Handle *handle, bool token_sent);

#endif
