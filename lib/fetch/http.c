/* SPDX-License-Identifier: MIT */
#include "lib/fetch/http.h"

#include <config.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fetch/http-ca.h"
#include "lib/fetch/http-contact.h"
#include "lib/fetch/http-tls.h"
#include "lib/fetch/leftovers.h"
#include "lib/fetch/text.h"
#include "lib/secure.h"
#include "lib/sigpipe.h"

#define HEADERS_MAX                                                                                \
  (32u * 1024u) /* bytes of an answer's header lines, interim answers included                     \
                 */

typedef struct {
  CURL *curl;
  HttpReply *reply;
  Contact *contact;      /* or NULL */
  size_t headers;        /* bytes so far */
  const char *too_large; /* what of the answer went over its limit */
  struct curl_slist *connect_to;
  HttpCa ca;
  char trouble[CURL_ERROR_SIZE];
} Transfer;

/* ---- what libcurl hands us ---- */

static size_t take_body(char *bytes, size_t size, size_t n, void *data)
{
  Transfer *transfer = data;
  HttpReply *reply = transfer->reply;
  size_t length = size * n;
  if (length > HTTP_BODY_MAX - reply->length) {
    transfer->too_large = "a body";
    return length == 0; /* anything but `length` ends the transfer */
  }
  memcpy(reply->body + reply->length, bytes, length);
  reply->length += length;
  secure_wipe(bytes, length); /* libcurl's buffer, which nobody reads again */
  return length;
}

/* The value of `line` (not NUL-terminated) if it is the header `name`, without blanks at its ends.
 */
static bool header_value(const char *line, size_t length, const char *name, char *to, size_t size)
{
  size_t n = strlen(name);
  if (length <= n || line[n] != ':' || !curl_strnequal(line, name, n))
    return false;
  const char *at = line + n + 1, *end = line + length;
  while (at < end && strchr(" \t", *at))
    at++;
  while (end > at && strchr(" \t\r\n", end[-1]))
    end--;
  text_copy(to, size, at, (size_t)(end - at));
  return true;
}

static size_t take_header(char *line, size_t size, size_t n, void *data)
{
  Transfer *transfer = data;
  HttpReply *reply = transfer->reply;
  size_t length = size * n;
  char encoding[32], date[64];
  if (length > HEADERS_MAX - transfer->headers) {
    transfer->too_large = "headers";
    return length == 0;
  }
  transfer->headers += length;
  if (length >= 5 && memcmp(line, "HTTP/", 5) == 0) { /* of a next answer, after 100 or 103 */
    reply->retry_after[0] = 0;
    reply->type[0] = 0;
    reply->encoded = false;
  }
  header_value(line, length, "Retry-After", reply->retry_after, sizeof reply->retry_after);
  header_value(line, length, "Content-Type", reply->type, sizeof reply->type);
  if (header_value(line, length, "Content-Encoding", encoding, sizeof encoding))
    reply->encoded = encoding[0] && !curl_strequal(encoding, "identity");
  if (transfer->contact && header_value(line, length, "Date", date, sizeof date)) {
    const time_t time = curl_getdate(date, NULL);
    transfer->contact->server_time = time > 0 ? (int64_t)time : 0;
  }
  return length;
}

/* ---- the handle ---- */

#define SET(option, value)                                                                         \
  do {                                                                                             \
    if (rc == CURLE_OK)                                                                            \
      rc = curl_easy_setopt(curl, option, value);                                                  \
  } while (0)

/* What keeps the secret where it belongs. An option that libcurl refuses ends the request. */
static CURLcode set_safety(const Transfer *transfer, const HttpRequest *request)
{
  CURL *curl = transfer->curl;
  CURLcode rc = CURLE_OK;
#if LIBCURL_VERSION_NUM >= 0x075500
  SET(CURLOPT_PROTOCOLS_STR, request->plain ? "https,http" : "https");
  SET(CURLOPT_REDIR_PROTOCOLS_STR, "https");
#else
  SET(CURLOPT_PROTOCOLS,
      (long)(request->plain ? CURLPROTO_HTTPS | CURLPROTO_HTTP : CURLPROTO_HTTPS));
  SET(CURLOPT_REDIR_PROTOCOLS, (long)CURLPROTO_HTTPS);
#endif
  SET(CURLOPT_SSL_VERIFYPEER, 1L);
  SET(CURLOPT_SSL_VERIFYHOST, 2L);
  SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  SET(CURLOPT_FOLLOWLOCATION, 0L);
  SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
  SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
  http_tls_prepare(curl, request->at_secure != 0);
  SET(CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE); /* a proxy gets none of our headers */
  if (request->at_secure || request->plain)
    SET(CURLOPT_PROXY, ""); /* https_proxy and the like are the caller's, ignore them */
  if (request->ca_file && rc == CURLE_OK)
    rc = http_ca_set(curl, &transfer->ca, request->ca_file);
  return rc;
}

