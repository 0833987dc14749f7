/* SPDX-License-Identifier: MIT */
/*
 * thred/thred.h - the correct OAuth2 bearer for each request to Thred's API.
 *
 *     CURL *curl = curl_easy_init();
 *     thred_curl_attach(curl);                  // once per handle
 *     curl_easy_setopt(curl, CURLOPT_URL, "https://sandbox.thredfi.com/v1/platform/businesses/");
 *     curl_easy_perform(curl);
 *     thred_curl_detach(curl);
 *     curl_easy_cleanup(curl);
 *
 * Link with `pkg-config --cflags --libs thred-auth libcurl`. C11 and C++11.
 *
 * Threads: every function may be called from any thread. A CURL handle belongs to one thread at a
 * time, as libcurl itself asks (libcurl-thread(3)); a token request has no such rule. The
 * thred_curl_* functions are for between the transfers of a handle, not for its callbacks.
 *
 * Errors: functions return THRED_OK (0) or a positive ThredError. thred_strerror() names it,
 * thred_last_message() says what happened to whom in the last failing call of this thread.
 * Nothing here exits, aborts, prints, or changes signals, environment, locale or curl_global_*.
 */
#ifndef THRED_THRED_H
#define THRED_THRED_H

#include <curl/curl.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define THRED_API __attribute__((visibility("default")))
#else
#define THRED_API
#endif

/* What a call can fail with. The numbers are part of the ABI; new ones are added at the end. */
typedef enum ThredError {
  THRED_OK = 0,
  THRED_E_INVALID = 1,             /* an argument is NULL, malformed or of an unknown size */
  THRED_E_NO_MEMORY = 2,           /* an allocation failed */
  THRED_E_UNSUPPORTED = 3,         /* this libcurl is older than 7.80 or lacks what is needed */
  THRED_E_AMBIGUOUS_CURL = 4,      /* no libcurl or more than one in the process: use ..._with */
  THRED_E_NOT_ATTACHED = 5,        /* the handle was never given to thred_curl_attach() */
  THRED_E_DISABLED = 6,            /* THRED_DISABLE=1 */
  THRED_E_CONFIG = 7,              /* the configuration, or the part needed here, is unusable */
  THRED_E_NO_ROUTE = 8,            /* no token goes to this URL; not returned as yet */
  THRED_E_NO_BUSINESS = 9,         /* a business token was asked for and no business is known */
  THRED_E_NOT_ALLOWED = 10,        /* `allow` or `pin-business` forbids this token */
  THRED_E_CREDENTIALS = 11,        /* no module of the stack delivered a credential */
  THRED_E_REFUSED = 12,            /* the token endpoint refused the credential (401, 403, 400) */
  THRED_E_BUSINESS_NOT_FOUND = 13, /* the token endpoint knows no such business (404) */
  THRED_E_SERVER = 14,             /* the token endpoint answered 5xx, 429 or nonsense */
  THRED_E_NETWORK = 15,     /* the token endpoint could not be reached, or not safely (TLS) */
  THRED_E_TIMEOUT = 16,     /* the time allowed ran out while waiting or fetching */
  THRED_E_TOO_LARGE = 17,   /* a token above 32 KiB, or an answer above the limit */
  THRED_E_AGAIN = 18,       /* someone is fetching it: ask again after retry_after_ms */
  THRED_E_WOULD_BLOCK = 19, /* nobody is fetching it and this call may not */
  THRED_E_INTERNAL = 20,    /* a part of thred-auth is missing or broken */
  THRED_E_CLASH = 21        /* the program has symbols that stand in front of a library we need */
} ThredError;

/*
 * The functions of ONE libcurl. A process can hold several (OpenSSL and GnuTLS flavours, say); a
 * handle must only ever be given to the one that made it. Filled in by thred_curl_api() below from
 * the caller's own binding. Set `size` to sizeof(ThredCurlApi).
 */
typedef struct ThredCurlApi {
  size_t size;
  CURL *(*easy_duphandle)(CURL *);
  void (*easy_cleanup)(CURL *);
  CURLcode (*easy_setopt)(CURL *, CURLoption, ...);
  CURLcode (*easy_getinfo)(CURL *, CURLINFO, ...);
  curl_version_info_data *(*version_info)(CURLversion);
  CURLU *(*url)(void);
  void (*url_cleanup)(CURLU *);
  CURLUcode (*url_set)(CURLU *, CURLUPart, const char *, unsigned int);
  CURLUcode (*url_get)(CURLU *, CURLUPart, char **, unsigned int); /* const since 8.x */
  void (*free)(void *);
} ThredCurlApi;

