/* SPDX-License-Identifier: MIT */
/*
 * books.c - requests to Thred's API from a program that knows nothing of tokens: the one line with
 * thred_curl_attach() is all. Usage: books METHOD URL [METHOD URL]...
 *
 *     cc books.c $(pkg-config --cflags --libs thred-auth libcurl) -o books
 *     ./books GET https://sandbox.thredfi.com/v1/platform/businesses/
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thred/thred.h>

/* One request over a handle that is used for all of them. Returns 0 if the API did it. */
static int request(CURL *curl, const char *method, const char *url)
{
  char why[CURL_ERROR_SIZE] = "";
  long status = 0;
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
  curl_easy_setopt(curl, CURLOPT_URL, url);
  curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
  if (strcmp(method, "POST") == 0)
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "{\"amount\": 1999, \"currency\": \"USD\"}");
  CURLcode result = curl_easy_perform(curl);
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, NULL); /* it ends with this function */
  printf("\n%ld %s %s\n", status, method, url);
  if (result != CURLE_OK)
    fprintf(stderr, "books: %s: %s\n", url, *why ? why : curl_easy_strerror(result));
  return result != CURLE_OK || status >= 400;
}

int main(int argc, char **argv)
{
  int failed = 0;
  if (argc < 3 || argc % 2 == 0) {
    fprintf(stderr, "usage: %s METHOD URL [METHOD URL]...\n", argv[0]);
    return 2;
  }
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
    return 1;
  CURL *curl = curl_easy_init();
  if (!curl) {
    curl_global_cleanup();
    return 1;
  }
  if (getenv("CURL_CA_BUNDLE")) /* as curl(1) does: thred-emulator has a CA of its own */
    curl_easy_setopt(curl, CURLOPT_CAINFO, getenv("CURL_CA_BUNDLE"));

  /* It goes on without, as a program would that never heard of thred-auth, and is answered 401. */
  if (thred_curl_attach(curl) != THRED_OK)
    fprintf(stderr, "books: %s\n", thred_last_message());
  for (int i = 1; i < argc; i += 2)
    failed |= request(curl, argv[i], argv[i + 1]);
  thred_curl_detach(curl);
  curl_easy_cleanup(curl);
  curl_global_cleanup();
  return failed;
}
