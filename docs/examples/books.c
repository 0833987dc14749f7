/* SPDX-License-Identifier: MIT */
/*
 * books.c - lists the partner's businesses and posts an invoice for each one named on the command
 * line. Nothing in it knows of tokens: thred_curl_attach() is all.
 *
 *     cc books.c $(pkg-config --cflags --libs thred-auth libcurl) -o books
 */
#include <stdio.h>
#include <thred/thred.h>

#define API "https://sandbox.thredfi.com/v1/platform/businesses/"

int main(int argc, char **argv)
{
  char url[256], invoice[] = "{\"amount\": 1999, \"currency\": \"USD\"}";
  CURL *curl = curl_easy_init();
  CURLcode result = CURLE_FAILED_INIT;
  if (curl && thred_curl_attach(curl) == THRED_OK) {
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 0L);
    curl_easy_setopt(curl, CURLOPT_URL, API);
    result = curl_easy_perform(curl);
    for (int i = 1; i < argc && result == CURLE_OK; i++) {
      snprintf(url, sizeof url, API "%s/invoices/", argv[i]);
      curl_easy_setopt(curl, CURLOPT_URL, url);
      curl_easy_setopt(curl, CURLOPT_POSTFIELDS, invoice);
      result = curl_easy_perform(curl);
    }
    thred_curl_detach(curl);
  }
  curl_easy_cleanup(curl);
  return result == CURLE_OK ? 0 : 1;
}
