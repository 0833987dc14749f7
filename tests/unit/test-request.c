/* SPDX-License-Identifier: MIT */
/*
 * lib/request and lib/attach: what the header node shows, and what stays in memory. The libcurl of
 * these handles is the test's own; so are configuration, tokens and the proof of the connection,
 * which take the place of lib/config-current, lib/bearer and lib/tls-proof.
 */
#include "lib/request.h"
#include "lib/secret-memory.h"

#include <malloc.h>

#include "lib/bearer.h"
#include "lib/config-current.h"
#include "tests/unit/shipped-fixture.h"

#define THRED   "https://sandbox.thredfi.com/v1/platform/businesses/"
#define EVIL    "https://evil.example/"
/* For these libcurl is asked; DEFAULT takes the token of the default business. */
#define PARSED  "https://sandbox.thredfi.com:443/v1/platform/businesses/"
#define DEFAULT "https://sandbox.thredfi.com:443/v1/platform/reports"
#define TOKEN   "the-token-that-must-not-stay-anywhere"
#define PART    "must-not-stay" /* is enough to look for: a failure may write over the beginning */

/* ---- what the test decides ---- */

static const Snapshot *configuration; /* NULL: there is none */
static int bearer_result;
static unsigned bearer_calls, leaks;
static bool no_memory;            /* calloc() fails */
static CURLoption refused_option; /* curl_easy_setopt() fails; 0: none */

const Snapshot *config_acquire(Error *error)
{
  if (!configuration)
    error_set(error, THRED_E_CONFIG, "no configuration");
  return configuration;
}

const Snapshot *config_at_hand(Error *error)
{
  return config_acquire(error);
}

bool config_is_current(const Snapshot *snapshot)
{
  return snapshot && snapshot == configuration;
}

const Snapshot *config_again(const Snapshot *snapshot)
{
  return snapshot;
}

void config_release(const Snapshot *snapshot)
{
  (void)snapshot;
}

BearerLook bearer_look(const BearerRequest *request, CacheToken *token, Error *error)
{
  (void)request, (void)error;
  bearer_calls++;
  if (bearer_result)
    return BEARER_NONE;
  strcpy(token->value, TOKEN);
  token->length = strlen(TOKEN);
  token->generation = 1;
  return BEARER_GOOD;
}

int bearer_get(const BearerRequest *request, CacheToken *token, Error *error)
{
  (void)request;
  token->value[0] = 0;
  return error_set(error, bearer_result, "no token today");
}

int64_t bearer_deadline_ms(const BearerRequest *request)
{
  (void)request;
  return INT64_MAX;
}

void bearer_refuse(const BearerRequest *request)
{
  (void)request;
}

bool tls_is_proved(const ThredCurlApi *api, CURL *curl, const char *host, TlsProof *proof,
                   const char **why)
{
  (void)api, (void)curl, (void)host, (void)proof, (void)why;
  return true;
}

void __real_free(void *memory);
void __wrap_free(void *memory);

void __wrap_free(void *memory)
{
  if (memory && memmem(memory, malloc_usable_size(memory), PART, strlen(PART)))
    leaks++;
  __real_free(memory);
}

void __real_secret_room_free(char *room);
void __wrap_secret_room_free(char *room);

void __wrap_secret_room_free(char *room)
{
  if (room && memmem(room, SECRET_ROOM, PART, strlen(PART)))
    leaks++;
  __real_secret_room_free(room);
}

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_calloc(size_t count, size_t size)
{
  return no_memory ? NULL : __real_calloc(count, size);
}

/* ---- a libcurl ---- */

/* What CURL * points to here. */
typedef struct FakeCurl {
  char url[128], ip[16];
  long redirects, status;
  const struct curl_slist *headers;
} FakeCurl;

static CURLcode fake_setopt(CURL *curl, CURLoption option, ...)
{
  FakeCurl *fake = curl;
  va_list args;
  va_start(args, option);
  if (option == CURLOPT_HTTPHEADER)
    fake->headers = va_arg(args, struct curl_slist *);
  va_end(args);
  return refused_option && option == refused_option ? CURLE_UNKNOWN_OPTION : CURLE_OK;
}

static CURLcode fake_getinfo(CURL *curl, CURLINFO info, ...)
{
  FakeCurl *fake = curl;
  static char get[] = "GET";
  va_list args;
  va_start(args, info);
  void *to = va_arg(args, void *);
  va_end(args);
  if (info == CURLINFO_EFFECTIVE_URL)
    *(char **)to = fake->url;
  else if (info == CURLINFO_EFFECTIVE_METHOD)
    *(char **)to = get;
  else if (info == CURLINFO_PRIMARY_IP)
    *(char **)to = fake->ip;
  else if (info == CURLINFO_REDIRECT_COUNT)
    *(long *)to = fake->redirects;
  else if (info == CURLINFO_RESPONSE_CODE)
    *(long *)to = fake->status;
  else
    *(long *)to = 0;
  return CURLE_OK;
}

static unsigned urls_parsed;

static CURLU *counting_url(void)
{
  urls_parsed++;
  return curl_url();
}

