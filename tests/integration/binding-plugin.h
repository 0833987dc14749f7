/* SPDX-License-Identifier: MIT */
/* binding-plugin.h - what a plug-in that is linked with some libcurl can do. */
#ifndef TESTS_INTEGRATION_BINDING_PLUGIN_H
#define TESTS_INTEGRATION_BINDING_PLUGIN_H

#include <curl/curl.h>
#include <stdbool.h>

/* curl_easy_init(), by a jump where the compiler makes it one. */
CURL *plugin_init(void);

/* One transfer on `curl`, which is freed, by way of a multi handle or not. Prints
 * "FLAVOUR CURLCODE STATUS EFFECTIVE-URL". */
void plugin_run_on(CURL *curl, const char *url, bool multi);

/* The same, on a handle of its own. */
void plugin_run(const char *url, bool multi);

#endif
