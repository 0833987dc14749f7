/* SPDX-License-Identifier: MIT */
/* false-trust.h - programs that find every certificate good in a CURLOPT_SSL_CTX_FUNCTION. */
#ifndef TESTS_INTEGRATION_FALSE_TRUST_H
#define TESTS_INTEGRATION_FALSE_TRUST_H

#include <curl/curl.h>

/* Each a curl_ssl_ctx_callback; by a verify callback, the store's, and in place of OpenSSL's look:
 * at once, or after it, without regard to what it found. */
CURLcode false_trust_verify(CURL *curl, void *context, void *data);
CURLcode false_trust_store(CURL *curl, void *context, void *data);
CURLcode false_trust_at_once(CURL *curl, void *context, void *data);
CURLcode false_trust_after_a_look(CURL *curl, void *context, void *data);

#endif