static const ThredCurlApi *fake_api(void)
{
  static ThredCurlApi api;
  api = *thred_curl_api();
  api.easy_setopt = fake_setopt;
  api.easy_getinfo = fake_getinfo;
  api.url = counting_url;
  return &api;
}

static void attach(FakeCurl *fake)
{
  *fake = (FakeCurl){.url = THRED, .ip = "127.0.0.1"};
  assert_int_equal(thred_curl_attach_with(fake, fake_api()), THRED_OK);
}

static void detach(FakeCurl *fake)
{
  assert_int_equal(thred_curl_detach_with(fake, fake_api()), THRED_OK);
  assert_null(fake->headers);
}

/* One request, as libcurl makes it: PREREQ, then the headers are written. True: with the token. */
static bool request(FakeCurl *fake, const char *url, long redirects)
{
  char local_ip[] = "127.0.0.1";
  strcpy(fake->url, url);
  fake->redirects = redirects;
  Handle *handle = handle_find(fake);
  assert_non_null(handle);
  assert_int_equal(request_prereq(handle, fake->ip, local_ip, 443, 50000), CURL_PREREQFUNC_OK);
  assert_ptr_equal(fake->headers, &handle->node);
  fake->status = 200;
  return strstr(handle->node.data, TOKEN) != NULL;
}

static int setup(void **state)
{
  int result = shipped_setup(state);
  const Fixture *f = *state;
  configuration = f->snapshot;
  bearer_result = THRED_OK;
  bearer_calls = leaks = 0;
  return result;
}

/* ---- attaching again ---- */

/* libcurl's options still point to the old state: it stays. */
static void no_memory_for_a_second_attach(void **state)
{
  (void)state;
  FakeCurl fake, others[16];
  unsigned count = 0;
  attach(&fake);
  no_memory = true;
  while (count < 16 && thred_curl_attach_with(&others[count], fake_api()) == THRED_OK)
    count++; /* with what earlier handles left */
  int code = thred_curl_attach_with(&fake, fake_api());
  no_memory = false;
  assert_true(count < 16);
  assert_int_equal(code, THRED_E_NO_MEMORY);
  assert_true(request(&fake, THRED, 0));
  while (count)
    assert_int_equal(thred_curl_detach_with(&others[--count], fake_api()), THRED_OK);
  detach(&fake);
}

/* Nothing of ours is left in a handle that could not be attached. */
static void an_option_refused_at_a_second_attach(void **state)
{
  static const CURLoption refused[] = {CURLOPT_HEADEROPT, CURLOPT_PREREQDATA,
                                       CURLOPT_SOCKOPTFUNCTION, CURLOPT_XOAUTH2_BEARER};
  (void)state;
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    FakeCurl fake;
    attach(&fake);
    refused_option = refused[i];
    assert_int_equal(thred_curl_attach_with(&fake, fake_api()), THRED_E_UNSUPPORTED);
    refused_option = 0;
    assert_null(fake.headers);
    assert_null(handle_find(&fake));
  }
}

static void a_second_attach(void **state)
{
  (void)state;
  FakeCurl fake;
  attach(&fake);
  assert_true(request(&fake, THRED, 0));
  fake.status = 0;
  assert_int_equal(thred_curl_attach_with(&fake, fake_api()), THRED_OK);
  assert_int_equal(leaks, 0);
  assert_true(request(&fake, THRED, 0));
  detach(&fake);
  assert_int_equal(leaks, 0);
}

/* ---- memory ---- */

static bool line_holds_token(const FakeCurl *fake)
{
  const Handle *handle = handle_find((CURL *)(uintptr_t)fake);
  return handle->line && memmem(handle->line, SECRET_ROOM, PART, strlen(PART));
}

static void the_next_call_wipes_the_token(void **state)
{
  (void)state;
  FakeCurl fake;
  attach(&fake);
  assert_true(request(&fake, THRED, 0));
  assert_int_equal(thred_curl_set_business_with(&fake, fake_api(), NULL), THRED_OK);
  assert_false(line_holds_token(&fake));
  detach(&fake);
  assert_int_equal(leaks, 0);
}

/* Whatever prepare() fails with, and whether or not libcurl still knows the last answer. */
static void a_failing_prepare_leaves_nothing(void **state)
{
  static const int failures[] = {THRED_E_NETWORK, THRED_E_BUSINESS_NOT_FOUND, THRED_E_TIMEOUT};
  (void)state;
  for (size_t i = 0; i < 6; i++) {
    FakeCurl fake;
    attach(&fake);
    bearer_result = THRED_OK;
    assert_true(request(&fake, THRED, 0));
    fake.status = i % 2 ? 200 : 0;
    bearer_result = failures[i / 2];
    assert_int_equal(thred_curl_prepare_with(&fake, fake_api(), THRED), failures[i / 2]);
    assert_false(line_holds_token(&fake));
    detach(&fake);
    assert_int_equal(leaks, 0);
  }
}

