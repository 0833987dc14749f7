/* SPDX-License-Identifier: MIT */
/*
 * handle.h - what thred-auth keeps for one attached CURL handle, and where it is found again.
 *
 * A Handle belongs to the thread that uses its CURL handle, as the CURL handle does. Only the
 * registry (CURL* -> Handle) is shared and locked.
 */
#ifndef THRED_LIB_HANDLE_H
#define THRED_LIB_HANDLE_H

#include <stdbool.h>
#include <stdint.h>
#include <thred/thred.h>

#include "lib/job.h"
#include "lib/preload-abi.h"
#include "lib/process.h"
#include "lib/response.h"
#include "lib/route.h"
#include "lib/tls-proof.h"

/* What the URL, method and business of the last request led to. Valid for this very snapshot. */
typedef struct {
  const Snapshot *snapshot; /* a reference; NULL: nothing remembered */
  char *url;                /* malloc'ed */
  char method[16];
  char business[UUID_LENGTH + 1];
  RouteDecision decision;
} Remembered;

/* The options that are ours while a handle is attached, as the program has them: what goes back
 * when we go. */
typedef struct {
  struct curl_slist *headers;
  curl_prereq_callback prereq;
  void *prereq_data;
  curl_sockopt_callback sockopt;
  void *sockopt_data;
  unsigned long http_auth; /* CURLAUTH_* */
  long header_opt;         /* CURLHEADER_* */
  bool has_bearer;         /* it has a bearer of its own, which we do not touch */
  unsigned long beside;    /* CURLAUTH_* that may stand beside Bearer */
  CURLU *curlu;            /* CURLOPT_CURLU with a libcurl that reports another URL, or NULL */
} Program;

typedef struct Handle {
  /* Stands in front of the program's list as CURLOPT_HTTPHEADER. `data` is the token line only from
   * PREREQ on; else it is empty (which also keeps libcurl's own Authorization out) or no header. */
  struct curl_slist node;
  CURL *curl;
  ThredCurlApi api;
  unsigned curl_version; /* as 0x075801; asked once, for that costs microseconds */
  struct Handle *next;   /* registry, or the dead ones */

  /* Told by the program, or seen by the shim. */
  Program program;
  struct curl_slist *filtered; /* for `replace`: nodes of ours over the program's strings, without
                                  its Authorization; NULL while it has none */
  bool own_authorization;      /* its headers have an Authorization line */
  bool mixed_authorization;    /* .. inside another one, so that it cannot be left out */
  bool unchanged;              /* without a token a request must be as it would be without us: for
                                  the shim; else nothing of libcurl's own may go out either */
  char business[UUID_LENGTH + 1];
  const PreloadProgram *watched; /* for the shim, armed or resting: all that the program has set */
  bool in_front;                 /* .. in this transfer what libcurl gives is response.c's affair */
  bool request_on, response_on;  /* .. which of our options libcurl has, in use or resting .. */
  unsigned long methods_on;      /* .. and CURLAUTH_* with them */
  PreloadLoop *loop;             /* .. and where nobody may wait; or NULL */

  /* Of the transfer. */
  char *line;          /* "Authorization: Bearer TOKEN"; room for TOKEN_MAX; NULL until needed */
  size_t line_length;  /* bytes of secret in it */
  char origin[64];     /* host of the first request if a token may go there, else "" */
  bool strayed;        /* some request of this transfer had another origin */
  long redirects;      /* libcurl's count at the last request */
  bool sent;           /* the last request carried our token .. */
  uint64_t generation; /* .. of this generation */
  bool retry_wanted;   /* a 401 is to be answered, as far as the program's options go */
  bool may_answer;     /* .. and can be, in this transfer */
  bool armed;          /* under the shim: our options are on, and in use */
  bool repeatable;     /* .. it depends on nothing but them whether they are to be so again */
  bool bearer_set;     /* libcurl has the dummy bearer */
  bool bearer_late;    /* it looks at the bearer once a connection (8.21), not at each 401: only a
                          handle that was attached has the dummy then */
  bool spent;          /* the last transfer answered one: the next cannot (request.c) */
  int64_t suspect_ms;  /* CLOCK_BOOTTIME of that; for the next transfer */
  bool deferred;       /* in a loop: it was ended before its first request, and begins again */
  bool answered;       /* a 401 of this transfer has been answered: another one is final */
  Response response;   /* what becomes of the answer to the last request */
  Job *job;            /* in a loop: what gets the token that is waited for */
  bool waiting;        /* .. and counted in loop->waiting */
  bool undecided;      /* .. for the configuration: whether a token is needed is not known */
  int64_t until_ms;    /* .. and no longer than this, on CLOCK_MONOTONIC .. */
  bool expires;        /* .. which is the program's TIMEOUT */
  Error no_token;      /* .. it got none: nobody waits for another in this transfer */
  long file_start;     /* where an upload from a FILE begins; -1: it cannot be told */
  curl_off_t was_read; /* bytes of the body that READFUNCTION has given; -1: not known .. */
  bool read_ended;     /* .. and that it had no more */
  Remembered remembered;
  ProcessVariables variables;
  BearerMemo memo;
  TlsProof proof;
} Handle;

/* The Handle of `curl` that was attached, or NULL. */
Handle *handle_find(CURL *curl);
/* Adds; takes out (not freed). */
void handle_register(Handle *handle);
Handle *handle_unregister(CURL *curl);

/* The same for the shim's (`unchanged`). */
Handle *handle_find_watched(CURL *curl);
void handle_unregister_watched(const Handle *handle); /* NULL is fine */

/* A new one, silent, not registered; NULL: out of memory. */
Handle *handle_new(CURL *curl, const ThredCurlApi *api);

/*
 * Wipes it and frees what it owns. The struct itself is kept for the next handle_new(): a plain
 * curl_easy_duphandle() of the program's goes on calling our callbacks with it, even after the
 * original is gone, and must find a Handle that is dead (`curl` is NULL) or somebody else's.
 */
void handle_free(Handle *handle);

/* Whether a pointer that libcurl gives to a callback of ours leads to one, if only a dead one. The
 * program may have set its own on a duplicate that was made behind our back. */
bool handle_is_one(const void *pointer);

/* The node is an empty Authorization: nothing of libcurl's own goes out either, which may be the
 * dummy bearer (libcurl makes up its line before a CONNECT, hence before PREREQ). One store. */
void handle_silence(Handle *handle);
/* The same, and the token is overwritten. */
void handle_clear_token(Handle *handle);
/* For PREREQ, when no token goes out: under the shim the node is no header at all, for what libcurl
 * sends of the program's must go. */
void handle_step_aside(Handle *handle);

/* Puts the token that stands in handle->line behind its prefix on the wire. */
void handle_show_token(Handle *handle, size_t token_length);
/* Room for a token in handle->line, or NULL; and without one again, which has been wiped. */
char *handle_token_room(Handle *handle);
void handle_give_line(Handle *handle);

/* The program's list; finds its Authorization lines. False: out of memory, the old list stays. The
 * same list again: it may have grown. */
bool handle_set_headers(Handle *handle, struct curl_slist *headers);

#endif
