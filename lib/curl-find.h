/* SPDX-License-Identifier: MIT */
/*
 * curl-find.h - the only libcurl of the process, for callers that bring no ThredCurlApi (dlsym,
 * other languages).
 */
#ifndef THRED_LIB_CURL_FIND_H
#define THRED_LIB_CURL_FIND_H

#include "lib/error.h"

/* Its functions, for good; NULL with THRED_E_AMBIGUOUS_CURL if there is none or more than one. Any
 * thread. */
const ThredCurlApi *curl_find_only(Error *error);

/* Called before the miss part is opened, which brings a libcurl of its own: what is there now is
 * the program's. */
void curl_find_before_fetch(void);

#endif
