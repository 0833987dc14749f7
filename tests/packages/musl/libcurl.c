/* SPDX-License-Identifier: MIT */
/* libcurl.c - as much of a libcurl as a program under the shim can have on musl: Debian has none
 * for it. A transfer prints its URL. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

typedef struct {
  char url[256];
} Handle;

CURL *curl_easy_init(void)
{
  return calloc(1, sizeof(Handle));
}

CURLcode(curl_easy_setopt)(CURL *curl, CURLoption option, ...)
{
  va_list list;
  va_start(list, option);
  if (option == CURLOPT_URL)
    snprintf(((Handle *)curl)->url, sizeof((Handle *)curl)->url, "%s", va_arg(list, char *));
  va_end(list);
  return CURLE_OK;
}

CURLcode(curl_easy_getinfo)(CURL *curl, CURLINFO info, ...)
{
  va_list list;
  va_start(list, info);
  if (info == CURLINFO_EFFECTIVE_URL)
    *va_arg(list, char **) = ((Handle *)curl)->url;
  va_end(list);
  return info == CURLINFO_EFFECTIVE_URL ? CURLE_OK : CURLE_UNKNOWN_OPTION;
}

CURLcode curl_easy_perform(CURL *curl)
{
  printf("%s\n", ((Handle *)curl)->url);
  return CURLE_OK;
}

void curl_easy_cleanup(CURL *curl)
{
  free(curl);
}

/* ---- URLs ---- */

CURLU *curl_url(void)
{
  return calloc(1, sizeof(Handle));
}

CURLUcode curl_url_set(CURLU *url, CURLUPart what, const char *text, unsigned flags)
{
  Handle *handle = (Handle *)url;
  (void)what, (void)flags;
  snprintf(handle->url, sizeof handle->url, "%s", text);
  return CURLUE_OK;
}

CURLUcode curl_url_get(CURLU *url, CURLUPart what, char **part, unsigned flags)
{
  const char *host = strstr(((Handle *)url)->url, "://");
  (void)flags;
  if (what != CURLUPART_HOST || !host)
    return CURLUE_NO_HOST;
  *part = strndup(host + 3, strcspn(host + 3, "/"));
  return *part ? CURLUE_OK : CURLUE_OUT_OF_MEMORY;
}

void curl_url_cleanup(CURLU *url)
{
  free(url);
}

void curl_free(void *part)
{
  free(part);
}
