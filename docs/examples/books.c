/* SPDX-License-Identifier: MIT */
/*
 * books.c - requests to Thred's API from a program that knows nothing of tokens: the one line with
 * thred_curl_attach() is all. Usage: books METHOD URL [METHOD URL]...
 *
 *     cc books.c $(pkg-config --cflags --libs thred-auth libcurl) -o books
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thred/thred.h>

int main(int argc, char **argv)
{
  int failed = 0;
  CURL *curl = curl_easy_init();
  /* Only to try it against thred-emulator: where the host is, and whose certificates it has. */
  struct curl_slist *connect_to =
      getenv("BOOKS_CONNECT_TO") ? curl_slist_append(NULL, getenv("BOOKS_CONNECT_TO")) : NULL;
  curl_easy_setopt(curl, CURLOPT_CONNECT_TO, connect_to);
  if (getenv("BOOKS_CA"))
    curl_easy_setopt(curl, CURLOPT_CAINFO, getenv("BOOKS_CA"));

  if (thred_curl_attach(curl) != THRED_OK)
    fprintf(stderr, "books: %s\n", thred_last_message());
  for (int i = 1; i + 1 < argc; i += 2) {
    long status = 0;
    curl_easy_setopt(curl, CURLOPT_URL, argv[i + 1]);
    curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    if (strcmp(argv[i], "POST") == 0)
      curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "{\"amount\": 1999, \"currency\": \"USD\"}");
    CURLcode result = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    printf("\n%ld %s %s\n", status, argv[i], argv[i + 1]);
    failed |= result != CURLE_OK || status >= 400;
  }
  thred_curl_detach(curl);
  curl_easy_cleanup(curl);
  curl_slist_free_all(connect_to);
  return failed;
}