static void a_prepared_token_does_not_stay(void **state)
{
  (void)state;
  FakeCurl fake;
  attach(&fake);
  assert_int_equal(thred_curl_prepare_with(&fake, fake_api(), THRED), THRED_OK);
  assert_int_equal(bearer_calls, 1);
  assert_false(line_holds_token(&fake));
  detach(&fake);
  assert_int_equal(leaks, 0);
}

static void a_detach_leaves_nothing(void **state)
{
  (void)state;
  FakeCurl fake;
  attach(&fake);
  assert_true(request(&fake, THRED, 0));
  fake.status = 0;
  detach(&fake);
  assert_int_equal(leaks, 0);
}

/* ---- where a transfer began ---- */

static void a_redirect_from_elsewhere(void **state)
{
  (void)state;
  FakeCurl fake;
  attach(&fake);
  assert_true(request(&fake, THRED, 0));
  assert_false(request(&fake, EVIL, 0));
  assert_false(request(&fake, THRED, 1));
  assert_true(request(&fake, THRED, 0));
  detach(&fake);
}

/* The origin of the transfer before is not the origin of one whose first request could not be
 * decided. */
static void no_configuration_at_first(void **state)
{
  const Fixture *f = *state;
  FakeCurl fake;
  attach(&fake);
  assert_true(request(&fake, THRED, 0));
  configuration = NULL;
  assert_false(request(&fake, EVIL, 0));
  configuration = f->snapshot;
  assert_false(request(&fake, THRED, 1));
  assert_false(request(&fake, THRED, 2));
  assert_true(request(&fake, THRED, 0));
  detach(&fake);
}

/* Nor is a refusal to decide a way back for one that went astray. */
static void no_configuration_in_between(void **state)
{
  const Fixture *f = *state;
  FakeCurl fake;
  attach(&fake);
  assert_true(request(&fake, THRED, 0));
  assert_false(request(&fake, EVIL, 1));
  configuration = NULL;
  assert_false(request(&fake, THRED, 2));
  configuration = f->snapshot;
  assert_false(request(&fake, THRED, 3));
  detach(&fake);
}

/* A place that could not be judged was not the origin. */
static void no_configuration_elsewhere(void **state)
{
  const Fixture *f = *state;
  FakeCurl fake;
  attach(&fake);
  assert_true(request(&fake, THRED, 0));
  configuration = NULL;
  assert_false(request(&fake, EVIL, 1));
  configuration = f->snapshot;
  assert_false(request(&fake, THRED, 2));
  detach(&fake);
}

static int set_business(FakeCurl *fake, const char *business)
{
  return thred_curl_set_business_with(fake, fake_api(), business);
}

/* The same URL is not parsed twice; another URL or configuration is. A URL elsewhere never. Where
 * the default business counts, another one does at once. */
static void a_decision_is_remembered(void **state)
{
  const Fixture *f = *state;
  FakeCurl fake;
  urls_parsed = 0;
  attach(&fake);
  for (int i = 0; i < 5; i++)
    assert_true(request(&fake, PARSED, 0));
  assert_int_equal(urls_parsed, 1);
  assert_true(request(&fake, PARSED "?page=2", 0));
  assert_int_equal(urls_parsed, 2);
  assert_int_equal(set_business(&fake, "3c90c3cc-0d44-4b50-8888-8dd25736052a"), THRED_OK);
  assert_true(request(&fake, PARSED "?page=2", 0));
  assert_int_equal(urls_parsed, 2);
  assert_true(request(&fake, DEFAULT, 0));
  assert_true(request(&fake, DEFAULT, 0));
  assert_int_equal(urls_parsed, 3);
  assert_int_equal(set_business(&fake, NULL), THRED_OK);
  assert_false(request(&fake, DEFAULT, 0));
  assert_int_equal(urls_parsed, 3);
  setenv("THRED_BUSINESS_ID", "3c90c3cc-0d44-4b50-8888-8dd25736052a", 1);
  assert_true(request(&fake, DEFAULT, 0));
  assert_int_equal(urls_parsed, 3);
  unsetenv("THRED_BUSINESS_ID");
  assert_false(request(&fake, DEFAULT, 0));
  assert_int_equal(urls_parsed, 3);
  assert_false(request(&fake, EVIL, 0));
  assert_int_equal(urls_parsed, 3);
  Snapshot *other = malloc(f->snapshot->size);
  assert_non_null(other);
  memcpy(other, f->snapshot, f->snapshot->size);
  configuration = other;
  assert_true(request(&fake, PARSED, 0));
  assert_true(request(&fake, PARSED, 0));
  assert_int_equal(urls_parsed, 4);
  detach(&fake);
  configuration = f->snapshot;
  free(other);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, fixture_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(no_memory_for_a_second_attach),
      TEST(an_option_refused_at_a_second_attach),
      TEST(a_second_attach),
      TEST(the_next_call_wipes_the_token),
      TEST(a_failing_prepare_leaves_nothing),
      TEST(a_prepared_token_does_not_stay),
      TEST(a_detach_leaves_nothing),
      TEST(a_redirect_from_elsewhere),
      TEST(no_configuration_at_first),
      TEST(no_configuration_in_between),
      TEST(no_configuration_elsewhere),
      TEST(a_decision_is_remembered),
  };
  return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