static CURLcode set_limits(Transfer *transfer, const HttpRequest *request, int64_t left_ms)
{
  CURL *curl = transfer->curl;
  CURLcode rc = CURLE_OK;
  int64_t total = left_ms, connect = (int64_t)request->connect_timeout * 1000;
  if (request->timeout && (int64_t)request->timeout * 1000 < total)
    total = (int64_t)request->timeout * 1000;
  if (total > INT_MAX)
    total = INT_MAX;
  SET(CURLOPT_TIMEOUT_MS, (long)total);
  if (connect)
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)(connect < total ? connect : total));
  SET(CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
  /* Else curl_easy_cleanup waits for a getaddrinfo(3) that has outlived the time-out. The
   * resolver's thread ends by itself; libcurl stays mapped, since what links it is never unloaded.
   * The answer does not matter: an older libcurl at run time does not know the option. */
  curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
#endif
  SET(CURLOPT_WRITEFUNCTION, take_body);
  SET(CURLOPT_WRITEDATA, transfer);
  SET(CURLOPT_HEADERFUNCTION, take_header);
  SET(CURLOPT_HEADERDATA, transfer);
  SET(CURLOPT_ERRORBUFFER, transfer->trouble);
  return rc;
}

static CURLcode set_method(CURL *curl, const HttpRequest *request)
{
  CURLcode rc = CURLE_OK;
  if (strcmp(request->method, "GET") == 0) {
    SET(CURLOPT_HTTPGET, 1L);
    return rc;
  }
  SET(CURLOPT_POST, 1L);
  SET(CURLOPT_POSTFIELDS, request->body ? request->body : "");
  SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(request->body ? request->body_length : 0));
  if (strcmp(request->method, "POST") != 0)
    SET(CURLOPT_CUSTOMREQUEST, request->method);
  return rc;
}

static CURLcode set_request(Transfer *transfer, const HttpRequest *request)
{
  CURL *curl = transfer->curl;
  CURLcode rc = set_method(curl, request);
  if (rc == CURLE_OK && request->connect_to) {
    transfer->connect_to = curl_slist_append(NULL, request->connect_to);
    if (!transfer->connect_to)
      rc = CURLE_OUT_OF_MEMORY;
    SET(CURLOPT_CONNECT_TO, transfer->connect_to);
  }
  if (request->sigv4) {
    SET(CURLOPT_AWS_SIGV4, request->sigv4);
    SET(CURLOPT_USERPWD, request->user);
  }
  if (request->connect_only)
    SET(CURLOPT_CONNECT_ONLY, 1L);
  SET(CURLOPT_URL, request->url);
  SET(CURLOPT_USERAGENT, "thred-auth/" THRED_VERSION);
  SET(CURLOPT_HTTPHEADER, request->headers);
  return rc;
}

/*
 * A header line is handed to us only when it is whole. One above 100 KiB libcurl calls out of
 * memory (Curl_dyn_addn in 7.88.1), from 8.6 on CURLE_TOO_LARGE. Whether memory was short indeed
 * cannot be told apart while an answer comes in; so this failure is nobody's but ours (no status).
 */
static bool is_endless_line(const Transfer *transfer, CURLcode rc)
{
  const int too_large = 100; /* CURLE_TOO_LARGE */
  curl_off_t begun = 0;
  curl_easy_getinfo(transfer->curl, CURLINFO_STARTTRANSFER_TIME_T, &begun);
  return (int)rc == too_large || (rc == CURLE_OUT_OF_MEMORY && begun > 0);
}

static int transfer_error(const Transfer *transfer, const HttpRequest *request, CURLcode rc,
                          Error *error)
{
  if (transfer->too_large)
    return error_set(error, THRED_E_TOO_LARGE,
                     "%s answered %s with %s above the limit (body: %u KiB, headers: %u KiB)",
                     request->host, request->what, transfer->too_large, HTTP_BODY_MAX / 1024,
                     HEADERS_MAX / 1024);
  if (is_endless_line(transfer, rc))
    return error_set(error, THRED_E_TOO_LARGE,
                     "%s answered %s with a header line that libcurl cannot hold", request->host,
                     request->what);
  if (rc == CURLE_OUT_OF_MEMORY)
    return error_set(error, THRED_E_NO_MEMORY, "out of memory");
  char detail[CURL_ERROR_SIZE];
  const char *words = http_contact_words(transfer->trouble);
  text_copy(detail, sizeof detail, words, strlen(words));
  return error_set(error, rc == CURLE_OPERATION_TIMEDOUT ? THRED_E_TIMEOUT : THRED_E_NETWORK,
                   "%s: %s failed: %s%s%s", request->host, request->what, curl_easy_strerror(rc),
                   detail[0] ? ": " : "", detail);
}

static CURLcode result_of(CURLM *multi)
{
  int left;
  const CURLMsg *message = curl_multi_info_read(multi, &left);
  return message ? message->data.result : CURLE_RECV_ERROR;
}

