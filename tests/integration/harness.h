/* SPDX-License-Identifier: MIT */
/*
 * harness.h - an emulator of the test's own, and what it saw. Every function asserts (cmocka) that
 * it could do its work.
 *
 * The tests of one program share one emulator. `harness_fresh` makes each of them start cold: what
 * the emulator remembers is reset, and its credentials file gets another time of change, hence the
 * tokens another place in the user's cache. So no test meets a token of another's.
 */
#ifndef TESTS_INTEGRATION_HARNESS_H
#define TESTS_INTEGRATION_HARNESS_H

#include <curl/curl.h>
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

#define HOST       "sandbox.thredfi.com"
#define SIBLING    "sandbox-backend.thredfi.com"
#define BASE       "https://" HOST
#define BUSINESSES "/v1/platform/businesses/"
#define FIRST      "3c90c3cc-0d44-4b50-8888-8dd25736052a"
#define SECOND     "11111111-1111-4111-8111-111111111111"
#define NOBODY     "99999999-9999-4999-8999-999999999999" /* no such business */
#define INVOICES   BUSINESSES FIRST "/invoices/"
#define INVOICES_2 BUSINESSES SECOND "/invoices/"

/* How expect_log() shows the two token requests that a cold cache costs. */
#define LOG_PARTNER_TOKEN  "POST https " HOST " token:partner basic 200\n"
#define LOG_BUSINESS_TOKEN "POST https " HOST " token:business partner 200\n"
#define LOG_TOKENS         LOG_PARTNER_TOKEN LOG_BUSINESS_TOKEN

/* Built with AddressSanitizer or ThreadSanitizer, which have needs and locks of their own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

typedef struct Emulator {
  pid_t pid;
  unsigned port, http_port;
  char dir[64];
  char ca[96];
  char conf_dir[96];
  char credentials[96];
  CURL *control;
} Emulator;

/* The one of the program; started by harness_start(), with THRED_CONF_DIR set to its conf.d. */
extern Emulator emulator;

/* Group fixtures. harness_start also gives the program a /dev/shm of its own, where it may, and
 * takes every proxy and THRED_ variable out of the environment. */
int harness_start(void **state);
int harness_stop(void **state);

/* Test fixtures: a cold start, as told above; and the faults gone again. */
int harness_fresh(void **state);

/* Ends the test program as skipped (meson's 77) where there is no installation to test. First thing
 * in main(): see under-shim.h. */
void harness_require_installation(void);

/* The path of `name` in the installation under test; static storage, good until the next call. */
const char *harness_installed(const char *name);
/* The path of another program of these tests. */
const char *harness_beside(const char *name);

/* Another emulator; `arguments` NULL or a NULL-terminated list. */
void emulator_start(Emulator *one, const char *const *arguments);
void emulator_stop(Emulator *one);
void emulator_forget_tokens(const Emulator *one);

/* A file DIR/conf.d/NAME for `one`. Programs that run notice it within a second, new ones at once.
 */
void emulator_configure(const Emulator *one, const char *name, const char *text);
void emulator_unconfigure(const Emulator *one, const char *name);

/* A control request; `call` is a printf format for what follows /_emulator/. */
void control(Emulator *one, const char *method, const char *call, ...)
    __attribute__((format(printf, 3, 4)));
/* The next request to `host` whose path starts with `path` is redirected to `to`, with 307. */
void control_redirect(Emulator *one, const char *host, const char *path, const char *to);
void control_revoke(Emulator *one);

/* A counter, as "ok" or "token_requests.partner". */
int counter(Emulator *one, const char *name);

/* The request log, to be put; and its entries' members. */
json_object *request_log(Emulator *one);
const char *log_text(json_object *log, size_t index, const char *member);
const char *log_header(json_object *log, size_t index, const char *name); /* NULL: not there */
size_t log_authorizations(json_object *log, size_t index);
const char *log_authorization(json_object *log, size_t index);

/*
 * Asserts that the log since the last reset is this text, one line for a request:
 *     METHOD SCHEME HOST TARGET AUTHORIZATION STATUS
 * TARGET is token:partner or token:business for the token endpoints. AUTHORIZATION is none, basic,
 * partner, business=3c90 (the id's first four digits), invalid (what is no token, or no more), or
 * the number of headers if there are several.
 */
#define expect_log(one, expected) expect_log_at(one, expected, __FILE__, __LINE__)
void expect_log_at(Emulator *one, const char *expected, const char *file, int line);
/* The same, as if there had been no token requests: in a multi handle a token is got before the
 * transfer begins, whether its connection will then be good enough for it or not. */
#define expect_log_but_tokens(one, expected)                                                       \
  expect_log_but_tokens_at(one, expected, __FILE__, __LINE__)
void expect_log_but_tokens_at(Emulator *one, const char *expected, const char *file, int line);
#define expect_counter(one, name, value) assert_int_equal(counter(one, name), value)

/* No Authorization went to a host that is not Thred's, or over plain HTTP, and the word that keeps
 * libcurl ready for a 401 never left the machine. Leaves the log as it is. */
void expect_no_leak(Emulator *one);

/* Milliseconds of CLOCK_MONOTONIC. */
int64_t now_ms(void);
/* Asks `condition` again until it holds; fails the test after 20 s. */
void wait_until(bool (*condition)(void *data), void *data);

#endif
