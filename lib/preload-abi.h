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

#define PRELOAD_ABI    6u
#define PRELOAD_SYMBOL thred_preload_api

/* Where the body of a request comes from. */
typedef enum {
  PRELOAD_NO_BODY,
  PRELOAD_FIELDS, /* POSTFIELDS, COPYPOSTFIELDS */
  PRELOAD_MIME,   /* MIMEPOST */
  PRELOAD_FORM,   /* HTTPPOST */
  PRELOAD_READ,   /* READFUNCTION and READDATA */
} PreloadBody;

/* What the program has set on a handle, of all that matters to us. Strings and lists are the
 * caller's, good until disarm, or as long as the handle rests. */
typedef struct {
  const char *url;     /* CURLOPT_URL */
  const void *written; /* where libcurl keeps that until it sets out; NULL: not known */
  CURLU *curlu;        /* CURLOPT_CURLU: wins over the URL */
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
  bool message_signature;                /* HTTPSIG_ALGORITHM */
  bool unverified_peer, unverified_host; /* SSL_VERIFYPEER, SSL_VERIFYHOST switched off */
  bool connect_only, request_target;
  unsigned line_ends; /* a bit for each of USERAGENT, REFERER, COOKIE .. that has one in it */
  bool fail_on_error, unrestricted_auth;
  bool proxy, pre_proxy;    /* PROXY, PRE_PROXY: somewhere; not NULL nor "" */
  bool proxy_denied;        /* PROXY is "": not even what the environment says */
  bool proxy_user;          /* PROXYUSERPWD, PROXYUSERNAME */
  unsigned long proxy_auth; /* CURLAUTH_* */
  bool wide_redirects;      /* REDIR_PROTOCOLS allow more than HTTP and FTP */
  long timeout_ms;          /* TIMEOUT, TIMEOUT_MS; 0: none */

  /* What it gets. */
  curl_write_callback write; /* NULL: fwrite(3) */
  void *write_data;
  curl_write_callback header; /* NULL: `write` if there is header_data, else nobody */
  void *header_data;

  /* What it sends. */
  PreloadBody body;
  struct curl_httppost *form;
  curl_read_callback read; /* NULL: fread(3) */
  void *read_data;
  curl_seek_callback seek;
  void *seek_data;
  curl_ioctl_callback ioctl;
  void *ioctl_data;
  bool counts_reads;  /* READFUNCTION goes through the library, for this transfer */
  bool resumes;       /* RESUME_FROM: what is sent does not begin at the beginning */
  bool mime_unproved; /* this process has made parts of MIMEs that cannot be rewound */
} PreloadProgram;

/*
 * A multi handle: its loop is never held up. The shim's memory; while handles wait, the shim keeps
 * a transfer of its own in it, which ends a wait in whatever way the program waits (bell.h).
 */
typedef struct {
  unsigned waiting;  /* handles that wait for a token */
  int64_t until_ms;  /* when the first of them gives up (CLOCK_MONOTONIC), if that is not what ends
                        a token request anyway; waits() brings it forward */
  struct Bell *bell; /* the library's; NULL until somebody waits */
  bool mute;         /* there is no such transfer, or no thread: who needs a token is held up */
} PreloadLoop;

/* When a handle is judged. What the program's pointers lead to, its header list and its CURLU, must
 * be there when a transfer begins, and may be freed or half made at any other time. */
typedef enum {
  PRELOAD_START,        /* a transfer is about to begin, as far as anyone can tell */
  PRELOAD_REPEAT,       /* the same, and it rests; *program is as it was when it was armed last, but
                           for what the functions of the answer are */
  PRELOAD_CHANGE,       /* an option has been changed in a handle that waits in a multi, unarmed */
  PRELOAD_CHANGE_ARMED, /* the same, and it was armed until then */
} PreloadMoment;

/* What becomes of a transfer that has ended. */
typedef enum {
  PRELOAD_OVER,  /* it is the program's */
  PRELOAD_AGAIN, /* the program has seen nothing of it: it is to be run once more, as it is; in a
                    loop if needs_token() does not say that it is to wait first */
  PRELOAD_LATER, /* the handle waits, in a loop: to be asked again when it does no more */
} PreloadVerdict;

/* How it is with a handle that waited for its token. */
typedef enum {
  PRELOAD_READY,   /* it does no more: to begin, or to be unpaused */
  PRELOAD_WAITS,   /* it does */
  PRELOAD_EXPIRED, /* before its transfer it has waited as long as the program allows that */
  PRELOAD_JUDGE,   /* it has waited for the configuration: to be armed anew */
} PreloadWait;

typedef struct Handle PreloadHandle;

typedef struct {
  uint32_t abi;
  uint32_t size; /* sizeof(PreloadApi) */

  /*
   * Before a transfer: decides whether `curl` is to get what Thred's URLs need, and sets it.
   * *handle is NULL the first time and is kept for this CURL* until forget(). True: armed, so
   * disarm() must follow. A transfer that has begun without being armed counts as one from
   * elsewhere. `loop` NULL: the caller may be held up until there is a token. *program is read
   * until disarm. At PRELOAD_CHANGE_ARMED the answer is always true.
   */
  bool (*arm)(PreloadHandle **handle, CURL *curl, const ThredCurlApi *api,
              const PreloadProgram *program, PreloadMoment moment, PreloadLoop *loop);

  /* Of a handle that has just been armed, in a loop. True: its token has to be fetched first, or
   * the configuration read, and it waits for that from now on. */
  bool (*needs_token)(PreloadHandle *handle);

  /*
   * Of an armed handle in a loop. It may wait for a token before its transfer, which is then not to
   * begin; or in the middle, where the library has paused it. Without `patience` it waits no longer
   * in any case.
   */
  PreloadWait (*waits)(PreloadHandle *handle, bool patience);

  /* The same without a look at how far its token is: somebody has to ask waits() some time. */
  bool (*is_waiting)(const PreloadHandle *handle);

  /* A transfer of an armed handle has ended. */
  PreloadVerdict (*verdict)(PreloadHandle *handle, CURLcode result);

  /* Where the transfer is to connect to (CURLOPT_ABSTRACT_UNIX_SOCKET); NULL: nobody waits. And
   * after each step in which it may have done so. */
  const char *(*loop_address)(const PreloadLoop *loop);
  void (*loop_stepped)(PreloadLoop *loop);

  /* Nobody waits in this loop any more, or it is gone. */
  void (*leave_loop)(PreloadLoop *loop);

  /* Before an option of an armed handle is changed, perhaps in a callback: the request is as if it
   * were not armed. arm() with PRELOAD_CHANGE_ARMED follows. */
  void (*suspend)(PreloadHandle *handle);

  /*
   * After the transfer: wipes the token. True: the handle rests, that is, what is ours stays on it,
   * and does nothing, until the next transfer: arm() or leave() must follow, and *program is read
   * until then. False: everything is off, the program's options are back.
   */
  bool (*disarm)(PreloadHandle *handle);

  /* Whether the functions that libcurl gives the answer to are ours, and the one that is counted:
   * armed or resting. What the program sets there is then only taken down. */
  bool (*takes_answer)(const PreloadHandle *handle);

  /* Takes everything off a handle that rests. */
  void (*leave)(PreloadHandle *handle);

  /* `copy` is a duplicate of a handle that is armed or rests: gives it the program's options. */
  void (*put_back)(const PreloadHandle *handle, CURL *copy);

  /* Before curl_easy_reset and curl_easy_cleanup; not armed, at rest no more. NULL is fine. */
  void (*forget)(PreloadHandle *handle);
} PreloadApi;

#endif
