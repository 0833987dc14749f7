/* SPDX-License-Identifier: MIT */
/* lib/fetch/http: what is refused before anything is sent. The rest is tested over TLS, by tokens
 * and modules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/fetch/http.h"

static char folder[] = "/tmp/thred-http-XXXXXX", path[64];

static int code_of(HttpRequest request, Error *error)
{
  HttpReply reply;
  request.what = "the request";
  request.host = "127.0.0.1";
  request.url = "https://127.0.0.1:1/"; /* where nobody listens */
  request.method = "GET";
  if (!request.deadline_ms)
    request.deadline_ms = clock_monotonic_ms() + 20000;
  *error = (Error)ERROR_INIT;
  int code = http_send(&request, &reply, error);
  http_reply_clear(&reply);
  return code;
}

/* libcurl would write the keys of the connection to it, with the rights of the program. */
static void test_key_log(void **state)
{
  (void)state;
  Error error;
  setenv("SSLKEYLOGFILE", path, 1);
  assert_int_equal(code_of((HttpRequest){.at_secure = 1}, &error), THRED_E_CONFIG);
  assert_non_null(strstr(error.message, "SSLKEYLOGFILE"));
  assert_int_equal(access(path, F_OK), -1);
  unsetenv("SSLKEYLOGFILE");
  assert_int_equal(code_of((HttpRequest){.at_secure = 1}, &error), THRED_E_NETWORK);
}

static void test_ca_file(void **state)
{
  (void)state;
  Error error;
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fclose(file);
  assert_int_equal(chmod(path, 0666), 0);
  assert_int_equal(code_of((HttpRequest){.ca_file = path}, &error), THRED_E_CONFIG);
  assert_non_null(strstr(error.message, "writable by group or others"));
  assert_int_equal(chmod(path, 0644), 0);
  if (getuid() == 0) {
    assert_int_equal(chown(path, 12345, 12345), 0);
    assert_int_equal(chmod(folder, 0755), 0);
    assert_int_equal(setresuid(12345, 12345, 0), 0);
  }
  assert_int_equal(code_of((HttpRequest){.ca_file = path, .at_secure = 1}, &error), THRED_E_CONFIG);
  assert_non_null(strstr(error.message, "belongs to the calling user"));
  assert_int_equal(code_of((HttpRequest){.ca_file = path}, &error), THRED_E_NETWORK);
  if (geteuid() == 12345)
    assert_int_equal(setresuid(0, 0, 0), 0);
}

static void test_no_time(void **state)
{
  (void)state;
  Error error;
  assert_int_equal(code_of((HttpRequest){.deadline_ms = 1}, &error), THRED_E_TIMEOUT);
}

static int tear_down(void **state)
{
  (void)state;
  unlink(path);
  return rmdir(folder);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_key_log),
      cmocka_unit_test(test_ca_file),
      cmocka_unit_test(test_no_time),
  };
  if (!mkdtemp(folder))
    return EXIT_FAILURE;
  snprintf(path, sizeof path, "%s/file", folder);
  return cmocka_run_group_tests_name("http", tests, NULL, tear_down);
}
