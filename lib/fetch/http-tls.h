/* SPDX-License-Identifier: MIT */
/* http-tls.h - what our own requests ask of OpenSSL beyond what libcurl has options for. */
#ifndef THRED_LIB_FETCH_HTTP_TLS_H
#define THRED_LIB_FETCH_HTTP_TLS_H

#include <curl/curl.h>
#include <stdbool.h>

/*
 * On the connections of this handle OpenSSL wipes what it has handed on (SSL_OP_CLEANSE_PLAINTEXT,
 * OpenSSL 3); and if it `logs_no_keys`, libcurl's key log is taken off: a program with AT_SECURE
 * may have initialised libcurl before it cleaned its environment of SSLKEYLOGFILE.
 *
 * With another TLS library, or where a program's own OpenSSL stands in front of libcurl's, it does
 * nothing.
 */
void http_tls_prepare(CURL *curl, bool logs_no_keys);

#endif
