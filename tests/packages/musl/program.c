/* SPDX-License-Identifier: MIT */
/* program.c - makes a request to each URL of its arguments, by one handle; says who got the calls.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include <curl/curl.h>

int main(int argc, char **argv)
{
  CURL *(*function)(void) = curl_easy_init;
  void *address;
  Dl_info info;
  memcpy(&address, &function, sizeof address);
  if (!dladdr(address, &info))
    return 1;
  const char *slash = strrchr(info.dli_fname, '/');
  printf("calls %s\n", slash ? slash + 1 : info.dli_fname);
  CURL *curl = curl_easy_init();
  for (int i = 1; curl && i < argc; i++) {
    curl_easy_setopt(curl, CURLOPT_URL, argv[i]);
    if (curl_easy_perform(curl))
      return 1;
  }
  curl_easy_cleanup(curl);
  return 0;
}