static void wait_for_socket(CURLM *multi, const HttpRequest *request)
{
  if (request->wait)
    request->wait(request->wait_data, true);
  curl_multi_poll(multi, NULL, 0, 1000, NULL);
  if (request->wait)
    request->wait(request->wait_data, false);
}

/* What curl_easy_perform(3) does, but that it tells when it only waits. */
static CURLcode run(CURL *curl, const HttpRequest *request)
{
  int running = 1;
  CURLM *multi = curl_multi_init();
  if (!multi)
    return CURLE_OUT_OF_MEMORY;
  CURLMcode code = curl_multi_add_handle(multi, curl);
  while (code == CURLM_OK && running) {
    code = curl_multi_perform(multi, &running);
    if (code == CURLM_OK && running)
      wait_for_socket(multi, request);
  }
  CURLcode rc = code == CURLM_OK ? result_of(multi) : CURLE_OUT_OF_MEMORY;
  curl_multi_remove_handle(multi, curl);
  curl_multi_cleanup(multi); /* closes the connection: TLS's close_notify */
  return rc;
}

static int perform(Transfer *transfer, const HttpRequest *request, int64_t left_ms, Error *error)
{
  CURLcode rc = set_safety(transfer, request);
  if (rc == CURLE_OK)
    rc = set_limits(transfer, request, left_ms);
  if (rc == CURLE_OK)
    rc = set_request(transfer, request);
  if (rc != CURLE_OK)
    return error_set(error, rc == CURLE_OUT_OF_MEMORY ? THRED_E_NO_MEMORY : THRED_E_INTERNAL,
                     "libcurl does not take an option of %s: %s", request->what,
                     curl_easy_strerror(rc));

  rc = run(transfer->curl, request);
  transfer->reply->result = rc;
  if (request->contact)
    http_contact_take(transfer->curl, rc, transfer->trouble, request->contact);
  long status = 0;
  curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
  if (rc == CURLE_OK || transfer->too_large)
    transfer->reply->status = (int)status;
  return rc == CURLE_OK ? THRED_OK : transfer_error(transfer, request, rc, error);
}

/* libcurl writes the keys of its TLS connections to the file that SSLKEYLOGFILE names, with
 * getenv(3) where it should be secure_getenv(3), and it opens that file as soon as it is
 * initialised. */
static int check_environment(const HttpRequest *request, Error *error)
{
  if (!request->at_secure || !getenv("SSLKEYLOGFILE"))
    return THRED_OK;
  return error_set(
      error, THRED_E_CONFIG,
      "%s was not asked: SSLKEYLOGFILE is set in a program with AT_SECURE, and libcurl "
      "would write its keys there",
      request->host);
}

static int run_guarded(Transfer *transfer, const HttpRequest *request, int64_t left_ms,
                       Error *error)
{
  /* CURLOPT_NOSIGNAL keeps libcurl from changing dispositions; but then OpenSSL's write(2) to a
   * connection that the peer has closed raises SIGPIPE (CURLOPT_NOSIGNAL(3)). */
  SigpipeGuard guard;
  sigpipe_block(&guard);
  /* The first handle of a process makes libcurl initialise itself, exactly as the host's own would.
   */
  transfer->curl = curl_easy_init();
  int code = transfer->curl ? perform(transfer, request, left_ms, error)
                            : error_set(error, THRED_E_INTERNAL, "libcurl cannot make a handle");
  curl_easy_cleanup(transfer->curl); /* may write, too: TLS's close_notify */
  leftovers_wipe();
  sigpipe_restore(&guard);

  curl_slist_free_all(transfer->connect_to);
  return code;
}

int http_send(const HttpRequest *request, HttpReply *reply, Error *error)
{
  *reply = (HttpReply){0};
  if (request->contact)
    *request->contact = (Contact){0};
  int64_t left_ms = request->deadline_ms - clock_monotonic_ms();
  if (left_ms <= 0)
    return error_set(error, THRED_E_TIMEOUT, "%s was not asked: the time allowed ran out",
                     request->host);
  int code = check_environment(request, error);
  if (code != THRED_OK)
    return code;
  Transfer transfer = {.reply = reply, .contact = request->contact};
  code = http_ca_read(&transfer.ca, request->ca_file, request->at_secure, error);
  if (code == THRED_OK && !(reply->body = malloc(HTTP_BODY_MAX)))
    code = error_set(error, THRED_E_NO_MEMORY, "out of memory");
  if (code == THRED_OK)
    code = run_guarded(&transfer, request, left_ms, error);
  http_ca_free(&transfer.ca);
  return code;
}

void http_reply_clear(HttpReply *reply)
{
  if (reply->body)
    secure_wipe(reply->body, HTTP_BODY_MAX);
  free(reply->body);
  *reply = (HttpReply){0};
}
