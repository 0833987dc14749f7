/* SPDX-License-Identifier: MIT */
/* http-contact.h - asks libcurl how far a transfer came (lib/contact.h). */
#ifndef THRED_LIB_FETCH_HTTP_CONTACT_H
#define THRED_LIB_FETCH_HTTP_CONTACT_H

#include <curl/curl.h>

#include "lib/contact.h"

/* Fills in all but server_time, which is kept. `trouble`: the handle's CURLOPT_ERRORBUFFER. */
void http_contact_take(CURL *curl, CURLcode result, const char *trouble, Contact *contact);

/* libcurl's words for a failure, or "": it quotes a proxy that it cannot use, user and password
 * included. */
const char *http_contact_words(const char *trouble);

#endif
