/* SPDX-License-Identifier: MIT */
/* hot-linked.c - hot paths of a program that is linked with the installed library (hot.h). */
#include <thred/thred.h>

#include "tests/bench/bench.h"
#include "tests/bench/hot.h"
#include "tests/bench/server.h"
#include "tests/integration/harness.h"

#define CALLS 200u

static void get_token(void *data, unsigned count)
{
  const ThredTokenRequest *request = data;
  for (unsigned i = 0; i < count; i++) {
    ThredToken token = {.size = sizeof token};
    bench_require(thred_token_try_get(request, &token) == 0, thred_last_message());
    thred_token_clear(&token);
  }
}

static void attach_and_detach(void *curl, unsigned count)
{
  for (unsigned i = 0; i < count; i++) {
    bench_require(thred_curl_attach(curl) == 0, thred_last_message());
    bench_require(thred_curl_detach(curl) == 0, thred_last_message());
  }
}

static void perform(void *curl, unsigned count)
{
  for (unsigned i = 0; i < count; i++) {
    long status = 0;
    bench_require(curl_easy_perform(curl) == CURLE_OK, "a request failed");
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    bench_require(status == 200, "a request was refused");
  }
}

int main(void)
{
  ThredTokenRequest business = {
      .size = sizeof business, .kind = THRED_TOKEN_BUSINESS, .business_id = FIRST};
  struct curl_slist *lists[2];
  hot_count_once("token-new-process", get_token, &business, 1);
  hot_count("token-warm", get_token, &business, CALLS);
  CURL *curl = server_handle(BASE INVOICES, "", lists);
  hot_count("attach-detach", attach_and_detach, curl, CALLS);
  bench_require(thred_curl_attach(curl) == 0, thred_last_message());
  hot_count_requests("request-attached", perform, curl);
  thred_curl_detach(curl);
  curl_easy_cleanup(curl);
  curl_slist_free_all(lists[0]);
  return 0;
}
