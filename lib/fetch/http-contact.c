/* SPDX-License-Identifier: MIT */
#include "lib/fetch/http-contact.h"

#include <string.h>

#include "lib/fetch/text.h"

const char *http_contact_words(const char *trouble)
{
  return strchr(trouble, '@') ? "" : trouble;
}

static int64_t microseconds(CURL *curl, CURLINFO info)
{
  curl_off_t value = 0;
  return curl_easy_getinfo(curl, info, &value) == CURLE_OK ? value : 0;
}

static long number(CURL *curl, CURLINFO info)
{
  long value = 0;
  return curl_easy_getinfo(curl, info, &value) == CURLE_OK ? value : 0;
}

void http_contact_take(CURL *curl, CURLcode result, const char *trouble, Contact *contact)
{
  const char *address = NULL, *words = http_contact_words(trouble);
  contact->tried = true;
  contact->result = (int)result;
  contact->os_error = (int)number(curl, CURLINFO_OS_ERRNO);
  contact->verify = number(curl, CURLINFO_SSL_VERIFYRESULT);
  contact->resolved_us = microseconds(curl, CURLINFO_NAMELOOKUP_TIME_T);
  contact->connected_us = microseconds(curl, CURLINFO_CONNECT_TIME_T);
  contact->secured_us = microseconds(curl, CURLINFO_APPCONNECT_TIME_T);
  contact->ended_us = microseconds(curl, CURLINFO_TOTAL_TIME_T);
  contact->tunnel = (int)number(curl, CURLINFO_HTTP_CONNECTCODE);
  contact->port = (int)number(curl, CURLINFO_PRIMARY_PORT);
  curl_easy_getinfo(curl, CURLINFO_PRIMARY_IP, &address);
  address = address ? address : "";
  text_copy(contact->address, sizeof contact->address, address, strlen(address));
  contact->connected = contact->connected_us > 0 || address[0];
  text_copy(contact->said, sizeof contact->said, words, strlen(words));
}
