/* SPDX-License-Identifier: MIT */
#include "lib/fetch/oauth.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/fetch/credentials.h"
#include "lib/fetch/http.h"
#include "lib/fetch/oauth-answer.h"
#include "lib/fetch/partner.h"
#include "lib/route.h"
#include "lib/secure.h"

#define BASIC_PREFIX  "Authorization: Basic "
#define BEARER_PREFIX "Authorization: Bearer "

/* RFC 7617, 2: base64 of "user:password". */
#define PAIR_MAX   (THRED_PARTNER_UUID_MAX + 1 + THRED_API_KEY_MAX)
#define BASE64_MAX ((PAIR_MAX + 2) / 3 * 4)

static const SnapshotEnvironment *environment_of(const FetchRequest *request)
{
  return snapshot_environment(request->snapshot, request->environment);
}

/* ---- what is asked ---- */

/* The hot part has decided all this. The last look before a secret leaves costs nothing, and a
 * block in a shared segment is only as good as the other processes of this user. */
static bool host_is_allowed(const FetchRequest *request)
{
  const SnapshotEnvironment *environment = environment_of(request);
  const char *host = request->host, *ceiling = ROUTE_CEILING;
  size_t length = strlen(host), n = strlen(ceiling);
  if (host[strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789.-")] || length > 253)
    return false;
  if (length < n || strcmp(host + length - n, ceiling) != 0 ||
      (length > n && host[length - n - 1] != '.'))
    return false;
  for (uint32_t i = 0; i < environment->host_count; i++) {
    const SnapshotHost *named = snapshot_host(request->snapshot, environment->first_host + i);
    if (strcmp(snapshot_text(request->snapshot, named->name), host) == 0)
      return true;
  }
  return false;
}

static bool is_header_text(const char *text)
{
  for (; *text; text++)
    if (*text <= 0x20 || *text > 0x7e)
      return false;
  return true;
}

static int check_request(const FetchRequest *request, Error *error)
{
  if (!request->snapshot || !request->host ||
      request->environment >= request->snapshot->environments.count ||
      !environment_of(request)->active)
    return error_set(error, THRED_E_INVALID, "a token was asked for outside an active environment");
  if (!host_is_allowed(request))
    return error_set(error, THRED_E_INVALID, "no token request goes to '%.253s'", request->host);
  if (!request->business_id)
    return THRED_OK;
  if (!route_parse_uuid(request->business_id, strlen(request->business_id), NULL))
    return error_set(error, THRED_E_INVALID, "'%.64s' is not a business id (a UUID)",
                     request->business_id);
  if (!request->partner_token || !request->partner_token[0] ||
      !is_header_text(request->partner_token))
    return error_set(error, THRED_E_INVALID, "a business token needs a partner token");
  return THRED_OK;
}

/* ---- one request ---- */

/* What one request carries: the whole Authorization line, and for the partner token its form. */
typedef struct {
  char *authorization;
  const char *client_id; /* NULL: an empty body */
  const char *secrets[2];
} Sent;

static void wait_outside(void *data, bool begins)
{
  const FetchRequest *request = data;
  if (begins && request->wait_begin)
    request->wait_begin();
  else if (!begins && request->wait_end)
    request->wait_end();
}

/* RFC 6749, 4.4.2, with the client_id that some of Thred's pages ask for; NULL: out of memory. */
static char *make_form(const char *client_id)
{
  char *escaped = curl_easy_escape(NULL, client_id, (int)strlen(client_id)), *form = NULL;
  if (escaped && asprintf(&form, "grant_type=client_credentials&client_id=%s", escaped) < 0)
    form = NULL;
  curl_free(escaped);
  return form;
}

/* Where a request goes, and by which way; what it carries is the caller's to add. */
static HttpRequest request_to(const FetchRequest *request, const char *url)
{
  const SnapshotEnvironment *environment = environment_of(request);
  return (HttpRequest){
      .what = "the token request",
      .host = request->host,
      .url = url,
      .method = "POST",
      .ca_file = snapshot_string(request->snapshot, environment->ca_file),
      .connect_to = snapshot_string(request->snapshot, environment->connect_to),
      .connect_timeout = environment->connect_timeout,
      .timeout = environment->timeout,
      .deadline_ms = request->deadline_ms,
      .at_secure = request->at_secure,
      .contact = request->contact,
      .wait = wait_outside,
      .wait_data = (void *)(uintptr_t)request,
  };
}

static int send_to(const FetchRequest *request, const Sent *sent, const char *form,
                   HttpReply *reply, Error *error)
{
  /* Our own nodes, which libcurl does not copy: the secret lies in the caller's string only. */
  char accept[] = "Accept: application/json";
  char typed[] = "Content-Type: application/x-www-form-urlencoded";
  char untyped[] = "Content-Type:"; /* libcurl's default for POST is the form, which is not there */
  struct curl_slist type = {form ? typed : untyped, NULL};
  struct curl_slist headers[] = {{sent->authorization, &headers[1]}, {accept, &type}};
  char url[512];
  if (request->business_id)
    snprintf(url, sizeof url, "https://%s/v1/platform/%s/oauth2/token/", request->host,
             request->business_id);
  else
    snprintf(url, sizeof url, "https://%s/v1/platform/oauth2/token/", request->host);
  HttpRequest post = request_to(request, url);
  post.headers = headers;
  post.body = form;
  post.body_length = form ? strlen(form) : 0;
  return http_send(&post, reply, error);
}

static int ask(const FetchRequest *request, const Sent *sent, FetchResult *result,
               bool *key_refused, Error *error)
{
  HttpReply reply = {0};
  char *form = sent->client_id ? make_form(sent->client_id) : NULL;
  if (sent->client_id && !form)
    return error_set(error, THRED_E_NO_MEMORY, "out of memory");
  int code = send_to(request, sent, form, &reply, error);
  if (code == THRED_OK) {
    OauthAnswer answer = {.host = request->host,
                          .business_id = request->business_id,
                          .secrets = {sent->secrets[0], sent->secrets[1]},
                          .status = reply.status,
                          .body = reply.body,
                          .length = reply.length,
                          .retry_after = reply.retry_after[0] ? reply.retry_after : NULL,
                          .type = reply.type,
                          .encoded = reply.encoded,
                          .now = (int64_t)time(NULL)};
    code = oauth_answer_read(&answer, result, key_refused, error);
  } else {
    /* Only an answer is everyone's: one that was too large is one; a lost connection is ours. */
    *result = (FetchResult){.http_status = reply.status, .shared_failure = reply.status != 0};
  }
  http_reply_clear(&reply);
  free(form);
  return code;
}

/* RFC 6749, 2.3.1 and 4.4: the client's credentials as HTTP Basic. */
int oauth_ask_partner(const FetchRequest *request, const Credential *credential,
                      FetchResult *result, bool *key_refused, Error *error)
{
  const size_t prefix = strlen(BASIC_PREFIX), size = prefix + BASE64_MAX + 1;
  unsigned char *pair = malloc(PAIR_MAX);
  char *header = malloc(size);
  int code;
  if (!pair || !header) {
    code = error_set(error, THRED_E_NO_MEMORY, "out of memory");
    goto out;
  }
  size_t n = credential->partner_uuid_length;
  memcpy(pair, credential->partner_uuid, n);
  pair[n++] = ':';
  memcpy(pair + n, credential->api_key, credential->api_key_length);
  n += credential->api_key_length;
  memcpy(header, BASIC_PREFIX, prefix);
  EVP_EncodeBlock((unsigned char *)header + prefix, pair, (int)n);

  const Sent sent = {header, credential->partner_uuid, {credential->api_key, header + prefix}};
  code = ask(request, &sent, result, key_refused, error);

out:
  secure_wipe(pair, PAIR_MAX);
  secure_wipe(header, size);
  free(pair);
  free(header);
  return code;
}

static int fetch_business(const FetchRequest *request, FetchResult *result, Error *error)
{
  size_t size = strlen(BEARER_PREFIX) + strlen(request->partner_token) + 1;
  char *header = malloc(size);
  if (!header)
    return error_set(error, THRED_E_NO_MEMORY, "out of memory");
  snprintf(header, size, BEARER_PREFIX "%s", request->partner_token);
  const Sent sent = {header, NULL, {request->partner_token, NULL}};
  bool ignored;
  int code = ask(request, &sent, result, &ignored, error);
  secure_wipe(header, size);
  free(header);
  return code;
}

int oauth_fetch_token(const FetchRequest *request, FetchResult *result, Error *error)
{
  *result = (FetchResult){0};
  int code = check_request(request, error);
  if (code != THRED_OK)
    return code;
  return request->business_id ? fetch_business(request, result, error)
                              : partner_fetch(request, result, error);
}

int oauth_connect(const FetchRequest *request, Error *error)
{
  int code = check_request(request, error);
  if (code != THRED_OK)
    return code;
  char url[512];
  snprintf(url, sizeof url, "https://%s/", request->host);
  HttpRequest probe = request_to(request, url);
  HttpReply reply;
  probe.connect_only = true;
  code = http_send(&probe, &reply, error);
  http_reply_clear(&reply);
  return code;
}
