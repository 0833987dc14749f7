/* SPDX-License-Identifier: MIT */
/*
 * curl-find.h - the only libcurl of the process, for callers that bring no ThredCurlApi (dlsym,
 * other languages).
 */
#ifndef THRED_LIB_CURL_FIND_H
#define THRED_LIB_CURL_FIND_H

#include "lib/error.h"

/* Its functions, valid for good; NULL with THRED_E_AMBIGUOUS_CURL if there is none or more than
 * one. Any thread. */
const ThredCurlApi *curl_find_only(Error *error);

/* Called around the opening of the miss part, which may bring a libcurl of its own: that one does
 * not make the program's ambiguous. */
void curl_find_before_fetch(void);
void curl_find_after_fetch(void);

#endif