#if LIBCURL_VERSION_NUM < 0x075000 /* curl_prereq_callback came with 7.80.0 */
typedef int (*curl_prereq_callback)(void *clientp, char *conn_primary_ip, char *conn_local_ip,
                                    int conn_primary_port, int conn_local_port);
#endif

/*
 * thred_curl_attach_with - give a handle its bearers.
 *
 * Once per handle, before its first transfer; again after curl_easy_reset(3). From then on every
 * request of the handle carries the bearer that its URL needs or none, redirects and reuse with
 * another URL included; a 401 is answered once with a new token inside the same transfer
 * (RFC 6750, 3.1), easy and multi alike, where libcurl can send again. It cannot when
 *   - the 401 has no `WWW-Authenticate: Bearer`,
 *   - CURLOPT_FAILONERROR is set (libcurl below 8), or CURLOPT_MAXREDIRS is 0,
 *   - the program's own header list has an Authorization line (see thred_curl_set_headers),
 *   - the upload cannot be rewound: a READFUNCTION without SEEKFUNCTION (CURLE_SEND_FAIL_REWIND).
 * Such a 401 is delivered, and the next call of a thred_curl_* function for that handle (the
 * detach, at the latest) takes the refused token out of the cache. After a 401 ended a transfer in
 * CURLE_SEND_FAIL_REWIND or CURLE_TOO_MANY_REDIRECTS, libcurl answers no other on that handle until
 * curl_easy_reset(3) and a new attach.
 *
 * An attached handle is for Thred: to other hosts it sends no Authorization but what stands in its
 * own headers. Attaching again forgets headers, prereq and business, as the reset did. Where a
 * request that carries no token of ours is answered with a Bearer challenge, libcurl 8.21 and later
 * ask once more, again without one.
 *
 * Options taken over: HTTPHEADER, HEADEROPT, PREREQFUNCTION/DATA, SOCKOPTFUNCTION/DATA, HTTPAUTH,
 * XOAUTH2_BEARER. Set while the handle is attached, they can show a token to the wrong host.
 *
 * The token is chosen by the URL that libcurl reports before each request, so what changes the
 * request behind that URL must not be used: CURLOPT_REQUEST_TARGET and CURLOPT_PORT, a CURLOPT_URL
 * that is set, and a CURLOPT_CURLU that is changed, by a callback in the middle of a transfer. With
 * CURLOPT_CURLU and a libcurl below 8.12, set CURLOPT_URL to NULL before each transfer: such a
 * libcurl goes on reporting the URL of an earlier one, and the token would be the wrong one for the
 * path, or go to another port of the host.
 *
 * No line may end in CURLOPT_USERAGENT, REFERER, COOKIE, RANGE or ACCEPT_ENCODING: libcurl sends
 * them as they are, before the token, which would go along with a request that began there.
 *
 * The TLS library of the handle's libcurl must be OpenSSL or GnuTLS, so that the connection can be
 * asked whether its peer was verified, and for which host; over any other no token is sent.
 * libcurl's GnuTLS does not tell the host that the connection was made for, only that the
 * certificate is good for the one in the URL.
 *
 * A plain curl_easy_duphandle(3) of an attached handle is aborted at its first request: see
 * thred_curl_duphandle_with().
 *
 * Returns THRED_OK, THRED_E_INVALID, THRED_E_UNSUPPORTED, THRED_E_CLASH, THRED_E_NO_MEMORY,
 * THRED_E_INTERNAL. Under THRED_DISABLE=1 it returns THRED_OK and the handle behaves as if it had
 * never been attached. Whatever fails later, in a transfer: the request goes on without a token and
 * the log says why.
 */
THRED_API int thred_curl_attach_with(CURL *curl, const ThredCurlApi *api);

/*
 * thred_curl_set_headers_with - the handle's own headers, in place of CURLOPT_HTTPHEADER.
 *
 * The list stays the caller's: not copied, not freed; it must live until the handle is detached or
 * given another list (NULL for none). Lines may be appended to it between transfers; call this
 * again after that if there is an Authorization line among them or before: such a line is the
 * program's own authorisation, and `existing-authorization` decides. With `keep` no bearer is added
 * and a 401 is not answered. Returns THRED_OK, THRED_E_INVALID, THRED_E_NOT_ATTACHED,
 * THRED_E_NO_MEMORY, THRED_E_UNSUPPORTED.
 */
