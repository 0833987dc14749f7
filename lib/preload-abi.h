/* SPDX-License-Identifier: MIT */
/*
 * preload-abi.h - the boundary between the shim and the library.
 *
 * libthred-preload.so opens libthred-auth.so.0 when a transfer is headed for thredfi.com, and takes
 * one symbol from it. Both are built from one tree and installed together; `abi` and `size` catch a
 * process that was started with another version than is installed now. The shim watches, the
 * library decides: whether a handle gets anything, and what.
 *
 * A handle and what belongs to it is used by one thread at a time, as libcurl asks.
 */
#ifndef THRED_LIB_PRELOAD_ABI_H
#define THRED_LIB_PRELOAD_ABI_H

#include <stdbool.h>
#include <stdint.h>
#include <thred/thred.h>

#define PRELOAD_ABI    1u
#define PRELOAD_SYMBOL thred_preload_api

/* What the program has set on a handle, of all that matters to us. Strings and lists are the
 * caller's, good until disarm. */
typedef struct {
  const char *url; /* CURLOPT_URL */
  CURLU *curlu;    /* CURLOPT_CURLU: wins over the URL */
  struct curl_slist *headers;
  curl_prereq_callback prereq;
  void *prereq_data;
  curl_sockopt_callback sockopt;
  void *sockopt_data;
  unsigned long http_auth; /* CURLAUTH_*; alone no authorisation */
  long header_opt;         /* CURLHEADER_* */
  long port;               /* CURLOPT_PORT; 0: the URL's */
  long max_redirects;
  long netrc;                            /* enum CURL_NETRC_OPTION */
  const char *netrc_file;                /* NULL: libcurl's default */
  bool user, password;                   /* USERPWD, USERNAME, PASSWORD */
  bool bearer;                           /* XOAUTH2_BEARER */
  bool signature;                        /* AWS_SIGV4 */
  bool unverified_peer, unverified_host; /* SSL_VERIFYPEER, SSL_VERIFYHOST switched off */
  bool connect_only, request_target;
  bool fail_on_error, unrestricted_auth;
  bool proxy_user;          /* PROXYUSERPWD, PROXYUSERNAME */
  unsigned long proxy_auth; /* CURLAUTH_* */
  bool wide_redirects;      /* REDIR_PROTOCOLS allow more than HTTP and FTP */
} PreloadProgram;

/* When a handle is judged. What the program's pointers lead to, its header list and its CURLU, must
 * be there when a transfer begins, and may be freed or half made at any other time. */
typedef enum {
  PRELOAD_START,        /* a transfer is about to begin, as far as anyone can tell */
  PRELOAD_CHANGE,       /* an option has been changed in a handle that waits in a multi, unarmed */
  PRELOAD_CHANGE_ARMED, /* the same, and it was armed until then */
} PreloadMoment;

typedef struct Handle PreloadHandle;

typedef struct {
  uint32_t abi;
  uint32_t size; /* sizeof(PreloadApi) */

  /*
   * Before a transfer: decides whether `curl` is to get what Thred's URLs need, and sets it.
   * *handle is NULL the first time and is kept for this CURL* until forget(). True: armed, so
   * disarm() must follow. A transfer that has begun without being armed counts as one from
   * elsewhere.
   */
  bool (*arm)(PreloadHandle **handle, CURL *curl, const ThredCurlApi *api,
              const PreloadProgram *program, PreloadMoment moment);

  /* After the transfer: takes everything off, puts the program's options back, wipes the token. */
  void (*disarm)(PreloadHandle *handle);

  /* `copy` is a duplicate of the armed handle: gives it the program's options. */
  void (*put_back)(const PreloadHandle *handle, CURL *copy);

  /* Before curl_easy_reset and curl_easy_cleanup; not armed. NULL is fine. */
  void (*forget)(PreloadHandle *handle);
} PreloadApi;

#endif
