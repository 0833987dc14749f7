/* SPDX-License-Identifier: MIT */
/* attach.c - C and C++ alike: the library that pkg-config or CMake has found attaches. */
#include <stdio.h>
#include <string.h>
#include <thred/thred.h>

int main(void)
{
  CURL *curl = curl_easy_init();
  int status = thred_curl_attach(curl);
  printf("%s: %s\n", thred_version(), thred_strerror(status));
  thred_curl_detach(curl);
  curl_easy_cleanup(curl);
  return status != THRED_OK || strlen(thred_version()) == 0;
}