THRED_API int thred_curl_set_headers_with(CURL *curl, const ThredCurlApi *api,
                                          struct curl_slist *headers);

/*
 * thred_curl_set_prereq_with - the program's own CURLOPT_PREREQFUNCTION and PREREQDATA.
 *
 * Called after ours, for each request, with libcurl's own arguments; its answer is libcurl's.
 * NULL for none. Returns THRED_OK, THRED_E_INVALID, THRED_E_NOT_ATTACHED.
 */
THRED_API int thred_curl_set_prereq_with(CURL *curl, const ThredCurlApi *api,
                                         curl_prereq_callback callback, void *userdata);

/*
 * thred_curl_set_business_with - the business for paths that name none.
 *
 * `business_id` is a UUID, copied; NULL goes back to THRED_BUSINESS_ID, then to the `business` of
 * the environment. A path that names a business always wins.
 * Returns THRED_OK, THRED_E_INVALID, THRED_E_NOT_ATTACHED.
 */
THRED_API int thred_curl_set_business_with(CURL *curl, const ThredCurlApi *api,
                                           const char *business_id);

/*
 * thred_curl_prepare_with - fetch now what a request to `url` will need.
 *
 * For event loops: blocks up to the environment's `timeout`, so that the transfer need not. The
 * token stays in the cache and serves every process of this user. The method that the handle has
 * now counts.
 * Returns THRED_OK (also when the URL takes no token), THRED_E_NOT_ATTACHED, THRED_E_INVALID,
 * THRED_E_UNSUPPORTED, or what the fetch failed with.
 */
THRED_API int thred_curl_prepare_with(CURL *curl, const ThredCurlApi *api, const char *url);

/*
 * thred_curl_duphandle_with - curl_easy_duphandle(3) for an attached handle.
 *
 * The duplicate is attached, with the same headers (the same list), prereq and business. A plain
 * curl_easy_duphandle() shares the original's header node: its transfers are aborted with
 * CURLE_ABORTED_BY_CALLBACK rather than given the original's token.
 * Returns the new handle, or NULL (see thred_last_message()); on NULL nothing is left behind.
 */
THRED_API CURL *thred_curl_duphandle_with(CURL *curl, const ThredCurlApi *api);

/*
 * thred_curl_detach_with - take everything off again and wipe the token.
 *
 * Before curl_easy_cleanup(3), or to stop. The program's headers and prereq are put back, the other
 * options that attach took over go to libcurl's defaults. Not from inside a transfer's callbacks.
 *
 * Every call of these functions between two transfers also looks at how the last one ended: a 401
 * to our token that libcurl could not answer takes that token out of the cache for everyone.
 * Returns THRED_OK, THRED_E_INVALID, THRED_E_NOT_ATTACHED.
 */
THRED_API int thred_curl_detach_with(CURL *curl, const ThredCurlApi *api);

#ifndef THRED_NO_INLINE
/* The caller's own libcurl: these names bind where the caller's calls of libcurl bind. */
static inline const ThredCurlApi *thred_curl_api(void)
{
  static const ThredCurlApi api = {sizeof(ThredCurlApi),
                                   &curl_easy_duphandle,
                                   &curl_easy_cleanup,
                                   &(curl_easy_setopt),
                                   &(curl_easy_getinfo),
                                   &curl_version_info,
                                   &curl_url,
                                   &curl_url_cleanup,
                                   &curl_url_set,
                                   (CURLUcode(*)(CURLU *, CURLUPart, char **, unsigned int)) &
                                       curl_url_get,
                                   &curl_free};
  return &api;
}

static inline int thred_curl_attach(CURL *curl)
{
  return thred_curl_attach_with(curl, thred_curl_api());
}

static inline int thred_curl_set_headers(CURL *curl, struct curl_slist *headers)
{
  return thred_curl_set_headers_with(curl, thred_curl_api(), headers);
}

static inline int thred_curl_set_prereq(CURL *curl, curl_prereq_callback callback, void *userdata)
{
  return thred_curl_set_prereq_with(curl, thred_curl_api(), callback, userdata);
}

static inline int thred_curl_set_business(CURL *curl, const char *business_id)
{
  return thred_curl_set_business_with(curl, thred_curl_api(), business_id);
}

static inline int thred_curl_prepare(CURL *curl, const char *url)
{
  return thred_curl_prepare_with(curl, thred_curl_api(), url);
}

