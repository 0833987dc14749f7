/* SPDX-License-Identifier: MIT */
/* deepbind-plugin.c - has a function that the program has too: which one it calls shows how it was
 * opened. Built with and without libcurl. */
#ifdef WITH_LIBCURL
#include <curl/curl.h>

const char *plugin_libcurl(void);
const char *plugin_libcurl(void)
{
  return curl_version();
}
#endif

const char *whose(void);
const char *whose(void)
{
  return "its own";
}

const char *plugin_whose(void);
const char *plugin_whose(void)
{
  return whose();
}