static inline CURL *thred_curl_duphandle(CURL *curl)
{
  return thred_curl_duphandle_with(curl, thred_curl_api());
}

static inline int thred_curl_detach(CURL *curl)
{
  return thred_curl_detach_with(curl, thred_curl_api());
}
#else
/*
 * The same names as real functions, for dlopen, dlsym and other languages (define THRED_NO_INLINE
 * to call them from C). They take the only libcurl in the process, and fail with
 * THRED_E_AMBIGUOUS_CURL where there is none or more than one.
 */
THRED_API int thred_curl_attach(CURL *curl);
THRED_API int thred_curl_set_headers(CURL *curl, struct curl_slist *headers);
THRED_API int thred_curl_set_prereq(CURL *curl, curl_prereq_callback callback, void *userdata);
THRED_API int thred_curl_set_business(CURL *curl, const char *business_id);
THRED_API int thred_curl_prepare(CURL *curl, const char *url);
THRED_API CURL *thred_curl_duphandle(CURL *curl);
THRED_API int thred_curl_detach(CURL *curl);
#endif

/* Which token. A zeroed request asks for a business token: the partner token is never a default. */
typedef enum ThredTokenKind {
  THRED_TOKEN_BUSINESS = 0, /* reaches one business; may be handed to a front end */
  THRED_TOKEN_PARTNER = 1   /* reaches every business of the partner; back ends only */
} ThredTokenKind;

/* What is asked for. Zero it, set `size`, then what is wanted. Strings stay the caller's. */
typedef struct ThredTokenRequest {
  size_t size;             /* sizeof(ThredTokenRequest) */
  ThredTokenKind kind;     /* THRED_TOKEN_BUSINESS unless set */
  const char *environment; /* NULL: `[thred] environment`, else the only active one */
  const char *host;        /* NULL: the environment's first host; else one of its hosts */
  const char *business_id; /* UUID; NULL: THRED_BUSINESS_ID, else the environment's `business` */
  uint64_t refused_generation; /* not 0: the token of this generation got a 401, fetch another */
  int timeout_ms;              /* 0: the environment's `timeout`; a longer one is cut to it */
} ThredTokenRequest;

/* What is handed out. Zero it and set `size` before the first use. */
typedef struct ThredToken {
  size_t size;         /* sizeof(ThredToken) */
  char *value;         /* the token, NUL-terminated, without "Bearer "; owned by this struct */
  size_t length;       /* bytes in value, without the NUL */
  int expires_in;      /* seconds it may still be used for, at least 1 */
  uint64_t generation; /* changes with each new token; for refused_generation */
  int retry_after_ms;  /* with THRED_E_AGAIN: when to ask again, in milliseconds */
} ThredToken;

/*
 * thred_token_get - the token itself, for code that does not use libcurl.
 *
 * Blocks while the token is fetched, up to the time-out (see ThredTokenRequest). On THRED_OK the
 * caller owns token->value and gives it back with thred_token_clear(). On failure token->value is
 * NULL; after THRED_E_INVALID and THRED_E_DISABLED *token may be as it was. Fails with any
 * ThredError that is not about a handle. `allow` and `pin-business` apply.
 */
THRED_API int thred_token_get(const ThredTokenRequest *request, ThredToken *token);

/*
 * thred_token_try_get - the same without ever waiting for a network or another process.
 *
 * Answers from the cache, else THRED_E_AGAIN with retry_after_ms while someone is fetching it, or
 * THRED_E_WOULD_BLOCK when nobody is: then call thred_token_get() where blocking is allowed. A
 * configuration not yet known to this process is read (files only).
 */
THRED_API int thred_token_try_get(const ThredTokenRequest *request, ThredToken *token);

/* thred_token_clear - wipes and frees token->value. NULL and an empty token are fine. */
THRED_API void thred_token_clear(ThredToken *token);

/* thred_strerror - a short English text for a ThredError; never NULL; static storage. */
THRED_API const char *thred_strerror(int error);

/*
 * thred_last_message - what the last failing call of this thread had to say: what, where, why.
 *
 * "" before the first failure. Valid until the next call into thred-auth from the same thread.
 */
THRED_API const char *thred_last_message(void);

/* thred_version - "MAJOR.MINOR.PATCH" of the library that is loaded; static storage. */
THRED_API const char *thred_version(void);

#ifdef __cplusplus
}
#endif

#endif
